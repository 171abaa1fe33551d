//! What analysis by language and a multilingual model are worth: known items found by what their makers wrote of them elsewhere.
//!
//!     python3 evals/datasets/prepare.py dutch    # and apps-pt, apps-zh, apps-en, curriculum
//!     cargo run --release -p segue-retrieval --example languages -- evals/data [SCRATCH [MODEL…]] > evals/languages/results.json
//!
//! A program's summary, its keywords and its name each look for its description, which is all that is indexed; a topic of the
//! curriculum looks for the skills under it. Nobody wrote a query for this, and none shares a field with what it looks for. The
//! same texts are indexed as their language, as English and without any, and embedded by each model that is named. The last rows
//! ask in one language and look in another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result};
use segue_catalog::{Dataset, Language, Scored, Workspace, import};
use segue_models::{Embedder, SentenceEmbedder, SentenceOptions, Shelf};
use segue_retrieval::{DenseQuery, Engine, LexicalQuery, MatchMode, TEXT_SPACE, build_index, fuse};
use segue_world::{RealWorld, World, fs};
use serde_json::{Value, json};

const DEPTH: usize = 10;

/// Texts, and questions with the texts that answer them.
struct Collection {
    /// What the texts are, so that they are indexed once.
    folder: String,
    language: Language,
    /// In the order of their ids.
    texts: BTreeMap<String, String>,
    questions: Vec<(String, BTreeSet<String>)>,
}

/// Programs with a description, and one kind of question. Of the English ones, those that another language has too.
fn programs(data: &Path, folder: &str, language: Language, kind: &str) -> Result<Collection> {
    let mut rows = rows(&data.join(folder))?;
    if language == Language::English {
        let mut others = BTreeSet::new();
        for other in ["dutch", "apps-pt", "apps-zh"] {
            others.extend(self::rows(&data.join(other))?.iter().map(|row| row["id"].to_string()));
        }
        rows.retain(|row| others.contains(&row["id"].to_string()));
    }
    let (folder, texts) = (folder.to_owned(), BTreeMap::new());
    let mut collection = Collection { folder, language, texts, questions: Vec::new() };
    for row in &rows {
        let (Some(id), Some(text)) = (row["id"].as_str(), row["description"].as_str()) else { continue };
        collection.texts.insert(id.to_owned(), text.to_owned());
        let question = match &row[kind] {
            Value::Array(parts) => parts.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" "),
            one => one.as_str().unwrap_or_default().to_owned(),
        };
        if !question.is_empty() {
            collection.questions.push((question, BTreeSet::from([id.to_owned()])));
        }
    }
    Ok(collection)
}

/// Skills, and the topics that they come under.
fn curriculum(folder: &Path) -> Result<Collection> {
    let mut collection = Collection {
        folder: "curriculum".to_owned(),
        language: Language::Portuguese,
        texts: BTreeMap::new(),
        questions: Vec::new(),
    };
    let mut topics: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for row in rows(folder)? {
        let (Some(id), Some(text)) =
            (row.get("id").and_then(Value::as_str), row.get("text").and_then(Value::as_str))
        else {
            continue;
        };
        collection.texts.insert(id.to_owned(), text.to_owned());
        for topic in
            row.get("topics").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
        {
            topics.entry(topic.to_owned()).or_default().insert(id.to_owned());
        }
    }
    collection.questions = topics.into_iter().collect();
    Ok(collection)
}

/// The same questions without their accents.
fn unaccented(mut collection: Collection) -> Collection {
    for (question, _) in &mut collection.questions {
        *question = segue_catalog::text::fold(question);
    }
    collection
}

/// Questions of one collection about the texts of another.
fn across(questions: Collection, texts: &Collection) -> Collection {
    let is_there = |relevant: &BTreeSet<String>| relevant.iter().all(|id| texts.texts.contains_key(id));
    let questions = questions.questions.into_iter().filter(|(_, relevant)| is_there(relevant)).collect();
    Collection {
        folder: texts.folder.clone(),
        language: texts.language,
        texts: texts.texts.clone(),
        questions,
    }
}

