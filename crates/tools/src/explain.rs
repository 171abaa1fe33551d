use segue_agent::{ErrorKind, ToolError};
use segue_catalog::{CandidateSet, Explanation, StoreError};
use segue_retrieval::Engine;

/// Why an item is in a set and where: the tree of the call that made the set and of those it was made from, each with
/// its score recomputed. `item` is a place in the set (`#1` is the first) or an id.
///
/// # Errors
/// `not_found` if the set has no such place or item; whatever keeps the engine from reading its indexes.
pub fn explain(engine: &Engine, set: &CandidateSet, item: &str) -> Result<Explanation, ToolError> {
    let place = item.strip_prefix('#').and_then(|n| n.parse::<usize>().ok());
    let ordinal = match place {
        Some(place) => place.checked_sub(1).and_then(|i| set.items().get(i)).map(|s| s.item),
        None => engine.snapshot().ordinal(item).map_err(|e: StoreError| ToolError::internal(e))?,
    };
    let ordinal = ordinal.filter(|o| set.members().contains(*o)).ok_or_else(|| {
        let message = format!("`{item}` is not in `{}`, which has {} items", set.handle(), set.len());
        ToolError { at: Some("item".to_owned()), ..ToolError::new(ErrorKind::NotFound, message) }
    })?;
    engine.explain(set, ordinal).map_err(ToolError::internal)
}
