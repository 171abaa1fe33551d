//! Simulated users: what they never say, how they end, and what partners of all kinds come to with them.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_catalog::{Catalog, Dataset, Row, Snapshot, Workspace, import};
use segue_evals::adapters::{self, Surroundings};
use segue_evals::simulator::{
    Act, Conversation, Partner, Reaction, Style, User, converse, facts, measures, reveals,
};
use segue_evals::suite::{CaseError, Fingerprint, ResultStore, RunEnd, RunOptions, Suite, assess, run};
use segue_retrieval::{Engine, build_index};
use segue_world::{RealWorld, World, fs};

const STYLES: [Style; 3] = [Style::Terse, Style::Plain, Style::Chatty];

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

struct Homes {
    _folder: tempfile::TempDir,
    snapshot: Snapshot,
    rows: Vec<Row>,
}

impl Homes {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let workspace = Workspace::at(folder.path());
        let world = RealWorld::new();
        let dataset = Dataset::read(&project("evals/data/homes/dataset.toml")).unwrap();
        import(&workspace, &dataset, &world, &mut |_| (), &|| false).unwrap();
        build_index(&workspace, None, &world, &mut |_| (), &|| false).unwrap();
        let snapshot = Engine::open(&workspace, None).unwrap().snapshot().clone();
        let all: Vec<u32> = (0..snapshot.catalog().items as u32).collect();
        let rows = snapshot.rows(&all).unwrap();
        Self { _folder: folder, snapshot, rows }
    }

    fn catalog(&self) -> &Catalog {
        self.snapshot.catalog()
    }

    fn user(&self, target: &Row, style: Style, seed: u64) -> User {
        User::new(std::slice::from_ref(target), self.catalog(), style, seed).expect("a user")
    }
}

/// Knows what is wanted.
struct Oracle(Row);

impl Partner for Oracle {
    async fn answer(&mut self, _: &str) -> Result<Vec<Row>, CaseError> {
        Ok(vec![self.0.clone()])
    }
}

/// Shows the same whatever is said.
struct Deaf(Vec<Row>);

impl Partner for Deaf {
    async fn answer(&mut self, _: &str) -> Result<Vec<Row>, CaseError> {
        Ok(self.0.clone())
    }
}

/// Shows other items each time, the target never.
struct Restless {
    rows: Vec<Row>,
    turn: usize,
}

impl Partner for Restless {
    async fn answer(&mut self, _: &str) -> Result<Vec<Row>, CaseError> {
        self.turn += 1;
        Ok(self.rows.iter().skip(self.turn * 3).take(3).cloned().collect())
    }
}

/// Fails in the turns it is told to.
struct Failing {
    in_turns: Vec<bool>,
    then: Row,
}

impl Partner for Failing {
    async fn answer(&mut self, _: &str) -> Result<Vec<Row>, CaseError> {
        let fails = if self.in_turns.is_empty() { false } else { self.in_turns.remove(0) };
        if fails { Err(CaseError::of("it broke")) } else { Ok(vec![self.then.clone()]) }
    }
}

fn said(conversation: &Conversation) -> Vec<String> {
    conversation.turns.iter().map(|t| t.said.text.clone()).collect()
}

#[tokio::test]
async fn a_perfect_partner_needs_one_turn() {
    let homes = Homes::new();
    for target in &homes.rows {
        let mut user = homes.user(target, Style::Plain, 1);
        let ended = converse(&mut user, &mut Oracle(target.clone()), None, 6, homes.catalog()).await.unwrap();
        let measures = measures(&ended, homes.catalog());
        assert_eq!(ended.found(), Some(1));
        assert_eq!((measures["target_found"].value, measures["turns_to_target"].value), (1.0, 1.0));
        assert_eq!((measures["target_regret"].value, measures["repetition"].weight), (0.0, 0.0));
        assert_eq!(measures["constraint_satisfaction"].value, measures["constraint_satisfaction"].weight);
    }
}

