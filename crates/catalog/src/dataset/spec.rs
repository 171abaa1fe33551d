//! The keys of `dataset.toml` as they are written, before anything is checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use toml::Spanned;

use super::Duplicates;
use crate::{Clock, DateOrder, FieldType, Language, Role, Unit};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DatasetSpec {
    pub(super) name: String,
    pub(super) noun: Option<String>,
    pub(super) language: Option<Language>,
    #[serde(default)]
    pub(super) attribution: String,
    pub(super) items: Spanned<ItemsSpec>,
    pub(super) fields: Vec<FieldSpec>,
    pub(super) users: Option<Spanned<UsersSpec>>,
    pub(super) interactions: Option<Spanned<InteractionsSpec>>,
}

/// Where a table stands.
#[derive(Debug)]
pub(super) struct TableSpec {
    pub(super) file: Option<PathBuf>,
    pub(super) postgres: Option<Spanned<String>>,
    pub(super) table: Option<String>,
    pub(super) query: Option<String>,
    pub(super) delimiter: Option<char>,
    pub(super) encoding: Option<Spanned<String>>,
}

/// A section that says where its table stands, in keys of its own: `deny_unknown_fields` cannot see through flattening.
macro_rules! with_table {
    (struct $name:ident { $($(#[$meta:meta])* pub(super) $key:ident: $ty:ty,)* }) => {
        #[derive(Debug, Deserialize)]
        #[serde(deny_unknown_fields)]
        pub(super) struct $name {
            file: Option<PathBuf>,
            postgres: Option<Spanned<String>>,
            table: Option<String>,
            query: Option<String>,
            delimiter: Option<char>,
            encoding: Option<Spanned<String>>,
            $($(#[$meta])* pub(super) $key: $ty,)*
        }

        impl $name {
            pub(super) fn table(&self) -> TableSpec {
                TableSpec {
                    file: self.file.clone(),
                    postgres: self.postgres.clone(),
                    table: self.table.clone(),
                    query: self.query.clone(),
                    delimiter: self.delimiter,
                    encoding: self.encoding.clone(),
                }
            }
        }
    };
}

with_table! {
    struct ItemsSpec {
        #[serde(default)]
        pub(super) missing: Vec<String>,
        #[serde(default)]
        pub(super) duplicates: Duplicates,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct FieldSpec {
    pub(super) name: Spanned<String>,
    pub(super) role: Role,
    pub(super) column: Option<String>,
    #[serde(rename = "type")]
    pub(super) ty: Option<FieldType>,
    pub(super) multi: Option<bool>,
    pub(super) separator: Option<String>,
    #[serde(default)]
    pub(super) suffixes: Vec<String>,
    #[serde(default)]
    pub(super) labels: BTreeMap<String, String>,
    pub(super) language: Option<Language>,
    pub(super) unit: Option<Unit>,
    pub(super) source_unit: Option<Unit>,
    pub(super) scale: Option<f64>,
    pub(super) decimal: Option<char>,
    pub(super) clock: Option<Clock>,
    pub(super) dates: Option<DateOrder>,
    #[serde(default)]
    pub(super) description: String,
    #[serde(default)]
    pub(super) aliases: Vec<String>,
    pub(super) high: Option<Vec<String>>,
    pub(super) low: Option<Vec<String>>,
    #[serde(default)]
    pub(super) synonyms: BTreeMap<String, String>,
    pub(super) boost: Option<f32>,
    pub(super) embed: Option<bool>,
    #[serde(default)]
    pub(super) quality: bool,
    #[serde(default)]
    pub(super) yields: bool,
}

with_table! {
    struct UsersSpec {
        pub(super) user: String,
        #[serde(default)]
        pub(super) attributes: BTreeMap<String, String>,
        #[serde(default)]
        pub(super) optional: bool,
    }
}

with_table! {
    struct InteractionsSpec {
        pub(super) user: String,
        pub(super) item: String,
        pub(super) value: Option<String>,
        pub(super) time: Option<String>,
        #[serde(default)]
        pub(super) optional: bool,
        pub(super) link: Option<Spanned<LinkSpec>>,
    }
}

with_table! {
    struct LinkSpec {
        pub(super) id: String,
        #[serde(rename = "match")]
        pub(super) matches: Vec<MatchSpec>,
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MatchSpec {
    pub(super) column: String,
    pub(super) field: Spanned<String>,
    #[serde(default)]
    pub(super) tolerance: f64,
}
