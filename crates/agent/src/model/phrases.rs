//! What of a request is left for a model, in phrases that each mean one thing.

use segue_catalog::text::words;
use serde::{Deserialize, Serialize};

use crate::Reading;
use crate::rules::{is_filling, is_negation, is_steering};

/// The most phrases that are asked about in one turn.
const MOST: usize = 4;

/// Some words of a request that the rules made nothing of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Phrase {
    pub(super) text: String,
    /// True if it describes something instead of saying it.
    pub(super) describes: bool,
    /// The values of which it means one, if that much is known.
    pub(super) among: Vec<String>,
    /// The fields of which it means a value, if it says so.
    pub(super) fields: Vec<String>,
}

/// The phrases of a reading that say something. What turns round what it says is left out: search cannot leave words out.
pub(super) fn phrases(reading: &Reading) -> Vec<Phrase> {
    let phrase = |text: &String| {
        let described = reading.described.iter().find(|d| d.text == *text);
        let (among, fields) = described.map(|d| (d.among.clone(), d.fields.clone())).unwrap_or_default();
        Phrase { text: text.clone(), describes: described.is_some(), among, fields }
    };
    reading.left.iter().filter(|text| is_telling(text)).map(phrase).take(MOST).collect()
}

fn is_telling(text: &str) -> bool {
    words(text).any(|w| !is_filling(&w) && !is_steering(&w))
        && !words(text).next().is_some_and(|w| is_negation(&w))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn phrases_say_something() {
        assert!(is_telling("child at the centre of the story"));
        assert!(!is_telling("from before"));
        assert!(!is_telling("no zombies"));
    }
}
