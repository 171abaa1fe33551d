//! Questions back: what a request leaves open is asked once, and only where the answer would change the plan. Until it is
//! answered the likeliest meaning is assumed.

use segue_catalog::Predicate;
use segue_catalog::text::{squash, words};
use serde::{Deserialize, Serialize};

use crate::rules::{self, RulesError, Situation, is_filling};
use crate::{Asked, Constraints, Intent, Reading, Session, Understood};

/// What a request leaves open, for the user to choose.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Question {
    /// The words that can mean several things.
    pub about: String,
    /// The question, in a sentence or two.
    pub text: String,
    /// What they can mean. The first is assumed until the user says; none if there is nothing to choose from.
    pub options: Vec<Choice>,
}

/// One of several meanings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Choice {
    /// What the user sees.
    pub label: String,
    /// How many items it is about.
    pub count: u64,
    /// What it means.
    pub means: Meaning,
}

/// What a choice means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Meaning {
    /// The item with this id.
    Item(String),
    /// This condition.
    Condition(Predicate),
}

/// Words of an answer that choose nothing by themselves.
const IDLE: [&str; 9] = ["mean", "meant", "think", "option", "number", "choose", "as", "sorry", "name"];
const ORDINALS: [&str; 5] = ["first", "second", "third", "fourth", "fifth"];

/// Reads a turn of a session: as the answer to what was asked, or else as a request, with what it leaves open unless
/// that was asked before.
pub(crate) fn read(
    request: &str,
    situation: &Situation<'_>,
    session: &Session,
) -> Result<Reading, RulesError> {
    if let Some(question) = &session.pending
        && let Some(chosen) = question
            .answered(request)
            .or_else(|| question.answered(&rules::in_english(request, situation).ok()?))
    {
        return Ok(settled(request, situation, question, chosen));
    }
    let mut reading = rules::read_after(request, situation, &session.earlier)?;
    let key = |question: &Question| squash(&question.about);
    if let Some(question) =
        reading.question.take_if(|q| !q.options.is_empty() && session.asked.contains(&key(q)))
    {
        // It was answered, or the first was good enough.
        let before = question.options.iter().rposition(|o| o.means.was_chosen(situation.before, &question));
        if let Some(chosen) = before.filter(|chosen| *chosen > 0) {
            settle(&mut reading.constraints, &question, chosen, situation.turn);
        }
    }
    Ok(reading)
}

/// The reading of an answer: what was asked for before, with the meaning that was chosen.
fn settled(request: &str, situation: &Situation<'_>, question: &Question, chosen: usize) -> Reading {
    let mut constraints = situation.before.clone();
    let intent =
        question.described(&constraints, chosen).map_or(Intent::Search, |id| Intent::Describe(vec![id]));
    settle(&mut constraints, question, chosen, situation.turn);
    let choice = question.options.get(chosen);
    let label = choice.map(|c| c.label.clone()).unwrap_or_default();
    let predicate = choice.and_then(|c| match &c.means {
        Meaning::Condition(predicate) => Some(predicate.clone()),
        Meaning::Item(_) => None,
    });
    let understood = Understood {
        text: request.to_owned(),
        hard: predicate.is_some(),
        predicate,
        meaning: format!("“{}” is {label}", question.about),
    };
    Reading {
        understood: vec![understood],
        not_understood: Vec::new(),
        left: Vec::new(),
        open: Vec::new(),
        described: Vec::new(),
        constraints,
        intent,
        absent: Vec::new(),
        question: None,
    }
}

/// Puts the meaning that was chosen in the place of the one that was assumed.
fn settle(constraints: &mut Constraints, question: &Question, chosen: usize, turn: u32) {
    let (Some(assumed), Some(choice)) = (question.options.first(), question.options.get(chosen)) else {
        return;
    };
    match (&assumed.means, &choice.means) {
        (Meaning::Item(old), Meaning::Item(new)) => {
            for list in [&mut constraints.likes, &mut constraints.dislikes] {
                replace(list, turn, |id| (id == old).then(|| new.clone()));
            }
        }
        (Meaning::Condition(old), Meaning::Condition(new)) => {
            replace(&mut constraints.conditions, turn, |said| {
                let negated = || (*said == old.clone().negate()).then(|| new.clone().negate());
                (said == old).then(|| new.clone()).or_else(negated)
            });
        }
        _ => {}
    }
}

fn replace<T: PartialEq>(list: &mut Vec<Asked<T>>, turn: u32, instead: impl Fn(&T) -> Option<T>) {
    let mut replaced: Vec<Asked<T>> = Vec::new();
    for old in list.iter_mut().filter(|a| a.holds()) {
        if let Some(what) = instead(&old.what).filter(|what| *what != old.what) {
            old.retracted = Some(turn);
            replaced.push(Asked { what, text: old.text.clone(), turn, hard: old.hard, retracted: None });
        }
    }
    replaced.retain(|new| !list.iter().any(|a| a.holds() && a.what == new.what));
    list.extend(replaced);
}

