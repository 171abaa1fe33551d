//! Interactions of users with items, split in time: figures worked out by hand, and what cannot be run.
#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use segue_evals::CaseResult;
use segue_evals::adapters::{self};
use segue_evals::suite::{
    Assessment, Fingerprint, ResultStore, RunEnd, RunOptions, Suite, Task, assess, run,
};
use segue_world::{RealWorld, World, fs};

const MAP: &str = r#"
name = "songs"
noun = "song"
[items]
file = "songs.csv"
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "title"
role = "title"
[interactions]
file = "plays.csv"
user = "user"
item = "song"
value = "stars"
time = "at"
"#;
const SONGS: &str = "id,title\na,Apple Tree\nb,Blue Sky\nc,Cold Rain\nd,Apple Pie\ne,Red Rose\n";
/// Ten, in the order of time: eight are known.
const PLAYS: &str = "user,song,stars,at
ann,a,5,1\nbob,a,5,2\nann,b,4,3\nbob,b,5,4\ncid,a,4,5\nbob,c,5,6\ncid,e,1,7\nbob,e,4,8\nann,c,5,9\ncid,d,5,10\n";
const SUITE: &str = r#"
name = "plays"
metrics = ["ndcg@10", "popularity_lift@2", "coverage@2"]
[data]
adapter = "interactions"
path = "plays"
at_least = 4.0
embeddings = false
[[variants]]
name = "popular"
retriever = "popular"
[[variants]]
name = "neighbours"
retriever = "neighbours"
[[variants]]
name = "words"
retriever = "bm25"
[[variants]]
name = "agent"
planner = "rules"
"#;

struct Place {
    folder: tempfile::TempDir,
    world: Arc<dyn World>,
}

impl Place {
    fn new(plays: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("plays");
        fs::create_dir_all(&data).unwrap();
        for (name, text) in [("dataset.toml", MAP), ("songs.csv", SONGS), ("plays.csv", plays)] {
            fs::write_atomic(&data.join(name), text.as_bytes()).unwrap();
        }
        Self { folder, world: Arc::new(RealWorld::new()) }
    }

    fn open(&self, text: &str) -> Result<(Arc<Suite>, Arc<dyn Task>), String> {
        let suite = Suite::parse(text, &self.folder.path().join("plays.toml")).map_err(|e| e.to_string())?;
        let surroundings = common::surroundings(self.folder.path(), &self.world);
        let task = adapters::open(&suite, &surroundings, &mut |_| ()).map_err(|e| e.to_string())?;
        Ok((Arc::new(suite), task))
    }

    async fn run(&self, suite: &Arc<Suite>, task: &Arc<dyn Task>) -> (Vec<CaseResult>, Assessment) {
        let fingerprint = Fingerprint::of(suite, task.as_ref());
        let root = self.folder.path().join("evals");
        let mut store = ResultStore::open(&root, &suite.name, &fingerprint, self.world.now(), false).unwrap();
        let options = RunOptions::default();
        let end = run(suite, task, &mut store, &self.world, &options, &mut |_| ()).await.unwrap();
        assert_eq!(end, RunEnd::Complete);
        let results = store.into_results();
        let assessment = assess(suite, &fingerprint, &results, None);
        (results, assessment)
    }
}

#[tokio::test]
async fn figures_are_those_worked_out_by_hand() {
    let place = Place::new(PLAYS);
    let (suite, task) = place.open(SUITE).unwrap();
    let (results, assessment) = place.run(&suite, &task).await;
    let shown = |variant: &str| -> BTreeMap<&str, Vec<&str>> {
        let of = results.iter().filter(|r| r.variant == variant && r.error.is_none());
        of.map(|r| (r.case.as_str(), r.shown.iter().map(String::as_str).collect())).collect()
    };
    // Known: ann a b, bob a b c e, cid a (and e, not liked). What a user has met is not ranked.
    assert_eq!(shown("popular"), [("ann", vec!["c", "e"]), ("cid", vec!["b", "c"])].into());
    // For cid, of a: b by ann and bob, 2/√6; c and e by bob, 1/√3.
    assert_eq!(shown("neighbours"), [("ann", vec!["c", "e"]), ("cid", vec!["b", "c"])].into());
    // "Apple Tree" finds "Apple Pie".
    assert_eq!(shown("words"), [("ann", vec!["d"]), ("cid", vec!["d"])].into());
    for variant in ["popular", "words", "agent"] {
        assert!(results.iter().filter(|r| r.variant == variant).all(|r| r.error.is_none()), "{results:#?}");
    }
    let figure = |at: usize, name: &str| assessment.variants[at].metrics[name].value;
    // ann wants c, cid wants d.
    assert_eq!((figure(0, "ndcg@10"), figure(2, "ndcg@10")), (0.5, 0.5));
    assert_eq!((figure(0, "coverage@2"), figure(2, "coverage@2")), (3.0 / 5.0, 1.0 / 5.0));
    // Shares of three users: ann's profile (1 + ⅔)/2 and list ⅓; cid's profile 1 and list (⅔ + ⅓)/2.
    let lift = (1.0 / 3.0 + 0.5) / (5.0 / 6.0 + 1.0) - 1.0;
    assert!((figure(0, "popularity_lift@2") - lift).abs() < 1e-12, "{}", figure(0, "popularity_lift@2"));
    let coverage = assessment.comparisons.iter().find(|c| c.metric == "coverage@2" && c.variant == "words");
    assert!(
        coverage.is_some_and(|c| (c.difference.value + 0.4).abs() < 1e-12 && c.clusters == 2),
        "{coverage:?}"
    );
}

#[test]
fn what_cannot_be_run_says_why() {
    let place = Place::new(PLAYS);
    let says = |place: &Place, from: &str, to: &str, why: &str| {
        let told = place.open(&SUITE.replacen(from, to, 1)).err().unwrap_or_default();
        assert!(told.contains(why), "{told}");
    };
    says(&place, "path = \"plays\"", "path = \"plays\"\nsplit = \"train\"", "should be `test`");
    says(&place, "\"ndcg@10\"", "\"plan_validity\"", "cannot be measured on interactions");
    says(&place, "\"ndcg@10\"", "\"diversity@10\"", "is by meaning");
    says(&place, "at_least = 4.0", "at_least = 6.0", "no user has something liked");
    says(&place, "adapter = \"interactions\"", "adapter = \"beir\"", "only for `adapter = \"interactions\"`");
    says(&place, "embeddings = false", "embeddings = false\nmap = \"no.toml\"", "there is no mapping");
    let drop = "[[gate]]\nmetric = \"coverage@2\"\nallowed_drop = 0.1\n[[variants]]";
    says(&place, "[[variants]]", drop, "is of a whole run");
    fs::remove_file(Path::new(&place.folder.path().join("plays/plays.csv"))).unwrap();
    says(&place, "", "", "which");
    let untimed = Place::new("user,song,stars,at\nann,a,5,\nann,b,5,2\n");
    says(&untimed, "", "", "1 interactions have no time");
}
