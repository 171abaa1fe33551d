use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use segue_catalog::Snapshot;
use segue_models::Secrets;
use segue_world::Timestamp;
use serde_json::json;

use super::*;
use crate::executor::{Executor, Surroundings};
use crate::testing::{Fake, plan, pool, registry, set_of, snapshot, step, world};
use crate::{
    Agent, Approval, Budget, CallAnswer, CallOutcome, Cancellation, Consent, Constraints, Effect, Registry,
    Run, Session, ToolOutput, ToolRole, TurnOptions,
};

/// Two tools, of which one changes something, and how often each was called.
struct House {
    folder: tempfile::TempDir,
    snapshot: Snapshot,
    registry: Registry,
    made: [Arc<AtomicU32>; 2],
}

impl House {
    fn new() -> Self {
        let (folder, snapshot) = snapshot();
        let made: [Arc<AtomicU32>; 2] = Default::default();
        let [writes, reads] = made.clone();
        let write = Fake::simple("write", ToolRole::Other, move |_, _| {
            let times = writes.fetch_add(1, Ordering::SeqCst) + 1;
            Ok(ToolOutput::Facts(json!({"written": times, "share": 0.1 + 0.2})))
        });
        let all = Fake::simple("all", ToolRole::Lexical, move |context, _| {
            reads.fetch_add(1, Ordering::SeqCst);
            let items: Vec<_> = pool(context).iter().map(|r| r.ordinal).collect();
            Ok(set_of(context, "all", &items))
        });
        let registry = registry(vec![write.with(|spec| spec.effect = Effect::Writes), all]);
        Self { folder, snapshot, registry, made }
    }

    fn agent(&self) -> Agent {
        Agent::new(world(), self.snapshot.clone(), self.registry.clone())
    }

    fn traces(&self) -> TraceFolder {
        TraceFolder::at(self.folder.path().join("traces"))
    }

    fn made(&self) -> [u32; 2] {
        self.made.each_ref().map(|times| times.load(Ordering::SeqCst))
    }

    /// Carries out `write`, then `all`, with this tape; the answers, and whether the run was suspended.
    fn carry_out(&self, tape: &Tape, consent: Consent) -> (Vec<CallAnswer>, bool) {
        let agent = self.agent();
        let wanted = plan(vec![step("s1", "write", json!({}), None), step("s2", "all", json!({}), None)]);
        let session = Session::in_memory(world().as_ref());
        let head = || Head::of(&agent, &session, "so", &TurnOptions::default(), Timestamp::UNIX_EPOCH);
        let world = world();
        tape.begin(&world, Secrets::default, head);
        let approval: Approval = Arc::new(move |_| consent);
        let around = Surroundings {
            world: &world,
            snapshot: &self.snapshot,
            registry: &self.registry,
            specs: agent.specs(),
            shown: Vec::new(),
            approval: Some(approval),
            cancellation: Cancellation::default(),
            tape: tape.clone(),
        };
        let mut run = Run::new(&wanted, agent.specs(), &Constraints::default(), 0, Budget::default());
        let mut executor = Executor::new(around, &[]);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(executor.drive(&mut run, &mut |_| {}));
        (run.calls().cloned().collect(), executor.suspended().is_some())
    }

    fn record(&self, consent: Consent) -> (Vec<CallAnswer>, Trace) {
        let tape = Tape::recording(self.traces());
        let (answers, _) = self.carry_out(&tape, consent);
        (answers, Trace::read(&tape.path().unwrap()).unwrap())
    }

    fn resume(&self, trace: &Trace) -> Vec<CallAnswer> {
        self.carry_out(&Tape::resuming(trace, &self.agent(), self.traces()), Consent::Given).0
    }
}

/// The trace as a process leaves it that is killed after so many lines like this one.
fn cut_after(trace: &Trace, is_last: impl Fn(&Line) -> bool) -> Trace {
    let end = trace.lines.iter().position(is_last).unwrap() + 1;
    Trace { lines: trace.lines[..end].to_vec(), ..trace.clone() }
}

fn outcomes(answers: &[CallAnswer]) -> Vec<&CallOutcome> {
    answers.iter().map(|answer| &answer.outcome).collect()
}

