//! What is known of a language other than English.

use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;

use crate::rules::Form;

/// A language as data. All words are folded as [`fold`](segue_catalog::text::fold) does.
///
/// A phrase is words between blanks. A word of it can be a place for something of the request, which stays as it is and is
/// `{1}`, `{2}`, … in the English: `#` for an amount (a number, with its currency and unit), `#y` for a year, `#n` for a number by itself, `@m` for a
/// month, `@f` for the name of a field, `@a` for an adjective of one. A comma before a word
/// stands for one in the request.
#[derive(Debug)]
pub(crate) struct Pack {
    /// Phrases that steer a request, and what English says instead.
    pub(crate) phrases: &'static [(&'static str, &'static str)],
    /// Phrases of two parts around something, and what takes the place of the first: `("tussen", "in", …)`. The second goes.
    pub(crate) frames: &'static [(&'static str, &'static str, &'static str)],
    /// What turns round the clause that it ends.
    pub(crate) trailing: &'static [&'static str],
    /// What says no to what was said before, where a comma follows it.
    pub(crate) answers_no: &'static [&'static str],
    /// Articles and the like that are a one before what is counted.
    pub(crate) ones: &'static [&'static str],
    /// Words that say nothing by themselves.
    pub(crate) filling: &'static str,
    /// What people call what catalogues hold, and the English words for it; one of several words is joined by `_`.
    pub(crate) dictionary: &'static [(&'static str, &'static str)],
    /// Names of months, in their order.
    pub(crate) months: [&'static str; 12],
    /// Units, and their English spelling; none for one that says nothing.
    pub(crate) units: &'static [(&'static str, &'static str)],
    /// How numbers are written.
    pub(crate) numerals: Numerals,
    /// True for a comma before a fraction and a full stop between thousands.
    pub(crate) decimal_comma: bool,
    /// Endings that do not change what a word means, and what stands in their place, the longest first.
    pub(crate) endings: &'static [(&'static str, &'static str)],
    /// Endings of adjectives that say how much, the longest first.
    pub(crate) degrees: &'static [(&'static str, Form)],
    /// True if a doubled letter is the same sound as a single one, and `z` and `v` are `s` and `f` at the end of a word.
    pub(crate) open_syllables: bool,
    /// What stands between the parts of a compound ("geluid-s-software"), the longest first; none where words are not compounded.
    pub(crate) links: &'static [&'static str],
    /// Words that a written answer may use and that claim what their English does, word for word: nothing, or that something
    /// is so. None where no model is to word answers.
    pub(crate) plain: &'static [(&'static str, &'static str)],
    /// English templates of sentences and what this language says for them.
    pub(crate) sentences: &'static [(&'static str, &'static str)],
    /// How the separators of thousands look.
    pub(crate) thousands: &'static str,
    /// What "No" is at the beginning of a sentence that counts nothing.
    pub(crate) none: &'static str,
    pub(crate) index: OnceLock<Index>,
}

/// How a language writes numbers.
#[derive(Debug)]
pub(crate) enum Numerals {
    /// In words of their own, joined by one word ("vinte e três") or in one ("drieëntwintig").
    Words {
        units: &'static [(&'static str, f64)],
        scales: &'static [(&'static str, f64)],
        and: &'static str,
        /// True if a number below a million is one word.
        compound: bool,
    },
    /// By the characters of Chinese.
    Characters,
}

/// The fewest letters of a word that is known with a slip in it: shorter ones differ in one letter from too many others.
const LONG: usize = 6;

/// The lists of a pack, ready to look up.
#[derive(Debug)]
pub(crate) struct Index {
    /// Phrases by their first word; those that begin with a place are under "".
    pub(crate) phrases: HashMap<&'static str, Vec<(Vec<&'static str>, &'static str)>>,
    /// All words of phrases, frames and filling.
    pub(crate) function: HashSet<&'static str>,
    /// The foreign words of the dictionary.
    pub(crate) content: HashSet<&'static str>,
    pub(crate) filling: HashSet<&'static str>,
    /// The function and content words that are long enough to be known with a slip, sorted.
    pub(crate) long: Vec<&'static str>,
    /// The most characters of a function word.
    pub(crate) longest: usize,
}

impl Pack {
    pub(crate) fn index(&self) -> &Index {
        self.index.get_or_init(|| {
            // The longest first, and what wants a comma before what does not.
            let mut sorted: Vec<_> = self.phrases.iter().collect();
            sorted.sort_by_key(|p| std::cmp::Reverse((p.0.split(' ').count(), p.0.starts_with(','))));
            let mut phrases: HashMap<&str, Vec<(Vec<&str>, &str)>> = HashMap::new();
            for (phrase, english) in sorted {
                let words: Vec<&str> = phrase.split(' ').collect();
                let first = words
                    .first()
                    .copied()
                    .filter(|w| !is_place(w))
                    .unwrap_or_default()
                    .trim_start_matches(',');
                phrases.entry(first).or_default().push((words, english));
            }
            let filling: HashSet<&str> = self.filling.split_whitespace().collect();
            let framed = self.frames.iter().flat_map(|(open, close, _)| [*open, *close]);
            let said = self.phrases.iter().map(|p| p.0).chain(self.trailing.iter().copied()).chain(framed);
            let mut function: HashSet<&str> = said
                .flat_map(str::split_whitespace)
                .filter(|w| !is_place(w))
                .map(|w| w.trim_start_matches(','))
                .collect();
            function.extend(&filling);
            function.extend(self.units.iter().map(|u| u.0));
            function.extend(self.ones.iter().chain(self.answers_no));
            let content: HashSet<&str> = self.dictionary.iter().flat_map(|d| d.0.split(' ')).collect();
            let longest = function.iter().map(|w| w.chars().count()).max().unwrap_or_default();
            let mut long: Vec<&str> = function.union(&content).copied().collect();
            long.retain(|w| w.chars().count() >= LONG);
            long.sort_unstable();
            Index { phrases, function, content, filling, long, longest }
        })
    }

    /// What is left of a word without the endings that do not change its meaning, the same for all forms of it.
    pub(crate) fn stem(&self, word: &str) -> String {
        const SHORTEST: usize = 3;
        let stripped = self.endings.iter().find_map(|(ending, instead)| {
            let base = word.strip_suffix(ending).filter(|b| b.chars().count() >= SHORTEST)?;
            Some(format!("{base}{instead}"))
        });
        let stem = stripped.unwrap_or_else(|| word.to_owned());
        if !self.open_syllables {
            return stem;
        }
        let mut out = String::with_capacity(stem.len());
        for c in stem.chars() {
            if !out.ends_with(c) || c.is_ascii_digit() {
                out.push(c);
            }
        }
        match out.pop() {
            Some('z') => out.push('s'),
            Some('v') => out.push('f'),
            Some(other) => out.push(other),
            None => {}
        }
        out
    }

    /// The word without what says how much, and how much it says.
    pub(crate) fn degree(&self, word: &str) -> Option<(String, Form)> {
        self.degrees.iter().find_map(|(ending, form)| {
            let base = word.strip_suffix(ending).filter(|b| b.chars().count() > 2)?;
            Some((self.stem(base), *form))
        })
    }
}

/// True for a place for something of the request in a phrase.
pub(crate) fn is_place(word: &str) -> bool {
    matches!(word, "#" | "#y" | "#n" | "@m" | "@f" | "@a")
}
