#!/usr/bin/env python3
"""Ranking metrics by `pytrec_eval` and `ir_measures`, for the test that compares Segue's with them.

    python3 evals/peers/metrics.py evaluate RUNS.json OUT.json
    python3 evals/peers/metrics.py golden

`evaluate` reads {"qrels": {query: {id: grade}}, "runs": {name: {query: {id: score}}}, "metrics": ["ndcg@10", …]} with Segue's
names and writes {"pytrec_eval": {name: {query: {metric: value}}}, "ir_measures": the same}. `golden` writes the values that
are committed in `crates/evals/tests/golden/`: those of a small graded run with ties, and those of SciPy's bootstrap and
permutation test. The packages are installed once, in a Python of their own under the user's cache. Exit code 4: they cannot be.
"""
import json, os, random, shutil, subprocess, sys, venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# `pytrec-eval-terrier` is the build of `pytrec_eval` that needs nothing beside the package index.
PEERS = ["pytrec-eval-terrier==0.5.11", "ir-measures==0.4.3", "numpy==2.4.6", "scipy==1.17.1"]
NAMES = {"ndcg": ("ndcg_cut", "ndcg", "nDCG"), "map": ("map_cut", "map", "AP"), "recall": ("recall", None, "R"),
         "precision": ("P", None, "P"), "hit": ("success", None, "Success"), "mrr": (None, "recip_rank", "RR")}


def with_peers() -> None:
    """Starts this program again in the Python that has the packages."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "segue/peers"
    home = cache / ("metrics-" + "-".join(p.split("==")[1] for p in PEERS))
    if not home.exists():
        print(f"installing {', '.join(PEERS)} in {home}", file=sys.stderr)
        # Under another name until it is complete, so that one that was cut off is never used.
        making = home.with_name(f"{home.name}.{os.getpid()}")
        try:
            venv.create(making, with_pip=True)
            subprocess.run([making / "bin/python", "-m", "pip", "install", "-q", "--disable-pip-version-check",
                            "--only-binary", ":all:", *PEERS], check=True, timeout=300)
            if not home.exists():
                making.rename(home)
        except Exception as error:
            print(f"the peers cannot be installed: {error}", file=sys.stderr)
            sys.exit(4)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    if not Path(sys.prefix).samefile(home):
        python = home / "bin/python"
        os.execv(python, [python, *sys.argv])


def by_pytrec_eval(qrels: dict, run: dict, metrics: list[str]) -> dict:
    import pytrec_eval
    asked, names = set(), {}
    for metric in metrics:
        base, _, k = metric.partition("@")
        cut, whole, _ = NAMES[base]
        if k and cut:
            asked.add(f"{cut}.{k}"); names[metric] = f"{cut}_{k}"
        elif not k and whole:
            asked.add(whole); names[metric] = whole
    values = pytrec_eval.RelevanceEvaluator(qrels, asked).evaluate(run)
    return {query: {metric: found[name] for metric, name in names.items()} for query, found in values.items()}


def by_ir_measures(qrels: dict, run: dict, metrics: list[str]) -> dict:
    import ir_measures
    measures = {}
    for metric in metrics:
        base, _, k = metric.partition("@")
        measures[ir_measures.parse_measure(NAMES[base][2] + (f"@{k}" if k else ""))] = metric
    values: dict = {}
    for found in ir_measures.iter_calc(list(measures), qrels, run):
        values.setdefault(found.query_id, {})[measures[found.measure]] = found.value
    return values


def evaluate(qrels: dict, runs: dict, metrics: list[str]) -> dict:
    return {tool: {name: by(qrels, run, metrics) for name, run in runs.items()}
            for tool, by in (("pytrec_eval", by_pytrec_eval), ("ir_measures", by_ir_measures))}


def golden() -> None:
    import numpy
    from scipy import stats
    pick = random.Random(4)
    documents = [f"d{n}" for n in range(40)]
    qrels = {f"q{q}": {d: pick.choice([0, 0, 1, 2, 3]) for d in pick.sample(documents, 12)} for q in range(6)}
    qrels["none-relevant"] = {"d1": 0, "d2": 0}
    qrels["nothing-found"] = {"elsewhere": 1}
    qrels["below-zero"] = {"d1": -1, "d2": 2, "d3": 1}
    # Few distinct scores: the order is the ties'. Some differ in double precision only.
    run = {q: {d: pick.choice([1.0, 2.0, 2.0 + 1e-9, 3.5]) for d in pick.sample(documents, 25)} for q in qrels}
    metrics = ["ndcg", "ndcg@1", "ndcg@5", "ndcg@10", "ndcg@100", "map", "map@5", "recall@5", "recall@100", "precision@5",
               "precision@100", "hit@1", "hit@5", "mrr", "mrr@3"]
    values = evaluate(qrels, {"run": run}, metrics)
    folder = ROOT / "crates/evals/tests/golden"
    folder.mkdir(parents=True, exist_ok=True)
    write(folder / "ranking.json", {"by": PEERS, "qrels": qrels, "run": run, "values": {t: v["run"] for t, v in values.items()}})

    draw = numpy.random.default_rng(4)
    cases = []
    for n, skew in ((8, False), (12, True), (25, True), (60, False)):
        a = draw.beta(2, 5, n) if skew else draw.normal(0.5, 0.2, n)
        difference = draw.normal(0.04, 0.1, n)
        b = a + difference
        interval = stats.bootstrap((a,), numpy.mean, n_resamples=200_000, method="BCa", random_state=draw).confidence_interval
        test = stats.permutation_test((b - a,), numpy.mean, permutation_type="samples", n_resamples=200_000, random_state=draw)
        cases.append({"a": a.tolist(), "b": b.tolist(), "bca": [interval.low, interval.high], "p": test.pvalue,
                      "exact": n <= 14, "wilson": [*stats.binomtest(n // 3, n).proportion_ci(method="wilson")]})
    write(folder / "statistics.json", {"by": PEERS, "cases": cases})


def write(file: Path, content: dict) -> None:
    file.write_text(json.dumps(content, indent=1) + "\n")


def main() -> int:
    match sys.argv[1:]:
        case ["evaluate", runs, out]:
            with_peers()
            asked = json.loads(Path(runs).read_text())
            Path(out).write_text(json.dumps(evaluate(asked["qrels"], asked["runs"], asked["metrics"])))
        case ["golden"]:
            with_peers()
            golden()
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
