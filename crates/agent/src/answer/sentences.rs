//! The sentences of an answer, from templates. Each says what it rests on, and is checked before it is told.

use segue_catalog::{Direction, Predicate};
use serde_json::Value as Json;

use super::Stop;
use super::compose::Material;
use super::written::Written;
use crate::evidence::{Basis, Claim, ItemEvidence, grouped};
use crate::model::short;
use crate::{CallAnswer, ErrorKind, Step, ToolRole};

/// Characters of a title or of a tool's words that are told in a sentence.
pub(super) const LONGEST: usize = 240;

/// A sentence about what was done.
pub(super) fn done(text: impl Into<String>) -> Claim {
    Claim { text: text.into(), basis: Basis::Procedure }
}

/// How many satisfy what, and how they are ranked.
pub(super) fn found(material: &Material<'_>, written: Option<&Written>) -> Vec<Claim> {
    let mut told: Vec<_> = satisfied(material).into_iter().collect();
    told.extend(ranking(material));
    if let Some(written) = written {
        // Each of these has passed a check of its own.
        told.extend(written.sentences.iter().map(done));
        if let Some(why) = &written.failed {
            told.push(done(format!("Worded from a template, not by `{}`: {why}.", written.model)));
        }
    }
    told.extend(relaxed(material));
    told
}

/// How many there are.
pub(super) fn count(material: &Material<'_>) -> Vec<Claim> {
    let catalog = material.snapshot.catalog();
    if let Some(claim) = satisfied(material) {
        return vec![claim];
    }
    let text = format!("There are {} {}.", grouped(catalog.items), catalog.name);
    vec![Claim { text, basis: Basis::Size(catalog.items) }]
}

/// What is described.
pub(super) fn described(material: &Material<'_>, items: &[ItemEvidence]) -> Vec<Claim> {
    let catalog = material.snapshot.catalog();
    let titles: Vec<_> = items.iter().map(|i| short(i.row.title(catalog), LONGEST)).collect();
    vec![done(if titles.is_empty() {
        format!("It is not clear which {} is meant; name its title or its number.", catalog.noun)
    } else {
        format!("What the catalogue knows of {}:", and(&titles))
    })]
}

/// What goes with every answer: what is absent, what was not understood, what went wrong, who planned.
pub(super) fn frame(material: &Material<'_>, found_any: bool) -> Vec<Claim> {
    let mut told = Vec::new();
    for title in &material.reading.absent {
        let text = format!("“{title}” is not in the catalogue; nothing was put in its place.");
        told.push(Claim { text, basis: Basis::Absent(title.clone()) });
    }
    if !material.reading.not_understood.is_empty() {
        let words: Vec<_> = material.reading.not_understood.iter().map(|w| format!("“{w}”")).collect();
        told.push(done(format!("Not understood: {}.", words.join(", "))));
    }
    told.extend(material.calls.iter().filter_map(failure));
    match material.outcome.stop {
        Stop::Budget => told.push(cut_short("The budget of this turn is used up", found_any)),
        Stop::Cancelled => told.push(cut_short("The turn was stopped", found_any)),
        Stop::Failed => told.push(cut_short("A step that the rest needed failed", found_any)),
        Stop::Passed | Stop::Empty => {}
    }
    told.push(done(match (material.fallback, material.model) {
        (Some(why), _) => format!("Planned by `rules`, without a language model: {why}."),
        (None, Some(model)) => {
            format!("Planned by `{}` with the language model `{model}`.", material.planner)
        }
        (None, None) => format!("Planned by `{}`, without a language model.", material.planner),
    }));
    told
}

/// The step whose set holds everything that satisfies the hard conditions, and how many that is.
pub(super) fn matched(material: &Material<'_>) -> Option<(String, u64)> {
    let mut name = material.outcome.step.clone()?;
    // Each round goes to an earlier step, so there are no more rounds than steps.
    for _ in 0..=material.plan.steps.len() {
        let step = material.plan.steps.iter().find(|s| s.id == name)?;
        let role = material.role(&step.tool);
        let before = step.within.clone().or_else(|| first_set(material, step));
        match (role, before) {
            (Some(ToolRole::Filter | ToolRole::Sql), _) | (_, None) => {
                let count = material.call(&name)?.count()?;
                return Some((name, count));
            }
            (_, Some(before)) => name = before,
        }
    }
    None
}

fn first_set(material: &Material<'_>, step: &Step) -> Option<String> {
    let set_args = material.specs.iter().find(|s| s.name == step.tool).map_or(&[][..], |s| &s.set_args);
    step.references(set_args).next().map(str::to_owned)
}

/// "812 of 17,472 films satisfy “under two hours” (runtime < 120)."
fn satisfied(material: &Material<'_>) -> Option<Claim> {
    let conditions = conditions(material);
    let catalog = material.snapshot.catalog();
    let (step, count) = matched(material)?;
    if conditions.is_empty()
        || !matches!(material.role_of_step(&step), Some(ToolRole::Filter | ToolRole::Sql))
    {
        return None;
    }
    let verb = if count == 1 { "satisfies" } else { "satisfy" };
    let (some, all) = (grouped(count), grouped(catalog.items));
    let text = format!("{some} of {all} {} {verb} {}.", catalog.name, and(&conditions));
    Some(Claim { text, basis: Basis::Counts { step, counts: vec![count, catalog.items] } })
}

