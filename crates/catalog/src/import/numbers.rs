//! Distinct values, most frequent values and quantiles of number fields, exactly.

use std::path::Path;

use segue_world::FileError;

use super::sorter::Sorter;
use super::top::Top;
use crate::{Field, FieldStatistics, FieldType, Quantile, Value};

/// The points of the distribution that are kept.
const POINTS: [f64; 11] = [0.0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 1.0];

const SIGN: u64 = 1 << 63;

pub(super) struct Numbers {
    /// For each field, in no order, the [`ordered`] bits of the numbers since the last spill.
    columns: Vec<Vec<u64>>,
    /// How many values each field has.
    seen: Vec<u64>,
    held: usize,
    most: usize,
    spilled: Sorter,
    has_spilled: bool,
}

impl Numbers {
    pub(super) fn new(fields: usize, scratch: &Path, budget: usize) -> Self {
        Self {
            columns: vec![Vec::new(); fields],
            seen: vec![0; fields],
            held: 0,
            // A column that grows is there twice for a moment.
            most: budget / size_of::<u64>() / 3,
            spilled: Sorter::new(scratch, "numbers", budget / 3),
            has_spilled: false,
        }
    }

    pub(super) fn add(&mut self, field: usize, number: f64) -> Result<(), FileError> {
        let Some((column, seen)) = self.columns.get_mut(field).zip(self.seen.get_mut(field)) else {
            return Ok(());
        };
        *seen += 1;
        column.push(ordered(number));
        self.held += 1;
        if self.held >= self.most { self.spill() } else { Ok(()) }
    }

    /// Hands every different number with its count to the sorter.
    fn spill(&mut self) -> Result<(), FileError> {
        (self.held, self.has_spilled) = (0, true);
        for (i, column) in self.columns.iter_mut().enumerate() {
            column.sort_unstable();
            for run in column.chunk_by(|a, b| a == b) {
                let mut key = [0; 10];
                let bits = run.first().copied().unwrap_or_default().to_be_bytes();
                let parts = (i as u16).to_be_bytes().into_iter().chain(bits);
                key.iter_mut().zip(parts).for_each(|(k, p)| *k = p);
                self.spilled.push(&key, &(run.len() as u64).to_le_bytes())?;
            }
            column.clear();
        }
        Ok(())
    }

    /// Fills in `distinct`, `top` and `quantiles` of the fields that have numbers.
    pub(super) fn finish(
        mut self,
        fields: &[Field],
        statistics: &mut [FieldStatistics],
    ) -> Result<(), FileError> {
        let is_whole = |field: usize| fields.get(field).is_some_and(|f| f.ty == FieldType::Integer);
        if !self.has_spilled {
            for (i, mut column) in self.columns.into_iter().enumerate() {
                column.sort_unstable();
                let mut runs =
                    column.chunk_by(|a, b| a == b).filter_map(|run| Some((*run.first()?, run.len())));
                let Some((bits, count)) = runs.next() else { continue };
                let mut cursor = Cursor::new(i, is_whole(i), column.len() as u64, bits);
                cursor.step(bits, count as u64);
                runs.for_each(|(bits, count)| cursor.step(bits, count as u64));
                cursor.finish(statistics);
            }
            return Ok(());
        }
        self.spill()?;
        let mut sorted = self.spilled.sorted()?;
        let mut at: Option<Cursor> = None;
        while let Some((key, count)) = sorted.next()? {
            let Some((field, bits)) = key.split_first_chunk::<2>() else { continue };
            let Some(bits) = bits.first_chunk::<8>().map(|b| u64::from_be_bytes(*b)) else { continue };
            let count = count.first_chunk::<8>().map_or(0, |b| u64::from_le_bytes(*b));
            let field = usize::from(u16::from_be_bytes(*field));
            if let Some(done) = at.take_if(|c| c.field != field) {
                done.finish(statistics);
            }
            let total = self.seen.get(field).copied().unwrap_or(0);
            at.get_or_insert_with(|| Cursor::new(field, is_whole(field), total, bits)).step(bits, count);
        }
        if let Some(done) = at {
            done.finish(statistics);
        }
        Ok(())
    }
}

/// Walks through one field's numbers in order.
struct Cursor {
    field: usize,
    whole: bool,
    total: u64,
    place: u64,
    bits: u64,
    run: u64,
    distinct: u64,
    top: Top,
    quantiles: Vec<Quantile>,
}

impl Cursor {
    fn new(field: usize, whole: bool, total: u64, bits: u64) -> Self {
        let (top, quantiles) = (Top::default(), Vec::with_capacity(POINTS.len()));
        Self { field, whole, total, place: 0, bits, run: 0, distinct: 0, top, quantiles }
    }

    /// Goes past a number that is there so many times.
    fn step(&mut self, bits: u64, count: u64) {
        if bits != self.bits {
            self.close_run();
            self.bits = bits;
        }
        self.run += count;
        self.place += count;
        // Nearest rank: the smallest value such that a share p of all values is at most it.
        while let Some(&p) = POINTS.get(self.quantiles.len()) {
            if (self.place as f64) < (p * self.total as f64).ceil() {
                break;
            }
            self.quantiles.push(Quantile { p, value: number(bits) });
        }
    }

    fn close_run(&mut self) {
        self.distinct += 1;
        let (number, whole) = (number(self.bits), self.whole);
        self.top.add(self.run, || if whole { Value::Integer(number as i64) } else { Value::Real(number) });
        self.run = 0;
    }

    fn finish(mut self, statistics: &mut [FieldStatistics]) {
        self.close_run();
        if let Some(statistics) = statistics.get_mut(self.field) {
            statistics.distinct = self.distinct;
            statistics.top = self.top.into_sorted();
            statistics.quantiles = self.quantiles;
        }
    }
}

/// Bits that order as the number does: those of IEEE 754 with the sign turned over, negatives reversed.
fn ordered(number: f64) -> u64 {
    let bits = if number == 0.0 { 0 } else { number.to_bits() };
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn number(ordered: u64) -> f64 {
    f64::from_bits(if ordered & SIGN == 0 { !ordered } else { ordered & !SIGN })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Role;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn quantiles_are_those_of_the_sorted_values(
            mut values in proptest::collection::vec(prop_oneof![-1e6..1e6_f64, (-3..3_i32).prop_map(f64::from)], 1..300),
            budget in 100_usize..10_000,
        ) {
            let folder = tempfile::tempdir().unwrap();
            let mut numbers = Numbers::new(1, folder.path(), budget);
            values.iter().for_each(|v| numbers.add(0, *v).unwrap());
            let mut statistics = vec![FieldStatistics::default()];
            numbers.finish(&[Field::new("n", Role::Number)], &mut statistics).unwrap();
            values.sort_by(f64::total_cmp);
            let rank = |p: f64| ((p * values.len() as f64).ceil() as usize).max(1) - 1;
            let expected: Vec<_> = POINTS.iter().map(|&p| Quantile { p, value: values[rank(p)] }).collect();
            prop_assert_eq!(&statistics[0].quantiles, &expected);
            values.dedup();
            prop_assert_eq!(statistics[0].distinct, values.len() as u64);
        }
    }
}