impl Meaning {
    /// True if this was the last of the question's meanings that was asked for.
    fn was_chosen(&self, before: &Constraints, question: &Question) -> bool {
        let is_of = |means: &Self| question.options.iter().any(|o| o.means == *means);
        match self {
            Self::Item(_) => {
                let all =
                    before.likes.iter().chain(&before.dislikes).map(|a| (a.turn, Self::Item(a.what.clone())));
                all.filter(|a| is_of(&a.1)).max_by_key(|a| a.0).is_some_and(|a| a.1 == *self)
            }
            Self::Condition(_) => {
                let all = before.conditions.iter().map(|a| match &a.what {
                    Predicate::Not { not } => Self::Condition((**not).clone()),
                    other => Self::Condition(other.clone()),
                });
                all.rev().find(is_of).is_some_and(|a| a == *self)
            }
        }
    }
}

impl Question {
    /// The item that was chosen, where the assumed one was neither to be like nor to be left out, but described.
    fn described(&self, before: &Constraints, chosen: usize) -> Option<String> {
        let (Meaning::Item(assumed), Meaning::Item(id)) =
            (&self.options.first()?.means, &self.options.get(chosen)?.means)
        else {
            return None;
        };
        let mut asked = before.likes.iter().chain(&before.dislikes).filter(|a| a.holds());
        (!asked.any(|a| a.what == *assumed)).then(|| id.clone())
    }

    /// The option that these words choose, if they do nothing else: "the 1982 one", "the first", "the director".
    fn answered(&self, request: &str) -> Option<usize> {
        let said: Vec<String> = words(request).collect();
        let place = |word: &str| match word {
            "last" | "latter" => self.options.len().checked_sub(1),
            "former" => Some(0),
            _ => ORDINALS
                .iter()
                .position(|o| *o == word)
                .or_else(|| word.parse::<usize>().ok()?.checked_sub(1)),
        };
        let idle = |word: &str| IDLE.contains(&word) || is_filling(word);
        let telling: Vec<&str> =
            said.iter().map(String::as_str).filter(|w| place(w).is_some() || !idle(w)).collect();
        if let [word] = telling.as_slice()
            && let Some(place) = place(word).filter(|p| *p < self.options.len())
        {
            return Some(place);
        }
        let labels: Vec<Vec<String>> = self.options.iter().map(|o| words(&o.label).collect()).collect();
        let about: Vec<String> = words(&self.about).collect();
        // What all have in common chooses none.
        let choosing: Vec<&str> = telling.into_iter().filter(|w| !about.iter().any(|a| a == w)).collect();
        let has_all = |label: &Vec<String>| choosing.iter().all(|w| label.iter().any(|l| l == w));
        let mut fitting =
            labels.iter().enumerate().filter(|(_, label)| !choosing.is_empty() && has_all(label));
        let chosen = fitting.next()?.0;
        fitting.next().is_none().then_some(chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question(labels: &[&str]) -> Question {
        let option = |(i, label): (usize, &&str)| Choice {
            label: (*label).to_owned(),
            count: 1,
            means: Meaning::Item(format!("t{i}")),
        };
        Question {
            about: "Heat".to_owned(),
            text: String::new(),
            options: labels.iter().enumerate().map(option).collect(),
        }
    }

    #[test]
    fn an_answer_chooses_and_does_nothing_else() {
        let films = question(&[
            "Heat (1995, Michael Mann)",
            "Heat (1986, Dick Richards)",
            "Heat (1972, Paul Morrissey)",
        ]);
        for (answer, chosen) in [
            ("the 1986 one", Some(1)),
            ("1995", Some(0)),
            ("the first", Some(0)),
            ("the second one, please", Some(1)),
            ("2", Some(1)),
            ("the last one", Some(2)),
            ("I mean Heat from 1972", Some(2)),
            ("the one by Dick Richards", Some(1)),
            ("Mann", Some(0)),
            ("Heat", None),
            ("the fourth", None),
            ("1995 or 1986", None),
            ("like the second one but newer", None),
            ("thrillers from 1986", None),
            ("yes", None),
            ("", None),
        ] {
            assert_eq!(films.answered(answer), chosen, "{answer}");
        }
        let fields = question(&["the director (30)", "the cast (41)"]);
        assert_eq!(fields.answered("as a director"), Some(0));
        assert_eq!(fields.answered("the cast"), Some(1));
    }
}
