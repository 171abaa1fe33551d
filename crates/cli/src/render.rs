//! A turn as a person sees it: what was understood, which calls ran, what came back, and why.

use segue_agent::{
    AnswerItem, CallAnswer, CallOutcome, Plan, SteeringReport, Step, Support, ToolError, TurnEvent,
    TurnReport, Understood, grouped,
};
use segue_catalog::{Contribution, Diagnosis};
use serde_json::Value as Json;
use unicode_width::UnicodeWidthStr;

use crate::output::{Output, tame};

/// How much of a turn is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Detail {
    /// What was understood, the answer and one line on how it was found.
    Answer,
    /// Also every step with its arguments, and the evidence behind every item.
    Evidence,
}

/// Shows a turn while it runs.
#[derive(Debug)]
pub(crate) struct TurnView {
    detail: Detail,
    calls: Vec<CallAnswer>,
    plan: Plan,
    /// The pieces of the reply so far.
    text: Vec<String>,
}

impl TurnView {
    /// Nothing has happened yet.
    pub(crate) fn new(detail: Detail) -> Self {
        Self { detail, calls: Vec::new(), plan: Plan::default(), text: Vec::new() }
    }

    /// Shows what just happened.
    pub(crate) fn show(&mut self, event: &TurnEvent, output: &mut Output) {
        match event {
            TurnEvent::Understood { understood, not_understood, absent } => {
                show_understood(understood, not_understood, absent, output);
            }
            TurnEvent::Planned { plan } => self.plan = plan.clone(),
            TurnEvent::CallStarted { .. } => {}
            TurnEvent::Done { .. } => self.finish_text(output),
            TurnEvent::Writing { model } => {
                if output.is_interactive() {
                    output.note(output.styles().dim.paint(format!("  {} is writing…", tame(model))));
                }
            }
            TurnEvent::CallAnswered { call } => {
                if self.detail == Detail::Evidence {
                    let step = self.plan.steps.iter().find(|s| s.id == call.step);
                    show_call(call, step, output);
                }
                self.calls.push(call.clone());
            }
            TurnEvent::Text { text } => self.text.push(text.clone()),
            TurnEvent::Item { item } => {
                self.finish_text(output);
                show_item(item, self.detail, output);
            }
        }
    }

    /// The reply, in a paragraph.
    fn finish_text(&mut self, output: &mut Output) {
        self.finish_calls(output);
        if !self.text.is_empty() {
            output.line(wrapped(&std::mem::take(&mut self.text).join(" "), ""));
        }
    }

    fn finish_calls(&mut self, output: &mut Output) {
        if self.detail == Detail::Answer && !self.calls.is_empty() {
            let chain: Vec<_> = self.calls.iter().map(outcome_in_short).collect();
            let dim = output.styles().dim;
            output.line(dim.paint(wrapped(&chain.join(" → "), "  ")));
        }
        if !self.calls.is_empty() {
            self.calls.clear();
            output.line("");
        }
    }
}

/// The reading and the plan of a turn that was not carried out.
pub(crate) fn show_plan(report: &TurnReport, output: &mut Output) {
    show_understood(&report.understood, &report.not_understood, &report.absent, output);
    for step in &report.plan.steps {
        show_step(step, output);
    }
}

fn show_understood(understood: &[Understood], not: &[String], absent: &[String], output: &mut Output) {
    let styles = output.styles();
    for one in understood {
        let meaning = match &one.predicate {
            Some(predicate) => predicate.to_string(),
            None => one.meaning.clone(),
        };
        let kind = if one.predicate.is_some() && !one.hard { " (preferred)" } else { "" };
        let line = format!("  “{}” = {}{kind}", tame(&one.text), tame(&meaning));
        output.line(styles.dim.paint(line));
    }
    if !not.is_empty() {
        let words: Vec<_> = not.iter().map(|w| format!("“{}”", tame(w))).collect();
        output.line(styles.warn.paint(format!("  not understood: {}", words.join(", "))));
    }
    for title in absent {
        output.line(styles.warn.paint(format!("  not in the catalogue: “{}”", tame(title))));
    }
}

fn show_step(step: &Step, output: &mut Output) {
    let styles = output.styles();
    let within = step.within.as_ref().map(|w| format!(" within {w}")).unwrap_or_default();
    let args = compact(&step.args);
    output.line(format!(
        "  {} {}{within} {}",
        step.id,
        styles.name.paint(&step.tool),
        styles.dim.paint(args)
    ));
}

fn show_call(call: &CallAnswer, step: Option<&Step>, output: &mut Output) {
    if let Some(step) = step {
        show_step(step, output);
    }
    let styles = output.styles();
    let outcome = match &call.outcome {
        CallOutcome::Set { handle, count, .. } => {
            format!("{} {}", styles.name.paint(handle.to_string()), counted(*count))
        }
        CallOutcome::Facts(_) => "facts".to_owned(),
        CallOutcome::Failed(error) => styles.bad.paint(failure_text(error)).to_string(),
    };
    output.line(format!("     → {outcome} {}", styles.dim.paint(format!("{:.1} ms", call.ms))));
    for note in &call.notes {
        output.line(styles.dim.paint(format!("     {}", tame(note))));
    }
    if let CallOutcome::Set { diagnosis: Some(diagnosis), .. } = &call.outcome {
        show_diagnosis(diagnosis, output);
    }
}

