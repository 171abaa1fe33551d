//! `segue steering`: what the owner's two files say, and what of it holds today.

use std::process::ExitCode;

use segue_agent::grouped;
use segue_catalog::steering::{Effect, Rule};
use segue_retrieval::open_snapshot;
use serde_json::json;

use crate::failure::Failure;
use crate::house::House;
use crate::output::{Output, tame};

pub(crate) fn run(house: &House, output: &mut Output) -> Result<ExitCode, Failure> {
    let snapshot = open_snapshot(house.workspace())?;
    let steering = snapshot.steering();
    let now = house.world().now().to_string();
    let today = now.get(..10).unwrap_or_default();
    if output.is_json() {
        let rule = |rule: &Rule| {
            let mut told = json!({
                "name": rule.name, "line": rule.line, "items": rule.items.len(), "holds_today": rule.holds_on(today),
                "when": rule.when, "from": rule.from, "until": rule.until, "because": rule.because,
            });
            if let (Some(told), Ok(serde_json::Value::Object(effect))) =
                (told.as_object_mut(), serde_json::to_value(rule.effect))
            {
                told.extend(effect);
            }
            told
        };
        output.json(&json!({
            "today": today, "hidden": steering.hidden,
            "rules": steering.rules.iter().map(rule).collect::<Vec<_>>(),
            "synonyms": steering.synonyms.lines.iter().map(|s| json!({
                "line": s.line, "from": s.from, "to": s.to,
            })).collect::<Vec<_>>(),
            "warnings": steering.warnings,
        }));
        return Ok(ExitCode::SUCCESS);
    }
    let styles = output.styles();
    if steering.is_empty() {
        output.line("nothing is steered: there is no steering.toml and no synonyms.txt that says anything");
    }
    if !steering.hidden.is_empty() {
        output.line(format!("hidden: {}", steering.hidden.join(", ")));
    }
    for rule in &steering.rules {
        let mark = match rule.holds_on(today) {
            true => styles.good.paint("today"),
            false => styles.dim.paint("    –"),
        };
        let items = if rule.items.len() == 1 { "item" } else { "items" };
        let name = styles.name.paint(format!("{:20}", tame(&rule.name)));
        output.line(format!(
            "{mark} {name} {}, {} {items}{}",
            rule.effect,
            grouped(rule.items.len()),
            terms(rule)
        ));
    }
    match steering.synonyms.lines.len() {
        0 => {}
        1 => output.line("1 line of synonyms"),
        n => output.line(format!("{} lines of synonyms", grouped(n as u64))),
    }
    for warning in &steering.warnings {
        output.line(styles.warn.paint(tame(warning)));
    }
    if steering.rules.iter().any(|r| r.effect == Effect::Exclude && r.holds_on(today)) {
        output.line(styles.dim.paint("what is excluded is in no answer, pool or count"));
    }
    Ok(ExitCode::SUCCESS)
}

/// When and why a rule holds.
fn terms(rule: &Rule) -> String {
    let mut terms = String::new();
    let mut tell = |what: &str, said: &str| {
        if !said.is_empty() {
            terms.extend([format!(", {what} {}", tame(said))]);
        }
    };
    tell("from", rule.from.as_deref().unwrap_or_default());
    tell("until", rule.until.as_deref().unwrap_or_default());
    let words: Vec<_> = rule.when.words.iter().map(|w| format!("“{w}”")).collect();
    tell("for requests with", &words.join(" or "));
    tell("for requests on", &rule.when.fields.join(" or "));
    tell("because", rule.because.as_deref().unwrap_or_default());
    terms
}
