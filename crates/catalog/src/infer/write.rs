//! Writing the guesses down, with a comment wherever a person should look.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use super::column::{Column, Form};
use crate::dataset::TableSource;
use crate::{DateOrder, FieldType, Language, Role};

/// The text of the `dataset.toml`; `None` if no column can be the id.
pub(super) fn dataset(source: &TableSource, columns: &[Column]) -> Option<String> {
    let (id, unique) = id(columns)?;
    let title = best(columns, |i, c| if i == id { None } else { c.as_title() });
    let quality = columns.iter().position(Column::is_quality);
    let file = source.file.file_name().unwrap_or_default().to_string_lossy();
    // `songs.csv.gz` and `songs.csv.zip` are `songs`.
    let is_packed = source
        .file
        .extension()
        .is_some_and(|e| e.eq_ignore_ascii_case("gz") || e.eq_ignore_ascii_case("zip"));
    let unpacked = source.file.file_stem().filter(|_| is_packed);
    let stem = unpacked.map_or(source.file.as_path(), Path::new).file_stem().unwrap_or_default();
    let name = identifier(stem.to_string_lossy().as_ref());
    // Prose tells what a data set is written in; names are of any language.
    let prose = columns.iter().filter(|c| c.role == Role::Text).flat_map(|c| &c.prose);
    let language = Language::of(prose.map(String::as_str)).unwrap_or(Language::English);
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write!(
        out,
        "# Guessed from the names of the columns and a sample of the rows of `{file}`.
# Correct what is wrong, then import again with `--map`. What each key means is in the documentation of the
# data set file; the most useful to add are `aliases` (other names for a field), `high` and `low` (adjectives for
# more and for less of a number) and `synonyms` (other words for a value).
name = {name}
noun = {noun}    # what one item is called
{stated}
[items]
file = {file}
",
        name = quoted(&name),
        noun = quoted(name.trim_end_matches('s')),
        file = quoted(&file),
        stated = in_language(language, Language::English),
    );
    if let Some(table) = &source.table {
        let _ = writeln!(out, "table = {}", quoted(table));
    }
    if let Some(encoding) = &source.encoding {
        let _ = writeln!(
            out,
            "encoding = {}    # guessed: it is not UTF-8; look whether names with accents are right",
            quoted(encoding)
        );
    }
    if !unique {
        let _ = writeln!(
            out,
            "# Several rows have the same id: they become one item, lists taking in all values."
        );
        let _ = writeln!(out, "duplicates = \"merge\"");
    }
    let mut names = BTreeSet::new();
    for (i, column) in columns.iter().enumerate() {
        let role = match i {
            i if i == id => Role::Id,
            i if Some(i) == title => Role::Title,
            _ => column.role,
        };
        field(&mut out, column, role, quality == Some(i), &mut names);
        if role == Role::Text {
            let own = Language::of(column.prose.iter().map(String::as_str)).unwrap_or(language);
            out.push_str(&in_language(own, language));
        }
        if i == id && title.is_none() {
            out.push_str("\n# No column looks like a title, so items are called by their id.\n");
            let title = unique_name("title", &mut names);
            let _ = write!(
                out,
                "[[fields]]\nname = {}\nrole = \"title\"\ncolumn = {}\n",
                quoted(&title),
                quoted(&column.name)
            );
        }
    }
    Some(out)
}

/// The key that says a language, where it is another than is taken without it.
fn in_language(language: Language, usual: Language) -> String {
    if language == usual {
        return String::new();
    }
    let name = language.name();
    format!(
        "language = \"{language}\"    # the texts look like {name}: words are searched in all their forms\n"
    )
}

/// The column that tells rows apart; or, with `false`, the key column that comes nearest to it.
fn id(columns: &[Column]) -> Option<(usize, bool)> {
    let unique = best(columns, |_, c| c.as_id());
    let nearly = || {
        let keys = columns.iter().enumerate().filter(|(_, c)| c.key && c.known >= 1.0);
        keys.max_by(|a, b| a.1.distinct.total_cmp(&b.1.distinct).then(b.0.cmp(&a.0))).map(|(i, _)| (i, false))
    };
    // A key that repeats now and then (a row for each playlist of a track) is meant more than a text that
    // happens to be unique.
    match unique {
        Some(i) if columns.get(i).is_some_and(|c| c.as_id().is_some_and(|score| score >= 30)) => {
            Some((i, true))
        }
        other => nearly()
            .filter(|(i, _)| columns.get(*i).is_some_and(|c| c.distinct > 0.5))
            .or(other.map(|i| (i, true))),
    }
}

