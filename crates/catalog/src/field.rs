use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Language, Unit};

/// What a field is for. The role decides which searches use the field and what a request may say of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Names the item, uniquely.
    Id,
    /// What a person calls the item.
    Title,
    /// Prose: searched, not filtered.
    Text,
    /// One or more of a set of names: genres, people, countries.
    Category,
    /// A quantity.
    Number,
    /// A day or an instant.
    Date,
    /// Degrees north, WGS 84.
    Latitude,
    /// Degrees east, WGS 84.
    Longitude,
    /// A link.
    Url,
    /// A link to a picture.
    Image,
    /// A link to a sound.
    Audio,
}

/// How the values of a field are kept and compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FieldType {
    /// Text, compared after [folding](crate::text::fold).
    Text,
    /// Whole numbers of 64 bits.
    Integer,
    /// Numbers, IEEE 754 double.
    Real,
    /// ISO 8601 dates, compared by their first instant.
    Date,
    /// True or false.
    Boolean,
}

impl FieldType {
    /// True for whole and real numbers.
    pub fn is_number(self) -> bool {
        matches!(self, Self::Integer | Self::Real)
    }
}

/// Which end of a number people ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Smallest first: oldest, shortest, cheapest.
    Ascending,
    /// Largest first: newest, longest, best.
    Descending,
}

/// One field of a catalogue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "each says one thing of a field, and they combine freely")]
pub struct Field {
    /// Lower-case letters, digits and underscores; unique in the catalogue; also the column's name.
    pub name: String,
    /// What it is for.
    pub role: Role,
    /// How its values are kept.
    #[serde(rename = "type")]
    pub ty: FieldType,
    /// True if an item can have several values.
    #[serde(default)]
    pub multi: bool,
    /// What a number counts: minutes, years, USD.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<Unit>,
    /// What its texts are written in; English, if nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// One sentence for people and models.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Other names a request may use for the field ("length" for `runtime`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// Adjectives that ask for more of it: "long", "loud". Their comparatives and superlatives follow.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub high: Vec<String>,
    /// Adjectives that ask for less of it: "short", "quiet".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub low: Vec<String>,
    /// Other words for values: `{"sci-fi" → "Science Fiction"}`.
    #[serde(default, skip_serializing_if = "std::collections::BTreeMap::is_empty")]
    pub synonyms: std::collections::BTreeMap<String, String>,
    /// Weight of the field in lexical search; 0 leaves it out.
    #[serde(default)]
    pub boost: f32,
    /// True if the field's text is part of what is embedded.
    #[serde(default)]
    pub embed: bool,
    /// True for the one number that "best" and "top" order by, largest first.
    #[serde(default)]
    pub quality: bool,
    /// True if a word that means a value of this field and one of another means the other, unless the field is
    /// named: "Swedish film" is one from Sweden, "in Swedish" is the language.
    #[serde(default)]
    pub yields: bool,
}

impl Field {
    /// A field of this role with the role's usual type and uses.
    pub fn new(name: &str, role: Role) -> Self {
        let ty = match role {
            Role::Number | Role::Latitude | Role::Longitude => FieldType::Real,
            Role::Date => FieldType::Date,
            _ => FieldType::Text,
        };
        let (boost, embed) = match role {
            Role::Title => (2.0, true),
            Role::Text | Role::Category => (1.0, true),
            _ => (0.0, false),
        };
        Self {
            name: name.to_owned(),
            role,
            ty,
            multi: false,
            unit: None,
            language: None,
            description: String::new(),
            aliases: Vec::new(),
            high: Vec::new(),
            low: Vec::new(),
            synonyms: std::collections::BTreeMap::new(),
            boost,
            embed,
            quality: false,
            yields: false,
        }
    }

    /// True if a condition can be put on the field.
    pub fn is_filterable(&self) -> bool {
        !matches!(self.role, Role::Url | Role::Image | Role::Audio)
    }

    /// True if lexical search looks into the field.
    pub fn is_searchable(&self) -> bool {
        self.boost > 0.0 && self.ty == FieldType::Text
    }
}
