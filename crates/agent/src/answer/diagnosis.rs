//! Why nothing fits, in words: each condition alone, what cannot hold together, and the best ways out.

use segue_catalog::{Diagnosis, Relaxation};

use super::Stop;
use super::compose::Material;
use super::sentences::{and, conditions, done, named, relaxed};
use crate::evidence::{Basis, Claim, grouped};

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
        let what = if conditions.is_empty() { "what was asked".to_owned() } else { and(&conditions) };
        return vec![done(format!("No {noun} was found for {what}."))];
    };
    let told = |text: String, counts: Vec<u64>| Claim {
        text,
        basis: Basis::Counts { step: call.step.clone(), counts },
    };
    let name = |i: usize| diagnosis.conditions.get(i).map(|c| named(material, &c.condition));
    let all: Vec<_> = (0..diagnosis.conditions.len()).filter_map(name).collect();
    let mut sentences = vec![told(format!("No {noun} satisfies {}.", and(&all)), vec![0])];
    sentences.extend(relaxed(material));
    if diagnosis.conditions.len() > 1 {
        sentences.push(alone(diagnosis, &all, told));
    }
    let conflict: Vec<_> = diagnosis.conflict.iter().filter_map(|&i| name(i)).collect();
    match conflict.as_slice() {
        [] => {}
        [one] => sentences.push(told(format!("By itself already, {one} leaves none."), Vec::new())),
        several => sentences.push(told(format!("No {noun} has {} at once.", and(several)), Vec::new())),
    }
    let offered: Vec<&Relaxation> =
        diagnosis.relaxations.iter().filter(|r| r.count > 0).take(OFFERED).collect();
    if !offered.is_empty() {
        let ways: Vec<_> = offered.iter().map(|r| way_out(r, name(r.condition))).collect();
        let counts = offered.iter().map(|r| r.count).collect();
        sentences.push(told(format!("What would help: {}.", ways.join("; ")), counts));
    }
    sentences
}

fn alone(diagnosis: &Diagnosis, names: &[String], told: impl Fn(String, Vec<u64>) -> Claim) -> Claim {
    let each = diagnosis.conditions.iter().zip(names).map(|(c, name)| format!("{name} {}", grouped(c.count)));
    let text = format!("Each alone: {}.", each.collect::<Vec<_>>().join(", "));
    told(text, diagnosis.conditions.iter().map(|c| c.count).collect())
}

fn way_out(relaxation: &Relaxation, condition: Option<String>) -> String {
    let count = grouped(relaxation.count);
    let condition = condition.unwrap_or_default();
    match &relaxation.instead {
        Some(instead) => format!("`{instead}` in place of {condition} ({count})"),
        None => format!("without {condition} ({count})"),
    }
}
