use segue_catalog::Language;
use tantivy::Term;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field as Column, IndexRecordOption};
use tantivy::tokenizer::Token;

use super::analysis::analyzer;
use super::words::Purpose;
use super::{LexicalQuery, MatchMode};

/// A field that a query looks into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Searched {
    pub(crate) column: Column,
    pub(crate) language: Language,
    pub(crate) boost: f32,
}

/// The query over these fields; `None` if it holds no word. A word scores in each field where it occurs, by the field's
/// weight and in the field's language; a phrase must occur in at least one field.
pub(crate) fn compile(query: &LexicalQuery, fields: &[Searched]) -> Option<Box<dyn Query>> {
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for (i, part) in query.text.split('"').enumerate() {
        // Every language has the same words, by place; only their terms differ.
        let analysed: Vec<(Searched, Vec<(usize, String)>)> =
            fields.iter().map(|field| (*field, terms(part, field.language))).collect();
        let count = analysed.iter().map(|(_, terms)| terms.len()).max().unwrap_or_default();
        // What stands between an opening and a closing quote is a phrase.
        if i % 2 == 1 && count > 1 {
            clauses.push((Occur::Must, in_fields(&analysed, phrase)));
            continue;
        }
        let occur = match query.mode {
            MatchMode::All => Occur::Must,
            MatchMode::Any => Occur::Should,
        };
        for at in 0..count {
            let word = |column, terms: &[(usize, String)]| terms.get(at).map(|(_, word)| term(column, word));
            clauses.push((occur, in_fields(&analysed, word)));
        }
    }
    if clauses.is_empty() || fields.is_empty() {
        return None;
    }
    Some(Box::new(BooleanQuery::new(clauses)))
}

fn in_fields(
    fields: &[(Searched, Vec<(usize, String)>)],
    make: impl Fn(Column, &[(usize, String)]) -> Option<Box<dyn Query>>,
) -> Box<dyn Query> {
    let parts = fields.iter().filter_map(|(field, terms)| {
        let query: Box<dyn Query> = Box::new(BoostQuery::new(make(field.column, terms)?, field.boost));
        Some((Occur::Should, query))
    });
    Box::new(BooleanQuery::new(parts.collect()))
}

fn term(column: Column, word: &str) -> Box<dyn Query> {
    let term = Term::from_field_text(column, word);
    Box::new(TermQuery::new(term, IndexRecordOption::WithFreqsAndPositions))
}

fn phrase(column: Column, words: &[(usize, String)]) -> Option<Box<dyn Query>> {
    let terms = words.iter().map(|(at, word)| (*at, Term::from_field_text(column, word)));
    (words.len() > 1).then(|| -> Box<dyn Query> { Box::new(PhraseQuery::new_with_offset(terms.collect())) })
}

/// The terms of a text, each with its place among the words.
fn terms(text: &str, language: Language) -> Vec<(usize, String)> {
    let mut terms = Vec::new();
    let mut push = |token: &Token| terms.push((token.position, token.text.clone()));
    analyzer(language, Purpose::Query).token_stream(text).process(&mut push);
    terms
}
