//! What is gathered while rows are written: the statistics of the fields. All of it exact, and in memory only up to the
//! sorters' budget.

use std::path::Path;

use segue_world::FileError;

use super::codec::{Cell, Cells};
use super::numbers::Numbers;
use super::tally::Tally;
use crate::{Field, FieldStatistics, Role, Value};

const EXAMPLES: usize = 5;

/// Takes in every row that is written.
pub(super) struct Gather<'a> {
    fields: &'a [Field],
    statistics: Vec<FieldStatistics>,
    texts: Tally<'a>,
    numbers: Numbers,
}

impl<'a> Gather<'a> {
    pub(super) fn new(fields: &'a [Field], scratch: &Path, budget: usize) -> Self {
        Self {
            fields,
            statistics: vec![FieldStatistics::default(); fields.len()],
            texts: Tally::new(fields, scratch, budget),
            numbers: Numbers::new(fields.len(), scratch, budget / 2),
        }
    }

    pub(super) fn add(&mut self, row: Cells<'_>) -> Result<(), FileError> {
        let fields = self.fields.iter().zip(row).zip(&mut self.statistics);
        for (i, ((field, cell), statistics)) in fields.enumerate() {
            let is_null = match &cell {
                Cell::Null => true,
                Cell::List(cells) => cells.clone().next().is_none(),
                _ => false,
            };
            if is_null {
                statistics.nulls += 1;
                continue;
            }
            statistics.known += 1;
            let each = match cell {
                Cell::List(cells) => (None, Some(cells)),
                one => (Some(one), None),
            };
            for cell in each.0.into_iter().chain(each.1.into_iter().flatten()) {
                if statistics.examples.len() < EXAMPLES {
                    let value = cell.clone().into_value();
                    if !statistics.examples.contains(&value) {
                        statistics.examples.push(value);
                    }
                }
                match cell {
                    Cell::Integer(n) if field.ty.is_number() => self.numbers.add(i, n as f64)?,
                    Cell::Real(n) if field.ty.is_number() => self.numbers.add(i, n)?,
                    _ if field.role == Role::Id => statistics.distinct += 1,
                    Cell::Text(text) => self.texts.add(i, text)?,
                    other => self.texts.add(i, &Value::to_string(&other.into_value()))?,
                }
            }
        }
        Ok(())
    }

    /// The statistics of all fields.
    pub(super) fn finish(self) -> Result<Vec<FieldStatistics>, FileError> {
        let mut statistics = self.statistics;
        self.texts.finish(&mut statistics)?;
        self.numbers.finish(self.fields, &mut statistics)?;
        Ok(statistics)
    }
}
