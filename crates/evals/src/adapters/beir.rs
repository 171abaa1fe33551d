//! Judged retrieval in the layout of BEIR (Thakur et al., "BEIR: A heterogeneous benchmark for zero-shot evaluation of
//! information retrieval models", NeurIPS 2021): `corpus.jsonl` (`_id`, `title`, `text`), `queries.jsonl` (`_id`, `text`) and
//! `qrels/SPLIT.tsv` (query, document, grade; one heading).
//!
//! The corpus becomes a catalogue of three fields: the id, the title, and `contents`: title and text as one, which is what is
//! searched by words and by meaning. BM25 over one field is what the published figures call flat; over title and text apart it
//! weighs a word of the title by a length of its own. A case is a judged query, and the ranking is the whole of what is found.

use std::collections::BTreeMap;
use std::io::{BufRead, Write};
use std::path::{Path, PathBuf};

use futures_util::future::BoxFuture;
use segue_catalog::Dataset;
use segue_world::fs;
use serde::Deserialize;
use serde_json::json;

use super::library::library;
use super::systems::Systems;
use super::{AdapterError, Preparing, Surroundings, digest_of};
use crate::judgments::{self, Judgments};
use crate::metrics::{Family, Metric, ranking};
use crate::suite::{Answered, Case, CaseError, Suite, Task, Variant};

/// How many items of a ranking are kept in a result's details.
const SHOWN: usize = 10;

const DATASET: &str = r#"
name = "documents"
noun = "document"
items = { file = "corpus.jsonl" }
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "title"
role = "title"
boost = 0.0
embed = false
[[fields]]
name = "contents"
role = "text"
"#;

#[derive(Debug, Deserialize)]
struct Document {
    #[serde(rename = "_id")]
    id: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    text: String,
}

#[derive(Debug, Deserialize)]
struct Query {
    #[serde(rename = "_id")]
    id: String,
    text: String,
}

/// A judged collection that is ready to run.
#[derive(Debug)]
pub(super) struct Beir {
    folder: PathBuf,
    judgments: Judgments,
    /// Those of the collection's makers.
    own: Judgments,
    /// The judged queries that there are, in the order of their file, cut to the suite's limit.
    count: usize,
    metrics: Vec<Metric>,
    systems: Systems,
    depends: Vec<(String, String)>,
}

pub(super) fn open(
    suite: &Suite,
    folder: &Path,
    surroundings: &Surroundings,
    progress: &mut dyn FnMut(Preparing),
) -> Result<Beir, AdapterError> {
    if let Some(metric) = suite.metrics.iter().find(|m| m.info.family != Family::Ranking) {
        let message = format!("`{metric}` cannot be measured on judged retrieval: it is not of rankings");
        return Err(AdapterError::Unfit(message));
    }
    let qrels = folder.join("qrels").join(format!("{}.tsv", suite.data.split));
    let mut judgments = judgments::read(&qrels)?;
    let mut added = added(suite)?;
    let (mut kept, mut own) = (Judgments::new(), Judgments::new());
    for query in queries(folder)? {
        let query = query?;
        if kept.len() < suite.data.limit.unwrap_or(usize::MAX)
            && let Some(grades) = judgments.remove(&query.id)
        {
            own.insert(query.id.clone(), grades.clone());
            let mut grades = grades;
            grades.extend(added.remove(&query.id).unwrap_or_default());
            kept.insert(query.id, grades);
        }
    }
    if suite.data.limit.is_none()
        && let Some(query) = judgments.keys().next()
    {
        let message = format!("query `{query}` is judged and not in `queries.jsonl`");
        return Err(AdapterError::Wrong { path: qrels, line: 0, message });
    }
    let corpus = folder.join("corpus.jsonl");
    let source = digest_of(&corpus)?;
    let name = format!("beir-{}", fs_name(folder));
    let make = |root: &Path| prepare(&corpus, root);
    let library = library(&name, &source, &make, &suite.data, surroundings, progress)?;
    let systems = Systems::new(suite, library.engine, surroundings)?;
    let mut depends = systems.depends()?;
    depends.push(("catalogue".to_owned(), library.content));
    depends.push(("queries".to_owned(), digest_of(&folder.join("queries.jsonl"))?));
    depends.push(("judgments".to_owned(), digest_of(&qrels)?));
    for file in &suite.data.judgments {
        depends.push((format!("judgments of {}", fs_name(file)), digest_of(file)?));
    }
    if let Some(embedder) = library.embedder {
        depends.push(("embeddings".to_owned(), embedder));
    }
    Ok(Beir {
        folder: folder.to_owned(),
        count: kept.len(),
        judgments: kept,
        own,
        metrics: suite.metrics.clone(),
        systems,
        depends,
    })
}

impl Task for Beir {
    fn count(&self) -> usize {
        self.count
    }

