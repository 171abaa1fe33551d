use segue_catalog::Language;
use segue_catalog::steering::Synonyms;
use segue_catalog::text::fold;
use tantivy::Term;
use tantivy::query::{BooleanQuery, BoostQuery, DisjunctionMaxQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field as Column, IndexRecordOption};
use tantivy::tokenizer::{TextAnalyzer, Token};

use super::analysis::analyzer;
use super::words::{Purpose, Words};
use super::{LexicalQuery, MatchMode};

/// A field that a query looks into.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Searched {
    pub(crate) column: Column,
    pub(crate) language: Language,
    pub(crate) boost: f32,
}

/// The query over these fields; `None` if it holds no word. A word scores in each field where it occurs, by the field's
/// weight and in the field's language; a phrase must occur in at least one field. A word that has others scores as the best of
/// them; those of several words must stand together. What is in quotes is meant as it is.
pub(crate) fn compile(
    query: &LexicalQuery,
    fields: &[Searched],
    synonyms: &Synonyms,
) -> Option<Box<dyn Query>> {
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
        let word = |at: usize| {
            let word = |column, terms: &[(usize, String)]| terms.get(at).map(|(_, word)| term(column, word));
            (occur, in_fields(&analysed, word))
        };
        let others = synonyms.among(&said(part));
        let mut at = 0;
        while at < count {
            let here = others.iter().filter(|other| other.at == at && at + other.length <= count);
            let length = here.clone().next().map_or(1, |other| other.length);
            let mut ways: Vec<Box<dyn Query>> = here.map(|other| alternative(&other.means, fields)).collect();
            let clause: Box<dyn Query> = match length {
                1 => word(at).1,
                _ => Box::new(BooleanQuery::new((at..at + length).map(word).collect())),
            };
            if ways.is_empty() {
                clauses.push((occur, clause));
            } else {
                ways.insert(0, clause);
                clauses.push((occur, Box::new(DisjunctionMaxQuery::new(ways))));
            }
            at += length;
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

/// Another way to say a word.
fn alternative(text: &str, fields: &[Searched]) -> Box<dyn Query> {
    let analysed: Vec<_> = fields.iter().map(|field| (*field, terms(text, field.language))).collect();
    in_fields(&analysed, |column, words| match words {
        [(_, only)] => Some(term(column, only)),
        several => phrase(column, several),
    })
}

/// The words of a text as they are said, folded: as many as it has terms.
fn said(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut push = |token: &Token| words.push(fold(&token.text));
    TextAnalyzer::builder(Words::new(Purpose::Query)).build().token_stream(text).process(&mut push);
    words
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
