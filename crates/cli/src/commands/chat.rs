//! `segue chat`: a conversation.

use std::process::ExitCode;

use segue_agent::{PlannerKind, Session, TurnOptions, TurnReport};

use crate::args::{Chat, TurnArgs};
use crate::commands::resume;
use crate::failure::Failure;
use crate::house::{Door, House};
use crate::output::Output;
use crate::prompt::{Line, Lines};
use crate::render::{Detail, TurnView, show_steering};
use crate::signals::Interrupt;

const HELP: &str = "\
Ask in your own words; what you asked before still holds until you take it back.
  “only the French ones”   “never mind the year”   “more like the second one, but newer”   “why #3?”
  /explain   show every call and the evidence from now on, or stop showing it
  /what      what holds at this point of the conversation
  /resume    go on with a request that was cut
  /new       begin a new conversation
  /help      this text
  /quit      leave (or Ctrl-D); the conversation is kept: `segue chat --resume`";

pub(crate) async fn run(house: &House, args: &Chat, output: &mut Output) -> Result<ExitCode, Failure> {
    let (door, planner) = house.open_for(&args.turn).await?;
    let session = match (&args.session, args.resume) {
        (Some(id), _) => resume::session(&door, id)?,
        (None, true) => match door.sessions.resume_last()? {
            Some(session) => session,
            None => {
                output.note("there is no earlier conversation; this is a new one");
                door.sessions.create()
            }
        },
        (None, false) => door.sessions.create(),
    };
    converse(house, &door, session, planner, &args.turn, output).await
}

/// Reads lines and answers them until the person leaves.
pub(crate) async fn converse(
    house: &House,
    door: &Door,
    mut session: Session,
    planner: PlannerKind,
    args: &TurnArgs,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let mut lines = match output.is_interactive() {
        true => Lines::editor(house.workspace().root().join("history.txt"), output.styles().is_coloured())?,
        false => Lines::Input,
    };
    // A misspelt name needs all names in memory; reading them while the person types costs nobody anything.
    let snapshot = door.engine.snapshot().clone();
    std::thread::spawn(move || snapshot.warm_lexicon());
    session.forget(&door.engine.snapshot().steering().hidden);
    resume::offer(door, &session, output)?;
    let mut detail = if args.explain { Detail::Evidence } else { Detail::Answer };
    if output.is_interactive() {
        let catalog = door.agent.catalog();
        output.line(format!(
            "{} {}; {}. /help tells more.",
            segue_agent::grouped(catalog.items),
            catalog.name,
            who_plans(planner, door.agent.model_name()),
        ));
    }
    loop {
        let text = match lines.next()? {
            Line::End => break,
            Line::Interrupted => continue,
            Line::Text(text) => text,
        };
        match text.trim() {
            "" => {}
            "/quit" | "/exit" | "/q" => break,
            "/help" | "/?" => output.line(HELP),
            "/resume" => match resume::cut(door, &session)? {
                Some(trace) => {
                    let went_on = resume::go_on(door, &mut session, &trace, planner, args, detail, output);
                    if let Err(failure) = went_on.await {
                        output.failure(&failure);
                    }
                }
                None => output.line("no request of this conversation was cut"),
            },
            "/new" => session = door.sessions.create(),
            "/what" => show_constraints(&session, output),
            "/explain" => {
                detail = if detail == Detail::Answer { Detail::Evidence } else { Detail::Answer };
                output.line(if detail == Detail::Evidence {
                    "evidence is shown"
                } else {
                    "evidence is hidden"
                });
            }
            command if command.starts_with('/') => {
                output.line(format!(
                    "there is no `{}`; /help lists what there is",
                    crate::output::tame(command)
                ));
            }
            request => {
                // A turn that fails is told and the conversation goes on: what was said before is kept.
                if let Err(failure) = turn(door, &mut session, request, planner, args, detail, output).await {
                    output.failure(&failure);
                }
                if !output.is_json() {
                    output.line("");
                }
            }
        }
    }
    if output.is_interactive() {
        output.note(format!("this conversation: segue chat --session {}", session.id));
    }
    Ok(ExitCode::SUCCESS)
}

fn who_plans(planner: PlannerKind, model: Option<&str>) -> String {
    match (planner, model) {
        (PlannerKind::Rules, _) | (_, None) => {
            "no language model: the rules planner reads your words".to_owned()
        }
        (PlannerKind::Route, Some(model)) => {
            format!("the rules read your words, and {model} what they leave")
        }
        (PlannerKind::Plan, Some(model)) => format!("{model} plans what to do"),
        (PlannerKind::Native, Some(model)) => format!("{model} calls the tools"),
    }
}

/// One turn, shown as it happens; Ctrl-C ends it with what there is.
pub(crate) async fn turn(
    door: &Door,
    session: &mut Session,
    request: &str,
    planner: PlannerKind,
    args: &TurnArgs,
    detail: Detail,
    output: &mut Output,
) -> Result<TurnReport, Failure> {
    let interrupt = Interrupt::listen();
    let options = TurnOptions {
        planner,
        planner_because: door.because.clone(),
        budget: args.budget(),
        language: args.lang,
        k: args.count.map(usize::from),
        cancellation: interrupt.cancellation().clone(),
        tape: door.tape(args),
        ..TurnOptions::default()
    };
    carry(door, session, request, options, detail, output).await
}

/// One turn with these options.
pub(crate) async fn carry(
    door: &Door,
    session: &mut Session,
    request: &str,
    options: TurnOptions,
    detail: Detail,
    output: &mut Output,
) -> Result<TurnReport, Failure> {
    let tape = options.tape.clone();
    let mut view = TurnView::new(detail);
    let report = if output.is_json() {
        let report = door.agent.turn(session, request, options, |_| {}).await?;
        output.json(&report);
        report
    } else {
        let report = door.agent.turn(session, request, options, |event| view.show(&event, output)).await?;
        if detail == Detail::Evidence {
            show_steering(&report.steering, output);
        }
        report
    };
    match (tape.problem(), tape.path(), &door.exports) {
        (Some(problem), ..) => output.note(format!("there is no whole trace of this turn: {problem}")),
        (None, Some(path), Some(exports)) => exports.add(path),
        _ => {}
    }
    Ok(report)
}

fn show_constraints(session: &Session, output: &mut Output) {
    let constraints = &session.constraints;
    let mut nothing = true;
    let mut tell = |text: &str, what: String, turn: u32| {
        nothing = false;
        output.line(format!(
            "  {} (turn {turn}: “{}”)",
            crate::output::tame(&what),
            crate::output::tame(text)
        ));
    };
    for c in constraints.conditions.iter().filter(|c| c.holds()) {
        let wish = if c.hard { "" } else { ", preferred" };
        tell(&c.text, format!("{}{wish}", c.what), c.turn);
    }
    for q in constraints.queries.iter().filter(|q| q.holds()) {
        tell(&q.text, format!("about “{}”", q.what), q.turn);
    }
    for l in constraints.likes.iter().filter(|l| l.holds()) {
        tell(&l.text, format!("like {}", l.what), l.turn);
    }
    for l in constraints.dislikes.iter().filter(|l| l.holds()) {
        tell(&l.text, format!("not {}", l.what), l.turn);
    }
    if let Some(order) = constraints.orders.iter().rfind(|o| o.holds()) {
        tell(&order.text, format!("ordered by {}", order.what.field), order.turn);
    }
    if nothing {
        output.line("  nothing yet");
    }
}
