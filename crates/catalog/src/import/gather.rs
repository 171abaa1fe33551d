//! What is gathered while rows are written: every value, sorted, from which come the look-up tables, the
//! lexicon and the statistics. All of it exact, and in memory only up to the sorters' budget.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::path::Path;

use rusqlite::{Connection, params};
use segue_world::FileError;
use sha2::{Digest, Sha256};

use super::ImportError;
use super::numbers::Numbers;
use super::sorter::Sorter;
use super::top::Top;
use crate::text::{fold, squash};
use crate::{Field, FieldStatistics, FieldType, Ordinal, Role, Value};

const EXAMPLES: usize = 5;

/// Takes in every row that is written.
pub(super) struct Gather<'a> {
    fields: &'a [Field],
    statistics: Vec<FieldStatistics>,
    texts: Sorter,
    numbers: Numbers,
    key: Vec<u8>,
}

impl<'a> Gather<'a> {
    pub(super) fn new(fields: &'a [Field], scratch: &Path, budget: usize) -> Self {
        Self {
            fields,
            statistics: vec![FieldStatistics::default(); fields.len()],
            texts: Sorter::new(scratch, "texts", budget),
            numbers: Numbers::new(fields.len(), scratch, budget),
            key: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, ordinal: Ordinal, values: &[Value]) -> Result<(), FileError> {
        let fields = self.fields.iter().zip(values).zip(&mut self.statistics);
        for (i, ((field, value), statistics)) in fields.enumerate() {
            if value.is_null() {
                statistics.nulls += 1;
                continue;
            }
            statistics.known += 1;
            for value in value.each() {
                if statistics.examples.len() < EXAMPLES && !statistics.examples.contains(value) {
                    statistics.examples.push(value.clone());
                }
                if let (true, Some(number)) = (field.ty.is_number(), value.as_f64()) {
                    self.numbers.add(i, number)?;
                    continue;
                }
                self.key.clear();
                self.key.extend((i as u16).to_be_bytes());
                let spelling = value.as_str().map_or_else(|| Cow::Owned(value.to_string()), Cow::Borrowed);
                if has_spellings(field) {
                    self.key.extend(fold(&spelling).as_bytes());
                } else if field.role != Role::Id {
                    // Of prose and links only the number of different ones is wanted.
                    self.key.extend(Sha256::digest(spelling.as_bytes()).iter().take(16));
                } else {
                    statistics.distinct += 1;
                    continue;
                }
                self.key.push(0);
                self.key.extend(ordinal.to_be_bytes());
                self.texts.push(&self.key, if has_spellings(field) { spelling.as_bytes() } else { &[] })?;
            }
        }
        Ok(())
    }

    /// Writes the look-up and lexicon tables of generation `n`, and gives the statistics.
    pub(super) fn finish(self, connection: &Connection, n: u32) -> Result<Vec<FieldStatistics>, ImportError> {
        let mut tops: Vec<Top> = self.fields.iter().map(|_| Top::default()).collect();
        let mut statistics = self.statistics;
        let mut lexicon = super::sql(connection.prepare(&format!(
            "INSERT INTO lexicon_{n} (field, folded, value, count, squashed) VALUES (?1, ?2, ?3, ?4, ?5)"
        )))?;
        let mut insert =
            super::sql(connection.prepare(&format!("INSERT INTO values_{n} VALUES (?1, ?2, ?3)")))?;
        let mut each_group = |group: &Group| -> Result<(), ImportError> {
            let Some(((field, statistics), top)) = self
                .fields
                .get(group.field)
                .zip(statistics.get_mut(group.field))
                .zip(tops.get_mut(group.field))
            else {
                return Ok(());
            };
            statistics.distinct += 1;
            if !has_spellings(field) {
                return Ok(());
            }
            let spelling = group.spelling();
            if field.ty == FieldType::Date {
                let first = statistics.dates.take().map_or_else(|| spelling.to_owned(), |(first, _)| first);
                statistics.dates = Some((first, spelling.to_owned()));
            }
            if matches!(field.role, Role::Title | Role::Category) {
                let folded = String::from_utf8_lossy(&group.folded);
                // Only what squashing changes by more than blanks is worth finding by it.
                let punctuated = folded.contains(|c: char| !c.is_alphanumeric() && c != ' ');
                let squashed = punctuated.then(|| squash(&folded)).filter(|s| !s.is_empty());
                let row = params![group.field as i64, folded, spelling, group.count as i64, squashed];
                super::sql(lexicon.execute(row))?;
            }
            let value = match field.ty {
                FieldType::Boolean => Value::Bool(spelling == Value::Bool(true).to_string()),
                _ => Value::Text(spelling.to_owned()),
            };
            top.add(group.count, || value);
            Ok(())
        };
        let mut texts = self.texts.sorted()?;
        let mut group = Group::default();
        while let Some((key, payload)) = texts.next()? {
            let Some((field, folded, ordinal)) = split(key) else { continue };
            if group.count > 0 && (group.field != field || group.folded != folded) {
                each_group(&group)?;
                group.count = 0;
            }
            if group.count == 0 {
                group.start(field, folded);
            }
            group.add(payload);
            if self.fields.get(field).is_some_and(|f| f.role == Role::Category) {
                super::sql(insert.execute(params![field as i64, String::from_utf8_lossy(folded), ordinal]))?;
            }
        }
        if group.count > 0 {
            each_group(&group)?;
        }
        for (statistics, top) in statistics.iter_mut().zip(tops) {
            statistics.top = top.into_sorted();
        }
        self.numbers.finish(self.fields, &mut statistics)?;
        Ok(statistics)
    }
}

/// True if the field's values are kept as they are spelt: names and dates, not prose and links.
fn has_spellings(field: &Field) -> bool {
    matches!(field.role, Role::Title | Role::Category | Role::Date)
}

/// Field, folded value, ordinal.
fn split(key: &[u8]) -> Option<(usize, &[u8], Ordinal)> {
    let (field, rest) = key.split_first_chunk::<2>()?;
    let (rest, ordinal) = rest.split_last_chunk::<4>()?;
    let (_, folded) = rest.split_last()?;
    Some((usize::from(u16::from_be_bytes(*field)), folded, u32::from_be_bytes(*ordinal)))
}

/// One value of one field, with its spellings.
#[derive(Default)]
struct Group {
    field: usize,
    folded: Vec<u8>,
    spellings: Vec<(String, u64)>,
    count: u64,
}

impl Group {
    fn start(&mut self, field: usize, folded: &[u8]) {
        self.field = field;
        self.folded.clear();
        self.folded.extend(folded);
        self.spellings.clear();
    }

    fn add(&mut self, spelling: &[u8]) {
        self.count += 1;
        match self.spellings.iter_mut().find(|(s, _)| s.as_bytes() == spelling) {
            Some((_, count)) => *count += 1,
            None => self.spellings.push((String::from_utf8_lossy(spelling).into_owned(), 1)),
        }
    }

    /// The most frequent spelling, the first in order among equals.
    fn spelling(&self) -> &str {
        let best = self.spellings.iter().min_by_key(|(s, count)| (Reverse(*count), s));
        best.map_or("", |(s, _)| s)
    }
}
