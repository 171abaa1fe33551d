//! Ranking metrics side by side with `pytrec_eval` and `ir_measures`, on SciFact: a run of Segue's BM25, one of a cheap scorer with
//! many ties, and one of random scores. The peers are installed by `evals/peers/metrics.py`; without Python, the package index or the
//! data, the test is skipped and says so.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use segue_catalog::{Dataset, Workspace, import, text};
use segue_evals::metrics::metric;
use segue_evals::metrics::ranking::{Judgments, by_score, measure};
use segue_retrieval::{Engine, LexicalQuery, MatchMode, build_index};
use segue_world::{RealWorld, World, fs};
use serde::Deserialize;
use serde_json::json;

type Qrels = BTreeMap<String, BTreeMap<String, i64>>;
type Run = BTreeMap<String, BTreeMap<String, f64>>;
type Values = BTreeMap<String, BTreeMap<String, BTreeMap<String, f64>>>;

const METRICS: [&str; 16] = [
    "ndcg",
    "ndcg@1",
    "ndcg@3",
    "ndcg@10",
    "ndcg@100",
    "map",
    "map@10",
    "map@100",
    "recall@10",
    "recall@100",
    "precision@10",
    "hit@1",
    "hit@10",
    "mrr",
    "mrr@10",
    "mrr@100",
];

const MAP: &str = r#"
name = "abstracts"
noun = "abstract"
[items]
file = "corpus.jsonl"
[[fields]]
name = "id"
role = "id"
column = "_id"
[[fields]]
name = "title"
role = "title"
[[fields]]
name = "text"
role = "text"
"#;

#[derive(Deserialize)]
struct Line {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    title: String,
    text: String,
}

#[test]
fn ranking_metrics_agree_with_the_peers_on_scifact() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let data =
        RealWorld::new().env("SEGUE_DATA").map_or_else(|| root.join("../shared/data"), |d| root.join(d));
    let scifact = data.join("retrieval/scifact");
    if !fs::exists(&scifact.join("corpus.jsonl")) {
        println!("skipped: SciFact is not in `{}`; set SEGUE_DATA", data.display());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mut qrels = judgments(&scifact.join("qrels/test.tsv"));
    let queries = texts(&scifact.join("queries.jsonl"));
    let queries: BTreeMap<&str, &str> = queries
        .iter()
        .filter(|q| qrels.contains_key(&q.id))
        .map(|q| (q.id.as_str(), q.text.as_str()))
        .collect();
    assert_eq!(queries.len(), 300);
    let documents = texts(&scifact.join("corpus.jsonl"));
    let mut runs = BTreeMap::new();
    runs.insert("bm25", bm25(folder.path(), &scifact, &queries));
    runs.insert("overlap", overlap(&documents, &queries));
    runs.insert("random", random(&documents, &mut qrels));

    let (asked, out) = (folder.path().join("runs.json"), folder.path().join("values.json"));
    let content = json!({ "qrels": qrels, "runs": runs, "metrics": METRICS });
    fs::write_atomic(&asked, content.to_string().as_bytes()).unwrap();
    let python = RealWorld::new().env("SEGUE_PYTHON").unwrap_or_else(|| "python3".to_owned());
    let ran = Command::new(&python)
        .arg(root.join("evals/peers/metrics.py"))
        .arg("evaluate")
        .args([&asked, &out])
        .output();
    let ran = match ran {
        Ok(ran) => ran,
        Err(error) => return println!("skipped: `{python}` does not start: {error}"),
    };
    let said = String::from_utf8_lossy(&ran.stderr);
    match ran.status.code() {
        Some(0) => {}
        Some(4) => return println!("skipped: {said}"),
        _ => panic!("the peers failed: {said}"),
    }
    let values: BTreeMap<String, Values> = serde_json::from_str(&fs::read_to_string(&out).unwrap()).unwrap();
    assert_eq!(values.keys().collect::<Vec<_>>(), ["ir_measures", "pytrec_eval"]);
    for (peer, values) in &values {
        for (name, run) in &runs {
            let (compared, worst) = compare(peer, run, &qrels, &values[*name]);
            println!("{peer}, {name}: {compared} values, at most {worst:.1e} apart");
            assert!(compared >= 300 * 13, "{peer} {name}: {compared}");
        }
    }
    let mean = |name: &str| {
        let all = runs["bm25"].iter().filter(|(q, _)| queries.contains_key(q.as_str()));
        let values = all.map(|(query, scores)| ours(name, scores, &qrels[query], false));
        values.sum::<f64>() / 300.0
    };
    println!("BM25 on SciFact: nDCG@10 {:.4}, recall@100 {:.4}", mean("ndcg@10"), mean("recall@100"));
}

/// How many values there were, and how far the farthest was.
fn compare(
    peer: &str,
    run: &Run,
    qrels: &Qrels,
    theirs: &BTreeMap<String, BTreeMap<String, f64>>,
) -> (usize, f64) {
    let (mut compared, mut worst) = (0, 0.0_f64);
    for (query, scores) in run {
        let judged = qrels.get(query).cloned().unwrap_or_default();
        let Some(values) = theirs.get(query) else {
            // Without judgments a query says nothing, with them and without a result it is 0.
            assert!(judged.is_empty(), "{peer} leaves out {query}");
            continue;
        };
        for (name, value) in values {
            if judged.is_empty() {
                continue;
            }
            // With a cutoff, ir_measures asks MS MARCO's script, which orders ties by id, first first.
            let ascending = peer == "ir_measures" && name.starts_with("mrr@");
            let apart = (ours(name, scores, &judged, ascending) - value).abs();
            assert!(apart < 1e-9, "{peer} {query} {name}: {value}");
            (compared, worst) = (compared + 1, worst.max(apart));
        }
    }
    (compared, worst)
}

