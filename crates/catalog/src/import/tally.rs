//! How often each value of a field occurs, in bounded memory: from it come the number of different values and the most
//! frequent ones.

use std::cmp::Reverse;
use std::path::Path;

use hashbrown::HashMap;
use segue_world::FileError;
use sha2::{Digest, Sha256};

use super::sorter::Sorter;
use super::top::Top;
use crate::text::fold;
use crate::{Field, FieldStatistics, FieldType, Role, Value};

/// What an entry of a map takes beside its text, about.
const ENTRY: usize = 64;

/// Counts the texts of all fields.
pub(super) struct Tally<'a> {
    fields: &'a [Field],
    /// For each field the spellings seen since the last spill.
    spellings: Vec<HashMap<Box<str>, u64>>,
    held: usize,
    budget: usize,
    spilled: Sorter,
}

impl<'a> Tally<'a> {
    pub(super) fn new(fields: &'a [Field], scratch: &Path, budget: usize) -> Self {
        Self {
            fields,
            spellings: fields.iter().map(|_| HashMap::new()).collect(),
            held: 0,
            budget: budget / 2,
            spilled: Sorter::new(scratch, "texts", budget / 2),
        }
    }

    /// Counts a text of the field at this place.
    pub(super) fn add(&mut self, field: usize, spelling: &str) -> Result<(), FileError> {
        let Some(spellings) = self.spellings.get_mut(field) else { return Ok(()) };
        if let Some(count) = spellings.get_mut(spelling) {
            *count += 1;
            return Ok(());
        }
        self.held += spelling.len() + ENTRY;
        spellings.insert(spelling.into(), 1);
        if self.held > self.budget { self.spill() } else { Ok(()) }
    }

    fn spill(&mut self) -> Result<(), FileError> {
        let mut key = Vec::new();
        for (i, (field, spellings)) in self.fields.iter().zip(&mut self.spellings).enumerate() {
            // In any order: the sorter puts them in theirs.
            for (spelling, count) in spellings.drain() {
                key.clear();
                key.extend((i as u16).to_be_bytes());
                if has_spellings(field) {
                    key.extend(fold(&spelling).as_bytes());
                    key.push(0);
                    key.extend(spelling.as_bytes());
                } else {
                    // Of prose and links only the number of different ones is wanted.
                    key.extend(Sha256::digest(spelling.as_bytes()).iter().take(16));
                    key.push(0);
                }
                self.spilled.push(&key, &count.to_le_bytes())?;
            }
        }
        self.held = 0;
        Ok(())
    }

    /// Fills in `distinct`, `top` and `dates`.
    pub(super) fn finish(mut self, statistics: &mut [FieldStatistics]) -> Result<(), FileError> {
        self.spill()?;
        let mut tops: Vec<Top> = self.fields.iter().map(|_| Top::default()).collect();
        let mut take = |group: &Group| {
            let Some(field) = self.fields.get(group.field) else { return };
            let Some((statistics, top)) = statistics.get_mut(group.field).zip(tops.get_mut(group.field))
            else {
                return;
            };
            statistics.distinct += 1;
            if has_spellings(field) {
                group.describe(field, statistics, top);
            }
        };
        let mut sorted = self.spilled.sorted()?;
        let mut group = Group::default();
        while let Some((key, payload)) = sorted.next()? {
            let Some((field, rest)) = key.split_first_chunk::<2>() else { continue };
            let field = usize::from(u16::from_be_bytes(*field));
            // What is hashed may hold a zero anywhere, and has nothing behind its last.
            let cut = match self.fields.get(field) {
                Some(f) if has_spellings(f) => rest.iter().position(|b| *b == 0),
                _ => rest.len().checked_sub(1),
            };
            let Some((folded, spelling)) = cut.and_then(|cut| rest.split_at_checked(cut)) else { continue };
            let count = payload.first_chunk::<8>().map_or(0, |c| u64::from_le_bytes(*c));
            if group.count > 0 && (group.field != field || group.folded != folded) {
                take(&group);
                group.count = 0;
            }
            if group.count == 0 {
                group.start(field, folded);
            }
            group.add(spelling.get(1..).unwrap_or_default(), count);
        }
        if group.count > 0 {
            take(&group);
        }
        for (statistics, top) in statistics.iter_mut().zip(tops) {
            statistics.top = top.into_sorted();
        }
        Ok(())
    }
}

/// True if the field's values are kept as they are spelt: names and dates, not prose and links.
pub(super) fn has_spellings(field: &Field) -> bool {
    matches!(field.role, Role::Title | Role::Category | Role::Date)
}

/// One value of one field, with its spellings.
#[derive(Default)]
pub(super) struct Group {
    pub(super) field: usize,
    pub(super) folded: Vec<u8>,
    spellings: Vec<(String, u64)>,
    pub(super) count: u64,
}

impl Group {
    pub(super) fn start(&mut self, field: usize, folded: &[u8]) {
        self.field = field;
        self.folded.clear();
        self.folded.extend(folded);
        self.spellings.clear();
    }

    pub(super) fn add(&mut self, spelling: &[u8], times: u64) {
        self.count += times;
        match self.spellings.iter_mut().find(|(s, _)| s.as_bytes() == spelling) {
            Some((_, count)) => *count += times,
            None => self.spellings.push((String::from_utf8_lossy(spelling).into_owned(), times)),
        }
    }

    /// The most frequent spelling, the first in order among equals.
    pub(super) fn spelling(&self) -> &str {
        let best = self.spellings.iter().min_by_key(|(s, count)| (Reverse(*count), s));
        best.map_or("", |(s, _)| s)
    }

    fn describe(&self, field: &Field, statistics: &mut FieldStatistics, top: &mut Top) {
        let spelling = self.spelling();
        if field.ty == FieldType::Date {
            let first = statistics.dates.take().map_or_else(|| spelling.to_owned(), |(first, _)| first);
            statistics.dates = Some((first, spelling.to_owned()));
        }
        let value = || match field.ty {
            FieldType::Boolean => Value::Bool(spelling == Value::Bool(true).to_string()),
            _ => Value::Text(spelling.to_owned()),
        };
        top.add(self.count, value);
    }
}
