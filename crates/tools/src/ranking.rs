//! What the ranking tools share: the pool, the cut, and how an engine's failure is told.

use std::sync::Arc;

use roaring::RoaringBitmap;
use segue_agent::{ErrorKind, ToolContext, ToolError, ToolOutput};
use segue_catalog::{CandidateSet, Scored, Suggestion};
use segue_models::EmbedError;
use segue_retrieval::EngineError;
use serde::Serialize;

/// The items outside which nothing may come back; `None` for the whole catalogue.
pub(crate) fn pool(context: &ToolContext) -> Option<&RoaringBitmap> {
    context.within.as_deref().map(CandidateSet::members)
}

/// The sets that a call was made from: the pool first, then those its arguments name, each once.
pub(crate) fn parents(context: &ToolContext, named: &[Arc<CandidateSet>]) -> Vec<Arc<CandidateSet>> {
    let mut parents: Vec<Arc<CandidateSet>> = context.within.clone().into_iter().collect();
    for set in named {
        if !parents.iter().any(|p| p.handle() == set.handle()) {
            parents.push(set.clone());
        }
    }
    parents
}

/// Sorts best first, ties by id, and keeps the first `k`, if the call says how many.
pub(crate) fn best(mut items: Vec<Scored>, k: Option<usize>) -> Vec<Scored> {
    items.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
    items.truncate(k.unwrap_or(usize::MAX));
    items
}

/// A ranked set with the record of the call that made it.
pub(crate) fn ranked(
    context: &ToolContext,
    tool: &str,
    args: &impl Serialize,
    items: Vec<Scored>,
    named: &[Arc<CandidateSet>],
) -> Result<CandidateSet, ToolError> {
    let args = serde_json::to_value(args).map_err(ToolError::internal)?;
    let call = context.record(tool, args);
    Ok(CandidateSet::ranked(context.handle.clone(), call, items, parents(context, named)))
}

/// A set and what the reader should know of it.
pub(crate) fn noted(set: CandidateSet, notes: Vec<String>) -> ToolOutput {
    ToolOutput::Set { set: Arc::new(set), diagnosis: None, notes }
}

/// A `k` that keeps nothing is a mistake.
pub(crate) fn check_k(k: Option<usize>) -> Result<Option<usize>, ToolError> {
    match k {
        Some(0) => Err(ToolError::invalid("k", "`k` is 0 and would keep nothing; leave it out to keep all")),
        k => Ok(k),
    }
}

/// The words of a query, trimmed; an error if there are none.
pub(crate) fn check_query(query: &str) -> Result<String, ToolError> {
    let query = query.trim();
    if query.chars().any(char::is_alphanumeric) {
        return Ok(query.to_owned());
    }
    Err(ToolError::invalid("query", "`query` has no words; say what to look for"))
}

/// An embedding space that is there: the one asked for, or the first.
pub(crate) fn check_space(spaces: &[&str], asked: Option<&str>) -> Result<String, ToolError> {
    let Some(first) = spaces.first() else {
        let message = "this workspace has no embeddings; run `segue index` with the embedding model in place, \
                       or search by words";
        return Err(ToolError { at: None, ..ToolError::new(ErrorKind::Unsupported, message) });
    };
    let text = spaces.iter().find(|s| **s == segue_retrieval::TEXT_SPACE);
    match asked {
        None => Ok((*text.unwrap_or(first)).to_owned()),
        Some(asked) if spaces.contains(&asked) => Ok(asked.to_owned()),
        Some(asked) => {
            let nearest = nearest_names(asked, spaces.iter().copied());
            Err(ToolError::invalid("space", format!("there is no embedding space `{asked}`"))
                .with_nearest(nearest))
        }
    }
}

/// Names from nearest to farthest, at most five.
pub(crate) fn nearest_names<'a>(asked: &str, names: impl Iterator<Item = &'a str>) -> Vec<Suggestion> {
    let mut names: Vec<_> = names.collect();
    names.sort_by_key(|name| strsim::damerau_levenshtein(name, asked));
    names.into_iter().take(5).map(|name| Suggestion { value: name.to_owned(), count: 0 }).collect()
}

/// What this workspace cannot do is told with its remedy; anything else is for whoever runs Segue.
pub(crate) fn engine_error(error: EngineError) -> ToolError {
    match error {
        EngineError::NoSpace { .. }
        | EngineError::NoEncoder { .. }
        | EngineError::NoVector(_)
        | EngineError::Embed(EmbedError::Load { .. }) => {
            ToolError::new(ErrorKind::Unsupported, error.to_string())
        }
        other => ToolError::internal(other),
    }
}
