use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use segue_world::RealWorld;
use serde_json::json;

use super::*;
use crate::testing::world;
use crate::{Asked, Plan, Usage};

/// The environment variable by which a test tells its child where to write.
const CHILD: &str = "SEGUE_TEST_SESSIONS";

fn store(path: &Path) -> Arc<SessionStore> {
    Arc::new(SessionStore::open(path, world()).unwrap())
}

fn turn(session: &Session, request: &str) -> StoredTurn {
    let mut constraints = session.constraints.clone();
    constraints.queries.push(Asked::new(request.to_owned(), request, session.turns + 1, false));
    StoredTurn {
        constraints,
        shown: vec![ShownItem { id: "t1".to_owned(), title: "The Long Walk".to_owned() }],
        handles: session.handles + 2,
        report: TurnReport {
            planner: "rules".to_owned(),
            planner_because: None,
            model: None,
            session: session.id.clone(),
            turn: session.turns + 1,
            fingerprint: "f".to_owned(),
            request: request.to_owned(),
            language: crate::Language::English,
            user: None,
            understood: Vec::new(),
            not_understood: Vec::new(),
            absent: Vec::new(),
            model_added: false,
            first_plan: None,
            refused: Vec::new(),
            fallback: None,
            exchanges: Vec::new(),
            plan: Plan::default(),
            calls: Vec::new(),
            steering: crate::SteeringReport::default(),
            answer: None,
            usage: Usage::default(),
        },
    }
}

fn say(session: &mut Session, request: &str) -> Result<(), SessionError> {
    let turn = turn(session, request);
    session.store.clone().unwrap().record(&session.id, &turn)?;
    session.advance(turn);
    Ok(())
}

#[test]
fn a_conversation_goes_on_where_it_was_left() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let mut session = store(&path).create();
    say(&mut session, "a quiet film").unwrap();
    say(&mut session, "a newer one").unwrap();

    let again = store(&path);
    let resumed = again.resume_last().unwrap().unwrap();
    let seen = |s: &Session| {
        (s.id.clone(), s.turns, s.constraints.clone(), s.shown.clone(), s.handles, s.last.clone())
    };
    assert_eq!(seen(&resumed), seen(&session));
    let listed: Vec<_> = again.list().unwrap().into_iter().map(|s| (s.id, s.turns, s.title)).collect();
    assert_eq!(listed, [(session.id.clone(), 2, "a quiet film".to_owned())]);
    let exported = again.export(&session.id).unwrap();
    assert_eq!(exported["turns"][1]["report"]["request"], json!("a newer one"));

    let error = again.resume("nobody").unwrap_err().to_string();
    assert!(error.ends_with(&format!("did you mean `{}`", session.id)), "{error}");
    again.delete(&session.id).unwrap();
    assert_eq!(again.resume_last().unwrap().map(|s| s.id), None);
    assert!(matches!(again.delete(&session.id), Err(SessionError::Missing { nearest: None, .. })));
}

#[test]
fn two_processes_on_one_session_cannot_write_the_same_turn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let mut one = store(&path).create();
    say(&mut one, "first").unwrap();
    let mut other = store(&path).resume(&one.id).unwrap();
    say(&mut one, "second").unwrap();
    let error = say(&mut other, "also second").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "another process has added turn 2 to the session `{}`; resume the session to see it, and ask again",
            one.id
        )
    );
    let requests: Vec<_> =
        store(&path).read(&one.id).unwrap().into_iter().map(|t| t.report.request).collect();
    assert_eq!(requests, ["first", "second"]);
}

#[test]
fn writers_at_once_lose_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let mut first = store(&path).create();
    say(&mut first, "0").unwrap();
    let write = || {
        let store = store(&path);
        let mut written = 0;
        while written < 10 {
            let mut session = store.resume(&first.id).unwrap();
            match say(&mut session, "next") {
                Ok(()) => written += 1,
                Err(SessionError::Conflict { .. }) => {}
                Err(e) => panic!("{e}"),
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(write);
        scope.spawn(write);
    });
    let turns: Vec<_> = store(&path).read(&first.id).unwrap().into_iter().map(|t| t.report.turn).collect();
    assert_eq!(turns, (1..=21).collect::<Vec<_>>());
}

