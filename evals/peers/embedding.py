#!/usr/bin/env python3
"""Compares the speed of embedding with the Python package `fastembed`, side by side.

Both use the same ONNX file and tokenizer, cut texts at 256 tokens, are pinned to the same cores and take turns;
loading is not counted. Prints texts a second and the ratio of each pair of runs (ours / theirs), and writes
`evals/peers/results/embedding.json`.

    cargo build --release --workspace --example embed
    python3 evals/peers/embedding.py target/release/examples/embed [--pairs 5] [--films 2000] [--abstracts 400]
"""
import argparse, json, os, platform, random, shutil, sqlite3, statistics, subprocess, sys, tempfile, venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEER = "fastembed==0.9.1"
RUNTIME = "onnxruntime==1.32.0"
CUT = 256

PEER_PROGRAM = """
import json, sys, time
from fastembed import TextEmbedding
from fastembed.common.model_description import ModelSource, PoolingType
folder, texts, threads, out = sys.argv[1], open(sys.argv[2]).read().splitlines(), int(sys.argv[3]), sys.argv[4]
TextEmbedding.add_custom_model(model="segue/same-graph", pooling=PoolingType.MEAN, normalization=True,
    sources=ModelSource(hf="segue/same-graph"), dim=384, model_file="model.onnx")
model = TextEmbedding("segue/same-graph", specific_model_path=folder, threads=threads)
list(model.embed(["warm up"] * 64))
for _ in sys.stdin:  # one run a line
    start = time.perf_counter(); vectors = list(model.embed(texts)); seconds = time.perf_counter() - start
    with open(out, "wb") as f:
        for v in vectors: f.write(v.astype("<f4").tobytes())
    print(json.dumps(seconds), flush=True)
"""


def shelf() -> Path:
    env = os.environ
    if env.get("SEGUE_MODELS"):
        return Path(env["SEGUE_MODELS"])
    return Path(env.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segue/models"


def texts(folder: Path, films: int, abstracts: int) -> dict[str, Path]:
    """Samples that do not depend on the run: what the demo embeds of a film, and whole abstracts."""
    pick = random.Random(0)
    sets = {}
    database = shelf() / "films/movies.db"
    if database.exists():
        rows = sqlite3.connect(database).execute(
            "select o.Title, o.Genre, o.Director, o.Cast, o.Country from omdb o join tomatoes t on o.ID = t.ID order by o.ID"
        ).fetchall()
        sets["films"] = [". ".join(part for part in row if part) for row in pick.sample(rows, films)]
    corpus = Path(os.environ.get("SEGUE_DATA", ROOT / "../shared/data")) / "retrieval/scifact/corpus.jsonl"
    if corpus.exists():
        documents = [json.loads(line) for line in corpus.read_text().splitlines()]
        sets["scifact"] = [d["title"] + " " + d["text"] for d in pick.sample(documents, abstracts)]
    for name, lines in sets.items():
        (folder / name).write_text("\n".join(" ".join(line.split()) for line in lines) + "\n")
    return {name: folder / name for name in sets}


def peer(folder: Path) -> tuple[Path, Path]:
    """A Python of its own with the package, and a folder with the same model in the package's form."""
    home = folder / "venv"
    venv.create(home, with_pip=True)
    python = home / "bin/python"
    subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", PEER, RUNTIME], check=True)
    model = folder / "model"
    model.mkdir()
    source = shelf() / "all-minilm-l6-v2"
    shutil.copy(next(source.glob("encoder-*.onnx")), model / "model.onnx")
    for name in ("config.json", "tokenizer.json", "special_tokens_map.json"):
        shutil.copy(source / name, model / name)
    config = json.loads((source / "tokenizer_config.json").read_text())
    (model / "tokenizer_config.json").write_text(json.dumps(config | {"model_max_length": CUT}))
    return python, model


def compare(ours: Path, python: Path, model: Path, file: Path, threads: int, pairs: int, folder: Path) -> dict:
    pinned = ["taskset", "-c", ",".join(map(str, range(threads)))]
    count = len(file.read_text().splitlines())
    theirs = subprocess.Popen(
        [*pinned, python, "-c", PEER_PROGRAM, model, file, str(threads), folder / "theirs.f32"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    rates = {"ours": [], "theirs": []}

    def run_ours():
        out = subprocess.run([*pinned, ours, file, "--threads", str(threads), "--vectors", folder / "ours.f32"],
                             check=True, capture_output=True, text=True)
        rates["ours"].append(count / json.loads(out.stdout)["seconds"][0])

    def run_theirs():
        theirs.stdin.write("run\n"); theirs.stdin.flush()
        rates["theirs"].append(count / json.loads(theirs.stdout.readline()))

    for pair in range(pairs):
        for run in (run_ours, run_theirs) if pair % 2 == 0 else (run_theirs, run_ours):
            run()
    theirs.stdin.close(); theirs.wait()
    import array
    a, b = array.array("f"), array.array("f")
    a.frombytes((folder / "ours.f32").read_bytes()); b.frombytes((folder / "theirs.f32").read_bytes())
    cosines = [sum(x * y for x, y in zip(a[i:i + 384], b[i:i + 384])) for i in range(0, len(a), 384)]
    ratios = sorted(o / t for o, t in zip(rates["ours"], rates["theirs"]))
    return {
        "texts": file.name, "count": count, "threads": threads,
        "ours_per_second": round(statistics.median(rates["ours"]), 1),
        "theirs_per_second": round(statistics.median(rates["theirs"]), 1),
        "ratio": {"median": round(statistics.median(ratios), 3), "low": round(ratios[0], 3), "high": round(ratios[-1], 3)},
        "pairs": pairs, "min_cosine": round(min(cosines), 6),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours", type=Path)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--films", type=int, default=2000)
    parser.add_argument("--abstracts", type=int, default=400)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = texts(folder, options.films, options.abstracts)
        python, model = peer(folder)
        results = []
        for file in files.values():
            for threads in (1, 2):
                results.append(compare(options.ours.resolve(), python, model, file, threads, options.pairs, folder))
                print(json.dumps(results[-1]), flush=True)
    report = {"peer": PEER, "runtime": RUNTIME, "cut_at_tokens": CUT, "cores": os.cpu_count(),
              "machine": f"{platform.system()} {platform.machine()}", "python": platform.python_version(),
              "load_at_end": [round(x, 1) for x in os.getloadavg()], "results": results}
    target = ROOT / "evals/peers/results/embedding.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(report, indent=1) + "\n")
    return 0 if results and all(r["ratio"]["median"] >= 1 for r in results) else 3


if __name__ == "__main__":
    sys.exit(main())
