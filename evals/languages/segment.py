#!/usr/bin/env python3
"""Compares ways to cut Chinese into terms, by BM25 on known items: which finds a program's description by its summary, its keywords
or its name, and the rest of a poet's life by its last sentence.

    python3 evals/datasets/prepare.py apps-zh && python3 evals/datasets/prepare.py chinese
    pip install jieba==0.42.1 && python3 evals/languages/segment.py
"""
import collections, json, math, re
from pathlib import Path

import jieba

DATA = Path(__file__).resolve().parents[1] / "data"


def runs(text):
    """(Chinese, other) pairs, one of each empty."""
    return ((m[1], m[2]) for m in re.finditer(r"([一-鿿]+)|([a-z0-9]+)", text.lower()))


def cut(how):
    return lambda text: [term for run, word in runs(text) for term in ([word] if word else how(run))]


def pairs(run):
    return [run[i:i + 2] for i in range(len(run) - 1)] or [run]


def letters_and_pairs(run):
    return list(run) + [run[i:i + 2] for i in range(len(run) - 1)]


# Name: terms of a text, terms of a query.
WAYS = {
    "whole runs": (cut(lambda run: [run]), cut(lambda run: [run])),
    "letters": (cut(list), cut(list)),
    "pairs": (cut(pairs), cut(pairs)),
    "letters and pairs; pairs (ours)": (cut(letters_and_pairs), cut(pairs)),
    "letters and pairs; both": (cut(letters_and_pairs), cut(letters_and_pairs)),
    "jieba": (cut(jieba.lcut), cut(jieba.lcut)),
    "jieba for search; jieba": (cut(jieba.lcut_for_search), cut(jieba.lcut)),
}


def measure(texts, questions, index, query):
    terms = [collections.Counter(index(text)) for text in texts]
    lengths = [sum(t.values()) for t in terms]
    mean = sum(lengths) / len(lengths)
    postings = collections.defaultdict(list)
    for item, counts in enumerate(terms):
        for term, count in counts.items():
            postings[term].append((item, count))
    reciprocal = found = 0
    for question, answer in questions:
        scores = collections.Counter()
        for term in query(question):
            held = postings.get(term, ())
            idf = math.log(1 + (len(texts) - len(held) + 0.5) / (len(held) + 0.5))
            for item, count in held:
                scores[item] += idf * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * lengths[item] / mean))
        ranked = [item for item, _ in sorted(scores.items(), key=lambda s: (-s[1], s[0]))[:10]]
        if answer in ranked:
            reciprocal, found = reciprocal + 1 / (1 + ranked.index(answer)), found + 1
    return f"{reciprocal / len(questions):.3f} {found / len(questions):.3f}"


def rows(name):
    return [json.loads(line) for line in (DATA / name / "items.jsonl").read_text("utf-8").splitlines()]


def main():
    jieba.setLogLevel(60)
    programs = [row for row in rows("apps-zh") if row["description"]]
    texts = [row["description"] for row in programs]
    chinese = lambda text: bool(re.search("[一-鿿]", text))
    sets = {
        "summary": (texts, [(row["summary"], i) for i, row in enumerate(programs)]),
        "keywords": (texts, [(" ".join(filter(chinese, row["keywords"])), i) for i, row in enumerate(programs) if any(map(chinese, row["keywords"]))]),
        "name": (texts, [(row["name"], i) for i, row in enumerate(programs) if chinese(row["name"])]),
    }
    lives = [re.split("[。；]", life) for life in dict((row["author"], row["life"]) for row in rows("chinese")).values()]
    lives = [said for said in ([s for s in life if len(s) > 8] for life in lives) if len(said) >= 4]
    sets["life"] = (["。".join(said[:-1]) for said in lives], [(said[-1], i) for i, said in enumerate(lives)])
    print(f"{'MRR@10, success@10':34}", "   ".join(f"{name} ({len(questions)})" for name, (_, questions) in sets.items()))
    for name, (index, query) in WAYS.items():
        print(f"{name:34}", "   ".join(measure(*each, index, query) for each in sets.values()))


main()
