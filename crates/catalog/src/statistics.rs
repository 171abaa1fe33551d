use serde::{Deserialize, Serialize};

use crate::Value;

/// A value and in how many items it occurs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ValueCount {
    /// The value, in the spelling that occurs most.
    pub value: Value,
    /// Items that have it.
    pub count: u64,
}

/// A point of the distribution: a share `p` of the known values is at most `value`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Quantile {
    /// Between 0 and 1.
    pub p: f64,
    /// In the field's unit.
    pub value: f64,
}

/// What is known of a field's values in one generation.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct FieldStatistics {
    /// Items in which the field has at least one value.
    pub known: u64,
    /// Items in which it has none.
    pub nulls: u64,
    /// Different values (folded, for text).
    pub distinct: u64,
    /// The most frequent values with their counts, most frequent first, ties by value; at most 200.
    pub top: Vec<ValueCount>,
    /// Minimum, percentiles 1, 5, 10, 25, 50, 75, 90, 95, 99 and maximum; empty unless the field is numeric.
    pub quantiles: Vec<Quantile>,
    /// First and last value of a date field.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dates: Option<(String, String)>,
    /// Up to five values as they stand in the catalogue.
    pub examples: Vec<Value>,
}

impl FieldStatistics {
    /// The value below which a share `p` of the known values lies; exact where it was computed, else the
    /// nearest computed point above.
    pub fn quantile(&self, p: f64) -> Option<f64> {
        self.quantiles.iter().find(|q| q.p >= p - 1e-9).map(|q| q.value)
    }

    /// Smallest and largest value of a numeric field.
    pub fn range(&self) -> Option<(f64, f64)> {
        Some((self.quantiles.first()?.value, self.quantiles.last()?.value))
    }
}
