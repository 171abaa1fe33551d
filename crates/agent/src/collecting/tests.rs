use segue_world::RealWorld;

use super::*;
use crate::rules::{self, Situation};
use crate::testing::{catalog, snapshot};

fn said(field: &str, value: &str, turn: u32, hard: bool) -> Asked<Predicate> {
    Asked::new(Predicate::field(field, Operator::Eq, Value::from(value)), value, turn, hard)
}

fn words(text: &str, turn: u32) -> Asked<String> {
    Asked::new(text.to_owned(), text, turn, false)
}

/// What the rules read, and nobody after them.
fn alone(reading: &mut Reading, session: &Session, snapshot: &Snapshot, turn: u32) {
    let by_rules = reading.clone();
    rejoin(&session.constraints, &by_rules, reading, snapshot.catalog(), turn);
}

/// The reading of a turn beside what was asked for before.
fn read(request: &str, session: &Session, snapshot: &Snapshot) -> Reading {
    let (narrowed, turn) = (narrowed(session), session.turns + 1);
    let before = &narrowed.constraints;
    let situation =
        Situation { snapshot, before, shown: &[], turn, today: None, language: crate::Language::English };
    let mut reading = rules::read(request, &situation).unwrap();
    alone(&mut reading, session, snapshot, turn);
    reading
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn names_rank_limits_and_refusals_hold() {
    let (_folder, snapshot) = snapshot();
    let session = Session::in_memory(&RealWorld::new());
    let reading = read("called Night Bus, under 120 minutes", &session, &snapshot);
    let hard: Vec<_> =
        reading.constraints.conditions.iter().map(|c| (fields(&c.what).join(" "), c.hard)).collect();
    assert_eq!(hard, [("title".to_owned(), false), ("runtime".to_owned(), true)]);
    let told: Vec<_> = reading.understood.iter().map(|u| u.hard).collect();
    assert_eq!(told, [false, true]);
    let not = Predicate::field("genre", Operator::Eq, Value::from("Horror")).negate();
    assert!(!is_of_names(&not, &catalog()));
}

#[test]
fn what_is_said_after_something_was_kept_is_a_request_of_its_own() {
    let (_folder, snapshot) = snapshot();
    let mut constraints = Constraints::default();
    constraints.conditions.extend([said("genre", "Drama", 1, false), said("genre", "Comedy", 3, false)]);
    constraints.queries.extend([words("slow", 1), words("harbour", 2)]);
    let asked = |constraints: &Constraints| {
        let moment = moment(constraints, &snapshot).unwrap();
        moment.queries.iter().map(|q| q.what.clone()).collect::<Vec<_>>().join("|")
    };
    // Nothing was kept: it all still counts.
    assert_eq!(asked(&constraints), "Drama Comedy slow harbour");
    constraints.likes.push(Asked::new("t1".to_owned(), "liked", 1, false));
    assert_eq!(asked(&constraints), "Comedy harbour");
    // Something of the last turn was kept, and nothing was said since: more of the same.
    constraints.likes.push(Asked::new("t2".to_owned(), "liked", 3, false));
    assert_eq!(asked(&constraints), "Comedy");
}

#[test]
fn names_of_one_field_stand_beside_one_another() {
    let (_folder, snapshot) = snapshot();
    let mut constraints = Constraints::default();
    constraints.conditions.extend([said("genre", "Drama", 1, false), said("genre", "Comedy", 1, false)]);
    let moment = moment(&constraints, &snapshot).unwrap();
    let wishes: Vec<_> = moment.conditions.iter().map(|c| (c.what.to_string(), c.hard)).collect();
    assert_eq!(wishes, [("genre = Drama or genre = Comedy".to_owned(), false)]);
}

#[test]
fn what_was_kept_is_kept_when_the_next_request_begins_anew() {
    let (_folder, snapshot) = snapshot();
    let mut session = Session::in_memory(&RealWorld::new());
    session.turns = 1;
    session.constraints.queries.push(words("slow", 1));
    session.rate(&ids(&["t1"]), &ids(&["t2"]));
    let reading = read("show me films about a harbour", &session, &snapshot);
    let now = &reading.constraints;
    assert!(now.likes[0].holds() && now.dislikes[0].holds());
    assert_eq!(now.queries.iter().map(|q| q.turn).collect::<Vec<_>>(), [1, 2]);
    let again = read("start over", &session, &snapshot).constraints;
    assert!(again.queries.is_empty() && !again.likes.iter().any(Asked::holds));
}

#[test]
fn a_model_gives_words_a_meaning_and_takes_none_away() {
    let (_folder, snapshot) = snapshot();
    let session = Session::in_memory(&RealWorld::new());
    let situation = Situation {
        snapshot: &snapshot,
        before: &session.constraints,
        shown: &[],
        turn: 1,
        today: None,
        language: crate::Language::English,
    };
    let by_rules = rules::read("mellow harbour back street", &situation).unwrap();
    // The model searches for one word and one more, gives two a meaning and says nothing of the fourth.
    let mut reading = by_rules.clone();
    reading.constraints.queries = vec![words("of the harbour 90s", 1)];
    reading.constraints.conditions = vec![said("genre", "Drama", 1, true)];
    reading.understood = vec![Understood {
        text: "back street".to_owned(),
        predicate: Some(said("genre", "Drama", 1, true).what),
        meaning: "genre = Drama (read by the model)".to_owned(),
        hard: true,
    }];
    rejoin(&session.constraints, &by_rules, &mut reading, snapshot.catalog(), 1);
    let queries: Vec<_> = reading.constraints.queries.iter().map(|q| q.what.as_str()).collect();
    assert_eq!(queries, ["mellow harbour 90s"]);
}
