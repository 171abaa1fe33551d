use serde::{Deserialize, Serialize};

use crate::{Catalog, Ordinal, Role, Value};

/// One item as it stands in the catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The item's number in its generation.
    pub ordinal: Ordinal,
    /// The first 16 hexadecimal digits of the SHA-256 of the values; part of the evidence.
    pub hash: String,
    /// One value for each field of the catalogue, in order.
    pub values: Vec<Value>,
}

impl Row {
    /// The value of the field of this name; null if there is no such field.
    pub fn get<'a>(&'a self, catalog: &Catalog, field: &str) -> &'a Value {
        catalog.field_index(field).and_then(|i| self.values.get(i)).unwrap_or(&Value::Null)
    }

    /// The item's id.
    pub fn id<'a>(&'a self, catalog: &Catalog) -> &'a str {
        self.with_role(catalog, Role::Id)
    }

    /// What a person calls the item.
    pub fn title<'a>(&'a self, catalog: &Catalog) -> &'a str {
        self.with_role(catalog, Role::Title)
    }

    fn with_role<'a>(&'a self, catalog: &Catalog, role: Role) -> &'a str {
        let index = catalog.fields.iter().position(|f| f.role == role);
        index.and_then(|i| self.values.get(i)).and_then(Value::as_str).unwrap_or_default()
    }
}
