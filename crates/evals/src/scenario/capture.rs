//! A scenario out of recorded traces: what was said, what a model answered, and what came of it as assertions, for a
//! person to edit.
//!
//! The catalogue is the workspace that the conversation was held over. Run there at once, the scenario holds: its
//! model says again what it said, and its assertions are what happened.

use std::fmt::Write;
use std::path::Path;

use segue_agent::trace::{Line, Trace, TraceError, TraceFolder};
use segue_agent::{Answer, AnswerKind, Constraints, PlannerKind, Stop, TurnReport};
use segue_catalog::{Catalog, Predicate};
use segue_models::{ChatReply, Finish};

use super::parse::can_fail_as;
use super::settings::Settings;
use super::sql;

/// A conversation that cannot be made into a scenario.
#[derive(Debug, thiserror::Error)]
pub enum CaptureError {
    /// A trace cannot be read, or is not whole.
    #[error(transparent)]
    Trace(#[from] TraceError),
    /// An earlier turn of the conversation has no trace.
    #[error(
        "turn {turn} of the session `{session}` has no trace, and what came after it rests on it; capture a session whose turns were all recorded"
    )]
    Gap {
        /// The conversation.
        session: String,
        /// The turn without a trace.
        turn: u32,
    },
    /// A turn did not run by itself.
    #[error("turn {turn} of the session `{session}` {why}; capture another")]
    Unrepeatable {
        /// The conversation.
        session: String,
        /// Which turn.
        turn: u32,
        /// What happened.
        why: String,
    },
    /// The turns were not done alike.
    #[error(
        "turn {turn} of the session `{session}` was done with another {what} than the first; capture a session that kept to one"
    )]
    Changed {
        /// The conversation.
        session: String,
        /// Which turn.
        turn: u32,
        /// What was otherwise.
        what: &'static str,
    },
    /// The traces are of another catalogue.
    #[error(
        "the conversation is about {traced} and this workspace holds {here}; give the workspace with --workspace"
    )]
    OtherCatalog {
        /// The catalogue of the traces.
        traced: String,
        /// That of the workspace.
        here: String,
    },
    /// There are no traces.
    #[error("there is nothing to capture; name a trace")]
    Nothing,
}

/// The traces of a conversation up to the turn that is named (a file, or `SESSION-TURN`; the newest of all without a
/// name), the first turn first.
///
/// # Errors
/// If one of them is missing or cannot be read.
pub fn traces_of(folder: &TraceFolder, name: Option<&str>) -> Result<Vec<Trace>, CaptureError> {
    let last = folder.find(name)?;
    // The other turns of a file lie beside it.
    let beside = last.path.parent().map_or_else(|| TraceFolder::at(Path::new("")), TraceFolder::at);
    let (session, turn) = (last.head.session.clone(), last.head.turn);
    let mut traces = Vec::new();
    for earlier in 1..turn {
        match beside.find(Some(&format!("{session}-{earlier}"))) {
            Ok(trace) => traces.push(trace),
            Err(TraceError::Missing { .. }) => return Err(CaptureError::Gap { session, turn: earlier }),
            Err(error) => return Err(error.into()),
        }
    }
    traces.push(last);
    Ok(traces)
}

/// Writes the scenario of these turns, which are those of one conversation in their order. `tools` are all that there are:
/// the scenario leaves out those that the conversation went without.
///
/// # Errors
/// If a turn was cut, stopped by its user or waited for an approval: such a thing does not happen again by itself. If the
/// catalogue is another.
pub fn capture(traces: &[Trace], catalog: &Catalog, tools: &[&str]) -> Result<String, CaptureError> {
    let Some(first) = traces.first() else { return Err(CaptureError::Nothing) };
    let head = &first.head;
    if head.depends.catalog != catalog.name {
        let (traced, here) = (head.depends.catalog.clone(), catalog.name.clone());
        return Err(CaptureError::OtherCatalog { traced, here });
    }
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = writeln!(
        out,
        "# {}\n\nCaptured from the session `{}` of {}. Say here what it shows, and keep of the assertions what matters.\n",
        title(&head.request),
        head.session,
        head.now.strftime("%Y-%m-%d"),
    );
    let _ = writeln!(out, "{}", block(&format!("catalog workspace name={}", catalog.name), ""));
    let without: Vec<String> =
        tools.iter().filter(|t| !head.depends.tools.contains_key(**t)).map(|t| (*t).to_owned()).collect();
    let asks = head.options.planner != PlannerKind::Rules && head.model.is_some();
    let mut options = head.options.clone();
    if !asks {
        options.planner = PlannerKind::Rules;
    }
    let settings = Settings::written(&options, head.writer.is_some(), head.logprobs, &without);
    if !settings.is_empty() {
        let _ = writeln!(out, "{}", block("settings", &settings));
    }
    let is_scripted = asks || head.writer.is_some();
    for (at, trace) in traces.iter().enumerate() {
        same_way(first, trace)?;
        // What holds after a turn is what the next one began with.
        let after = traces.get(at + 1).map(|next| &next.head.before.constraints);
        turn(&mut out, trace, after, is_scripted, catalog)?;
    }
    Ok(out.trim_end().to_owned() + "\n")
}

