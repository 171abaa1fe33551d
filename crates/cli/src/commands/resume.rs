//! Going on with a turn that was cut: what its trace holds is not asked and not done again.

use std::process::ExitCode;

use segue_agent::trace::{Tape, Trace};
use segue_agent::{PlannerKind, Session, TurnOptions, TurnReport};

use crate::args::{Ask, TurnArgs};
use crate::commands::chat::carry;
use crate::failure::Failure;
use crate::house::{Door, House};
use crate::output::{Output, tame};
use crate::render::{Detail, shortened};
use crate::signals::Interrupt;

/// `segue ask --resume SESSION`.
pub(crate) async fn run(
    house: &House,
    args: &Ask,
    session: &str,
    output: &mut Output,
) -> Result<ExitCode, Failure> {
    let Some(trace) = house.traces().cut(session)? else {
        return Err(Failure::new("trace", format!("no turn of the session `{session}` was cut"))
            .remedy("`segue replay --list` shows those that were"));
    };
    let (door, planner) = house.open_to_go_on(&args.turn, &trace.head).await?;
    let mut session = trace.session(&door.sessions)?;
    let detail = if args.turn.explain { Detail::Evidence } else { Detail::Answer };
    go_on(&door, &mut session, &trace, planner, &args.turn, detail, output).await?;
    Ok(ExitCode::SUCCESS)
}

/// The session of this name, also if its first turn was cut and nothing but a trace is left of it.
pub(crate) fn session(door: &Door, id: &str) -> Result<Session, Failure> {
    match door.sessions.resume(id) {
        Ok(session) => Ok(session),
        Err(error) => match door.traces.cut(id)? {
            Some(trace) => Ok(trace.session(&door.sessions)?),
            None => Err(error.into()),
        },
    }
}

/// The turn that was cut where this session stands.
pub(crate) fn cut(door: &Door, session: &Session) -> Result<Option<Trace>, Failure> {
    Ok(door.traces.cut(&session.id)?.filter(|trace| trace.head.turn == session.turns + 1))
}

/// Says so if there is one.
pub(crate) fn offer(door: &Door, session: &Session, output: &mut Output) -> Result<(), Failure> {
    if let Some(trace) = cut(door, session)? {
        let request = shortened(&tame(&trace.head.request), 60);
        output.note(format!("the last request was cut: “{request}”; /resume goes on with it"));
    }
    Ok(())
}

/// Ends the turn.
pub(crate) async fn go_on(
    door: &Door,
    session: &mut Session,
    trace: &Trace,
    planner: PlannerKind,
    args: &TurnArgs,
    detail: Detail,
    output: &mut Output,
) -> Result<TurnReport, Failure> {
    let interrupt = Interrupt::listen();
    let recorded = trace.head.options.clone();
    let options = TurnOptions {
        planner,
        k: args.count.map(usize::from).or(recorded.k),
        cancellation: interrupt.cancellation().clone(),
        tape: Tape::resuming(trace, &door.agent, door.traces.clone()),
        ..recorded
    };
    let report = carry(door, session, &trace.head.request, options, detail, output).await?;
    door.traces.remove(trace)?;
    Ok(report)
}
