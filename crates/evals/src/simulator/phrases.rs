//! How users talk.

use schemars::JsonSchema;
use segue_catalog::text::words;
use serde::{Deserialize, Serialize};

use super::user::Act;

/// How a user talks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Style {
    /// Key words.
    Terse,
    /// Plain sentences.
    #[default]
    Plain,
    /// With words around what matters.
    Chatty,
}

/// The templates of an act: `{noun}` is what an item is called, `{it}` what is asked for or turned down.
pub(super) fn templates(style: Style, act: Act) -> &'static [&'static str] {
    match (act, style) {
        (Act::Ask, Style::Terse) => &["{it}", "{noun}, {it}"],
        (Act::Ask, Style::Plain) => &[
            "I am looking for a {noun}: {it}",
            "Can you find me a {noun} with {it}?",
            "Show me a {noun}, {it}",
        ],
        (Act::Ask, Style::Chatty) => &[
            "Hi, could you help me? There is a {noun} I have in mind, {it}.",
            "I have been trying to find a certain {noun} for days. What I know: {it}.",
        ],
        (Act::Add, Style::Terse) => &["{it}", "also {it}"],
        (Act::Add, Style::Plain) => &["It should have {it}", "And {it}", "Only those with {it}, please"],
        (Act::Add, Style::Chatty) => {
            &["Hm, not quite yet. I also remember {it}.", "Thanks, that goes the right way; but I want {it}."]
        }
        (Act::Insist, Style::Terse) => &["no: {it}", "{it}!"],
        (Act::Insist, Style::Plain) => &["No, I asked for {it}", "That is wrong, it must be {it}"],
        (Act::Insist, Style::Chatty) => {
            &["I think you misunderstood me, what I said was {it}.", "Sorry, but I did ask for {it}."]
        }
        (Act::Reject, Style::Terse) => &["not {it}"],
        (Act::Reject, Style::Plain) => &["Not {it}", "Show me others, not {it}"],
        (Act::Reject, Style::Chatty) => &["Thank you, but not {it}. What else is there?"],
    }
}

/// Whether words give a secret away: all of its words, in its order, one after the other, whatever their case and accents.
///
/// ```
/// use segue_evals::simulator::reveals;
/// assert!(reveals("Was it the THIRD man?", "The Third Man"));
/// assert!(!reveals("a man, the third of three", "The Third Man"));
/// ```
pub fn reveals(text: &str, secret: &str) -> bool {
    let (text, secret): (Vec<String>, Vec<String>) = (words(text).collect(), words(secret).collect());
    !secret.is_empty() && text.windows(secret.len()).any(|part| part == secret)
}