fn same_way(first: &Trace, trace: &Trace) -> Result<(), CaptureError> {
    let (a, b) = (&first.head, &trace.head);
    let changed = |what| CaptureError::Changed { session: b.session.clone(), turn: b.turn, what };
    let (x, y) = (&a.options, &b.options);
    if x.planner != y.planner {
        return Err(changed("planner"));
    }
    if a.model.is_some() != b.model.is_some() || a.writer.is_some() != b.writer.is_some() {
        return Err(changed("model"));
    }
    if (x.k, &x.user, x.budget) != (y.k, &y.user, y.budget) {
        return Err(changed("number of items, user or budget"));
    }
    if a.depends.tools.keys().ne(b.depends.tools.keys()) {
        return Err(changed("set of tools"));
    }
    if a.depends.content != b.depends.content {
        return Err(changed("catalogue"));
    }
    Ok(())
}

fn turn(
    out: &mut String,
    trace: &Trace,
    after: Option<&Constraints>,
    is_scripted: bool,
    catalog: &Catalog,
) -> Result<(), CaptureError> {
    let report = trace.whole()?;
    let unrepeatable = |why: &str| CaptureError::Unrepeatable {
        session: trace.head.session.clone(),
        turn: trace.head.turn,
        why: why.to_owned(),
    };
    if trace.lines.iter().any(|l| matches!(l, Line::Cancelled { .. })) {
        return Err(unrepeatable("was stopped by its user"));
    }
    if trace.lines.iter().any(|l| matches!(l, Line::Call(call) if call.writes)) {
        return Err(unrepeatable("changed something"));
    }
    let _ = writeln!(out, "{}", block(&format!("user now={}", trace.head.now), trace.head.request.trim()));
    if is_scripted {
        let mut is_asked = false;
        for line in &trace.lines {
            let Line::Exchange(line) = line else { continue };
            is_asked = true;
            let text = match (&line.exchange.reply, &line.exchange.error) {
                (Some(reply), _) => said(reply),
                (None, error) => {
                    let kind = line.error_kind.as_deref().unwrap_or("nothing");
                    if !can_fail_as(kind) {
                        return Err(unrepeatable(&format!(
                            "got no reply from its model, for a reason (`{kind}`) that no script repeats"
                        )));
                    }
                    block(&format!("model error={kind}"), error.as_deref().unwrap_or_default())
                }
            };
            let _ = writeln!(out, "{text}");
        }
        if !is_asked {
            let _ = writeln!(out, "{}", block("model nothing", ""));
        }
    }
    let mut expected = done(report);
    let understood = report.understood.iter().filter(|u| u.hard).filter_map(|u| u.predicate.as_ref());
    let mut hard: Vec<&Predicate> = match after {
        Some(after) => after.conditions.iter().filter(|c| c.hard && c.holds()).map(|c| &c.what).collect(),
        None => understood.collect(),
    };
    hard.dedup();
    if after.is_some() {
        expected.extend(hard.iter().filter_map(|p| in_one_line(format!("holds {p}"))));
    }
    expected.extend(report.answer.iter().flat_map(|a| answered(a, &hard, catalog)));
    let _ = writeln!(out, "{}", block("expect", &expected.join("\n")));
    Ok(())
}

