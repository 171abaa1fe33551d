//! Calls of services, compared slot by slot as the evaluation of schema-guided dialogues compares states (Rastogi et al., AAAI
//! 2020; `schema_guided_dst/metrics.py` of google-research).

use std::collections::{BTreeMap, BTreeSet};

use crate::Measure;

/// A call with its slots as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServiceCall {
    /// The method.
    pub method: String,
    /// Slot to value.
    pub slots: BTreeMap<String, String>,
}

/// The measures of one expected call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SlotMeasures {
    /// `method_accuracy`.
    pub method: Measure,
    /// `slot_accuracy`.
    pub slots: Measure,
    /// `joint_slots`.
    pub joint: Measure,
    /// `call_exact`.
    pub exact: Measure,
}

/// Measures what was called against what was expected; `categorical` are the slots whose values are compared as they are, the
/// others by [`token_sort_ratio`]. Of a call of another method no slot counts.
pub fn measure(
    expected: &ServiceCall,
    actual: Option<&ServiceCall>,
    categorical: &BTreeSet<String>,
) -> SlotMeasures {
    let same = actual.filter(|call| call.method == expected.method);
    let none = BTreeMap::new();
    let said = same.map_or(&none, |call| &call.slots);
    let score = |(slot, value): (&String, &String)| match said.get(slot) {
        None => 0.0,
        Some(said) if categorical.contains(slot) => f64::from(u8::from(said == value)),
        Some(said) => token_sort_ratio(value, said),
    };
    let scores: Vec<f64> = expected.slots.iter().map(score).collect();
    let superfluous = said.keys().any(|slot| !expected.slots.contains_key(slot));
    let right = same.is_some() && !superfluous;
    let is_same = |(slot, value): (&String, &String)| {
        let fold = segue_catalog::text::fold;
        said.get(slot).is_some_and(|s| s == value || (!categorical.contains(slot) && fold(s) == fold(value)))
    };
    let exact = right && expected.slots.iter().all(is_same);
    SlotMeasures {
        method: Measure::share(usize::from(same.is_some()), 1),
        slots: Measure { value: scores.iter().sum(), weight: scores.len() as f64 },
        joint: Measure::one(if right { scores.iter().product() } else { 0.0 }),
        exact: Measure::share(usize::from(exact), 1),
    }
}

/// How alike two texts are whose words are put in order: twice the longest common subsequence over both lengths, in whole
/// hundredths; fuzzywuzzy's `token_sort_ratio` over 100 (with python-Levenshtein's `ratio`).
pub fn token_sort_ratio(a: &str, b: &str) -> f64 {
    let sorted = |text: &str| {
        let text = text.to_lowercase();
        let words = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|w| !w.is_empty());
        let mut words: Vec<&str> = words.collect();
        words.sort_unstable();
        words.join(" ").chars().collect::<Vec<_>>()
    };
    let (a, b) = (sorted(a), sorted(b));
    if a.is_empty() || b.is_empty() {
        return 0.0;
    }
    let ratio = 2.0 * common(&a, &b) as f64 / (a.len() + b.len()) as f64;
    (100.0 * ratio).round_ties_even() / 100.0
}

/// The length of the longest common subsequence.
fn common(a: &[char], b: &[char]) -> usize {
    let mut row = vec![0_usize; b.len() + 1];
    for x in a {
        let (mut diagonal, mut left) = (0, 0);
        for (y, above) in b.iter().zip(row.iter_mut().skip(1)) {
            let longest = if x == y { diagonal + 1 } else { left.max(*above) };
            (diagonal, left, *above) = (*above, longest, longest);
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, slots: &[(&str, &str)]) -> ServiceCall {
        let slots = slots.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        ServiceCall { method: method.to_owned(), slots }
    }

    /// Golden values of fuzzywuzzy 0.18 with python-Levenshtein.
    #[test]
    fn texts_are_alike_as_fuzzywuzzy_has_it() {
        for (a, b, expected) in [
            ("San Jose", "san jose", 1.0),
            ("Aegena Apartments", "apartments, Aegena", 1.0),
            ("Touch It", "Touch", 0.77),
            ("2019-03-04", "2019-03-05", 0.9),
            ("Adorn", "", 0.0),
            ("abc", "xyz", 0.0),
        ] {
            assert!((token_sort_ratio(a, b) - expected).abs() < 1e-9, "{a}, {b}: {}", token_sort_ratio(a, b));
        }
    }

    #[test]
    fn every_slot_counts() {
        let expected = call("Find", &[("city", "San Jose"), ("beds", "2")]);
        let categorical = BTreeSet::from(["beds".to_owned()]);
        let of = |actual: Option<ServiceCall>| {
            let m = measure(&expected, actual.as_ref(), &categorical);
            [m.method.value, m.slots.value, m.joint.value, m.exact.value]
        };
        assert_eq!(of(Some(call("Find", &[("city", "san jose"), ("beds", "2")]))), [1.0, 2.0, 1.0, 1.0]);
        assert_eq!(of(Some(call("Find", &[("city", "San"), ("beds", "2")]))), [1.0, 1.55, 0.55, 0.0]);
        assert_eq!(of(Some(call("Find", &[("city", "San Jose"), ("beds", "02")]))), [1.0, 1.0, 0.0, 0.0]);
        let more = call("Find", &[("city", "San Jose"), ("beds", "2"), ("pets", "True")]);
        assert_eq!(of(Some(more)), [1.0, 2.0, 0.0, 0.0]);
        assert_eq!(of(Some(call("Visit", &[("city", "San Jose"), ("beds", "2")]))), [0.0; 4]);
        assert_eq!(of(None), [0.0; 4]);
        let nothing = call("Find", &[]);
        assert_eq!(measure(&nothing, Some(&nothing), &categorical).joint, Measure::one(1.0));
    }
}
