//! Times an import and its lexical index against the bare libraries doing the same writes.
//!
//! `import_rate dataset.toml DATA… [--pairs N]` prints one JSON document. Our side reads the files, checks, converts and
//! counts every value, and writes catalogue, statistics, lexicon and words. The bare side gets all rows ready in
//! memory and only writes: the same tables, rows and indexes by one prepared statement a table in one
//! transaction (rusqlite), and the same documents into the same fields (tantivy). The two take turns. The ratio is
//! the bare side's time by ours: at 0.6, everything beyond the writing costs two thirds as much again.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use rusqlite::types::Value;
use rusqlite::{Connection, params_from_iter};
use segue_catalog::{Catalog, Dataset, Snapshot, Workspace, import};
use segue_retrieval::build_index;
use segue_world::{RealWorld, World, fs};
use tantivy::schema::{FAST, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::tokenizer::{
    AsciiFoldingFilter, Language, LowerCaser, RemoveLongFilter, SimpleTokenizer, Stemmer, TextAnalyzer,
};
use tantivy::{Index, TantivyDocument};

fn total(took: &Took) -> f64 {
    (took.0 + took.1).as_secs_f64()
}

/// A table as it was found: how to make it, how to index it, and its rows.
struct Table {
    name: String,
    create: String,
    indexes: Vec<String>,
    rows: Vec<Vec<Value>>,
}

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let (mut pairs, mut paths) = (5, Vec::new());
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--pairs" => pairs = arguments.next().context("a number is missing")?.parse()?,
            path => paths.push(PathBuf::from(path)),
        }
    }
    let (map, data) = paths.split_first().context("usage: import_rate dataset.toml DATA… [--pairs N]")?;
    let dataset = Dataset::read(map)?.with_files(data)?;
    let world = RealWorld::new();
    let folder = tempfile::tempdir()?;
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    let (_, snapshot) = run_ours(&dataset, &folder.path().join("first"), &world)?;
    let tables = read_tables(&folder.path().join("first/generations/0001/rows.db"))?;
    let documents = read_documents(&snapshot)?;
    for pair in 0..pairs {
        let (a, b) = (folder.path().join(format!("ours{pair}")), folder.path().join(format!("bare{pair}")));
        let run_bare = || bare_writes(&tables, &documents, snapshot.catalog(), &b, &world);
        if pair % 2 == 0 {
            ours.push(run_ours(&dataset, &a, &world)?.0);
            bare.push(run_bare()?);
        } else {
            bare.push(run_bare()?);
            ours.push(run_ours(&dataset, &a, &world)?.0);
        }
        fs::remove_dir_all(&a)?;
        fs::remove_dir_all(&b)?;
    }
    let mut ratios: Vec<f64> = ours.iter().zip(&bare).map(|(o, b)| total(b) / total(o)).collect();
    ratios.sort_by(f64::total_cmp);
    let seconds =
        |all: &[Took]| all.iter().map(|t| (t.0.as_secs_f64(), t.1.as_secs_f64())).collect::<Vec<_>>();
    let report = serde_json::json!({
        "items": snapshot.catalog().items, "rows": tables.iter().map(|t| t.rows.len()).sum::<usize>(),
        "ours_seconds": seconds(&ours), "bare_seconds": seconds(&bare),
        "ratio": { "median": ratios.get(ratios.len() / 2), "low": ratios.first(), "high": ratios.last() },
    });
    writeln!(std::io::stdout(), "{report}")?;
    Ok(())
}

/// How long the rows took, and the words.
type Took = (Duration, Duration);

fn run_ours(dataset: &Dataset, root: &Path, world: &RealWorld) -> Result<(Took, Snapshot)> {
    let workspace = Workspace::at(root);
    let began = world.elapsed();
    import(&workspace, dataset, world, &mut |_| {}, &|| false)?;
    let imported = world.elapsed();
    build_index(&workspace, None, world, &mut |_| {}, &|| false)?;
    let took = (imported - began, world.elapsed() - imported);
    Ok((took, Snapshot::of(&workspace, 1)?))
}

