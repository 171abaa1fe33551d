#!/usr/bin/env python3
"""What a nightly change costs beside a full build, on real catalogues.

A full build is an import and an index into an empty workspace, nothing embedded yet. The change adds, changes and deletes items,
together one in a hundred. It is brought in twice, each time from the same built workspace: as changes (`import --update --delete`),
and as the whole file again. Prints seconds and shares, and writes `evals/peers/results/nightly.json`.

    cargo build --release --workspace
    python3 evals/peers/nightly.py target/release/segue films               # the sample films, from the model shelf
    python3 evals/peers/nightly.py target/release/segue FILE.csv --no-embeddings
"""
import argparse, csv, json, os, random, shutil, sqlite3, subprocess, sys, tempfile, time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def timed(*command: object) -> float:
    start = time.perf_counter()
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return time.perf_counter() - start


def write(path: Path, header: list[str], rows: list[list[str]]) -> None:
    with open(path, "w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])


def films(path: Path) -> None:
    shelf = Path(os.environ.get("SEGUE_MODELS") or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segue/models")
    rows = sqlite3.connect(shelf / "films/movies.db").execute(
        """SELECT o.imdbID AS id, o.Title AS title, min(o.Year) AS year, o.Runtime AS runtime, o.Genre AS genre, o.Director AS director,
                  o."Cast" AS actors, o.Language AS language, o.Country AS country, t.Rating AS score, t.Reviews AS reviews
           FROM omdb o JOIN tomatoes t ON t.ID = o.ID GROUP BY o.imdbID ORDER BY o.imdbID""")
    write(path, [column[0] for column in rows.description], rows.fetchall())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("segue", type=Path)
    parser.add_argument("table", type=Path, help="`films`, or a CSV file whose first column is the id and whose second is the title")
    parser.add_argument("--name", default="")
    parser.add_argument("--no-embeddings", action="store_true")
    options = parser.parse_args()
    segue, how = options.segue.resolve(), ["--no-embeddings"] if options.no_embeddings else []
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        table = folder / "items.csv"
        source = options.table
        if str(source) == "films":
            source = folder / "films.csv"
            films(source)
        header, *rows = csv.reader(open(source, newline="", encoding="utf-8"))
        write(table, header, rows)
        full, built = folder / "full", folder / "built"
        timed(segue, "-w", folder / "map", "import", table)  # infers the mapping, which is not counted
        mapping = table.with_suffix(".dataset.toml")
        build = [timed(segue, "-w", built, "import", "--map", mapping), timed(segue, "-w", built, "index", *how)]
        pick = random.Random(3)
        touched = pick.sample(range(len(rows)), len(rows) // 100)
        third = len(touched) // 3
        gone, changed, added = touched[:third], touched[third:2 * third], touched[2 * third:]
        edited = lambda row, more: [row[0] + more, row[1] + " (revised)", *row[2:]]
        new = [edited(rows[i], "") for i in changed] + [edited(rows[i], "-new") for i in added]
        write(folder / "changes.csv", header, new)
        (folder / "gone.txt").write_text(header[0] + "\n" + "".join(f"{rows[i][0]}\n" for i in gone))
        without = set(gone) | set(changed)
        (folder / "whole").mkdir()
        write(folder / "whole/items.csv", header,
              [row for i, row in enumerate(rows) if i not in without] + new)
        ways = {
            "changes": ["import", "--map", mapping, folder / "changes.csv", "--update", "--delete", folder / "gone.txt"],
            "the whole again": ["import", "--map", mapping, folder / "whole/items.csv"],
        }
        report = {"items": len(rows), "touched": len(touched), "embeddings": not options.no_embeddings, "full build": build}
        for name, command in ways.items():
            shutil.rmtree(full, ignore_errors=True)
            shutil.copytree(built, full)
            took = [timed(segue, "-w", full, *command), timed(segue, "-w", full, "index", *how)]
            report[name] = {"import and index": took, "share": sum(took) / sum(build)}
        print(json.dumps(report))
        results = ROOT / "evals/peers/results/nightly.json"
        known = json.loads(results.read_text()) if results.exists() else {}
        known[(options.name or options.table.stem) + (", words only" if options.no_embeddings else "")] = report
        results.write_text(json.dumps(known, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
