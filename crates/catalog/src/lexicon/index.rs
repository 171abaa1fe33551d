//! The lexicon in memory, for look-ups that are not exact: values by the words in them, and values and
//! words by their neighbourhood in edit distance.
//!
//! Candidates for a misspelt text are those of a similar length whose set of letters differs by no more
//! than the edits allow (an edit changes at most two members of the set). That leaves few enough of
//! 200,000 values to compute the distance of each; nothing near is missed.

use std::collections::HashMap;

use super::LexiconEntry;
use crate::text::words;

/// All values, and all words in values of several words.
#[derive(Debug)]
pub(crate) struct LexiconIndex {
    entries: Vec<LexiconEntry>,
    /// Positions of entries.
    whole: Spellings,
    /// Positions in `words`.
    parts: Spellings,
    words: Vec<Word>,
    by_word: HashMap<Box<str>, u32>,
}

#[derive(Debug)]
struct Word {
    text: Box<str>,
    /// The entries that contain it, most frequent first.
    entries: Vec<u32>,
}

/// Texts by length, with what a quick comparison needs.
#[derive(Debug, Default)]
struct Spellings {
    by_length: Vec<Vec<(u64, u32)>>,
}

impl LexiconIndex {
    /// Takes entries in any order.
    pub(crate) fn new(mut entries: Vec<LexiconEntry>) -> Self {
        // Most frequent first, so that every list of positions is in that order.
        entries.sort_by(|a, b| {
            b.count.cmp(&a.count).then_with(|| a.folded.cmp(&b.folded)).then_with(|| a.field.cmp(&b.field))
        });
        let mut index = Self {
            whole: Spellings::default(),
            parts: Spellings::default(),
            words: Vec::new(),
            by_word: HashMap::new(),
            entries: Vec::new(),
        };
        for (i, entry) in entries.iter().enumerate() {
            let i = i as u32;
            index.whole.add(&entry.folded, i);
            for word in words(&entry.folded) {
                let place = *index.by_word.entry(word.into_boxed_str()).or_insert_with_key(|word| {
                    index.parts.add(word, index.words.len() as u32);
                    index.words.push(Word { text: word.clone(), entries: Vec::new() });
                    index.words.len() as u32 - 1
                });
                if let Some(word) = index.words.get_mut(place as usize)
                    && word.entries.last() != Some(&i)
                {
                    word.entries.push(i);
                }
            }
        }
        index.entries = entries;
        index
    }

    /// The values that contain all these words (folded), most frequent first.
    pub(crate) fn with_words(&self, words: &[String], limit: usize) -> Vec<&LexiconEntry> {
        let lists: Option<Vec<&[u32]>> = words.iter().map(|w| self.entries_with(w)).collect();
        let Some(mut lists) = lists.filter(|l| !l.is_empty()) else { return Vec::new() };
        lists.sort_by_key(|l| l.len());
        let Some((shortest, others)) = lists.split_first() else { return Vec::new() };
        // Positions ascend in every list.
        let in_all = shortest.iter().filter(|i| others.iter().all(|l| l.binary_search(i).is_ok()));
        in_all.filter_map(|i| self.entries.get(*i as usize)).take(limit).collect()
    }

    /// The values nearest to a folded text, best first, each with a similarity from 0 to 1: of the whole
    /// value, or a little less for a word in it. Equal ones have 1.
    pub(crate) fn nearest(
        &self,
        text: &str,
        field: Option<usize>,
        limit: usize,
    ) -> Vec<(&LexiconEntry, f64)> {
        let edits = allowed_edits(text.chars().count());
        let in_field = |i: u32| {
            let entry = self.entries.get(i as usize)?;
            field.is_none_or(|f| f == entry.field).then_some((i, entry))
        };
        let mut best: HashMap<u32, f64> = HashMap::new();
        let mut note = |i: u32, similarity: f64| {
            let known = best.entry(i).or_insert(similarity);
            *known = known.max(similarity);
        };
        self.whole.near(text, edits, |i| {
            let Some((i, entry)) = in_field(i) else { return };
            if let Some(similarity) = similarity(text, &entry.folded, edits) {
                note(i, cut_by_frequency(similarity, entry.count));
            }
        });
        self.parts.near(text, edits, |place| {
            let Some(word) = self.words.get(place as usize) else { return };
            let Some(similarity) = similarity(text, &word.text, edits) else { return };
            // The most frequent values come first; more than are asked for cannot matter.
            for (i, entry) in word.entries.iter().filter_map(|i| in_field(*i)).take(limit.max(1)) {
                if entry.folded.len() > word.text.len() {
                    note(i, WORD * cut_by_frequency(similarity, entry.count));
                }
            }
        });
        let mut found: Vec<(u32, f64)> = best.into_iter().filter(|(_, s)| *s >= LEAST).collect();
        // Positions are in the order of frequency.
        found.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        found.truncate(limit);
        found.into_iter().filter_map(|(i, s)| Some((self.entries.get(i as usize)?, s))).collect()
    }

    fn entries_with(&self, word: &str) -> Option<&[u32]> {
        let place = self.by_word.get(word)?;
        self.words.get(*place as usize).map(|w| w.entries.as_slice())
    }
}