#[tokio::test]
async fn a_user_never_gives_the_target_away_and_ends_within_patience() {
    let homes = Homes::new();
    let mut acts = Vec::new();
    for (n, target) in homes.rows.iter().enumerate() {
        let (title, id) = (target.title(homes.catalog()), target.id(homes.catalog()));
        let others: Vec<Row> = homes.rows.iter().filter(|r| *r != target).cloned().collect();
        for style in STYLES {
            let mut user = homes.user(target, style, n as u64);
            let mut partner = Restless { rows: others.clone(), turn: 0 };
            let ended = converse(&mut user, &mut partner, None, 12, homes.catalog()).await.unwrap();
            assert!((1..=12).contains(&ended.turns.len()) && ended.found().is_none());
            for turn in &ended.turns {
                let text = &turn.said.text;
                assert!(!reveals(text, title) && !reveals(text, id), "{text}");
                // What is said is true, and the words hold it.
                for fact in &turn.meant.facts {
                    assert!(fact.what.matches(target, homes.catalog()), "{}", fact.what);
                    assert!(fact.values.iter().all(|v| reveals(text, v)), "{text}");
                }
                acts.push(turn.meant.act);
            }
        }
    }
    for act in [Act::Ask, Act::Add, Act::Insist, Act::Reject] {
        assert!(acts.contains(&act), "{act:?} never happens");
    }
}

#[tokio::test]
async fn a_partner_that_does_not_listen_fails_and_is_measured_so() {
    let homes = Homes::new();
    let target = &homes.rows[0];
    let shown: Vec<Row> = homes.rows.iter().skip(1).take(3).cloned().collect();
    let mut user = homes.user(target, Style::Plain, 3);
    let ended = converse(&mut user, &mut Deaf(shown), None, 8, homes.catalog()).await.unwrap();
    let measures = measures(&ended, homes.catalog());
    assert_eq!((measures["target_found"].value, measures["turns_to_target"].value), (0.0, 9.0));
    assert_eq!(measures["target_regret"].value, 1.0);
    assert!(measures["constraint_satisfaction"].value < measures["constraint_satisfaction"].weight);
    assert!(measures["earlier_violation"].value > 0.0);
    let rejected = ended.turns.iter().filter(|t| t.meant.act == Act::Reject).count();
    assert!(rejected == 0 || measures["repetition"].value > 0.0);
}

#[tokio::test]
async fn the_same_seed_gives_the_same_user_and_another_another() {
    let homes = Homes::new();
    let mut different = 0;
    for target in homes.rows.iter().take(20) {
        let others: Vec<Row> = homes.rows.iter().filter(|r| *r != target).cloned().collect();
        let run = async |seed| {
            let mut partner = Restless { rows: others.clone(), turn: 0 };
            let mut user = homes.user(target, Style::Chatty, seed);
            said(&converse(&mut user, &mut partner, None, 6, homes.catalog()).await.unwrap())
        };
        let (first, again, other) = (run(5).await, run(5).await, run(6).await);
        assert_eq!(first, again);
        different += usize::from(first != other);
    }
    assert!(different > 10, "{different} of 20");
}

#[tokio::test]
async fn a_turn_that_fails_is_a_turn_lost() {
    let homes = Homes::new();
    let target = &homes.rows[4];
    let mut user = homes.user(target, Style::Plain, 1);
    let mut partner = Failing { in_turns: vec![true, true], then: target.clone() };
    let ended = converse(&mut user, &mut partner, None, 6, homes.catalog()).await.unwrap();
    assert_eq!((ended.found(), ended.turns[0].error.as_deref()), (Some(3), Some("it broke")));
    let mut user = homes.user(target, Style::Plain, 1);
    let mut partner = Failing { in_turns: vec![true; 6], then: target.clone() };
    let failed = converse(&mut user, &mut partner, None, 6, homes.catalog()).await;
    assert_eq!(failed, Err(CaseError::of("it broke")));
}

#[test]
fn facts_are_true_and_not_of_titles() {
    let homes = Homes::new();
    for row in &homes.rows {
        let facts = facts(row, homes.catalog());
        assert!(facts.len() >= 6);
        for fact in facts {
            assert!(fact.what.matches(row, homes.catalog()) && fact.field != "title" && fact.field != "id");
            let satisfied = homes.rows.iter().filter(|r| fact.what.matches(r, homes.catalog())).count();
            let share = satisfied as f64 / homes.rows.len() as f64;
            assert!((share - fact.share).abs() < 0.15, "{}: {share} and not {}", fact.what, fact.share);
        }
    }
}

