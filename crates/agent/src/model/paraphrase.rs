//! What a model says that a phrase means, and whether it counts: it must be sure of it, it must say more than the phrase,
//! and the rules must make a condition of it and of nothing else.

use segue_catalog::text::{squash, words};
use segue_catalog::{Catalog, Predicate};
use segue_models::{ChatReply, TokenLogprob};
use serde::{Deserialize, Serialize};

use super::phrases::Phrase;
use super::routing::conditions;
use crate::rules::{self, RulesError, Situation, is_filling};
use crate::{Earlier, Reading, Understood};

/// How likely a name or a place must have been, all its tokens together, to count: it must be one of the catalogue's too.
const SURE_OF_A_NAME: f64 = 0.3;
/// How likely each token of a year must have been.
const SURE_OF_A_YEAR: f64 = 0.55;
/// How likely each token of a period must have been: there are several right ways to begin and to end one.
const SURE_OF_A_PERIOD: f64 = 0.35;
/// The longest paraphrase, in characters.
const LONGEST: usize = 60;

/// What a description stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    Name,
    Time,
    Place,
}

impl Kind {
    pub(super) fn of(name: &str) -> Option<Self> {
        match name {
            "name" => Some(Self::Name),
            "time" => Some(Self::Time),
            "place" => Some(Self::Place),
            _ => None,
        }
    }
}

/// Whether the paraphrase says something, in few words, that the phrase itself does not say.
pub(super) fn check(phrase: &Phrase, plain: &str, catalog: &Catalog) -> Result<(), String> {
    if plain.is_empty() || plain.chars().count() > LONGEST || plain.contains('\n') {
        return Err("that is no name, year or place".to_owned());
    }
    let said: Vec<String> = words(&phrase.text).collect();
    let repeats = words(plain).filter(|w| !is_filling(w)).all(|w| said.contains(&w));
    let is_among = phrase.among.iter().any(|v| v == plain);
    if repeats && !is_among {
        return Err("that repeats the phrase".to_owned());
    }
    if !phrase.among.is_empty() && !is_among {
        return Err(format!("the {} says otherwise", catalog.noun));
    }
    Ok(())
}

/// Whether the model was sure of what it said of this phrase, where it tells log-probabilities.
pub(super) fn is_sure(
    kind: Kind,
    plain: &str,
    is: &str,
    number: usize,
    reply: &ChatReply,
) -> Result<(), String> {
    let Some(tokens) = reply.logprobs.as_deref().filter(|t| !t.is_empty()) else { return Ok(()) };
    let Some(of_plain) = tokens_of(tokens, plain, is, number) else { return Ok(()) };
    let enough = match kind {
        Kind::Name | Kind::Place => of_plain.iter().sum::<f64>().exp() >= SURE_OF_A_NAME,
        Kind::Time => {
            let years = plain.split(|c: char| !c.is_ascii_digit()).filter(|part| part.len() == 4).count();
            let least = if years > 1 { SURE_OF_A_PERIOD } else { SURE_OF_A_YEAR };
            of_plain.iter().all(|l| l.exp() >= least)
        }
    };
    if enough { Ok(()) } else { Err("the model is not sure".to_owned()) }
}

/// The log-probabilities of the tokens that spell the paraphrase of phrase `number`.
fn tokens_of(tokens: &[TokenLogprob], plain: &str, is: &str, number: usize) -> Option<Vec<f64>> {
    let text: String = tokens.iter().map(|t| t.token.as_str()).collect();
    let from = text.find(&format!("\"{number}\""))?;
    let from = from + text.get(from..)?.find(is)? + is.len();
    let from = from + text.get(from..)?.find(plain)?;
    let (mut at, mut found) = (0, Vec::new());
    for token in tokens {
        let end = at + token.token.len();
        if end > from && at < from + plain.len() {
            found.push(token.logprob);
        }
        at = end;
    }
    Some(found)
}