/// The first column with the highest score.
fn best(columns: &[Column], score: impl Fn(usize, &Column) -> Option<u32>) -> Option<usize> {
    let scored = columns.iter().enumerate().filter_map(|(i, c)| Some((score(i, c)?, i)));
    scored.max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(&a.1))).map(|(_, i)| i)
}

fn field(out: &mut String, column: &Column, role: Role, quality: bool, names: &mut BTreeSet<String>) {
    let name = unique_name(&column.name, names);
    out.push('\n');
    if column.known == 0.0 {
        out.push_str("# Empty in every row looked at.\n");
    }
    let role_name = serde_json::to_value(role).ok();
    let role_name = role_name.as_ref().and_then(|v| v.as_str()).unwrap_or("text");
    let _ = write!(out, "[[fields]]\nname = {}\nrole = \"{role_name}\"\n", quoted(&name));
    if name != column.name {
        let _ = writeln!(out, "column = {}", quoted(&column.name));
    }
    // What people call it, where a field's name cannot: names are ASCII.
    if !column.name.is_ascii() {
        let _ = writeln!(out, "aliases = [{}]", quoted(&column.name.trim().to_lowercase()));
    }
    match (role, column.ty) {
        (Role::Number, FieldType::Integer) => out.push_str("type = \"integer\"\n"),
        (Role::Category, FieldType::Boolean) => out.push_str("type = \"boolean\"\n"),
        _ => {}
    }
    if matches!(role, Role::Id | Role::Title) {
        return;
    }
    if let Some(separator) = column.separator {
        let _ = writeln!(out, "separator = {}    # several values in one cell", quoted(separator));
    } else if column.multi {
        out.push_str("multi = true\n");
    }
    if let Some(unit) = &column.unit {
        let _ = writeln!(out, "unit = {}", quoted(unit.name()));
    }
    let _ = match column.form {
        Form::Plain => Ok(()),
        Form::Decimal(sign) => writeln!(out, "decimal = \"{sign}\"    # what stands before the decimals"),
        Form::Dates(DateOrder::MonthFirst) => writeln!(out, "dates = \"month_first\"    # 12/31/1999"),
        Form::Dates(_) => writeln!(out, "dates = \"day_first\"    # 31/12/1999"),
        Form::UnclearDecimal => {
            writeln!(out, "# decimal = \",\"    # say whether 1,234 is 1234 (\".\") or 1.234 (\",\")")
        }
        Form::UnclearDates => {
            writeln!(out, "# dates = \"day_first\"    # say whether the day or the month comes first")
        }
    };
    if column.key {
        out.push_str("embed = false\nboost = 0.0    # a key: not searched\n");
    }
    if quality {
        out.push_str("quality = true    # what \"best\" orders by\n");
    }
}

/// A name as fields have it, different from those before.
fn unique_name(column: &str, names: &mut BTreeSet<String>) -> String {
    let mut name = identifier(column);
    if matches!(name.as_str(), "ordinal" | "hash" | "rowid" | "oid") {
        name.push_str("_value");
    }
    let mut free = name.clone();
    let mut next = 2;
    while !names.insert(free.clone()) {
        free = format!("{name}_{next}");
        next += 1;
    }
    free
}

/// Lower-case letters, digits and underscores, a letter first.
fn identifier(text: &str) -> String {
    let words: Vec<String> = crate::text::words(&text.replace('_', " "))
        .map(|w| w.chars().filter(char::is_ascii_alphanumeric).collect::<String>())
        .filter(|w| !w.is_empty())
        .collect();
    let name = words.join("_");
    if name.starts_with(|c: char| c.is_ascii_lowercase()) {
        name
    } else {
        format!("f_{name}").trim_end_matches('_').to_owned()
    }
}

/// A TOML string: JSON's escapes are among TOML's.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
