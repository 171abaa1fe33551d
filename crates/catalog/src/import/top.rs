//! The most frequent values of a field, in bounded memory.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use crate::{Value, ValueCount};

/// How many are kept.
const MOST: usize = 200;

/// Takes in each different value once, in the order of the values; among equally frequent ones the first stay.
#[derive(Default)]
pub(super) struct Top {
    /// Count and place of each value kept; the least frequent, and of those the last, is on top.
    heap: BinaryHeap<Reverse<(u64, Reverse<u64>)>>,
    values: BTreeMap<u64, Value>,
    seen: u64,
}

impl Top {
    pub(super) fn add(&mut self, count: u64, value: impl FnOnce() -> Value) {
        self.seen += 1;
        if self.heap.len() == MOST {
            if self.heap.peek().is_some_and(|Reverse((least, _))| *least >= count) {
                return;
            }
            if let Some(Reverse((_, Reverse(place)))) = self.heap.pop() {
                self.values.remove(&place);
            }
        }
        self.heap.push(Reverse((count, Reverse(self.seen))));
        self.values.insert(self.seen, value());
    }

    pub(super) fn into_sorted(mut self) -> Vec<ValueCount> {
        let sorted = self.heap.into_sorted_vec().into_iter();
        let count_of =
            |Reverse((count, Reverse(place)))| Some(ValueCount { value: self.values.remove(&place)?, count });
        sorted.filter_map(count_of).collect()
    }
}
