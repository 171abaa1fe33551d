//! The sentences of an answer, from templates. Each says what it rests on, and is checked before it is told.

use segue_catalog::{Direction, Predicate};
use serde_json::Value as Json;

use super::Stop;
use super::compose::Material;
use super::written::Written;
use crate::evidence::{Basis, Claim, ItemEvidence};
use crate::languages::{fill, grouped_in};
use crate::model::short;
use crate::{CallAnswer, ErrorKind, Language, Step, ToolRole};

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
            let places = [("model", written.model.as_str()), ("why", why)];
            told.push(done(material.say("Worded from a template, not by `{model}`: {why}.", &places)));
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
    let count = grouped_in(material.language, catalog.items);
    let text = material.say("There are {count} {nouns}.", &[("count", &count), ("nouns", &catalog.name)]);
    vec![Claim { text, basis: Basis::Size(catalog.items) }]
}

/// What is described.
pub(super) fn described(material: &Material<'_>, items: &[ItemEvidence]) -> Vec<Claim> {
    let catalog = material.snapshot.catalog();
    let titles: Vec<_> = items.iter().map(|i| short(i.row.title(catalog), LONGEST)).collect();
    vec![done(if titles.is_empty() {
        let unclear = "It is not clear which {noun} is meant; name its title or its number.";
        material.say(unclear, &[("noun", &catalog.noun)])
    } else {
        let titles = and(material.language, &titles);
        material.say("What the catalogue knows of {titles}:", &[("titles", &titles)])
    })]
}

/// What goes with every answer: what is absent, what was not understood, what went wrong, who planned.
pub(super) fn frame(material: &Material<'_>, found_any: bool) -> Vec<Claim> {
    let mut told = Vec::new();
    for title in &material.reading.absent {
        let absent = "“{title}” is not in the catalogue; nothing was put in its place.";
        let text = material.say(absent, &[("title", title)]);
        told.push(Claim { text, basis: Basis::Absent(title.clone()) });
    }
    if !material.reading.not_understood.is_empty() {
        let words: Vec<_> = material.reading.not_understood.iter().map(|w| format!("“{w}”")).collect();
        let words = words.join(", ");
        told.push(done(material.say("Not understood: {words}.", &[("words", &words)])));
    }
    told.extend(material.calls.iter().filter_map(|call| failure(material, call)));
    match material.outcome.stop {
        Stop::Budget => told.push(cut_short(material, "The budget of this turn is used up", found_any)),
        Stop::Cancelled => told.push(cut_short(material, "The turn was stopped", found_any)),
        Stop::Failed => told.push(cut_short(material, "A step that the rest needed failed", found_any)),
        Stop::Passed | Stop::Empty => {}
    }
    told.push(done(match (material.fallback, material.model) {
        (Some(why), _) => {
            material.say("Planned by `rules`, without a language model: {why}.", &[("why", why)])
        }
        (None, Some(model)) => {
            let places = [("planner", material.planner), ("model", model)];
            material.say("Planned by `{planner}` with the language model `{model}`.", &places)
        }
        (None, None) => {
            let planner = [("planner", material.planner)];
            material.say("Planned by `{planner}`, without a language model.", &planner)
        }
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
    let template = if count == 1 {
        "{some} of {all} {nouns} satisfies {what}."
    } else {
        "{some} of {all} {nouns} satisfy {what}."
    };
    let language = material.language;
    let (some, all) = (grouped_in(language, count), grouped_in(language, catalog.items));
    let what = and(language, &conditions);
    let text =
        material.say(template, &[("some", &some), ("all", &all), ("nouns", &catalog.name), ("what", &what)]);
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
            Some(ToolRole::Lexical) => Some(material.say("the words “{query}”", &[("query", query)])),
            Some(ToolRole::Dense) => Some(material.say("the meaning of “{query}”", &[("query", query)])),
            Some(ToolRole::Similar) => Some(likeness(material)),
            Some(ToolRole::Personal) => Some(material.say("what this user likes", &[])),
            Some(ToolRole::Order) => Some(format!("`{field}`")),
            _ => None,
        });
    }
    match by.len() {
        0 => None,
        n => {
            let template = if n == 1 { "Ranked by {by}." } else { "Ranked by {by} together." };
            Some(done(material.say(template, &[("by", &and(material.language, &by))])))
        }
    }
}

/// "likeness (“like Red Harbour”)"
fn likeness(material: &Material<'_>) -> String {
    let likes = material.reading.constraints.likes.iter().filter(|l| l.holds());
    match likes.map(|l| format!("“{}”", l.text)).collect::<Vec<_>>() {
        none if none.is_empty() => material.say("likeness", &[]),
        words => material.say("likeness ({words})", &[("words", &words.join(", "))]),
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
    if material.steered.is_changed() {
        return None;
    }
    let (field, direction) = ordered_by(material)?;
    let template = match direction {
        Direction::Ascending => "Ordered by `{field}`, lowest first.",
        Direction::Descending => "Ordered by `{field}`, highest first.",
    };
    Some(Claim {
        text: material.say(template, &[("field", field)]),
        basis: Basis::Order { field: field.to_owned(), direction },
    })
}

/// The wishes that were given up.
pub(super) fn relaxed(material: &Material<'_>) -> Vec<Claim> {
    let sentence = |r: &crate::Relaxed| {
        let wish = named(material, &r.condition);
        done(match &r.instead {
            Some(instead) => {
                let replaced = "Nothing fits {wish} as well, which was a wish: `{instead}` took its place.";
                material.say(replaced, &[("wish", &wish), ("instead", &instead.to_string())])
            }
            None => {
                let dropped = "Nothing fits {wish} as well, which was a wish: it was left out.";
                material.say(dropped, &[("wish", &wish)])
            }
        })
    };
    material.outcome.relaxed.iter().map(sentence).collect()
}

fn cut_short(material: &Material<'_>, what: &str, found_any: bool) -> Claim {
    let template =
        if found_any { "{what}: this is the best so far." } else { "{what} before anything was found." };
    done(material.say(template, &[("what", &material.say(what, &[]))]))
}

fn failure(material: &Material<'_>, call: &CallAnswer) -> Option<Claim> {
    let error = call.error()?;
    let told_elsewhere = matches!(error.kind, ErrorKind::Skipped | ErrorKind::Budget | ErrorKind::Cancelled);
    let why = short(&error.feedback, LONGEST);
    (!told_elsewhere).then(|| {
        let places = [("tool", &*short(&call.tool, LONGEST)), ("why", &why)];
        done(material.say("`{tool}` gave nothing: {why}.", &places))
    })
}

/// "a", "a and b", "a, b and c".
pub(super) fn and(language: Language, parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => {
            fill(language, "{first} and {last}", &[("first", &first.join(", ")), ("last", last)])
        }
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
