#!/usr/bin/env python3
"""Compares the import of a table of a million rows with DuckDB's, side by side, for CSV and for Parquet.

The rows are the tracks of `music/spotify_songs.csv` (SEGUE_DATA) over and over, with ids, titles and numbers of their own, in no
order. DuckDB (PyPI, two threads) creates a table of the file in a database on the disk and waits for it (`import`), and counts its
values too (`SUMMARIZE`, approximate). Segue reads, checks and converts the rows, sorts them by id, hashes and stores them, and counts
every value exactly. They take turns; the ratio is DuckDB's time by ours, at 0.5 ours takes twice as long. Peak memory is ours, by
the kernel's count. Writes `evals/peers/results/import_million.json`.

    cargo build --release --workspace
    python3 evals/peers/import_million.py target/release/segue [--rows 1000000] [--pairs 5]
"""
import argparse, csv, json, os, platform, random, statistics, subprocess, sys, tempfile, time, venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PEERS = ["duckdb==2.0.1"]
COLUMNS = ["id", "title", "artist", "album", "released", "genre", "subgenre", "popularity", "danceability", "energy", "key",
           "tempo", "minutes"]
ROLES = {"id": "id", "title": "title", "artist": "category", "album": "category", "released": "date", "genre": "category",
         "subgenre": "category"}

PEER_PROGRAM = """
import duckdb, os, sys, time
path, database = sys.argv[1], sys.argv[2]
for line in sys.stdin:  # one run a line
    for old in (database, database + ".wal"):
        if os.path.exists(old): os.remove(old)
    start = time.perf_counter()
    connection = duckdb.connect(database, config={"threads": 2})
    connection.execute(f"CREATE TABLE t AS SELECT * FROM '{path}'"); connection.execute("CHECKPOINT")
    imported = time.perf_counter()
    connection.execute("SUMMARIZE t").fetchall()
    print(imported - start, time.perf_counter() - start, flush=True)
    connection.close()
"""


def rows(path: Path, count: int) -> None:
    source = Path(os.environ.get("SEGUE_DATA", ROOT / "../shared/data")) / "music/spotify_songs.csv"
    tracks = list({row["track_id"]: row for row in csv.DictReader(open(source, encoding="utf-8"))}.values())
    pick = random.Random(7)
    order = list(range(count))
    pick.shuffle(order)
    with open(path, "w", newline="", encoding="utf-8") as file:
        out = csv.writer(file)
        out.writerow(COLUMNS)
        for n in order:
            track, copy = tracks[n % len(tracks)], n // len(tracks)
            near = lambda name, by: round(float(track[name]) + pick.uniform(-by, by), 4)
            out.writerow([
                f"{track['track_id']}{copy:02d}", track["track_name"] + (f" ({copy})" if copy else ""), track["track_artist"],
                track["track_album_name"], track["track_album_release_date"], track["playlist_genre"],
                track["playlist_subgenre"], min(100, max(0, int(float(track["track_popularity"])) + pick.randint(-5, 5))),
                near("danceability", 0.01), near("energy", 0.01), int(float(track["key"])), near("tempo", 1),
                round(float(track["duration_ms"]) / 60000, 4)])


def mapping(path: Path, file: str) -> None:
    fields = [f'[[fields]]\nname = "{c}"\nrole = "{ROLES.get(c, "number")}"' for c in COLUMNS]
    whole = {"popularity", "key"}
    fields = [f + ('\ntype = "integer"' if c in whole else "") for c, f in zip(COLUMNS, fields)]
    path.write_text(f'name = "tracks"\n[items]\nfile = "{file}"\n' + "\n".join(fields) + "\n")


def ours(segue: Path, folder: Path, kind: str) -> tuple[float, int]:
    """Seconds for the whole command, and its peak memory in kilobytes."""
    workspace = folder / "workspace"
    subprocess.run(["rm", "-rf", workspace], check=True)
    start = time.perf_counter()
    child = subprocess.Popen([segue, "-w", workspace, "import", "--map", folder / f"{kind}.toml", "--json"],
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    report = json.load(child.stdout)
    _, status, usage = os.wait4(child.pid, 0)
    seconds = time.perf_counter() - start
    assert status == 0 and not report["import"]["rejected"], report
    return seconds, usage.ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("segue", type=Path)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--keep", type=Path, help="a folder for the environment and the files, kept for the next run")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        python = folder / "venv/bin/python"
        if not python.exists():
            venv.create(folder / "venv", with_pip=True)
            subprocess.run([python, "-m", "pip", "install", "-q", *PEERS], check=True)
        table, parquet = folder / f"tracks-{options.rows}.csv", folder / f"tracks-{options.rows}.parquet"
        if not table.exists():
            rows(table, options.rows)
        if not parquet.exists():
            subprocess.run([python, "-c", f"import duckdb; duckdb.execute(\"COPY (FROM '{table}') TO '{parquet}'\")"], check=True)
        report = {"rows": options.rows, "peers": PEERS, "machine": platform.machine(), "cores": len(os.sched_getaffinity(0))}
        for kind, file in (("csv", table), ("parquet", parquet)):
            mapping(folder / f"{kind}.toml", file.name)
            peer = subprocess.Popen([python, "-c", PEER_PROGRAM, file, folder / "peer.duckdb"], stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE, text=True)
            turns = []
            for pair in range(options.pairs + 1):
                def theirs() -> tuple[float, float]:
                    peer.stdin.write("\n"); peer.stdin.flush()
                    imported, counted = map(float, peer.stdout.readline().split())
                    return imported, counted
                first, second = (theirs, lambda: ours(options.segue.resolve(), folder, kind))
                if pair % 2:
                    mine, their = second(), first()
                else:
                    their, mine = first(), second()
                if pair:  # the first warms the page cache up
                    turns.append({"ours": mine[0], "kilobytes": mine[1], "import": their[0], "with statistics": their[1]})
            peer.stdin.close(); peer.wait()
            ratio = lambda by: sorted(t[by] / t["ours"] for t in turns)
            spread = lambda all: {"median": statistics.median(all), "low": all[0], "high": all[-1]}
            report[kind] = {
                "ratio to import": spread(ratio("import")), "ratio to import with statistics": spread(ratio("with statistics")),
                "peak megabytes": max(t["kilobytes"] for t in turns) / 1024, "turns": turns,
            }
            print(kind, json.dumps({k: v for k, v in report[kind].items() if k != "turns"}))
        results = ROOT / "evals/peers/results/import_million.json"
        results.write_text(json.dumps(report, indent=1) + "\n")


if __name__ == "__main__":
    sys.exit(main())
