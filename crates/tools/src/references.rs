//! From what a request calls an item to the item: a place in the list that the user sees, an id, or a title.

use segue_agent::{ErrorKind, ToolContext, ToolError};
use segue_catalog::{Operator, Ordinal, Predicate, StoreError, Suggestion};
use segue_retrieval::Engine;

use crate::ranking::{engine_error, pool};

/// How many titles an error proposes.
const NEAREST: usize = 5;

/// An item and what it was called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    pub(crate) asked: String,
    pub(crate) ordinal: Ordinal,
}

/// The items that these references name, each once, in their order. `#2` is the second item that the user sees;
/// anything else is an id or, failing that, a title after folding. A title that several items have gives all of them.
pub(crate) fn items(
    engine: &Engine,
    context: &ToolContext,
    at: &str,
    references: &[String],
) -> Result<Vec<Named>, ToolError> {
    if references.is_empty() {
        return Err(ToolError::invalid(at, format!("`{at}` is empty; give an id, `#1` or an exact title")));
    }
    let mut found: Vec<Named> = Vec::new();
    for reference in references {
        for ordinal in one(engine, context, at, reference.trim())? {
            if !found.iter().any(|n| n.ordinal == ordinal) {
                found.push(Named { asked: reference.clone(), ordinal });
            }
        }
    }
    Ok(found)
}

/// An error if an item is not in the pool.
pub(crate) fn check_within(context: &ToolContext, at: &str, items: &[Named]) -> Result<(), ToolError> {
    let (Some(pool), Some(set)) = (pool(context), &context.within) else { return Ok(()) };
    match items.iter().find(|n| !pool.contains(n.ordinal)) {
        None => Ok(()),
        Some(outside) => {
            let message = format!(
                "`{}` is not in `{}`; leave `within` out to look everywhere",
                outside.asked,
                set.handle()
            );
            Err(not_found(at, message))
        }
    }
}

/// The id of an item.
pub(crate) fn id_of(context: &ToolContext, ordinal: Ordinal) -> Result<String, ToolError> {
    let row = context.snapshot.row(ordinal).map_err(ToolError::internal)?;
    Ok(row.map(|row| row.id(context.snapshot.catalog()).to_owned()).unwrap_or_default())
}

fn one(engine: &Engine, context: &ToolContext, at: &str, reference: &str) -> Result<Vec<Ordinal>, ToolError> {
    let snapshot = &context.snapshot;
    if let Some(place) = reference.strip_prefix('#').and_then(|n| n.parse::<usize>().ok()) {
        let id = shown(context, at, reference, place)?;
        let ordinal = snapshot.ordinal(id).map_err(ToolError::internal)?;
        return ordinal.map(|ordinal| vec![ordinal]).ok_or_else(|| {
            not_found(at, format!("`{reference}` is no longer in the catalogue; search again"))
        });
    }
    if let Some(ordinal) = snapshot.ordinal(reference).map_err(ToolError::internal)? {
        return Ok(vec![ordinal]);
    }
    let Some(title) = snapshot.catalog().title_field() else { return Err(unknown(context, at, reference)) };
    let titled = Predicate::field(&title.name, Operator::Eq, reference);
    let found: Vec<Ordinal> =
        engine.over(&context.snapshot).filter(&titled, None).map_err(engine_error)?.iter().collect();
    if found.is_empty() { Err(unknown(context, at, reference)) } else { Ok(found) }
}

fn shown<'a>(
    context: &'a ToolContext,
    at: &str,
    reference: &str,
    place: usize,
) -> Result<&'a str, ToolError> {
    let id = place.checked_sub(1).and_then(|i| context.shown.get(i));
    id.map(String::as_str).ok_or_else(|| {
        let there = match context.shown.len() {
            0 => "nothing is shown yet; give an id or an exact title".to_owned(),
            1 => "there is only `#1`".to_owned(),
            n => format!("there are `#1` to `#{n}`"),
        };
        not_found(at, format!("`{reference}` is not shown; {there}"))
    })
}

fn unknown(context: &ToolContext, at: &str, reference: &str) -> ToolError {
    let message = format!("no item has the id or the title `{reference}`; give an exact title or `#1`");
    match nearest_titles(context, reference) {
        Ok(nearest) => not_found(at, message).with_nearest(nearest),
        Err(error) => ToolError::internal(error),
    }
}

fn nearest_titles(context: &ToolContext, reference: &str) -> Result<Vec<Suggestion>, StoreError> {
    let catalog = context.snapshot.catalog();
    let title = catalog.title_field().and_then(|f| catalog.field_index(&f.name));
    let near = context.snapshot.lexicon_nearest(reference, title, NEAREST)?;
    Ok(near.into_iter().map(|(e, _)| Suggestion { value: e.value, count: e.count }).collect())
}

fn not_found(at: &str, message: String) -> ToolError {
    ToolError { at: Some(at.to_owned()), ..ToolError::new(ErrorKind::NotFound, message) }
}