/// What was understood and called.
fn done(report: &TurnReport) -> Vec<String> {
    let mut lines = vec![format!("planner is {}", report.planner)];
    for understood in &report.understood {
        if let Some(predicate) = &understood.predicate {
            let hard = if understood.hard { "hard" } else { "soft" };
            lines.extend(in_one_line(format!("understood {hard} {predicate}")));
        }
    }
    let tools: Vec<&str> = report.calls.iter().map(|c| c.tool.as_str()).collect();
    lines.push(match tools.as_slice() {
        [] => "tools are nothing".to_owned(),
        some => format!("tools are {}", some.join(", ")),
    });
    lines.push(format!("calls failed = {}", report.calls.iter().filter(|c| !c.is_ok()).count()));
    lines.push(format!("budget model_calls = {}", report.usage.model_calls));
    lines
}

/// What came back.
fn answered(answer: &Answer, hard: &[&Predicate], catalog: &Catalog) -> Vec<String> {
    let named = |value: Result<serde_json::Value, _>| {
        value.ok().and_then(|v: serde_json::Value| v.as_str().map(str::to_owned)).unwrap_or_default()
    };
    let mut lines = vec![
        format!("answer is {}", named(serde_json::to_value(answer.kind))),
        format!("stop is {}", named(serde_json::to_value(answer.stop))),
        format!("items count = {}", answer.items.len()),
        format!("claims removed = {}", answer.removed_claims),
    ];
    lines.extend(answer.matched.map(|m| format!("matched = {m}")));
    let Some(first) = answer.items.first() else { return lines };
    lines.extend(in_one_line(format!("items first is {}", quoted(&first.id))));
    if answer.removed_claims == 0 && answer.removed_items == 0 {
        lines.push("claims supported".to_owned());
    }
    // Items that are described or explained need not satisfy what is searched for.
    if answer.stop == Stop::Passed && matches!(answer.kind, AnswerKind::Recommendation | AnswerKind::Question)
    {
        let all = hard.iter().filter_map(|p| sql::written(catalog, p));
        lines.extend(all.filter_map(|sql| in_one_line(format!("items all {sql}"))));
    }
    lines
}

/// An assertion is one line; what cannot be is left out.
fn in_one_line(text: String) -> Option<String> {
    (!text.contains(['\n', '\r'])).then_some(text)
}

/// What the model said, in the shortest form that says all of it.
fn said(reply: &ChatReply) -> String {
    let usage = match (reply.usage.input_tokens, reply.usage.output_tokens) {
        (0, 0) => String::new(),
        (input, output) => format!(" input={input} output={output}"),
    };
    let is_plain =
        reply.logprobs.is_none() && !reply.content.trim().is_empty() && !reply.content.contains('\r');
    if is_plain && reply.tool_calls.is_empty() && reply.finish == Finish::Stop {
        return block(&format!("model{usage}"), &reply.content);
    }
    let one_line = |text: &str| !text.contains(['\n', '\r']) && text.trim() == text && !text.is_empty();
    let is_calls = reply.logprobs.is_none()
        && reply.content.is_empty()
        && reply.finish == Finish::ToolCalls
        && !reply.tool_calls.is_empty()
        && reply
            .tool_calls
            .iter()
            .all(|c| one_line(&c.name) && !c.name.contains(' ') && one_line(&c.arguments));
    if is_calls {
        let calls: Vec<String> =
            reply.tool_calls.iter().map(|c| format!("{} {}", c.name, c.arguments)).collect();
        return block(&format!("model calls{usage}"), &calls.join("\n"));
    }
    block("model reply", &serde_json::to_string_pretty(reply).unwrap_or_default())
}

/// A fenced block whose fence no line of the text ends.
fn block(info: &str, text: &str) -> String {
    let run = |line: &str| line.trim_start().chars().take_while(|c| *c == '`').count();
    let fence = "`".repeat(text.lines().map(run).max().unwrap_or(0).max(2) + 1);
    let text = if text.is_empty() { String::new() } else { format!("{text}\n") };
    format!("{fence}{info}\n{text}{fence}\n")
}

/// The first words of a request, as a heading.
fn title(request: &str) -> String {
    const MOST: usize = 60;
    let line: String = request.split_whitespace().collect::<Vec<_>>().join(" ");
    let plain: String = line.chars().filter(|c| !"#`*_[]<>\\".contains(*c)).take(MOST).collect();
    if plain.trim().is_empty() { "A conversation".to_owned() } else { plain.trim().to_owned() }
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}
