//! What of a request is left for a model, cut into phrases that each mean one thing.

use segue_catalog::text::{squash, words};
use serde::{Deserialize, Serialize};

use crate::Reading;
use crate::rules::{is_filling, is_negation, is_steering};

/// The most phrases that are asked about in one turn.
const MOST: usize = 4;

/// Some words of a request that the rules made nothing of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Phrase {
    pub(super) text: String,
    /// The values of which it means one, if that much is known.
    pub(super) among: Vec<String>,
}

/// The phrases of a reading: those that describe something, and what stands between them.
pub(super) fn phrases(reading: &Reading) -> Vec<Phrase> {
    let mut found = Vec::new();
    for run in &reading.left {
        let mut rest = run.as_str();
        for described in &reading.described {
            let Some((before, after)) = rest.split_once(described.text.as_str()) else { continue };
            found.extend(plain_phrases(before));
            found.push(Phrase { text: described.text.clone(), among: described.among.clone() });
            rest = after;
        }
        found.extend(plain_phrases(rest));
    }
    found.truncate(MOST);
    found
}

/// True if what the phrase says is turned round: search cannot leave words out.
pub(super) fn is_negated(phrase: &str) -> bool {
    words(phrase).next().is_some_and(|w| is_negation(&w))
}

/// A stretch cut at its commas, each part without the filling around it.
fn plain_phrases(text: &str) -> impl Iterator<Item = Phrase> {
    let parts = text.split([',', ';', ':', '(', ')', '!', '?', '\n']);
    parts.filter_map(trimmed).map(|text| Phrase { text: text.to_owned(), among: Vec::new() })
}

/// The text from its first telling word to its last; `None` if there is none.
fn trimmed(text: &str) -> Option<&str> {
    let mut telling = text.split_whitespace().filter(|w| is_telling(w));
    let first = telling.next()?;
    let last = telling.next_back().unwrap_or(first);
    let at = |word: &str| word.as_ptr() as usize - text.as_ptr() as usize;
    text.get(at(first)..at(last) + last.len()).map(|t| t.trim_end_matches(['.', '"', '”']))
}

fn is_telling(word: &str) -> bool {
    let key = squash(word);
    !key.is_empty() && !words(word).all(|w| (is_filling(&w) || is_steering(&w)) && !is_negation(&w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stretch_is_cut_and_trimmed() {
        let texts = |text| plain_phrases(text).map(|p| p.text).collect::<Vec<_>>();
        assert_eq!(
            texts("with a child at the centre of the story, please"),
            ["child at the centre of the story"]
        );
        assert_eq!(texts("could you, for me, about trains"), ["trains"]);
        assert_eq!(texts("and the"), [""; 0]);
    }
}
