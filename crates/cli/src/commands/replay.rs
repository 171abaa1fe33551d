//! `segue replay`: does a turn again from its trace.

use std::process::ExitCode;

use segue_agent::trace::{ReplayTools, TraceState, TraceSummary};
use segue_agent::{Usage, grouped};
use serde_json::json;

use crate::args::Replay;
use crate::failure::Failure;
use crate::house::House;
use crate::output::{Output, tame};
use crate::render::shortened;

/// A check did not hold.
const DIVERGED: u8 = 3;

pub(crate) async fn run(house: &House, args: &Replay, output: &mut Output) -> Result<ExitCode, Failure> {
    if args.list {
        list(house, output)?;
        return Ok(ExitCode::SUCCESS);
    }
    // A damaged or cut trace is told before anything is loaded.
    let trace = house.traces().find(args.trace.as_deref())?;
    trace.whole()?;
    let door = house.open(&[])?;
    let tools = if args.live_tools { ReplayTools::Live } else { ReplayTools::Recorded };
    let replay = door.agent.replay(&trace, &house.prompts()?, tools).await?;
    if output.is_json() {
        output.json(&json!({
            "trace": trace.path, "turn": trace.id(), "live_tools": args.live_tools, "same": replay.is_same(),
            "divergence": replay.divergence, "changes": replay.changes,
        }));
    } else {
        let styles = output.styles();
        for change in &replay.changes {
            output.line(styles.warn.paint(tame(change)));
        }
        let what = format!("{} “{}”", trace.id(), shortened(&tame(&trace.head.request), 60));
        match &replay.divergence {
            Some(divergence) => {
                output.line(format!("{} {what}", styles.bad.paint("differs:")));
                output.line(format!("first at {}", tame(&divergence.to_string())));
            }
            None => {
                let same = "the same report, byte for byte";
                output.line(format!("{} {what}: {same}", styles.good.paint("ok:")));
            }
        }
    }
    Ok(if replay.is_same() { ExitCode::SUCCESS } else { ExitCode::from(DIVERGED) })
}

fn list(house: &House, output: &mut Output) -> Result<(), Failure> {
    let traces = house.traces().list()?;
    let mut total = Usage::default();
    for usage in traces.iter().filter_map(|t| t.usage) {
        total.model_calls += usage.model_calls;
        total.input_tokens += usage.input_tokens;
        total.output_tokens += usage.output_tokens;
        total.cost += usage.cost;
        total.ms += usage.ms;
    }
    if output.is_json() {
        output.json(&json!({ "traces": traces, "total": total }));
        return Ok(());
    }
    let styles = output.styles();
    for trace in &traces {
        let began = trace.began.map_or_else(String::new, |at| at.strftime("%Y-%m-%d %H:%M:%S").to_string());
        output.line(format!(
            "{} {began}  {}  {}",
            styles.name.paint(format!("{:14}", tame(&trace.id))),
            styles.dim.paint(format!("{:34}", outcome(trace))),
            shortened(&tame(&trace.request), 60),
        ));
    }
    output.line(format!("{} traces; {}", traces.len(), spent(&total)));
    Ok(())
}

fn outcome(trace: &TraceSummary) -> String {
    match (trace.state, &trace.usage) {
        (TraceState::Whole, Some(usage)) => {
            let planner = trace.planner.as_deref().unwrap_or_default();
            format!("{planner}, {}, {:.0} ms", spent(usage), usage.ms)
        }
        (TraceState::UnderWay, _) => "under way".to_owned(),
        (TraceState::Cut, _) => "cut".to_owned(),
        _ => "unreadable".to_owned(),
    }
}

/// Tokens and cost. Money is in whatever currency the prices of `workspace.toml` are.
fn spent(usage: &Usage) -> String {
    let tokens = grouped(usage.input_tokens + usage.output_tokens);
    if usage.cost > 0.0 { format!("{tokens} tokens, {:.4}", usage.cost) } else { format!("{tokens} tokens") }
}