/// What a word in a value counts, against the whole value.
const WORD: f64 = 0.95;

/// Below this similarity nothing is near.
const LEAST: f64 = 0.65;

/// How many edits a text of this many letters may be away. Short texts have too many neighbours.
fn allowed_edits(length: usize) -> usize {
    match length {
        0..=3 => 0,
        4..=7 => 1,
        8..=13 => 2,
        _ => 3,
    }
}

/// Damerau-Levenshtein distance as a share of the longer text, from 1 (equal) down; `None` beyond `edits`.
fn similarity(text: &str, other: &str, edits: usize) -> Option<f64> {
    if text == other {
        return Some(1.0);
    }
    let distance = strsim::osa_distance(text, other);
    let longer = text.chars().count().max(other.chars().count());
    (distance <= edits).then(|| 1.0 - distance as f64 / longer as f64)
}

/// A misspelling is the more doubtful the rarer the value it would stand for.
fn cut_by_frequency(similarity: f64, count: u64) -> f64 {
    let doubt = match count {
        0 | 1 => 1.3,
        2..=4 => 1.15,
        _ => 1.0,
    };
    1.0 - (1.0 - similarity) * doubt
}

impl Spellings {
    fn add(&mut self, text: &str, place: u32) {
        let length = text.chars().count();
        if self.by_length.len() <= length {
            self.by_length.resize_with(length + 1, Vec::new);
        }
        if let Some(bucket) = self.by_length.get_mut(length) {
            bucket.push((letters(text), place));
        }
    }

    fn near(&self, text: &str, edits: usize, mut each: impl FnMut(u32)) {
        let (length, set) = (text.chars().count(), letters(text));
        let most = 2 * edits as u32;
        let range = length.saturating_sub(edits)..=length + edits;
        for bucket in self.by_length.iter().enumerate().filter(|(l, _)| range.contains(l)).map(|(_, b)| b) {
            for (other, place) in bucket {
                if (set ^ other).count_ones() <= most {
                    each(*place);
                }
            }
        }
    }
}

/// The set of a text's characters, by their code modulo 64, so that letters and digits of ASCII all differ.
fn letters(text: &str) -> u64 {
    text.chars().fold(0, |set, c| set | 1 << (u32::from(c) % 64))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn index(values: &[(&str, u64)]) -> LexiconIndex {
        let entry = |(value, count): &(&str, u64)| LexiconEntry {
            field: 0,
            value: (*value).to_owned(),
            folded: crate::text::fold(value),
            count: *count,
        };
        LexiconIndex::new(values.iter().map(entry).collect())
    }

    #[test]
    fn misspelt_values_and_words_are_found() {
        let index = index(&[
            ("Stanley Kubrick", 13),
            ("Quentin Tarantino", 9),
            ("Documentary", 1600),
            ("Sci-Fi", 1200),
            ("War", 589),
            ("Kubrick's Odyssey", 1),
        ]);
        let first = |text: &str| index.nearest(text, None, 3).first().map(|(e, _)| e.value.clone());
        let cases = [
            ("kubrick", Some("Stanley Kubrick")),
            ("kubrik", Some("Stanley Kubrick")),
            ("tarentino", Some("Quentin Tarantino")),
            ("stanley kubirck", Some("Stanley Kubrick")),
            ("documentry", Some("Documentary")),
            ("scifi", Some("Sci-Fi")),
            ("war", Some("War")),
            ("car", None),
            ("something else", None),
            ("", None),
        ];
        for (text, expected) in cases {
            assert_eq!(first(text).as_deref(), expected, "{text}");
        }
        assert!(index.nearest("war", None, 1).iter().all(|(_, s)| (*s - 1.0).abs() < 1e-9));
    }

    #[test]
    fn values_with_all_words_come_most_frequent_first() {
        let index = index(&[("Jean Renoir", 5), ("Jean-Luc Godard", 25), ("Luc Besson", 12)]);
        let with = |words: &[&str]| -> Vec<String> {
            let words: Vec<_> = words.iter().map(|&w| w.to_owned()).collect();
            index.with_words(&words, 9).iter().map(|e| e.value.clone()).collect()
        };
        assert_eq!(with(&["jean"]), ["Jean-Luc Godard", "Jean Renoir"]);
        assert_eq!(with(&["luc", "jean"]), ["Jean-Luc Godard"]);
        assert_eq!(with(&["luc", "renoir"]), [""; 0]);
        assert_eq!(with(&[]), [""; 0]);
    }

    proptest! {
        /// The quick comparison loses nothing that the distance would let through.
        #[test]
        fn no_neighbour_is_missed(values in proptest::collection::btree_set("[a-d]{1,10}", 1..40), text in "[a-d]{1,10}") {
            let listed: Vec<_> = values.iter().map(|v| (v.as_str(), 9)).collect();
            let index = index(&listed);
            let edits = allowed_edits(text.chars().count());
            let expected = values.iter().filter(|v| similarity(&text, v, edits).is_some_and(|s| s >= LEAST)).count();
            prop_assert_eq!(index.nearest(&text, None, 100).len(), expected);
        }
    }
}