/// Not a test by itself: the process that the next test kills.
#[test]
#[ignore = "run by `a_killed_process_loses_no_turn` as its child"]
fn writes_until_it_is_killed() {
    let Some(path) = RealWorld::new().env(CHILD) else { return };
    let mut session = store(Path::new(&path)).create();
    for n in 0.. {
        say(&mut session, &n.to_string()).unwrap();
        println!("written {n}");
    }
}

#[test]
fn a_killed_process_loses_no_turn() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "session::tests::writes_until_it_is_killed", "--ignored", "--nocapture"])
        .env(CHILD, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    let mut told = lines.filter_map(|l| l.split("written ").nth(1).map(str::to_owned));
    let last: u32 = told.by_ref().nth(20).unwrap().parse().unwrap();
    child.kill().unwrap();
    child.wait().unwrap();

    let session = store(&path).resume_last().unwrap().unwrap();
    let requests: Vec<_> =
        store(&path).read(&session.id).unwrap().into_iter().map(|t| t.report.request).collect();
    assert!(session.turns > last, "what was told is on the disk");
    assert_eq!(requests, (0..session.turns).map(|n| n.to_string()).collect::<Vec<_>>());
}

#[test]
fn the_last_word_on_an_item_counts() {
    let mut session = Session::in_memory(&RealWorld::new());
    let ids = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<Vec<_>>();
    session.turns = 2;
    session.rate(&ids(&["t1", "t2", "t1"]), &ids(&["t3"]));
    session.turns = 3;
    session.rate(&ids(&["t3"]), &ids(&["t1"]));
    let holding = |asked: &[Asked<String>]| -> Vec<(String, u32, bool)> {
        asked.iter().filter(|a| a.holds()).map(|a| (a.what.clone(), a.turn, a.hard)).collect()
    };
    assert_eq!(
        holding(&session.constraints.likes),
        [("t2".to_owned(), 2, false), ("t3".to_owned(), 3, false)]
    );
    assert_eq!(holding(&session.constraints.dislikes), [("t1".to_owned(), 3, true)]);
}

/// A clock that goes back does not make the last turn an earlier one.
#[test]
fn the_last_conversation_is_the_last_whatever_the_clock_says() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let at = |time: &str| {
        let world = segue_world::FixedWorld::new(time.parse().unwrap()).with_seed(time.len() as u64);
        Arc::new(SessionStore::open(&path, Arc::new(world)).unwrap())
    };
    let mut first = at("2026-03-01T12:00:00Z").create();
    say(&mut first, "one").unwrap();
    let store = at("2026-03-01T11:00:00.5Z");
    let mut second = store.create();
    say(&mut second, "two").unwrap();
    assert_ne!(first.id, second.id);
    assert_eq!(store.list().unwrap().len(), 2);
    say(&mut second, "three").unwrap();
    assert_eq!(store.resume_last().unwrap().unwrap().id, second.id);
}

/// Where nothing can be written, conversations can be gone on with in memory.
#[test]
fn a_copy_of_the_sessions_leaves_them_as_they_are() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sessions.db");
    let mut session = store(&path).create();
    say(&mut session, "one").unwrap();
    let copy = Arc::new(SessionStore::open_copy(&path, world()).unwrap());
    let mut again = copy.resume(&session.id).unwrap();
    say(&mut again, "two").unwrap();
    assert_eq!(
        (copy.read(&session.id).unwrap().len(), store(&path).read(&session.id).unwrap().len()),
        (2, 1)
    );
    let none = Arc::new(SessionStore::open_copy(&folder.path().join("none.db"), world()).unwrap());
    assert!(none.resume_last().unwrap().is_none());
}