/// Why nothing matched.
pub(crate) fn show_diagnosis(diagnosis: &Diagnosis, output: &mut Output) {
    let styles = output.styles();
    for (i, part) in diagnosis.conditions.iter().enumerate() {
        let mark =
            if diagnosis.conflict.contains(&i) { styles.warn.paint("✗") } else { styles.dim.paint("·") };
        output.line(format!("     {mark} {}: {}", tame(&part.condition.to_string()), counted(part.count)));
    }
    for relaxation in &diagnosis.relaxations {
        let condition = diagnosis.conditions.get(relaxation.condition).map(|c| c.condition.to_string());
        let change = match &relaxation.instead {
            Some(instead) => format!("{instead} instead"),
            None => format!("without {}", condition.unwrap_or_default()),
        };
        output.line(format!("       {}: {}", tame(&change), counted(relaxation.count)));
    }
}

fn show_item(item: &AnswerItem, detail: Detail, output: &mut Output) {
    let styles = output.styles();
    let title = styles.strong.paint(tame(&item.title));
    output.line(format!("{:>4} {title}", item.reference));
    if !item.reason.is_empty() {
        output.line(wrapped(&item.reason, "     "));
    }
    for steered in &item.steering {
        output.line(styles.dim.paint(wrapped(&tame(&steered.to_string()), "     ")));
    }
    if detail == Detail::Evidence {
        for support in &item.evidence {
            output.line(styles.dim.paint(evidence_text(support)));
        }
        let found: Vec<_> = item.contributions.iter().map(contribution_text).collect();
        output.line(styles.dim.paint(wrapped(&format!("found by {}", found.join("; ")), "     ")));
        output.line(styles.dim.paint(format!("     row {} {}", tame(&item.id), item.row_hash)));
    }
}

/// What the owner's rules and synonyms did to a turn as a whole.
pub(crate) fn show_steering(steering: &SteeringReport, output: &mut Output) {
    let because = |why: &Option<String>| why.as_ref().map(|w| format!(", because {w}")).unwrap_or_default();
    let excluded = steering.excluded.iter().map(|rule| {
        let until = rule.until.as_ref().map(|u| format!(", until {u}")).unwrap_or_default();
        let (items, because) = (counted(rule.items), because(&rule.because));
        format!("left out by {}: {items}{because}{until}", rule.rule)
    });
    let ranked =
        steering.ranked.iter().map(|rule| format!("{}: {}, {}", rule.rule, rule.effect, counted(rule.items)));
    let aside =
        steering.stood_aside.iter().map(|rule| format!("{rule} stood aside: the request asks for an order"));
    let synonyms = steering.synonyms.iter().cloned();
    let lines: Vec<String> = excluded.chain(ranked).chain(aside).chain(synonyms).collect();
    for line in lines {
        output.line(output.styles().dim.paint(format!("  {}", tame(&line))));
    }
}

fn evidence_text(support: &Support) -> String {
    let (claim, value) = (tame(&support.claim), tame(&support.value.to_string()));
    format!("     ✓ {claim}: {} is {}", support.field, shortened(&value, 70))
}

/// What one call said of an item, in words.
pub(crate) fn contribution_text(contribution: &Contribution) -> String {
    let Contribution { step, tool, .. } = contribution;
    match (contribution.score, contribution.rank) {
        (Some(score), Some(rank)) => format!("{tool} ({step}) rank {rank}, score {score:.4}"),
        _ => format!("{tool} ({step})"),
    }
}

fn outcome_in_short(call: &CallAnswer) -> String {
    let what = match &call.outcome {
        CallOutcome::Set { count, .. } => count.to_string(),
        CallOutcome::Facts(_) => "facts".to_owned(),
        CallOutcome::Failed(error) => failure_text(error),
    };
    format!("{} {what} ({:.1} ms)", call.tool, call.ms)
}

/// A failed call with the nearest real values.
pub(crate) fn failure_text(error: &ToolError) -> String {
    tame(&error.to_string())
}

fn counted(count: u64) -> String {
    if count == 1 { "1 item".to_owned() } else { format!("{} items", grouped(count)) }
}

/// JSON on one line, short enough to read.
fn compact(value: &Json) -> String {
    shortened(&tame(&value.to_string()), 160)
}

/// At most `width` columns, with an ellipsis if something is left out.
pub(crate) fn shortened(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in text.chars() {
        if out.width() + 1 >= width {
            break;
        }
        out.push(c);
    }
    out.push('…');
    out
}

/// Lines of at most a hundred columns, each behind the indent. Whatever steers a terminal is taken out.
fn wrapped(text: &str, indent: &str) -> String {
    const WIDTH: usize = 100;
    let mut lines = Vec::new();
    for paragraph in text.lines() {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let word = tame(word);
            if !line.is_empty() && indent.width() + line.width() + 1 + word.width() > WIDTH {
                lines.push(format!("{indent}{line}"));
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(&word);
        }
        lines.push(format!("{indent}{line}"));
    }
    lines.join("\n")
}

/// A size for people: "12.3 MB".
pub(crate) fn bytes(count: u64) -> String {
    indicatif::DecimalBytes(count).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_text_is_wrapped_and_shortened() {
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("abcd", 4), "abcd");
        let lines = wrapped(&"word ".repeat(50), "  ");
        assert!(lines.lines().all(|l| l.starts_with("  word") && l.width() <= 100));
    }
}
