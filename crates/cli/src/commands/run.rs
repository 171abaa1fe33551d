//! `segue run`: executes a plan.

use std::path::Path;
use std::process::ExitCode;

use segue_agent::{CallOutcome, Plan, grouped};
use segue_world::fs;
use serde_json::Value as Json;

use crate::args::Run;
use crate::commands::tool::read_standard_input;
use crate::failure::Failure;
use crate::house::{Door, House};
use crate::output::{Output, tame};
use crate::render::{contribution_text, failure_text, show_diagnosis};

pub(crate) async fn run(house: &House, args: &Run, output: &mut Output) -> Result<ExitCode, Failure> {
    let text = if args.plan == Path::new("-") {
        read_standard_input()?
    } else {
        fs::read_to_string(&args.plan).map_err(|e| Failure::new("file", e))?
    };
    let wrong = |e: serde_json::Error| {
        Failure::usage(format!("`{}` is not a plan: {e}", args.plan.display()))
            .at(args.plan.display().to_string())
            .remedy("`segue ask --plan-only --json \"…\"` prints one under `plan`")
    };
    // A whole turn's report is taken too: its plan is what is run.
    let mut json: Json = serde_json::from_str(&text).map_err(wrong)?;
    if let Some(inner) = json.get_mut("plan") {
        json = inner.take();
    }
    let plan: Plan = serde_json::from_value(json).map_err(wrong)?;
    let door = house.open(&[])?;
    show_execution(&door, &plan, usize::from(args.count), output).await
}

/// Executes a plan and prints what the last step gave.
pub(crate) async fn show_execution(
    door: &Door,
    plan: &Plan,
    count: usize,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let execution = door.agent.execute(plan, count).await?;
    let failed = execution.calls.last().and_then(|c| c.error()).cloned();
    if output.is_json() {
        match &failed {
            Some(error) => {
                let mut failure = Failure::new(error.kind.name(), error);
                failure.at.clone_from(&error.at);
                return Err(failure);
            }
            None => output.json(&execution),
        }
        return Ok(ExitCode::SUCCESS);
    }
    let styles = output.styles();
    for call in &execution.calls {
        let outcome = match &call.outcome {
            CallOutcome::Set { handle, count, .. } => format!("{handle} {} items", grouped(*count)),
            CallOutcome::Facts(_) => "facts".to_owned(),
            CallOutcome::Failed(error) => styles.bad.paint(failure_text(error)).to_string(),
        };
        let tool = styles.name.paint(&call.tool);
        output.line(format!(
            "{} {tool} → {outcome} {}",
            call.step,
            styles.dim.paint(format!("{:.1} ms", call.ms))
        ));
        for note in &call.notes {
            output.line(styles.dim.paint(format!("   {}", tame(note))));
        }
        if let Some(diagnosis) = call.diagnosis() {
            show_diagnosis(diagnosis, output);
        }
    }
    if let Some(facts) = &execution.facts {
        output.line(serde_json::to_string_pretty(facts).unwrap_or_default());
    }
    for (i, item) in (1..).zip(&execution.items) {
        let title = item.fields.values().nth(1).or_else(|| item.fields.values().next());
        let title = title.and_then(Json::as_str).unwrap_or(&item.id);
        output.line(format!("{:>4} {}", format!("#{i}"), styles.strong.paint(tame(title))));
        let found: Vec<_> = item.contributions.iter().map(contribution_text).collect();
        output.line(styles.dim.paint(format!("     {} {}", tame(&item.id), found.join("; "))));
    }
    match failed {
        Some(_) => Ok(ExitCode::FAILURE),
        None => Ok(ExitCode::SUCCESS),
    }
}
