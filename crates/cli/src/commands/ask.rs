//! `segue ask`: one turn.

use std::process::ExitCode;

use segue_agent::TurnOptions;

use crate::args::Ask;
use crate::commands::chat::turn;
use crate::commands::resume;
use crate::failure::Failure;
use crate::house::House;
use crate::output::Output;
use crate::render::{Detail, show_plan};

pub(crate) async fn run(house: &House, args: &Ask, output: &mut Output) -> Result<ExitCode, Failure> {
    if let Some(session) = &args.resume {
        return resume::run(house, args, session, output).await;
    }
    let request = args.request.as_deref().unwrap_or_default();
    if request.trim().is_empty() {
        return Err(Failure::usage("the request is empty").remedy("say what you look for: segue ask \"…\""));
    }
    let (door, planner) = house.open_for(&args.turn).await?;
    let mut session = match &args.session {
        Some(id) => door.sessions.resume(id)?,
        None => door.sessions.create(),
    };
    if args.plan_only {
        let options = TurnOptions {
            planner,
            planner_because: door.because.clone(),
            plan_only: true,
            language: args.turn.lang,
            budget: args.turn.budget(),
            ..TurnOptions::default()
        };
        let report = door.agent.turn(&mut session, request, options, |_| {}).await?;
        if output.is_json() {
            output.json(&report);
        } else {
            show_plan(&report, output);
        }
        return Ok(ExitCode::SUCCESS);
    }
    let detail = if args.turn.explain { Detail::Evidence } else { Detail::Answer };
    turn(&door, &mut session, request, planner, &args.turn, detail, output).await?;
    Ok(ExitCode::SUCCESS)
}
