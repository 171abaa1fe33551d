use tantivy::Term;
use tantivy::query::{BooleanQuery, BoostQuery, Occur, PhraseQuery, Query, TermQuery};
use tantivy::schema::{Field as Column, IndexRecordOption};
use tantivy::tokenizer::TextAnalyzer;

use super::{LexicalQuery, MatchMode};

/// The query over these fields; `None` if it holds no word. A word scores in each field where it occurs, by the field's
/// weight; a phrase must occur in at least one field.
pub(crate) fn compile(
    query: &LexicalQuery,
    fields: &[(Column, f32)],
    analyzer: &mut TextAnalyzer,
) -> Option<Box<dyn Query>> {
    let mut clauses: Vec<(Occur, Box<dyn Query>)> = Vec::new();
    for (i, part) in query.text.split('"').enumerate() {
        let words = tokens(part, analyzer);
        // What stands between an opening and a closing quote is a phrase.
        if i % 2 == 1 && words.len() > 1 {
            clauses.push((Occur::Must, in_fields(fields, |column| phrase(column, &words))));
            continue;
        }
        let occur = match query.mode {
            MatchMode::All => Occur::Must,
            MatchMode::Any => Occur::Should,
        };
        for word in &words {
            clauses.push((occur, in_fields(fields, |column| term(column, word))));
        }
    }
    if clauses.is_empty() || fields.is_empty() {
        return None;
    }
    Some(Box::new(BooleanQuery::new(clauses)))
}

fn in_fields(fields: &[(Column, f32)], make: impl Fn(Column) -> Box<dyn Query>) -> Box<dyn Query> {
    let parts = fields.iter().map(|(column, boost)| {
        let query: Box<dyn Query> = Box::new(BoostQuery::new(make(*column), *boost));
        (Occur::Should, query)
    });
    Box::new(BooleanQuery::new(parts.collect()))
}

fn term(column: Column, word: &str) -> Box<dyn Query> {
    let term = Term::from_field_text(column, word);
    Box::new(TermQuery::new(term, IndexRecordOption::WithFreqsAndPositions))
}

fn phrase(column: Column, words: &[String]) -> Box<dyn Query> {
    Box::new(PhraseQuery::new(words.iter().map(|w| Term::from_field_text(column, w)).collect()))
}

fn tokens(text: &str, analyzer: &mut TextAnalyzer) -> Vec<String> {
    let mut words = Vec::new();
    let mut stream = analyzer.token_stream(text);
    while stream.advance() {
        words.push(stream.token().text.clone());
    }
    words
}
