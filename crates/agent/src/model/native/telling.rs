//! What a model is told of an answer: how much, the first items by title, and what to do about nothing. Never an id.

use segue_catalog::{Catalog, Diagnosis, Role};
use serde_json::Value as Json;

use crate::model::asking::title;
use crate::model::brief::short;
use crate::model::linking::feedback;
use crate::{CallAnswer, CallOutcome, grouped};

/// The longest text that one answer may have, in characters.
const LONGEST: usize = 800;
/// The longest value of a row, in characters.
const LONGEST_VALUE: usize = 160;

/// "c3: 12 films".
pub(super) fn set_in_words(handle: &str, count: u64, catalog: &Catalog) -> String {
    let things = if count == 1 { &catalog.noun } else { &catalog.name };
    format!("{handle}: {} {things}", grouped(count))
}

/// An answer as the model is told it; the items that it names are kept in `seen`.
pub(super) fn told(answer: &CallAnswer, catalog: &Catalog, seen: &mut Vec<(String, String)>) -> String {
    let mut text = match &answer.outcome {
        CallOutcome::Set { handle, count, top, diagnosis } => {
            let mut text = set_in_words(&handle.0, *count, catalog);
            for (n, item) in (1..).zip(top) {
                let name = format!("{handle}#{n}");
                let before = if n == 1 { ". First: " } else { "; " };
                text.extend([before, &name, " ", &title(&item.title)]);
                seen.push((name, item.id.clone()));
            }
            if let Some(diagnosis) = diagnosis {
                text.push_str(&explained(diagnosis));
            }
            text
        }
        CallOutcome::Facts(facts) => without_ids(facts, catalog).to_string(),
        CallOutcome::Failed(error) => format!("failed: {}", feedback(error)),
    };
    for note in &answer.notes {
        text.extend(["\nnote: ", &short(note, LONGEST)]);
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// How many satisfy each condition alone, and what would bring some back.
fn explained(diagnosis: &Diagnosis) -> String {
    let alone = diagnosis.conditions.iter().map(|c| format!("{} ({})", c.condition, c.count));
    let alone = format!(". Each condition alone: {}", alone.collect::<Vec<_>>().join("; "));
    let changes = diagnosis.relaxations.iter().filter(|r| r.count > 0).map(|relaxation| {
        let condition = diagnosis.conditions.get(relaxation.condition).map(|c| c.condition.to_string());
        match &relaxation.instead {
            Some(instead) => format!(". With {instead}: {}", relaxation.count),
            None => format!(". Without {}: {}", condition.unwrap_or_default(), relaxation.count),
        }
    });
    std::iter::once(alone).chain(changes).collect()
}

/// Facts without what identifies a row, and with long texts cut.
fn without_ids(facts: &Json, catalog: &Catalog) -> Json {
    let id = catalog.with_role(Role::Id).map_or("id", |f| f.name.as_str());
    match facts {
        Json::Object(parts) => {
            let kept = parts.iter().filter(|(name, value)| {
                !value.is_null() && !["id", "hash", "asked", id].contains(&name.as_str())
            });
            Json::Object(kept.map(|(name, value)| (name.clone(), without_ids(value, catalog))).collect())
        }
        Json::Array(parts) => Json::Array(parts.iter().map(|p| without_ids(p, catalog)).collect()),
        Json::String(text) => Json::String(short(text, LONGEST_VALUE)),
        other => other.clone(),
    }
}
