//! Snapshots: what a turn did or said, rendered, compared letter by letter and written back on request.

use std::fmt::Write;
use std::ops::Range;

use segue_agent::TurnReport;

use super::parse::SnapshotOf;

/// The turn as a snapshot shows it: whole lines, each ended.
pub(super) fn render(of: SnapshotOf, report: &TurnReport) -> String {
    let mut out = String::new();
    match of {
        SnapshotOf::Plan => {
            for step in &report.plan.steps {
                let within = step.within.as_ref().map(|w| format!(" in {w}")).unwrap_or_default();
                let call = report.calls.iter().find(|c| c.step == step.id);
                let came = match call {
                    None => String::new(),
                    Some(call) => match (call.error(), call.count()) {
                        (Some(error), _) => format!(" -> error {}", error.kind.name()),
                        (None, Some(count)) => format!(" -> {count}"),
                        (None, None) => " -> facts".to_owned(),
                    },
                };
                let _ = writeln!(out, "{} {} {}{within}{came}", step.id, step.tool, step.args);
            }
        }
        SnapshotOf::Answer => {
            if let Some(answer) = &report.answer {
                let _ = writeln!(out, "{}", answer.text);
                for item in &answer.items {
                    let _ = writeln!(
                        out,
                        "{} {}: {}",
                        item.reference,
                        one_line(&item.title),
                        one_line(&item.reason)
                    );
                }
            }
        }
    }
    // A line that looks like a fence would end the block.
    let lines = out.lines().map(|line| match line.trim_start() {
        fence if fence.starts_with("```") || fence.starts_with("~~~") => format!("\\{line}\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Where two texts part, for people.
pub(super) fn difference(expected: &str, got: &str) -> Option<String> {
    if expected == got {
        return None;
    }
    let (mut then, mut now) = (expected.lines(), got.lines());
    for number in 1.. {
        match (then.next(), now.next()) {
            (Some(a), Some(b)) if a == b => {}
            (None, None) => break,
            (a, b) => {
                let told = |line: Option<&str>| line.map_or("nothing more".to_owned(), |l| format!("`{l}`"));
                return Some(format!("line {number} of it was {} and is {}", told(a), told(b)));
            }
        }
    }
    Some("they differ in blank space at the end".to_owned())
}

/// The file with new contents in the places of snapshots, everything else byte for byte as it was.
pub(super) fn replaced(source: &str, mut changes: Vec<(Range<usize>, String)>) -> String {
    let breaks = if source.contains("\r\n") { "\r\n" } else { "\n" };
    changes.sort_by_key(|(range, _)| range.start);
    let (mut out, mut from) = (String::with_capacity(source.len()), 0);
    for (range, text) in changes {
        out.push_str(source.get(from..range.start).unwrap_or_default());
        out.push_str(&text.replace('\n', breaks));
        from = range.end;
    }
    out.push_str(source.get(from..).unwrap_or_default());
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_the_places_changes() {
        let source = "a\r\n```snapshot plan\r\nold\r\n```\r\nz  \r\n";
        let start = source.find("old").unwrap();
        let new = replaced(source, vec![(start..start + 5, "one\ntwo\n".to_owned())]);
        assert_eq!(new, "a\r\n```snapshot plan\r\none\r\ntwo\r\n```\r\nz  \r\n");
        assert_eq!(replaced(source, Vec::new()), source);
    }

    #[test]
    fn a_difference_is_told_by_its_line() {
        assert_eq!(difference("a\nb\n", "a\nb\n"), None);
        assert_eq!(difference("a\nb\n", "a\nc\n").unwrap(), "line 2 of it was `b` and is `c`");
        assert_eq!(difference("", "a\n").unwrap(), "line 1 of it was nothing more and is `a`");
    }
}