fn ours(name: &str, scores: &BTreeMap<String, f64>, judged: &BTreeMap<String, i64>, ascending: bool) -> f64 {
    let judged: Judgments<'_> = judged.iter().map(|(id, grade)| (id.as_str(), *grade)).collect();
    let mut scored: Vec<(&str, f64)> = scores.iter().map(|(id, score)| (id.as_str(), *score)).collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    let ranking = match ascending {
        true => scored.into_iter().map(|(id, _)| id).collect(),
        false => by_score(scored),
    };
    measure(metric(name).unwrap(), &ranking, &judged).value
}

fn texts(file: &Path) -> Vec<Line> {
    fs::read_to_string(file).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn judgments(file: &Path) -> Qrels {
    let mut qrels = Qrels::new();
    for line in fs::read_to_string(file).unwrap().lines().skip(1) {
        let columns: Vec<&str> = line.split('\t').collect();
        qrels
            .entry(columns[0].to_owned())
            .or_default()
            .insert(columns[1].to_owned(), columns[2].parse().unwrap());
    }
    qrels
}

/// The first hundred by Segue's own lexical search.
fn bm25(folder: &Path, scifact: &Path, queries: &BTreeMap<&str, &str>) -> Run {
    let corpus = fs::read(&scifact.join("corpus.jsonl")).unwrap();
    fs::write_atomic(&folder.join("corpus.jsonl"), &corpus).unwrap();
    let map: PathBuf = folder.join("scifact.toml");
    fs::write_atomic(&map, MAP.as_bytes()).unwrap();
    let (workspace, world) = (Workspace::at(folder.join("workspace")), RealWorld::new());
    import(&workspace, &Dataset::read(&map).unwrap(), &world, &mut |_| {}, &|| false).unwrap();
    build_index(&workspace, None, &world, &mut |_| {}, &|| false).unwrap();
    let engine = Engine::open(&workspace, None).unwrap();
    let search = |text: &str| {
        let query = LexicalQuery { text: text.replace('"', " "), fields: Vec::new(), mode: MatchMode::Any };
        let found = engine.lexical(&query, None).unwrap();
        let best: Vec<_> = found.iter().take(100).collect();
        let ordinals: Vec<_> = best.iter().map(|s| s.item).collect();
        let rows = engine.snapshot().rows(&ordinals).unwrap();
        let catalog = engine.snapshot().catalog();
        rows.iter().zip(&best).map(|(row, s)| (row.id(catalog).to_owned(), s.score)).collect()
    };
    queries.iter().map(|(id, text)| ((*id).to_owned(), search(text))).collect()
}

/// How many words of the query a document has: few distinct scores, and hundreds of ties. Every fiftieth query finds nothing.
fn overlap(documents: &[Line], queries: &BTreeMap<&str, &str>) -> Run {
    let words: Vec<(&str, BTreeSet<String>)> = documents
        .iter()
        .map(|d| (d.id.as_str(), text::words(&format!("{} {}", d.title, d.text)).collect()))
        .collect();
    let mut run = Run::new();
    for (at, (id, text)) in queries.iter().enumerate() {
        let query: BTreeSet<String> = text::words(text).collect();
        let mut scored: Vec<_> = words
            .iter()
            .map(|(id, words)| ((*id).to_owned(), query.intersection(words).count() as f64))
            .collect();
        scored.sort_by(|a, b| b.1.total_cmp(&a.1));
        scored.truncate(if at % 50 == 0 { 0 } else { 300 });
        run.insert((*id).to_owned(), scored.into_iter().collect());
    }
    run
}

/// Random scores of few values, some of which differ in double precision only, against judgments of five grades: the judged
/// documents and others, in front of and behind every cutoff. Queries of it have names of their own; some have no relevant judgment, and
/// some none at all.
fn random(documents: &[Line], qrels: &mut Qrels) -> Run {
    let mut generator = Pcg64::seed_from_u64(3);
    let mut run = Run::new();
    for q in 0..400 {
        let mut pick = || documents[generator.random_range(0..documents.len())].id.clone();
        let judged: Vec<String> = (0..40).map(|_| pick()).collect();
        let others: Vec<String> = (0..120).map(|_| pick()).collect();
        let query = format!("random-{q}");
        let score = |g: &mut Pcg64| {
            f64::from(g.random_range(0_u32..6)) / 3.0 + 1e-9 * f64::from(g.random_range(0_u32..3))
        };
        let scores =
            judged.iter().skip(q % 20).chain(&others).map(|id| (id.clone(), score(&mut generator))).collect();
        run.insert(query.clone(), scores);
        let most = if q % 10 == 0 { 0 } else { 3 };
        if q % 25 != 24 {
            let grades = judged.into_iter().map(|id| (id, generator.random_range(-1_i64..=most).min(most)));
            let mut grades: BTreeMap<String, i64> = grades.collect();
            // trec_eval does not end where every judgment is below 0.
            grades.insert(others[0].clone(), 0);
            qrels.insert(query, grades);
        }
    }
    run
}
