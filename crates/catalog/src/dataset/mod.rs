//! What a data set is: where its files are and what their columns mean, as written in `dataset.toml`.
//!
//! Everything that is known about one particular catalogue (its fields, the words people use for them, the
//! spelling of its values) stands in this file; the code knows only roles, types and units.

mod check;
mod defaults;
mod server;
mod spec;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use segue_world::{FileError, World, fs};
use serde::{Deserialize, Serialize};

use crate::{DateOrder, Field, Language, NumberForm};
pub use server::Server;

/// A data set as its `dataset.toml` describes it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Dataset {
    /// The `dataset.toml` that says so.
    #[serde(default)]
    pub path: PathBuf,
    /// A short name: "films".
    pub name: String,
    /// What one item is called.
    pub noun: String,
    /// What it is written in; a field may say otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// Where the data is from and on which terms.
    pub attribution: String,
    /// Where the items are.
    pub items: ItemsSource,
    /// What their columns mean.
    pub fields: Vec<DatasetField>,
    /// Where the users are described, if they are.
    pub users: Option<UsersSource>,
    /// Where the interactions are, if there are any.
    pub interactions: Option<InteractionsSource>,
}

/// A file and the table in it, or a table of a database server.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableSource {
    /// The file: SQLite, Parquet, XLSX, CSV, TSV or JSON; text also packed by gzip or zip. Of a server, what messages call it.
    pub file: PathBuf,
    /// A table of an SQLite file or of a server, a sheet of a workbook, a file of a zip archive.
    pub table: Option<String>,
    /// A `SELECT` on an SQLite file or a server.
    pub query: Option<String>,
    /// What separates columns of a text file; a comma, or a tab in `.tsv` files, unless given.
    pub delimiter: Option<char>,
    /// The encoding of a text file by its name on the web (WHATWG Encoding Standard), `windows-1252`; UTF-8, or UTF-16 with a
    /// byte-order mark, unless given.
    pub encoding: Option<String>,
    /// A PostgreSQL server in place of a file.
    pub postgres: Option<Server>,
}

impl TableSource {
    /// The only table of a file.
    pub fn of(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
            table: None,
            query: None,
            delimiter: None,
            encoding: None,
            postgres: None,
        }
    }

    /// True if it is a file and that is not there.
    pub(crate) fn is_absent(&self) -> bool {
        self.postgres.is_none() && !fs::exists(&self.file)
    }
}

/// Where the items are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ItemsSource {
    /// The table.
    pub source: TableSource,
    /// Texts that mean that nothing is known ("N/A"), besides the empty one.
    pub missing: Vec<String>,
    /// What to do with a second row of the same id.
    pub duplicates: Duplicates,
}

/// What to do with a second row of the same id.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// The first row stays; the others are rejected and reported.
    #[default]
    Reject,
    /// The first row stays; the others are counted.
    First,
    /// The first row stays, and its multi-valued fields take in the values of the others.
    Merge,
}

/// A field and how to read it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DatasetField {
    /// The field.
    pub field: Field,
    /// The column of the items' table that it is read from.
    pub column: String,
    /// What separates the values of a multi-valued text.
    pub separator: Option<String>,
    /// Parts that belong to the part before them: `["Jr."]`, where the separator is a comma.
    pub suffixes: Vec<String>,
    /// What codes stand for: `{"0" → "minor"}`. A code that is not here makes the row a bad one.
    pub labels: BTreeMap<String, String>,
    /// What numbers are multiplied by that have no unit of their own in their cell.
    pub scale: f64,
    /// How its numbers are written.
    pub numbers: NumberForm,
    /// How its dates are written.
    pub dates: Option<DateOrder>,
}

/// Where the users are described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UsersSource {
    /// The table.
    pub source: TableSource,
    /// The column of the user's id.
    pub user: String,
    /// What to keep of a user: name → column.
    pub attributes: BTreeMap<String, String>,
    /// True if the import goes on without the file.
    pub optional: bool,
}

/// Where the interactions are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct InteractionsSource {
    /// The table.
    pub source: TableSource,
    /// The column of the user's id.
    pub user: String,
    /// The column of the item's id, or of the key that `link` translates.
    pub item: String,
    /// The column of a number: a rating, a play count.
    pub value: Option<String>,
    /// The column of the time: seconds since 1970, or a date.
    pub time: Option<String>,
    /// True if the import goes on without the file.
    pub optional: bool,
    /// How another data set's item keys become this one's.
    pub link: Option<Link>,
}

