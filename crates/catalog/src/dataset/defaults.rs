//! Adjectives that follow from what a field measures, for fields that state none of their own.

use crate::{Field, Role};

/// Dimension (or unit) of a field, adjectives for more of it, adjectives for less of it.
const BY_DIMENSION: &[(&str, &[&str], &[&str])] = &[
    ("calendar", &["new", "recent", "latest", "modern"], &["old", "early", "vintage"]),
    ("duration", &["long", "lengthy"], &["short", "brief"]),
    ("length", &["long"], &["short"]),
    ("mass", &["heavy"], &["light"]),
    ("area", &["large", "big", "spacious"], &["small"]),
    ("memory", &["large", "big"], &["small"]),
    ("tempo", &["fast", "quick"], &["slow"]),
    ("usd", &["expensive", "pricey"], &["cheap", "affordable"]),
    ("eur", &["expensive", "pricey"], &["cheap", "affordable"]),
    ("gbp", &["expensive", "pricey"], &["cheap", "affordable"]),
    ("brl", &["expensive", "pricey"], &["cheap", "affordable"]),
    ("cny", &["expensive", "pricey"], &["cheap", "affordable"]),
];

/// Fills in `high` and `low` where the data set states neither.
pub(super) fn adjectives(field: &mut Field) {
    let dimension = match field.role {
        Role::Date => Some("calendar"),
        Role::Number => field.unit.as_ref().and_then(|u| u.dimension()),
        _ => None,
    };
    let Some((_, high, low)) = BY_DIMENSION.iter().find(|(name, ..)| Some(*name) == dimension) else {
        return;
    };
    field.high = high.iter().map(|&w| w.to_owned()).collect();
    field.low = low.iter().map(|&w| w.to_owned()).collect();
}
