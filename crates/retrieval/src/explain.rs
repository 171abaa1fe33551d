//! Why an item has its score: the call that gave it, then the calls behind that one.

use segue_catalog::{CandidateSet, Explanation, Ordinal};

use crate::lexical::MatchMode;
use crate::{Engine, EngineError, LexicalQuery, TEXT_SPACE};

/// The tree of a set's call and of those behind it. What a call computed is computed again from its record.
pub(crate) fn explain(
    engine: &Engine,
    set: &CandidateSet,
    item: Ordinal,
) -> Result<Explanation, EngineError> {
    let call = set.call();
    let place = match set.rank(item).filter(|_| set.is_ranked()) {
        Some(rank) => format!("place {rank} of {} in {} by {}", set.len(), set.handle(), call.tool),
        None if set.members().contains(item) => format!("in {} by {}", set.handle(), call.tool),
        None => format!("not in {} by {}", set.handle(), call.tool),
    };
    let mut details = Vec::new();
    if let Some(query) = call.args.get("query").and_then(|q| q.as_str()) {
        details.extend(own_score(engine, set, query, item)?);
    }
    for parent in set.parents() {
        details.push(explain(engine, parent, item)?);
    }
    Ok(Explanation::node(set.score(item).unwrap_or_default(), place, details))
}

fn own_score(
    engine: &Engine,
    set: &CandidateSet,
    query: &str,
    item: Ordinal,
) -> Result<Option<Explanation>, EngineError> {
    let args = &set.call().args;
    if set.call().tool.starts_with("bm25") {
        let all = args.get("match").and_then(|m| m.as_str()) == Some("all");
        let mode = if all { MatchMode::All } else { MatchMode::Any };
        let fields = args.get("fields").and_then(|f| f.as_array()).into_iter().flatten();
        let fields = fields.filter_map(|f| {
            let name = f.get("field")?.as_str()?.to_owned();
            Some((name, f.get("boost").and_then(serde_json::Value::as_f64).unwrap_or(1.0) as f32))
        });
        let query = LexicalQuery { text: query.to_owned(), fields: fields.collect(), mode };
        let synonyms = &engine.snapshot().steering().synonyms;
        let others =
            synonyms.of_query(&query.text).into_iter().map(|a| Explanation::leaf(0.0, a.to_string()));
        let explained = engine.explain_lexical(&query, item)?;
        return Ok(explained.map(|mut explanation| {
            explanation.details.extend(others);
            explanation
        }));
    }
    let space = args.get("space").and_then(|s| s.as_str()).unwrap_or(TEXT_SPACE);
    let Some(row) = engine.vectors(space)?.row(item) else { return Ok(None) };
    let vector = engine.embed(space, query)?;
    let cosine: f64 = row.zip(&vector).map(|(a, b)| f64::from(a) * f64::from(*b)).sum();
    Ok(Some(Explanation::leaf(cosine, format!("cosine of the item and “{query}” in `{space}`"))))
}