/// A table of another data set's items, and what of it must agree with ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Link {
    /// The table.
    pub source: TableSource,
    /// The column of the other data set's item key.
    pub id: String,
    /// What must agree. At least one is a text.
    pub matches: Vec<LinkMatch>,
}

/// A column of the link's table and the field it must agree with: texts after folding and with articles
/// left out, numbers within a tolerance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LinkMatch {
    /// The column.
    pub column: String,
    /// The field.
    pub field: String,
    /// How far numbers may be apart.
    pub tolerance: f64,
}

/// A `dataset.toml` that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not right.
    #[error("`{path}` line {line}: {message}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong and what would be right.
        message: String,
    },
    /// A file was given that the data set has no place for.
    #[error("`{file}` is none of the files of the data set `{dataset}`; they are {known}")]
    Unplaced {
        /// The file given.
        file: PathBuf,
        /// The data set's name.
        dataset: String,
        /// The names that it knows.
        known: String,
    },
}

impl Dataset {
    /// Reads a `dataset.toml`. Files that it names relatively stand beside it.
    ///
    /// ```
    /// use segue_catalog::Dataset;
    /// let text = r#"
    /// name = "books"
    /// items = { file = "books.csv" }
    /// fields = [
    ///   { name = "isbn", role = "id" },
    ///   { name = "title", role = "title" },
    ///   { name = "pages", role = "number", type = "integer" },
    /// ]"#;
    /// let dataset = Dataset::parse(text, "books/dataset.toml".as_ref())?;
    /// assert_eq!(dataset.items.source.file, std::path::Path::new("books/books.csv"));
    /// # Ok::<(), segue_catalog::DatasetError>(())
    /// ```
    pub fn parse(text: &str, path: &Path) -> Result<Self, DatasetError> {
        check::parse(text, path)
    }

    /// Reads a `dataset.toml` from its file.
    pub fn read(path: &Path) -> Result<Self, DatasetError> {
        Self::parse(&fs::read_to_string(path)?, path)
    }

    /// Puts the files given in the place of those of the same name; a single file that has no namesake is
    /// the items'.
    pub fn with_files(mut self, files: &[PathBuf]) -> Result<Self, DatasetError> {
        for file in files {
            let mut placed = false;
            for source in self.sources_mut() {
                if source.file.file_name() == file.file_name() {
                    (source.file, source.postgres) = (file.clone(), None);
                    placed = true;
                }
            }
            if !placed && files.len() == 1 {
                let source = &mut self.items.source;
                if source.postgres.take().is_some() {
                    (source.table, source.query) = (None, None);
                }
                source.file.clone_from(file);
            } else if !placed {
                let known = self.sources().map(|s| format!("`{}`", s.file.display())).collect::<Vec<_>>();
                let (file, dataset) = (file.clone(), self.name.clone());
                return Err(DatasetError::Unplaced { file, dataset, known: known.join(", ") });
            }
        }
        Ok(self)
    }

    /// The same, with what its servers need out of the environment.
    #[must_use]
    pub(crate) fn with_environment(mut self, world: &dyn World) -> Self {
        self.sources_mut().filter_map(|s| s.postgres.as_mut()).for_each(|server| server.look_up(world));
        self
    }

    /// The tables that the import reads: items, users, interactions, links.
    pub fn sources(&self) -> impl Iterator<Item = &TableSource> {
        let interactions = self.interactions.as_ref();
        std::iter::once(&self.items.source)
            .chain(self.users.as_ref().map(|u| &u.source))
            .chain(interactions.map(|i| &i.source))
            .chain(interactions.and_then(|i| i.link.as_ref()).map(|l| &l.source))
    }

    fn sources_mut(&mut self) -> impl Iterator<Item = &mut TableSource> {
        let (interactions, link) = match self.interactions.as_mut() {
            Some(i) => (Some(&mut i.source), i.link.as_mut().map(|l| &mut l.source)),
            None => (None, None),
        };
        std::iter::once(&mut self.items.source)
            .chain(self.users.as_mut().map(|u| &mut u.source))
            .chain(interactions)
            .chain(link)
    }
}

#[cfg(test)]
mod tests;
