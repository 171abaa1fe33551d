//! BM25 over the searchable fields (tantivy; k1 = 1.2, b = 0.75): words folded and stemmed by the language of each field, phrases
//! in quotes, a weight a field. Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond", 2009.

mod analysis;
mod collect;
mod directory;
mod index;
mod query;
mod words;

pub(crate) use index::{LexicalIndex, LexicalWriter};

/// A query by words.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LexicalQuery {
    /// Words; those in double quotes must stand together, in this order.
    pub text: String,
    /// Fields and their weights; empty for all searchable ones with the weights of the catalogue.
    pub fields: Vec<(String, f32)>,
    /// How many of the words must occur.
    pub mode: MatchMode,
}

/// How many of the words must occur.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MatchMode {
    /// At least one; more is better.
    #[default]
    Any,
    /// Every one, each in any of the fields.
    All,
}

impl LexicalQuery {
    /// Any of these words in all searchable fields.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }
}
