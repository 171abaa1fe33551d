//! What a turn costs beside its model: done over and over for `evals/peers/overhead.py`, which reads this process's CPU
//! clock from outside.
//!
//! `turn_overhead [--store]` says `ready`, takes a number a line, does so many turns of three tool calls and says `done`.
//! The model is instant. With `--store` each turn is on the disk before it is told.

#![expect(clippy::unwrap_used, reason = "a measurement says what is wrong by failing")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::io::{Write, stdin, stdout};
use std::sync::Arc;

use anyhow::{Result, ensure};
use segue_agent::{Agent, CallOutcome, PlannerKind, Session, SessionStore, TurnOptions};
use segue_models::{ChatModel, ChatReply, ChatRequest, Completion, Delta};

/// A city and an order for the rules, and a word that they leave to the model.
const REQUEST: &str = "homes in Utrecht with an orchard, cheapest first";
const REPLY: &str = r#"{"1": {"is": "topic", "plain": "orchard"}}"#;

struct Instant;

impl ChatModel for Instant {
    fn name(&self) -> &'static str {
        "instant"
    }

    fn complete<'a>(&'a self, _: &'a ChatRequest, _: &'a mut (dyn FnMut(Delta) + Send)) -> Completion<'a> {
        Box::pin(async { Ok(ChatReply::text(REPLY)) })
    }
}

fn main() -> Result<()> {
    let homes = common::homes();
    let agent = homes.agent(Arc::new(Instant));
    let folder = tempfile::tempdir()?;
    let on_disk = std::env::args().any(|argument| argument == "--store");
    let store = SessionStore::open(&folder.path().join("sessions.db"), homes.world.clone())?;
    let store = Arc::new(store);
    let runtime = tokio::runtime::Runtime::new()?;
    let say = |word: &str| writeln!(stdout(), "{word}").and_then(|()| stdout().flush());
    say("ready")?;
    for line in stdin().lines() {
        for _ in 0..line?.trim().parse()? {
            let session = if on_disk { store.create() } else { Session::in_memory(homes.world.as_ref()) };
            runtime.block_on(turn(&agent, session))?;
        }
        say("done")?;
    }
    Ok(())
}

async fn turn(agent: &Agent, mut session: Session) -> Result<()> {
    let options = TurnOptions { planner: PlannerKind::Route, ..TurnOptions::default() };
    let report = agent.turn(&mut session, REQUEST, options, |_| {}).await?;
    let found = report.calls.iter().filter(|call| matches!(call.outcome, CallOutcome::Set { .. })).count();
    ensure!((found, report.usage.model_calls) == (3, 1), "another turn than was meant: {report:?}");
    ensure!(report.answer.is_some_and(|answer| answer.items.len() == 1), "another answer");
    Ok(())
}