fn rows(folder: &Path) -> Result<Vec<Value>> {
    let path = folder.join("items.jsonl");
    let text =
        fs::read_to_string(&path).with_context(|| format!("run `prepare.py` first: {}", path.display()))?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

/// An engine over the texts, analysed as of this language.
fn engine(
    collection: &Collection,
    language: Language,
    embedder: Option<Arc<dyn Embedder>>,
    root: &Path,
) -> Result<Engine> {
    let world = RealWorld::new();
    let lines: Vec<String> =
        collection.texts.iter().map(|(id, text)| json!({"id": id, "text": text}).to_string()).collect();
    fs::create_dir_all(root)?;
    fs::write_atomic(&root.join("texts.jsonl"), lines.join("\n").as_bytes())?;
    let map = format!(
        "name = \"texts\"\nlanguage = \"{language}\"\nitems = {{ file = \"texts.jsonl\" }}\n\
         [[fields]]\nname = \"id\"\nrole = \"id\"\n\
         [[fields]]\nname = \"title\"\nrole = \"title\"\ncolumn = \"id\"\nboost = 0.0\nembed = false\n\
         [[fields]]\nname = \"text\"\nrole = \"text\"\n"
    );
    let dataset = Dataset::parse(&map, &root.join("dataset.toml"))?;
    let workspace = Workspace::at(root.join("ws"));
    import(&workspace, &dataset, &world, &mut |_| (), &|| false)?;
    build_index(&workspace, embedder.as_deref(), &world, &mut |_| (), &|| false)?;
    Ok(Engine::open(&workspace, embedder)?)
}

/// Mean reciprocal rank and the share of questions with an answer, both of the first ten.
fn measure(collection: &Collection, search: &dyn Fn(&str) -> Result<Vec<Scored>>) -> Result<Value> {
    let ids: Vec<&String> = collection.texts.keys().collect();
    let (mut reciprocal, mut found) = (0.0, 0.0);
    for (question, relevant) in &collection.questions {
        let ranked = search(question)?;
        let answers = |s: &Scored| ids.get(s.item as usize).is_some_and(|id| relevant.contains(*id));
        if let Some(rank) = ranked.iter().take(DEPTH).position(answers) {
            reciprocal += 1.0 / (rank + 1) as f64;
            found += 1.0;
        }
    }
    let n = collection.questions.len().max(1) as f64;
    let rounded = |sum: f64| (sum / n * 1000.0).round() / 1000.0;
    Ok(json!({ "mrr@10": rounded(reciprocal), "success@10": rounded(found) }))
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "a program")]
fn main() -> Result<()> {
    let data = PathBuf::from(std::env::args().nth(1).context("usage: languages FOLDER")?);
    // What was embedded is kept in the folder given, for the next run.
    let temporary = tempfile::tempdir()?;
    let scratch = std::env::args().nth(2).map_or_else(|| temporary.path().to_owned(), PathBuf::from);
    let world: Arc<dyn World> = Arc::new(RealWorld::new());
    let shelf = Shelf::new(world)?;
    let mut models: Vec<Arc<dyn Embedder>> = Vec::new();
    let named: Vec<String> = std::env::args().skip(3).collect();
    let usual = ["all-minilm-l6-v2", "multilingual-e5-small"].map(str::to_owned).to_vec();
    for model in if named.is_empty() { usual } else { named }.into_iter().filter(|name| name != "none") {
        models.push(Arc::new(SentenceEmbedder::open(
            &shelf,
            &SentenceOptions::with_model(model),
            &mut |_| (),
        )?));
    }
    let of = |folder: &str, language, kind| programs(&data, folder, language, kind);
    let mut collections = Vec::new();
    for kind in ["summary", "keywords", "name"] {
        for (folder, language) in [
            ("apps-en", Language::English),
            ("dutch", Language::Dutch),
            ("apps-pt", Language::Portuguese),
            ("apps-zh", Language::Chinese),
        ] {
            collections.push((format!("{folder}: {kind}"), of(folder, language, kind)?));
        }
    }
    collections.push(("curriculum: topic".to_owned(), curriculum(&data.join("curriculum"))?));
    collections.push((
        "curriculum: topic without accents".to_owned(),
        unaccented(curriculum(&data.join("curriculum"))?),
    ));
    for (asks, language) in
        [("dutch", Language::Dutch), ("apps-pt", Language::Portuguese), ("apps-zh", Language::Chinese)]
    {
        let english = of("apps-en", Language::English, "summary")?;
        let foreign = of(asks, language, "summary")?;
        collections.push((
            format!("{asks} summary finds English"),
            across(of(asks, language, "summary")?, &english),
        ));
        collections.push((format!("English summary finds {asks}"), across(english, &foreign)));
    }

    let mut results = serde_json::Map::new();
    let mut engines: BTreeMap<(String, String), Engine> = BTreeMap::new();
    let mut open = |collection: &Collection, label: &str, language, embedder| -> Result<Engine> {
        let key = (collection.folder.clone(), label.to_owned());
        if let Some(engine) = engines.get(&key) {
            return Ok(engine.clone());
        }
        let engine = engine(collection, language, embedder, &scratch.join(&key.0).join(&key.1))?;
        engines.insert(key, engine.clone());
        Ok(engine)
    };
    for (name, collection) in &collections {
        let mut row = serde_json::Map::new();
        row.insert("texts".into(), collection.texts.len().into());
        row.insert("questions".into(), collection.questions.len().into());
        for (label, language) in [
            ("own language", collection.language),
            ("English", Language::English),
            ("none", Language::Undetermined),
        ] {
            let engine = open(collection, label, language, None)?;
            let search = |question: &str| -> Result<Vec<Scored>> {
                let query = LexicalQuery {
                    text: question.replace('"', " "),
                    fields: Vec::new(),
                    mode: MatchMode::Any,
                };
                Ok(engine.lexical(&query, None)?)
            };
            row.insert(format!("words, {label}"), measure(collection, &search)?);
        }
        for model in &models {
            let engine = open(collection, model.name(), collection.language, Some(model.clone()))?;
            let dense = |question: &str| -> Result<Vec<Scored>> {
                Ok(engine.dense(TEXT_SPACE, DenseQuery::Text(question), None)?)
            };
            row.insert(model.name().to_owned(), measure(collection, &dense)?);
            let both = |question: &str| -> Result<Vec<Scored>> {
                let words = engine.lexical(&LexicalQuery::new(question.replace('"', " ")), None)?;
                let dense = dense(question)?;
                let mut both = fuse::reciprocal_rank(&[&words, &dense], &[1.0, 1.0], fuse::RRF_K);
                both.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
                Ok(both)
            };
            row.insert(format!("words and {}", model.name()), measure(collection, &both)?);
        }
        eprintln!("{name}: {}", Value::Object(row.clone()));
        results.insert(name.clone(), Value::Object(row));
    }
    println!("{}", serde_json::to_string_pretty(&results)?);
    Ok(())
}
