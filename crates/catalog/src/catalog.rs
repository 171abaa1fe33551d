use serde::{Deserialize, Serialize};

use crate::{Field, FieldStatistics, Language, Role};

/// What there is to know about a catalogue without reading its rows: fields, their statistics, and sizes.
/// Small enough to keep in memory, to put before a model, and to hash.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// A short name: "films".
    pub name: String,
    /// What one item is called: "film". Its plural is `name`.
    pub noun: String,
    /// Which generation these figures are of.
    pub generation: u32,
    /// In the order of the data set; exactly one has the role [`Role::Id`], exactly one [`Role::Title`].
    pub fields: Vec<Field>,
    /// One for each field, in the same order.
    pub statistics: Vec<FieldStatistics>,
    /// How many items.
    pub items: u64,
    /// How many users.
    pub users: u64,
    /// How many interactions of users with items.
    pub interactions: u64,
    /// Where the data is from and on which terms, for display.
    #[serde(default)]
    pub attribution: String,
}

impl Catalog {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields.iter().find(|f| f.name == name)
    }

    /// The position of the field of this name.
    pub fn field_index(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|f| f.name == name)
    }

    /// The statistics of the field of this name.
    pub fn statistics_of(&self, name: &str) -> Option<&FieldStatistics> {
        self.statistics.get(self.field_index(name)?)
    }

    /// The first field with this role.
    pub fn with_role(&self, role: Role) -> Option<&Field> {
        self.fields.iter().find(|f| f.role == role)
    }

    /// The field that names items for people; the id where no field has the role of a title.
    pub fn title_field(&self) -> Option<&Field> {
        self.with_role(Role::Title).or_else(|| self.with_role(Role::Id))
    }

    /// What its items are called and described in: the language of the titles.
    pub fn language(&self) -> Option<Language> {
        self.title_field().and_then(|f| f.language)
    }

    /// The number that "best" orders by, if there is one.
    pub fn quality_field(&self) -> Option<&Field> {
        self.fields.iter().find(|f| f.quality)
    }
}