    fn cases(&self) -> Box<dyn Iterator<Item = Result<Case, AdapterError>> + Send + '_> {
        let cases = match queries(&self.folder) {
            Ok(queries) => queries,
            Err(error) => return Box::new(std::iter::once(Err(error))),
        };
        Box::new(cases.filter_map(|query| match query {
            Ok(Query { id, .. }) if !self.judgments.contains_key(&id) => None,
            Ok(Query { id, text }) => Some(Ok(Case { cluster: id.clone(), id, request: text })),
            Err(error) => Some(Err(error)),
        }))
    }

    fn depends(&self) -> Vec<(String, String)> {
        self.depends.clone()
    }

    fn finish(&self) -> Result<(), AdapterError> {
        self.systems.finish()
    }

    fn tools(&self, variant: &Variant) -> Vec<String> {
        self.systems.tools(variant)
    }

    fn item(&self, id: &str) -> Result<Vec<(String, String)>, CaseError> {
        self.systems.item(id)
    }

    fn grade(&self, case: &str, item: &str) -> Option<i64> {
        self.own.get(case)?.get(item).copied()
    }

    fn answer<'a>(
        &'a self,
        variant: &'a Variant,
        case: &'a Case,
    ) -> BoxFuture<'a, Result<Answered, CaseError>> {
        Box::pin(async move {
            let found = self.systems.find(variant, &case.request).await?;
            let ranked: Vec<&str> = self.systems.ids(&found.items).collect();
            let grades = self.judgments.get(&case.id).into_iter().flatten();
            let grades: BTreeMap<&str, i64> = grades.map(|(id, grade)| (id.as_str(), *grade)).collect();
            let measure = |metric: &Metric| (metric.to_string(), ranking::measure(*metric, &ranked, &grades));
            let metrics = self.metrics.iter().map(measure).collect();
            let place = |id: &str| ranked.iter().position(|r| *r == id).map(|p| p + 1);
            let relevant: BTreeMap<&str, Option<usize>> =
                grades.iter().filter(|(_, grade)| **grade > 0).map(|(id, _)| (*id, place(id))).collect();
            let titles = self.systems.titles(found.items.get(..SHOWN).unwrap_or(&found.items))?;
            let best = ranked.iter().zip(titles).zip(&found.items);
            let shown: Vec<_> = best.map(|((id, title), s)| json!([id, title, s.score])).collect();
            let mut detail =
                json!({ "request": case.request, "ranking": shown, "places_of_relevant": relevant });
            if let (Some(turn), Some(detail)) = (&found.turn, detail.as_object_mut()) {
                detail.insert("plan".to_owned(), json!(turn.plan));
                detail.insert("calls".to_owned(), json!(turn.calls));
                detail.insert("understood".to_owned(), json!(turn.understood));
                detail.insert("not_understood".to_owned(), json!(turn.not_understood));
                detail.insert("fallback".to_owned(), json!(turn.fallback));
            }
            let fallback = found.fallback();
            Ok(Answered {
                metrics,
                usage: found.usage,
                tools: found.tools,
                fallback,
                shown: Vec::new(),
                detail,
            })
        })
    }
}

/// The corpus with title and text as one field, beside the workspace that is made of it.
fn prepare(corpus: &Path, root: &Path) -> Result<Dataset, AdapterError> {
    let target = root.join("corpus.jsonl");
    let mut file = fs::writer(&target)?;
    let failed = |e: std::io::Error| AdapterError::Needs(format!("cannot write `{}`: {e}", target.display()));
    for document in lines::<Document>(corpus)? {
        let Document { id, title, text } = document?;
        let contents = format!("{title} {text}");
        let line = json!({ "id": id, "title": title, "contents": contents.trim() });
        writeln!(file, "{line}").map_err(failed)?;
    }
    file.flush().map_err(failed)?;
    drop(file);
    Ok(Dataset::parse(DATASET, &root.join("dataset.toml"))?)
}

fn queries(
    folder: &Path,
) -> Result<impl Iterator<Item = Result<Query, AdapterError>> + Send + use<>, AdapterError> {
    lines(&folder.join("queries.jsonl"))
}

/// The lines of a JSON Lines file, one at a time; empty ones do not count.
pub(super) fn lines<T: for<'a> Deserialize<'a>>(
    path: &Path,
) -> Result<impl Iterator<Item = Result<T, AdapterError>> + Send + use<T>, AdapterError> {
    let file = fs::open(path)?;
    let path = path.to_owned();
    let read = move |(i, line): (usize, std::io::Result<String>)| {
        let wrong = |message: String| AdapterError::Wrong { path: path.clone(), line: i + 1, message };
        let line = match line {
            Ok(line) if line.trim().is_empty() => return None,
            Ok(line) => line,
            Err(e) => return Some(Err(wrong(e.to_string()))),
        };
        Some(serde_json::from_str(&line).map_err(|e| wrong(e.to_string())))
    };
    Ok(file.lines().enumerate().filter_map(read))
}

/// What people judged besides the collection's own makers. It counts where both judged.
fn added(suite: &Suite) -> Result<Judgments, AdapterError> {
    let judges =
        suite.data.judgments.iter().map(|file| judgments::read(file)).collect::<Result<Vec<_>, _>>()?;
    Ok(judgments::median(&judges))
}

/// The folder's own name, made fit for a file name.
fn fs_name(folder: &Path) -> String {
    let name = folder.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}
