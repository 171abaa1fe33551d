//! Why nothing fits, in words: each condition alone, what cannot hold together, and the best ways out.

use segue_catalog::{Diagnosis, Relaxation};

use super::Stop;
use super::compose::Material;
use super::sentences::{and, conditions, done, named, relaxed};
use crate::evidence::{Basis, Claim};
use crate::languages::grouped_in;

/// How many ways out are offered.
const OFFERED: usize = 3;

/// The sentences of an answer without items.
pub(super) fn sentences(material: &Material<'_>) -> Vec<Claim> {
    let noun = &material.snapshot.catalog().noun;
    if matches!(material.outcome.stop, Stop::Budget | Stop::Cancelled | Stop::Failed) {
        // Nothing was found, but it is not known that there is nothing.
        return Vec::new();
    }
    let empty = material.calls.iter().rev().find(|c| c.count() == Some(0) && c.diagnosis().is_some());
    let Some((call, diagnosis)) = empty.and_then(|c| Some((c, c.diagnosis()?))) else {
        let conditions = conditions(material);
        let what = if conditions.is_empty() {
            material.say("what was asked", &[])
        } else {
            and(material.language, &conditions)
        };
        let none = "No {noun} was found for {what}.";
        return vec![done(material.say(none, &[("noun", noun), ("what", &what)]))];
    };
    let say = |english: &str, places: &[(&str, &str)]| material.say(english, places);
    let and = |parts: &[String]| and(material.language, parts);
    let told = |text: String, counts: Vec<u64>| Claim {
        text,
        basis: Basis::Counts { step: call.step.clone(), counts },
    };
    let name = |i: usize| diagnosis.conditions.get(i).map(|c| named(material, &c.condition));
    let all: Vec<_> = (0..diagnosis.conditions.len()).filter_map(name).collect();
    let mut sentences =
        vec![told(say("No {noun} satisfies {what}.", &[("noun", noun), ("what", &and(&all))]), vec![0])];
    sentences.extend(relaxed(material));
    if diagnosis.conditions.len() > 1 {
        sentences.push(alone(material, diagnosis, &all, told));
    }
    let conflict: Vec<_> = diagnosis.conflict.iter().filter_map(|&i| name(i)).collect();
    match conflict.as_slice() {
        [] => {}
        [one] => {
            sentences.push(told(say("By itself already, {one} leaves none.", &[("one", one)]), Vec::new()));
        }
        several => {
            let places = [("noun", noun.as_str()), ("several", &and(several))];
            sentences.push(told(say("No {noun} has {several} at once.", &places), Vec::new()));
        }
    }
    let offered: Vec<&Relaxation> =
        diagnosis.relaxations.iter().filter(|r| r.count > 0).take(OFFERED).collect();
    if !offered.is_empty() {
        let ways: Vec<_> = offered.iter().map(|r| way_out(material, r, name(r.condition))).collect();
        let counts = offered.iter().map(|r| r.count).collect();
        sentences.push(told(say("What would help: {ways}.", &[("ways", &ways.join("; "))]), counts));
    }
    sentences
}

fn alone(
    material: &Material<'_>,
    diagnosis: &Diagnosis,
    names: &[String],
    told: impl Fn(String, Vec<u64>) -> Claim,
) -> Claim {
    let count = |n: u64| grouped_in(material.language, n);
    let each = diagnosis.conditions.iter().zip(names).map(|(c, name)| format!("{name} {}", count(c.count)));
    let text = material.say("Each alone: {each}.", &[("each", &each.collect::<Vec<_>>().join(", "))]);
    told(text, diagnosis.conditions.iter().map(|c| c.count).collect())
}

fn way_out(material: &Material<'_>, relaxation: &Relaxation, condition: Option<String>) -> String {
    let count = grouped_in(material.language, relaxation.count);
    let condition = condition.unwrap_or_default();
    match &relaxation.instead {
        Some(instead) => {
            let places = [("instead", &*instead.to_string()), ("condition", &condition), ("count", &count)];
            material.say("`{instead}` in place of {condition} ({count})", &places)
        }
        None => {
            material.say("without {condition} ({count})", &[("condition", &condition), ("count", &count)])
        }
    }
}