/// The request with the paraphrase in the place of the phrase, and how the rules then read it; or why that does not
/// count.
pub(super) fn read(
    request: &str,
    reading: &Reading,
    phrase: &Phrase,
    plain: &str,
    kind: Kind,
    (situation, earlier): (&Situation<'_>, &Earlier),
) -> Result<Result<(String, Reading), String>, RulesError> {
    let Some((before, after)) = request.split_once(phrase.text.as_str()) else {
        return Ok(Err("the request does not say that".to_owned()));
    };
    let rewritten = format!("{before}{plain}{after}");
    // What was to be asked back stays as it is.
    let question = reading.question.clone();
    let found = Reading { question, ..rules::read_after(&rewritten, situation, earlier)? };
    let key = squash(plain);
    let is_new = |text: &str| squash(text).contains(&key);
    let is_of_field = |p: &Predicate| {
        phrase.fields.is_empty() || p.conditions().iter().any(|c| phrase.fields.contains(&c.field))
    };
    let made = |u: &Understood| u.hard && is_new(&u.text) && u.predicate.as_ref().is_some_and(is_of_field);
    if !found.understood.iter().any(made) {
        return Ok(Err(match kind {
            Kind::Time => "the catalogue has no such time".to_owned(),
            Kind::Name | Kind::Place => "the catalogue has no such value".to_owned(),
        }));
    }
    let of_phrase = |text: &str| squash(&phrase.text).contains(&squash(text));
    let lost = reading.understood.iter().find(|u| {
        u.hard
            && !of_phrase(&u.text)
            && u.predicate.as_ref().is_some_and(|p| !conditions(&found).contains(&p))
    });
    if let Some(lost) = lost {
        return Ok(Err(format!("“{}” would then be read otherwise", lost.text)));
    }
    Ok(Ok((rewritten, found)))
}

/// Gives the user's own words back to what was read of the paraphrase.
pub(super) fn restore(reading: &mut Reading, phrase: &Phrase, plain: &str, turn: u32) {
    let key = squash(plain);
    for understood in &mut reading.understood {
        if squash(&understood.text).contains(&key) {
            understood.text = understood.text.replace(plain, &phrase.text);
            if understood.predicate.is_some() {
                understood.meaning = format!("{} (read by the model)", understood.meaning);
            }
        }
    }
    for asked in reading.constraints.conditions.iter_mut().filter(|c| c.turn == turn) {
        asked.text = asked.text.replace(plain, &phrase.text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrase(text: &str, among: &[&str]) -> Phrase {
        Phrase {
            text: text.to_owned(),
            describes: true,
            fields: Vec::new(),
            among: among.iter().map(|v| (*v).to_owned()).collect(),
        }
    }

    #[test]
    fn the_tokens_of_a_paraphrase_are_found() {
        let spelt = [
            "{\"",
            "1",
            "\":{\"is\":\"time\",\"",
            "plain\":\"",
            "19",
            "12",
            "\"},\"2\"",
            ":{\"is\":\"name\",\"plain\":\"Bono",
            " Vox",
            "\"}}",
        ];
        let tokens: Vec<TokenLogprob> = (1_u8..)
            .zip(spelt)
            .map(|(i, t)| TokenLogprob { token: t.to_owned(), logprob: -f64::from(i), top: Vec::new() })
            .collect();
        assert_eq!(tokens_of(&tokens, "1912", "time", 1), Some(vec![-5.0, -6.0]));
        assert_eq!(tokens_of(&tokens, "Bono Vox", "name", 2), Some(vec![-8.0, -9.0]));
        assert_eq!(tokens_of(&tokens, "Sting", "name", 2), None);
    }

    #[test]
    fn a_paraphrase_says_more_than_the_phrase() {
        let catalog = crate::testing::catalog();
        let check = |text, among: &[&str], plain| check(&phrase(text, among), plain, &catalog);
        assert!(check("Chris Martin's lot", &[], "Chris Martin").is_err());
        assert!(check("Chris Martin's lot", &[], "Coldplay").is_ok());
        assert!(check("the guy who played Ace", &["Jim Carrey", "Tone Loc"], "Jim Carrey").is_ok());
        assert!(check("the guy who played Ace", &["Jim Carrey", "Tone Loc"], "Jack Black").is_err());
        assert!(check("the sea", &[], "").is_err());
    }
}