#[test]
fn what_was_done_is_not_done_again() {
    let house = House::new();
    let (answers, trace) = house.record(Consent::Given);
    assert_eq!(house.made(), [1, 1]);
    // Nothing is left to do.
    assert_eq!(outcomes(&house.resume(&trace)), outcomes(&answers));
    assert_eq!(house.made(), [1, 1]);
    // The search was not answered: it is made, and what was written is not.
    let cut = cut_after(&trace, |line| matches!(line, Line::Answer(a) if a.answer.step == "s1"));
    assert_eq!(outcomes(&house.resume(&cut)), outcomes(&answers));
    assert!(house.made()[0] == 1, "written once");
    // Over another catalogue searches are made again, and what was written still is not.
    let mut other = trace.clone();
    other.head.depends.generation += 1;
    let before = house.made();
    assert_eq!(outcomes(&house.resume(&other)), outcomes(&answers));
    assert_eq!(house.made(), [1, before[1] + 1]);
}

#[test]
fn what_may_have_been_done_is_not_done_again_and_said() {
    let house = House::new();
    let (_, trace) = house.record(Consent::Given);
    let cut = cut_after(&trace, |line| matches!(line, Line::Call(c) if c.call.step == "s1"));
    let answers = house.resume(&cut);
    assert_eq!(
        answers[0].error().unwrap().to_string(),
        "`write` had been begun when the turn was cut and may have been done; it is not done again: look, and ask anew"
    );
    assert_eq!(house.made()[0], 1);
}

#[test]
fn where_nobody_can_approve_the_turn_waits_for_somebody() {
    let house = House::new();
    let tape = Tape::recording(house.traces());
    let (_, suspended) = house.carry_out(&tape, Consent::Nobody);
    assert!(suspended);
    assert_eq!(house.made()[0], 0);
    let trace = Trace::read(&tape.path().unwrap()).unwrap();
    assert!(trace.lines.iter().any(|line| matches!(line, Line::Suspended { step, .. } if step == "s1")));
    let answers = house.resume(&trace);
    assert!(answers.iter().all(CallAnswer::is_ok), "{answers:?}");
    assert_eq!(house.made()[0], 1);
}

#[test]
fn the_oldest_traces_go_first_and_what_is_no_trace_stays() {
    let house = House::new();
    let folder = house.folder.path().join("traces");
    let (_, trace) = house.record(Consent::Given);
    let text = segue_world::fs::read(&trace.path).unwrap();
    segue_world::fs::remove_file(&trace.path).unwrap();
    for n in 0..520 {
        let mut file = segue_world::fs::writer(&folder.join(format!("19{n:03}-a-{n}.jsonl"))).unwrap();
        file.write_all(&text).unwrap();
    }
    segue_world::fs::write_atomic(&folder.join("notes.txt"), b"mine").unwrap();
    house.record(Consent::Given);
    let listed = house.traces().list().unwrap();
    assert_eq!((listed.len(), listed.last().map(|t| t.id.as_str())), (500, Some("a-21")));
    assert!(segue_world::fs::exists(&folder.join("notes.txt")));
}

/// A clock that goes back does not make the newest trace an older one, which would be taken for another and removed first.
#[test]
fn the_newest_trace_is_the_newest_whatever_the_clock_says() {
    let house = House::new();
    let agent = house.agent();
    let mut names = Vec::new();
    for (n, time) in [
        "2026-03-01T12:00:00.999999Z",
        "2026-03-01T11:00:00Z",
        "2026-02-01T00:00:00Z",
        "2026-03-01T13:00:00Z",
    ]
    .into_iter()
    .enumerate()
    {
        let world: Arc<dyn segue_world::World> =
            Arc::new(segue_world::FixedWorld::new(time.parse().unwrap()).with_seed(n as u64));
        let session = Session::in_memory(world.as_ref());
        let tape = Tape::recording(house.traces());
        let head = || Head::of(&agent, &session, time, &TurnOptions::default(), time.parse().unwrap());
        tape.begin(&world, Secrets::default, head);
        drop(tape);
        names.push(house.traces().list().unwrap()[0].request.clone());
    }
    assert_eq!(names[1], "2026-03-01T11:00:00Z");
    assert_eq!(names[2], "2026-02-01T00:00:00Z");
    assert_eq!(names[3], "2026-03-01T13:00:00Z");
    let files = segue_world::fs::list(&house.folder.path().join("traces")).unwrap();
    let second = files[1].file_name().unwrap().to_string_lossy().into_owned();
    assert!(second.starts_with("20260301T120001000000Z-"), "{second}");
}
