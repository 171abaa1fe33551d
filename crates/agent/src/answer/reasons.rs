//! One line on why an item is here: the values that the conditions were about, and the places that the searches gave it.

use segue_catalog::{Catalog, Field, Predicate, Role, Row, Value};
use serde_json::Value as Json;

use super::compose::Material;
use crate::evidence::{ItemBasis, ItemClaim, ItemEvidence};
use crate::{Support, ToolRole};

/// How many values of a field are shown in a line.
const VALUES: usize = 3;
/// How many facts are shown of an item that nothing was asked of.
const FACTS: usize = 3;

/// A line and what supports it.
pub(super) struct Reason {
    pub(super) text: String,
    pub(super) support: Vec<Support>,
}

/// The line on an item, and how many parts of it the evidence did not support.
pub(super) fn reason(material: &Material<'_>, item: &ItemEvidence) -> (Reason, u32) {
    let catalog = material.snapshot.catalog();
    let mut claims = Vec::new();
    for condition in material.reading.constraints.conditions.iter().filter(|c| c.holds()) {
        if condition.what.matches(&item.row, catalog) {
            for leaf in condition.what.conditions() {
                claims.extend(of_field(catalog, &item.row, &leaf.field, Some(&condition.what)));
            }
        }
    }
    for call in material.calls {
        let role = material.role(&call.tool);
        if let (Some(ToolRole::Order), Some(by)) = (role, call.args.get("by").and_then(Json::as_str)) {
            claims.extend(of_field(catalog, &item.row, by, None));
        }
        claims.extend(of_place(material, role, &call.args, &call.step, item));
    }
    if claims.is_empty() {
        claims = facts(catalog, &item.row);
    }
    supported(claims, item, catalog)
}

/// Everything that the catalogue knows of an item, in one line.
pub(super) fn everything(item: &ItemEvidence, catalog: &Catalog) -> Reason {
    let fields = catalog.fields.iter().filter(|f| !matches!(f.role, Role::Id | Role::Title));
    let claims = fields.filter_map(|f| of_values(f, item.row.get(catalog, &f.name).each().to_vec()));
    supported(claims.collect(), item, catalog).0
}

fn supported(claims: Vec<ItemClaim>, item: &ItemEvidence, catalog: &Catalog) -> (Reason, u32) {
    let (mut texts, mut support, mut removed) = (Vec::<String>::new(), Vec::new(), 0);
    for claim in claims {
        if texts.contains(&claim.text) {
            continue;
        }
        if !item.supports(&claim, catalog) {
            removed += 1;
            continue;
        }
        if let ItemBasis::Values { field, .. } = &claim.basis {
            let value = item.row.get(catalog, field).clone();
            support.push(Support { claim: claim.text.clone(), field: field.clone(), value });
        }
        texts.push(claim.text);
    }
    (Reason { text: texts.join(" · "), support }, removed)
}

/// "runtime 112 minutes", "genre Comedy, Drama": the values that a condition was about come first.
fn of_field(catalog: &Catalog, row: &Row, name: &str, condition: Option<&Predicate>) -> Option<ItemClaim> {
    let field = catalog.field(name).filter(|f| !matches!(f.role, Role::Id | Role::Title))?;
    let mut values = row.get(catalog, name).each().to_vec();
    if let (Some(condition), true) = (condition, values.len() > VALUES) {
        // A row with this one value shows whether the condition was about it.
        let about = |value: &Value| {
            let mut alone = row.clone();
            if let Some(slot) = catalog.field_index(name).and_then(|i| alone.values.get_mut(i)) {
                *slot = value.clone();
            }
            condition.matches(&alone, catalog)
        };
        values.sort_by_cached_key(|v| !about(v));
    }
    values.truncate(VALUES);
    of_values(field, values)
}

fn of_values(field: &Field, values: Vec<Value>) -> Option<ItemClaim> {
    if values.is_empty() {
        return None;
    }
    let words: Vec<_> = values.iter().map(ToString::to_string).collect();
    let unit = field.unit.as_ref().filter(|u| u.dimension() != Some("calendar"));
    let unit = unit.map(|u| format!(" {}", u.name().replace('_', " "))).unwrap_or_default();
    let text = format!("{} {}{unit}", field.name.replace('_', " "), words.join(", "));
    Some(ItemClaim { text, basis: ItemBasis::Values { field: field.name.clone(), values } })
}

/// "no. 4 for the words “space crew”".
fn of_place(
    material: &Material<'_>,
    role: Option<ToolRole>,
    args: &Json,
    step: &str,
    item: &ItemEvidence,
) -> Option<ItemClaim> {
    let rank = item.contributions.iter().find(|c| c.step == step)?.rank?;
    let query = args.get("query").and_then(Json::as_str).unwrap_or_default();
    let template = match role? {
        ToolRole::Lexical => "no. {rank} for the words “{query}”",
        ToolRole::Dense => "no. {rank} for the meaning of “{query}”",
        ToolRole::Similar => "no. {rank} in likeness",
        ToolRole::Personal => "no. {rank} for this user",
        _ => return None,
    };
    let text = material.say(template, &[("rank", &rank.to_string()), ("query", query)]);
    Some(ItemClaim { text, basis: ItemBasis::Place { step: step.to_owned(), rank } })
}

/// Something to know an item by where nothing was asked of it: its quality, then categories and numbers.
fn facts(catalog: &Catalog, row: &Row) -> Vec<ItemClaim> {
    let quality = catalog.quality_field().into_iter();
    let others =
        catalog.fields.iter().filter(|f| matches!(f.role, Role::Category | Role::Number | Role::Date));
    let mut names: Vec<&str> = Vec::new();
    for field in quality.chain(others) {
        if !names.contains(&field.name.as_str()) {
            names.push(&field.name);
        }
    }
    names.into_iter().filter_map(|name| of_field(catalog, row, name, None)).take(FACTS).collect()
}
