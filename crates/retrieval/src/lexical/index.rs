use std::path::{Path, PathBuf};

use roaring::RoaringBitmap;
use segue_catalog::steering::Synonyms;
use segue_catalog::{Catalog, Explanation, Language, Ordinal, Row, Scored};
use segue_world::fs;
use tantivy::directory::MmapDirectory;
use tantivy::index::SegmentId;
use tantivy::indexer::NoMergePolicy;
use tantivy::query::Query;
use tantivy::schema::{
    FAST, Field as Column, INDEXED, IndexRecordOption, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::{Index, IndexWriter, Searcher, TantivyDocument, TantivyError, Term};

use super::LexicalQuery;
use super::analysis::{self, analyzer};
use super::collect::Everything;
use super::directory::ReadOnly;
use super::query::{Searched, compile};
use super::words::Purpose;
use crate::{EngineError, IndexError};

const ORDINAL: &str = "_ordinal";
/// One thread, so that the same rows give the same segment and the same scores.
const WRITER_MEMORY: usize = 128 << 20;

/// The names, languages and weights of a catalogue's searchable fields.
fn searchable(catalog: &Catalog) -> impl Iterator<Item = (&str, Language, f32)> {
    let searchable = catalog.fields.iter().filter(|f| f.is_searchable());
    searchable.map(|f| (f.name.as_str(), f.language.unwrap_or(Language::English), f.boost))
}

fn schema(catalog: &Catalog) -> Schema {
    let mut schema = Schema::builder();
    schema.add_u64_field(ORDINAL, FAST | INDEXED);
    for (name, language, _) in searchable(catalog) {
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(&analysis::name(language))
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        schema.add_text_field(name, TextOptions::default().set_indexing_options(indexing));
    }
    schema.build()
}

/// Writes the lexical index of one generation.
pub(crate) struct LexicalWriter {
    folder: PathBuf,
    writer: IndexWriter,
    ordinal: Column,
    /// The position of each searchable field in a row, and its column.
    columns: Vec<(usize, Column)>,
}

impl LexicalWriter {
    pub(crate) fn create(folder: &Path, catalog: &Catalog) -> Result<Self, IndexError> {
        fs::create_dir_all(folder)?;
        let failed = |source| IndexError::Lexical { path: folder.to_owned(), source };
        let schema = schema(catalog);
        let ordinal = schema.get_field(ORDINAL).map_err(failed)?;
        let mut columns = Vec::new();
        for (name, ..) in searchable(catalog) {
            let index = catalog.field_index(name).unwrap_or(usize::MAX);
            columns.push((index, schema.get_field(name).map_err(failed)?));
        }
        let index = Index::create_in_dir(folder, schema).map_err(failed)?;
        for (_, language, _) in searchable(catalog) {
            index.tokenizers().register(&analysis::name(language), analyzer(language, Purpose::Index));
        }
        let writer: IndexWriter = index.writer_with_num_threads(1, WRITER_MEMORY).map_err(failed)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        Ok(Self { folder: folder.to_owned(), writer, ordinal, columns })
    }

    pub(crate) fn push(&mut self, row: &Row) -> Result<(), IndexError> {
        let mut document = TantivyDocument::default();
        document.add_u64(self.ordinal, u64::from(row.ordinal));
        for (index, column) in &self.columns {
            for value in row.values.get(*index).map(|v| v.each()).unwrap_or_default() {
                if let Some(text) = value.as_str() {
                    document.add_text(*column, text);
                }
            }
        }
        let added = self.writer.add_document(document);
        added.map(|_| ()).map_err(|source| IndexError::Lexical { path: self.folder.clone(), source })
    }

    /// Commits, and merges what there is into one segment.
    pub(crate) fn finish(mut self) -> Result<(), IndexError> {
        let folder = self.folder;
        let finished = (|| {
            self.writer.commit()?;
            let segments = in_order(self.writer.index())?;
            if segments.len() > 1 {
                self.writer.merge(&segments).wait()?;
            }
            self.writer.wait_merging_threads()
        })();
        finished.map_err(|source| IndexError::Lexical { path: folder.clone(), source })?;
        // Tantivy makes these for its own user alone; whoever may read the rest may read them.
        for name in ["meta.json", ".managed.json"] {
            let path = folder.join(name);
            fs::write_atomic(&path, &fs::read(&path)?)?;
        }
        Ok(())
    }
}

/// The segments in the order of the items in them: the same rows then give the same bytes.
fn in_order(index: &Index) -> tantivy::Result<Vec<SegmentId>> {
    let mut segments = Vec::new();
    for segment in index.reader()?.searcher().segment_readers() {
        let ordinals = segment.fast_fields().u64(ORDINAL)?;
        segments.push((ordinals.first(0), segment.segment_id()));
    }
    segments.sort_unstable();
    Ok(segments.into_iter().map(|(_, id)| id).collect())
}

/// The lexical index of one generation, for reading.
#[derive(Debug)]
pub(crate) struct LexicalIndex {
    folder: PathBuf,
    searcher: Searcher,
    ordinal: Column,
    columns: Vec<(String, Searched)>,
}

impl LexicalIndex {
    pub(crate) fn open(folder: &Path, catalog: &Catalog) -> Result<Self, EngineError> {
        let failed = |source| EngineError::Lexical { path: folder.to_owned(), source };
        let index = open_to_read(folder).map_err(failed)?;
        let schema = index.schema();
        let ordinal = schema.get_field(ORDINAL).map_err(failed)?;
        let mut columns = Vec::new();
        for (name, language, boost) in searchable(catalog) {
            let column = schema.get_field(name).map_err(failed)?;
            columns.push((name.to_owned(), Searched { column, language, boost }));
        }
        let searcher = index.reader().map_err(failed)?.searcher();
        Ok(Self { folder: folder.to_owned(), searcher, ordinal, columns })
    }

    /// Every item of the pool (of the catalogue, if none is given) that matches, with its score, best first.
    pub(crate) fn search(
        &self,
        query: &LexicalQuery,
        synonyms: &Synonyms,
        within: Option<&RoaringBitmap>,
    ) -> Result<Vec<Scored>, EngineError> {
        let Some(query) = self.compiled(query, synonyms) else { return Ok(Vec::new()) };
        let collector = Everything { ordinal: ORDINAL, within };
        self.searcher.search(&query, &collector).map_err(|source| self.failed(source))
    }

    /// Why an item has its score for a query; `None` if it does not match.
    pub(crate) fn explain(
        &self,
        query: &LexicalQuery,
        synonyms: &Synonyms,
        item: Ordinal,
    ) -> Result<Option<Explanation>, EngineError> {
        let Some(query) = self.compiled(query, synonyms) else { return Ok(None) };
        let term = Term::from_field_u64(self.ordinal, u64::from(item));
        let only = tantivy::query::TermQuery::new(term, IndexRecordOption::Basic);
        let found = self
            .searcher
            .search(&only, &tantivy::collector::DocSetCollector)
            .map_err(|source| self.failed(source))?;
        let Some(address) = found.into_iter().next() else { return Ok(None) };
        match query.explain(&self.searcher, address) {
            Ok(explanation) => Ok(Some(read_explanation(&explanation))),
            // The item is there and does not match.
            Err(TantivyError::InvalidArgument(_)) => Ok(None),
            Err(source) => Err(self.failed(source)),
        }
    }

    fn compiled(&self, query: &LexicalQuery, synonyms: &Synonyms) -> Option<Box<dyn Query>> {
        let chosen: Vec<Searched> = if query.fields.is_empty() {
            self.columns.iter().map(|(_, searched)| *searched).collect()
        } else {
            let named = |name: &String| self.columns.iter().find(|(n, _)| n == name).map(|(_, s)| *s);
            query
                .fields
                .iter()
                .filter_map(|(name, boost)| Some(Searched { boost: *boost, ..named(name)? }))
                .collect()
        };
        compile(query, &chosen, synonyms)
    }

    /// Files whose checksum is not theirs, and documents that are not there. Reads everything.
    pub(crate) fn faults(&self, items: u64) -> Vec<String> {
        let mut faults = match self.searcher.index().validate_checksum() {
            Ok(damaged) => {
                let mut damaged: Vec<_> = damaged.into_iter().map(|f| self.folder.join(f)).collect();
                damaged.sort();
                damaged.iter().map(|f| format!("`{}` does not have its checksum", f.display())).collect()
            }
            Err(error) => vec![self.failed(error).to_string()],
        };
        if self.searcher.num_docs() != items {
            let folder = self.folder.display();
            faults.push(format!("`{folder}` has {} documents for {items} items", self.searcher.num_docs()));
        }
        faults
    }

    fn failed(&self, source: TantivyError) -> EngineError {
        EngineError::Lexical { path: self.folder.clone(), source }
    }
}

fn open_to_read(folder: &Path) -> tantivy::Result<Index> {
    Index::open(ReadOnly(MmapDirectory::open(folder)?))
}

/// Tantivy's explanation has no public parts; its JSON has.
fn read_explanation(explanation: &tantivy::query::Explanation) -> Explanation {
    fn read(json: &serde_json::Value) -> Explanation {
        let details = json.get("details").and_then(|d| d.as_array());
        Explanation {
            value: json.get("value").and_then(serde_json::Value::as_f64).unwrap_or_default(),
            description: json.get("description").and_then(|d| d.as_str()).unwrap_or_default().to_owned(),
            details: details.map(|d| d.iter().map(read).collect()).unwrap_or_default(),
        }
    }
    read(&serde_json::to_value(explanation).unwrap_or_default())
}