#[test]
fn a_user_of_several_targets_says_what_is_true_of_all_and_takes_any() {
    let homes = Homes::new();
    let catalog = homes.catalog();
    let (kind, country) = ("kind", "country");
    let alike = |a: &Row, b: &Row| {
        a.get(catalog, kind) == b.get(catalog, kind) && a.get(catalog, country) == b.get(catalog, country)
    };
    let mut users = 0;
    for (n, a) in homes.rows.iter().enumerate() {
        for b in homes.rows.iter().skip(n + 1).filter(|b| alike(a, b)) {
            let both = [a.clone(), b.clone()];
            let Some(mut user) = User::new(&both, catalog, Style::Plain, 0) else { continue };
            users += 1;
            let first = user.begin().unwrap();
            assert!(first.facts.iter().all(|f| both.iter().all(|row| f.what.matches(row, catalog))));
            assert_eq!(user.look(&both[1..], catalog), Reaction::Accepts(1));
        }
    }
    assert!(users > 20);
}

struct Place {
    folder: tempfile::TempDir,
    world: Arc<dyn World>,
}

impl Place {
    fn surroundings(&self) -> Surroundings {
        common::surroundings(self.folder.path(), &self.world)
    }
}

/// The suite that CI runs: the agent finds more of what users want than a search by words does, and twice the same.
#[tokio::test]
async fn the_suite_of_homes_holds_its_gate_and_repeats_itself() {
    let place = Place { folder: tempfile::tempdir().unwrap(), world: Arc::new(RealWorld::new()) };
    let suite = Arc::new(Suite::read(&project("evals/suites/homes-simulated.toml")).unwrap());
    let task = adapters::open(&suite, &place.surroundings(), &mut |_| ()).unwrap();
    assert_eq!(task.count(), 30);
    assert!(!task.tools(&suite.variants[0]).is_empty());
    let fingerprint = Fingerprint::of(&suite, task.as_ref());
    let mut runs = Vec::new();
    for n in 0..2 {
        let root = place.folder.path().join(n.to_string());
        let mut store = ResultStore::open(&root, &suite.name, &fingerprint, place.world.now(), true).unwrap();
        let options = RunOptions::default();
        let end = run(&suite, &task, &mut store, &place.world, &options, &mut |_| ()).await.unwrap();
        assert_eq!(end, RunEnd::Complete);
        runs.push(store.into_results());
    }
    let assessment = assess(&suite, &fingerprint, &runs[0], None);
    assert!(assessment.variants.iter().all(|v| v.errors == 0));
    assert!(assessment.gate.passed, "{:#?}", assessment.variants);
    for (a, b) in runs[0].iter().zip(&runs[1]) {
        assert_eq!((&a.case, &a.metrics, &a.tools), (&b.case, &b.metrics, &b.tools));
    }
    // The halves share no target.
    let other = fs::read_to_string(&project("evals/suites/homes-simulated.toml")).unwrap();
    let other = other.replace("limit = 30", "split = \"dev\"");
    let dev = Suite::parse(&other, &project("evals/suites/homes-simulated.toml")).unwrap();
    let dev = adapters::open(&dev, &place.surroundings(), &mut |_| ()).unwrap();
    let test: Vec<String> = task.cases().map(|c| c.unwrap().id).collect();
    assert!(dev.cases().all(|c| !test.contains(&c.unwrap().id)));
}

#[test]
fn wrong_suites_of_users_say_so() {
    let says = |from: &str, to: &str| {
        let path = project("evals/suites/homes-simulated.toml");
        let text = fs::read_to_string(&path).unwrap().replace(from, to);
        Suite::parse(&text, &path).unwrap_err().to_string()
    };
    assert!(says("patience = 6", "patience = 0").ends_with("`patience` should be from 1 to 50"));
    assert!(says("patience", "pateince").contains("did you mean `patience`?"));
    assert!(
        says("adapter = \"simulated\"", "adapter = \"beir\"")
            .ends_with("`user` is only for `adapter = \"simulated\"`")
    );
}
