//! Folding: the one rule by which text is compared for equality.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Folds text for comparison: compatibility decomposition, no combining marks, lower case, and every run
/// of white space one blank. "  Amélie\u{a0}POULAIN" and "amelie poulain" are then the same.
///
/// ```
/// assert_eq!(segue_catalog::text::fold("  Éric  Toledano "), "eric toledano");
/// ```
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        let bytes = text.as_bytes();
        let blanks =
            |pair: &[u8]| matches!(pair, [a, b] if a.is_ascii_whitespace() && b.is_ascii_whitespace());
        let at_an_end = |end: Option<&u8>| end.is_some_and(u8::is_ascii_whitespace);
        let only_blanks = !bytes.iter().any(|b| b.is_ascii_control());
        // Most texts have nothing to collapse, and rows are read and imported by the hundred thousand.
        if only_blanks
            && !at_an_end(bytes.first())
            && !at_an_end(bytes.last())
            && !bytes.windows(2).any(blanks)
        {
            return text.to_ascii_lowercase();
        }
        return collapse(text.chars().map(|c| c.to_ascii_lowercase()), text.len());
    }
    let folded = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    collapse(folded, text.len())
}

fn collapse(chars: impl Iterator<Item = char>, capacity: usize) -> String {
    let mut out = String::with_capacity(capacity);
    let mut blank = false;
    for c in chars {
        if c.is_whitespace() {
            blank = true;
        } else {
            if blank && !out.is_empty() {
                out.push(' ');
            }
            blank = false;
            out.push(c);
        }
    }
    out
}

/// Letters, digits, `#` and `+` of the folded text: "Jay-Z", "jay z" and "Jay Z." are then the same.
///
/// ```
/// assert_eq!(segue_catalog::text::squash("Guns N' Roses"), "gunsnroses");
/// ```
pub fn squash(text: &str) -> String {
    fold(text).chars().filter(|c| c.is_alphanumeric() || matches!(c, '#' | '+')).collect()
}

/// The words of a text: folded, split at everything that is neither letter nor digit.
///
/// ```
/// let words: Vec<_> = segue_catalog::text::words("Ocean's Eleven (2001)").collect();
/// assert_eq!(words, ["ocean", "s", "eleven", "2001"]);
/// ```
pub fn words(text: &str) -> impl Iterator<Item = String> {
    fold(text)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}

/// The one of these names that was probably meant: the nearest by Damerau-Levenshtein distance after
/// folding, if it is near at all.
///
/// ```
/// let near = segue_catalog::text::nearest_name("colum", ["name", "column"].into_iter());
/// assert_eq!(near, Some("column"));
/// ```
pub fn nearest_name<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = fold(name);
    known
        .map(|k| (strsim::normalized_damerau_levenshtein(&name, &fold(k)), k))
        .filter(|(similarity, _)| *similarity >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}