/// The hard conditions that hold, in the user's words and in the catalogue's.
pub(super) fn conditions(material: &Material<'_>) -> Vec<String> {
    let hard = material.reading.constraints.conditions.iter().filter(|c| c.hard && c.holds());
    hard.map(|c| format!("“{}” ({})", c.text, c.what)).collect()
}

/// A condition in the user's words, where they said it.
pub(super) fn named(material: &Material<'_>, condition: &Predicate) -> String {
    let asked = material.reading.constraints.conditions.iter().find(|c| c.holds() && c.what == *condition);
    asked.map_or_else(|| format!("`{condition}`"), |c| format!("“{}” ({condition})", c.text))
}

fn ranking(material: &Material<'_>) -> Option<Claim> {
    let last = material.call(material.outcome.step.as_ref()?)?;
    if material.role(&last.tool) == Some(ToolRole::Order) {
        return ordered(material);
    }
    let mut by: Vec<String> = Vec::new();
    for call in material.calls.iter().filter(|c| c.handle().is_some()) {
        let query = call.args.get("query").and_then(Json::as_str).unwrap_or_default();
        let field = call.args.get("by").and_then(Json::as_str).unwrap_or_default();
        by.extend(match material.role(&call.tool) {
            Some(ToolRole::Lexical) => Some(format!("the words “{query}”")),
            Some(ToolRole::Dense) => Some(format!("the meaning of “{query}”")),
            Some(ToolRole::Similar) => Some(likeness(material)),
            Some(ToolRole::Personal) => Some("what this user likes".to_owned()),
            Some(ToolRole::Order) => Some(format!("`{field}`")),
            _ => None,
        });
    }
    match by.len() {
        0 => None,
        1 => Some(done(format!("Ranked by {}.", and(&by)))),
        _ => Some(done(format!("Ranked by {} together.", and(&by)))),
    }
}

/// "likeness (“like Red Harbour”)"
fn likeness(material: &Material<'_>) -> String {
    let likes = material.reading.constraints.likes.iter().filter(|l| l.holds());
    match likes.map(|l| format!("“{}”", l.text)).collect::<Vec<_>>() {
        none if none.is_empty() => "likeness".to_owned(),
        words => format!("likeness ({})", words.join(", ")),
    }
}

/// The field that the items come in the order of, and which end first.
pub(super) fn ordered_by<'a>(material: &Material<'a>) -> Option<(&'a str, Direction)> {
    let last = material.calls.iter().find(|c| Some(&c.step) == material.outcome.step.as_ref())?;
    let direction = serde_json::from_value(last.args.get("direction")?.clone()).ok()?;
    let field = last.args.get("by")?.as_str()?;
    (material.role(&last.tool) == Some(ToolRole::Order)).then_some((field, direction))
}

fn ordered(material: &Material<'_>) -> Option<Claim> {
    let (field, direction) = ordered_by(material)?;
    let end = if direction == Direction::Ascending { "lowest" } else { "highest" };
    Some(Claim {
        text: format!("Ordered by `{field}`, {end} first."),
        basis: Basis::Order { field: field.to_owned(), direction },
    })
}

/// The wishes that were given up.
pub(super) fn relaxed(material: &Material<'_>) -> Vec<Claim> {
    let sentence = |r: &crate::Relaxed| {
        let wish = named(material, &r.condition);
        done(match &r.instead {
            Some(instead) => {
                format!("Nothing fits {wish} as well, which was a wish: `{instead}` took its place.")
            }
            None => format!("Nothing fits {wish} as well, which was a wish: it was left out."),
        })
    };
    material.outcome.relaxed.iter().map(sentence).collect()
}

fn cut_short(what: &str, found_any: bool) -> Claim {
    done(if found_any {
        format!("{what}: this is the best so far.")
    } else {
        format!("{what} before anything was found.")
    })
}

fn failure(call: &CallAnswer) -> Option<Claim> {
    let error = call.error()?;
    let told_elsewhere = matches!(error.kind, ErrorKind::Skipped | ErrorKind::Budget | ErrorKind::Cancelled);
    let why = short(&error.feedback, LONGEST);
    (!told_elsewhere).then(|| done(format!("`{}` gave nothing: {why}.", short(&call.tool, LONGEST))))
}

/// "a", "a and b", "a, b and c".
pub(super) fn and(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    }
}

impl Material<'_> {
    pub(super) fn call(&self, step: &str) -> Option<&CallAnswer> {
        self.calls.iter().find(|c| c.step == step)
    }

    pub(super) fn role(&self, tool: &str) -> Option<ToolRole> {
        self.specs.iter().find(|s| s.name == tool).map(|s| s.role)
    }

    fn role_of_step(&self, step: &str) -> Option<ToolRole> {
        self.call(step).and_then(|c| self.role(&c.tool))
    }
}