fn read_tables(database: &Path) -> Result<Vec<Table>> {
    let connection = Connection::open(database)?;
    let mut tables = Vec::new();
    let mut found = connection.prepare(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name LIKE 'segue~_%' ESCAPE '~' ORDER BY name",
    )?;
    let named = found.query_map([], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)))?;
    for found in named {
        let (name, create) = found?;
        let mut indexes = connection.prepare(
            "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL",
        )?;
        let indexes = indexes.query_map([&name], |r| r.get(0))?.collect::<Result<_, _>>()?;
        let mut all = connection.prepare(&format!("SELECT * FROM {name}"))?;
        let columns = all.column_count();
        let row = |r: &rusqlite::Row<'_>| (0..columns).map(|i| r.get(i)).collect::<Result<Vec<Value>, _>>();
        let rows = all.query_map([], row)?.collect::<Result<_, _>>()?;
        tables.push(Table { name, create, indexes, rows });
    }
    Ok(tables)
}

/// Of each item the texts of each searchable field.
fn read_documents(snapshot: &Snapshot) -> Result<Vec<Vec<Vec<String>>>> {
    let catalog = snapshot.catalog();
    let ordinals: Vec<u32> = (0..catalog.items as u32).collect();
    let mut documents = Vec::new();
    for row in snapshot.rows(&ordinals)? {
        let texts = |name: &str| {
            let values = row.get(catalog, name).each().iter();
            values.filter_map(|v| v.as_str().map(str::to_owned)).collect::<Vec<_>>()
        };
        documents.push(catalog.fields.iter().filter(|f| f.is_searchable()).map(|f| texts(&f.name)).collect());
    }
    Ok(documents)
}

fn bare_writes(
    tables: &[Table],
    documents: &[Vec<Vec<String>>],
    catalog: &Catalog,
    root: &Path,
    world: &RealWorld,
) -> Result<Took> {
    fs::create_dir_all(&root.join("bm25"))?;
    let began = world.elapsed();
    let mut connection = Connection::open(root.join("catalog.db"))?;
    connection.execute_batch(
        "PRAGMA journal_mode = wal; PRAGMA synchronous = normal; PRAGMA cache_size = -131072;",
    )?;
    let transaction = connection.transaction()?;
    for table in tables {
        transaction.execute_batch(&table.create)?;
        let marks = vec!["?"; table.rows.first().map_or(0, Vec::len)].join(",");
        if !table.rows.is_empty() {
            let mut insert = transaction.prepare(&format!("INSERT INTO {} VALUES ({marks})", table.name))?;
            for row in &table.rows {
                insert.execute(params_from_iter(row))?;
            }
        }
        table.indexes.iter().try_for_each(|index| transaction.execute_batch(index))?;
    }
    transaction.commit()?;
    let written = world.elapsed();

    let mut schema = Schema::builder();
    let ordinal = schema.add_u64_field("_ordinal", FAST | INDEXED);
    let indexing = TextFieldIndexing::default()
        .set_tokenizer("english")
        .set_index_option(IndexRecordOption::WithFreqsAndPositions);
    let options = TextOptions::default().set_indexing_options(indexing);
    let fields: Vec<_> = catalog
        .fields
        .iter()
        .filter(|f| f.is_searchable())
        .map(|f| schema.add_text_field(&f.name, options.clone()))
        .collect();
    let index = Index::create_in_dir(root.join("bm25"), schema.build())?;
    // The same filters give the same terms.
    let english = TextAnalyzer::builder(SimpleTokenizer::default())
        .filter(RemoveLongFilter::limit(80))
        .filter(LowerCaser)
        .filter(AsciiFoldingFilter)
        .filter(Stemmer::new(Language::English))
        .build();
    index.tokenizers().register("english", english);
    let mut writer = index.writer_with_num_threads(1, 128 << 20)?;
    for (i, texts) in documents.iter().enumerate() {
        let mut document = TantivyDocument::default();
        document.add_u64(ordinal, i as u64);
        for (field, texts) in fields.iter().zip(texts) {
            texts.iter().for_each(|text| document.add_text(*field, text));
        }
        writer.add_document(document)?;
    }
    writer.commit()?;
    writer.wait_merging_threads()?;
    Ok((written - began, world.elapsed() - written))
}
