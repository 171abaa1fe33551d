//! From another data set's item keys to ours, by what both know of an item.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;

use super::{ImportError, Job, sql};
use crate::dataset::{Link, LinkMatch};
use crate::snapshot::quote;
use crate::source::Table;
use crate::text::words;
use crate::{Field, Ordinal, Value};

/// Articles of English, French, German, Spanish, Italian and Dutch: left out at the beginning of a title, and at its
/// end after a comma ("Matrix, The").
const ARTICLES: &[&str] = &[
    "the", "a", "an", "le", "la", "les", "l", "un", "une", "der", "die", "das", "ein", "eine", "el", "los",
    "las", "il", "lo", "i", "gli", "de", "het", "een",
];

/// Keys that were matched, and how many there are.
pub(super) struct Linked {
    pub(super) ordinals: HashMap<String, Ordinal>,
    pub(super) keys: u64,
}

/// One row of the link's table that waits for its item.
struct Wanted {
    key: String,
    cells: Vec<Value>,
    best: Option<(f64, Ordinal)>,
}

pub(super) fn resolve(
    job: &mut Job<'_>,
    connection: &Connection,
    link: &Link,
) -> Result<Linked, ImportError> {
    let fields: Vec<&Field> = job.dataset.fields.iter().map(|f| &f.field).collect();
    let fields: Vec<&Field> =
        link.matches.iter().filter_map(|m| fields.iter().find(|f| f.name == m.field).copied()).collect();
    let Some(by) = fields.iter().position(|f| !f.ty.is_number()) else {
        return Ok(Linked { ordinals: HashMap::new(), keys: 0 });
    };
    let mut wanted = read(job, link)?;
    let mut by_title: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (i, row) in wanted.iter().enumerate() {
        for title in row.cells.get(by).map(titles).unwrap_or_default() {
            by_title.entry(title).or_default().push(i);
        }
    }
    let columns: Vec<_> = fields.iter().map(|f| quote(&f.name)).collect();
    let query = format!("SELECT ordinal, {} FROM segue_items ORDER BY ordinal", columns.join(", "));
    let mut statement = sql(connection.prepare(&query))?;
    let mut rows = sql(statement.query([]))?;
    while let Some(row) = sql(rows.next())? {
        let ordinal: Ordinal = sql(row.get(0))?;
        let text: Option<String> = sql(row.get(by + 1))?;
        let Some(text) = text else { continue };
        for title in titles(&Value::Text(text)) {
            for &i in by_title.get(&title).map(Vec::as_slice).unwrap_or_default() {
                let Some(candidate) = wanted.get_mut(i) else { continue };
                let mut apart = Some(0.0);
                for (j, rule) in link.matches.iter().enumerate().filter(|(j, _)| *j != by) {
                    let ours: Value = match sql(row.get_ref(j + 1))? {
                        rusqlite::types::ValueRef::Integer(i) => Value::Integer(i),
                        rusqlite::types::ValueRef::Real(r) => Value::Real(r),
                        rusqlite::types::ValueRef::Text(t) => {
                            Value::Text(String::from_utf8_lossy(t).into_owned())
                        }
                        _ => Value::Null,
                    };
                    let theirs = candidate.cells.get(j).unwrap_or(&Value::Null);
                    apart = apart.zip(distance(&ours, theirs, rule)).map(|(a, b)| a + b);
                }
                if let Some(apart) = apart.filter(|a| candidate.best.is_none_or(|(best, _)| *a < best)) {
                    candidate.best = Some((apart, ordinal));
                }
            }
        }
    }
    let keys = wanted.len() as u64;
    let ordinals = wanted.into_iter().filter_map(|w| Some((w.key, w.best?.1))).collect();
    Ok(Linked { ordinals, keys })
}

fn read(job: &mut Job<'_>, link: &Link) -> Result<Vec<Wanted>, ImportError> {
    let columns: Vec<&str> =
        std::iter::once(link.id.as_str()).chain(link.matches.iter().map(|m| m.column.as_str())).collect();
    let mut wanted = Vec::new();
    Table::open(&link.source)?.read(&columns, &mut |row| -> Result<(), ImportError> {
        match row {
            Err(bad) => job.rejects.add(&link.source.file, bad)?,
            Ok(record) => {
                let mut cells = record.cells.into_iter();
                let key = cells.next().unwrap_or(Value::Null).to_string();
                wanted.push(Wanted { key, cells: cells.collect(), best: None });
            }
        }
        Ok(())
    })?;
    Ok(wanted)
}

/// How far apart a number or text is; `None` if it does not agree.
fn distance(ours: &Value, theirs: &Value, rule: &LinkMatch) -> Option<f64> {
    let number = |v: &Value| v.as_f64().or_else(|| v.as_str()?.trim().parse().ok());
    match (number(ours), number(theirs)) {
        (Some(a), Some(b)) => Some((a - b).abs()).filter(|d| *d <= rule.tolerance),
        _ => {
            let theirs = titles(theirs);
            titles(ours).iter().any(|t| theirs.contains(t)).then_some(0.0)
        }
    }
}

/// The forms in which a title is compared: as it is, and without what stands in brackets; folded, without
/// articles and signs, "&" read as "and".
fn titles(value: &Value) -> Vec<String> {
    let text = value.to_string().replace('&', " and ");
    let mut forms = vec![normal(&text)];
    if let (Some(open), Some(close)) = (text.find('('), text.rfind(')'))
        && let (Some(before), Some(after)) = (text.get(..open), text.get(close + 1..))
    {
        forms.push(normal(&format!("{} {after}", before.trim_end())));
    }
    forms.retain(|f| !f.is_empty());
    forms.dedup();
    forms
}

fn normal(text: &str) -> String {
    let is_article = |w: &str| ARTICLES.contains(&w);
    let moved = text.rsplit_once(',').filter(|(_, last)| words(last).eq([last.trim().to_lowercase()]));
    let moved = moved.filter(|(_, last)| is_article(&last.trim().to_lowercase()));
    let words: Vec<_> = words(moved.map_or(text, |(rest, _)| rest)).collect();
    match words.split_first() {
        Some((first, rest)) if moved.is_none() && !rest.is_empty() && is_article(first) => rest.join(" "),
        _ => words.join(" "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_agree_however_they_are_written() {
        let same = [
            ("Matrix, The", "The Matrix"),
            ("City of Lost Children, The (Cité des enfants perdus, La)", "The City of Lost Children"),
            ("Postino, Il", "Il postino"),
            ("Wallace & Gromit", "Wallace and Gromit"),
            ("A", "A"),
        ];
        for (a, b) in same {
            let b = titles(&b.into());
            assert!(titles(&a.into()).iter().any(|t| b.contains(t)), "{a} is {b:?}");
        }
        assert_ne!(titles(&"Crash".into()), titles(&"Crash II".into()));
    }
}
