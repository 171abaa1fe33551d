//! What of an item is embedded.

use segue_catalog::{Catalog, Role, Row};

/// The longest text that is embedded, in characters; a model reads no more anyway.
const LONGEST: usize = 2000;
/// How many values of a multi-valued field are taken.
const MOST_VALUES: usize = 6;

/// The item's embedded fields as one text: the title, then `name: value` for each.
pub(crate) fn embedding_text(row: &Row, catalog: &Catalog) -> String {
    let mut text = String::new();
    for (field, value) in catalog.fields.iter().zip(&row.values).filter(|(f, v)| f.embed && !v.is_null()) {
        if !text.is_empty() {
            text.push_str(". ");
        }
        if !matches!(field.role, Role::Title | Role::Text) {
            text.push_str(&field.name.replace('_', " "));
            text.push_str(": ");
        }
        for (i, one) in value.each().iter().take(MOST_VALUES).enumerate() {
            if i > 0 {
                text.push_str(", ");
            }
            text.push_str(&one.to_string());
        }
    }
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}
