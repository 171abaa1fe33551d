//! The suite that CI runs, against its committed baseline; defects that its gate must catch; and how suites are read, run, cut
//! and taken up again.
#![expect(clippy::unwrap_used, reason = "a test")]

mod common;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::BoxFuture;
use segue_agent::model::Prompts;
use segue_agent::{Cancellation, PlanningModel};
use segue_evals::CaseResult;
use segue_evals::adapters::{self, AdapterError, Surroundings};
use segue_evals::suite::{
    Answered, Assessment, Baseline, Case, CaseError, Direction, Fingerprint, Outlook, ResultStore, RunEnd,
    RunOptions, Suite, System, Task, Variant, assess, run,
};
use segue_models::{ChatReply, ScriptedModel};
use segue_world::{RealWorld, World, fs};

fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

struct Place {
    folder: tempfile::TempDir,
    world: Arc<dyn World>,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), world: Arc::new(RealWorld::new()) }
    }

    fn surroundings(&self) -> Surroundings {
        common::surroundings(self.folder.path(), &self.world)
    }

    fn open(&self, suite: &Suite) -> Arc<dyn Task> {
        adapters::open(suite, &self.surroundings(), &mut |_| ()).unwrap()
    }

    fn store(&self, suite: &Suite, task: &dyn Task, fresh: bool) -> ResultStore {
        let fingerprint = Fingerprint::of(suite, task);
        ResultStore::open(
            &self.folder.path().join("evals"),
            &suite.name,
            &fingerprint,
            self.world.now(),
            fresh,
        )
        .unwrap()
    }

    async fn run(&self, suite: &Suite, task: &Arc<dyn Task>) -> Vec<CaseResult> {
        let mut store = self.store(suite, task.as_ref(), /*fresh*/ true);
        let suite = Arc::new(suite.clone());
        let end =
            run(&suite, task, &mut store, &self.world, &RunOptions::default(), &mut |_| ()).await.unwrap();
        assert_eq!(end, RunEnd::Complete);
        store.into_results()
    }
}

fn assessed(suite: &Suite, task: &dyn Task, results: &[CaseResult], baseline: &Baseline) -> Assessment {
    assess(suite, &Fingerprint::of(suite, task), results, Some(baseline))
}

/// A task in which something is wrong.
#[derive(Debug)]
struct Defective {
    right: Arc<dyn Task>,
    variant: fn(&mut Variant),
    case: fn(&mut Case),
    fails: fn(&Case) -> bool,
    calls: AtomicUsize,
}

impl Defective {
    fn of(right: &Arc<dyn Task>) -> Self {
        Self {
            right: right.clone(),
            variant: |_| (),
            case: |_| (),
            fails: |_| false,
            calls: AtomicUsize::new(0),
        }
    }
}

impl Task for Defective {
    fn count(&self) -> usize {
        self.right.count()
    }

    fn cases(&self) -> Box<dyn Iterator<Item = Result<Case, AdapterError>> + Send + '_> {
        self.right.cases()
    }

    fn depends(&self) -> Vec<(String, String)> {
        self.right.depends()
    }

    fn answer<'a>(
        &'a self,
        variant: &'a Variant,
        case: &'a Case,
    ) -> BoxFuture<'a, Result<Answered, CaseError>> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        Box::pin(async move {
            let (mut variant, mut case) = (variant.clone(), case.clone());
            (self.variant)(&mut variant);
            (self.case)(&mut case);
            assert!(!(self.fails)(&case), "a defect in a case");
            self.right.answer(&variant, &case).await
        })
    }
}

/// The suite that CI runs is as good as its committed baseline says. After a change that is meant:
/// `segue eval small --save-baseline evals/baselines/small.jsonl`.
#[tokio::test]
async fn the_small_suite_is_as_good_as_its_baseline() {
    let place = Place::new();
    let suite = Suite::read(&project("evals/suites/small.toml")).unwrap();
    let baseline = Baseline::read(&project("evals/baselines/small.jsonl"), "small").unwrap();
    let task = place.open(&suite);
    let results = place.run(&suite, &task).await;
    assert_eq!(results.len(), task.count() * suite.variants.len());
    let assessment = assessed(&suite, task.as_ref(), &results, &baseline);
    assert!(assessment.gate.passed, "{:#?}", assessment.gate);
    let changed = assessment.baseline.unwrap().cases;
    assert!(changed.is_empty(), "the baseline is out of date: {changed:#?}");
}

/// Of a word lost by the reader of requests, say, the default gate knows.
#[tokio::test]
async fn the_gate_of_the_small_suite_catches_defects() {
    let place = Place::new();
    let suite = Suite::read(&project("evals/suites/small.toml")).unwrap();
    let baseline = Baseline::read(&project("evals/baselines/small.jsonl"), "small").unwrap();
    let task = place.open(&suite);
    let loses_a_word: fn(&mut Case) = |case| {
        if let Some((rest, _)) = case.request.rsplit_once(' ') {
            case.request = rest.to_owned();
        }
    };
    let loses_a_field: fn(&mut Variant) = |variant| {
        if let System::Search(segue_evals::suite::Search::Bm25(fields)) = &mut variant.system {
            *fields = vec![("title".to_owned(), 1.0)];
        }
    };
    let defects = [
        Defective { case: loses_a_word, ..Defective::of(&task) },
        Defective { variant: loses_a_field, ..Defective::of(&task) },
        Defective { fails: |case| case.id.ends_with('7'), ..Defective::of(&task) },
    ];
    for defect in defects {
        let task: Arc<dyn Task> = Arc::new(defect);
        let results = place.run(&suite, &task).await;
        let assessment = assessed(&suite, task.as_ref(), &results, &baseline);
        assert!(!assessment.gate.passed, "{task:?}: {:#?}", assessment.gate);
        let report = assessment.baseline.unwrap();
        assert!(report.cases.iter().any(|c| c.direction == Direction::Worse));
    }
    // Hard cases that are left out are no gain.
    let mut results = place.run(&suite, &task).await;
    results.retain(|r| r.case != "q25");
    assert!(!assessed(&suite, task.as_ref(), &results, &baseline).gate.passed);
}

const FUSION: &str = r#"
name = "fused"
metrics = ["ndcg@10", "recall@10"]
[data]
adapter = "beir"
path = "evals/data/small"
[[variants]]
name = "fused"
retriever = "fusion"
parts = ["bm25", "embedding"]
method = "zscore"
weights = [0.7, 0.3]
[[gate]]
metric = "ndcg@10"
allowed_drop = 0.005
"#;

fn fused() -> Suite {
    Suite::parse(FUSION, &project("suite.toml")).unwrap()
}

#[tokio::test]
async fn defects_of_fusion_do_not_pass() {
    let place = Place::new();
    let suite = fused();
    let right = place.open(&suite);
    let before = place.run(&suite, &right).await;
    let file = place.folder.path().join("fused.jsonl");
    Baseline::of("fused", &Fingerprint::of(&suite, right.as_ref()), &before).write(&file).unwrap();
    let baseline = Baseline::read(&file, "fused").unwrap();
    let same = assessed(&suite, right.as_ref(), &before, &baseline);
    assert!(same.gate.passed && same.baseline.unwrap().cases.is_empty());

    let drops_scores: fn(&mut Variant) = |variant| {
        if let System::Fusion { weights, .. } = &mut variant.system {
            *weights = vec![0.0, 1.0];
        }
    };
    let cuts_first: fn(&mut Variant) = |variant| {
        if let System::Fusion { depth, .. } = &mut variant.system {
            *depth = Some(1);
        }
    };
    for defect in [drops_scores, cuts_first] {
        let task: Arc<dyn Task> = Arc::new(Defective { variant: defect, ..Defective::of(&right) });
        let results = place.run(&suite, &task).await;
        let assessment = assessed(&suite, task.as_ref(), &results, &baseline);
        assert!(!assessment.gate.passed, "{:#?}", assessment.variants);
    }
}

/// What a model said in a live run is all that later ones need; what it was never asked is no result.
#[tokio::test]
async fn what_a_model_said_is_played_back() {
    let place = Place::new();
    let text = fs::read_to_string(&project("evals/suites/small-agent.toml")).unwrap();
    let file = place.folder.path().join("said.jsonl");
    let text = text.replace("../recordings/small-route.jsonl", file.to_str().unwrap());
    let suite = Suite::parse(&text, &project("evals/suites/small-agent.toml")).unwrap();
    let missing = adapters::open(&suite, &place.surroundings(), &mut |_| ()).unwrap_err().to_string();
    assert!(missing.contains("there is no recording") && missing.contains("--live"), "{missing}");

    let said = r#"{"1":{"is":"topic","plain":"bread"}}"#;
    let chat = move |_: &str| {
        let model = Arc::new(ScriptedModel::new(vec![Ok(ChatReply::text(said)); 64]));
        Ok(PlanningModel { model, prompts: Prompts::load(None).unwrap(), prices: None, logprobs: true })
    };
    let live = Surroundings { live: true, chat: Arc::new(chat), ..place.surroundings() };
    let task = adapters::open(&suite, &live, &mut |_| ()).unwrap();
    let first = place.run(&suite, &task).await;
    assert!(!fs::exists(&file), "a run that is not through leaves the recording as it is");
    task.finish().unwrap();
    let played = place.open(&suite);
    assert_ne!(Fingerprint::of(&suite, task.as_ref()), Fingerprint::of(&suite, played.as_ref()));
    let again = place.run(&suite, &played).await;
    assert!(first.iter().any(|r| r.usage.model_calls > 0));
    let what = |results: &[CaseResult]| -> Vec<_> {
        results.iter().map(|r| (r.case.clone(), r.metrics.clone(), r.fallback.clone())).collect()
    };
    assert_eq!(what(&again), what(&first));

    let kept = fs::read_to_string(&file).unwrap();
    fs::write_atomic(&file, kept.lines().next().unwrap().as_bytes()).unwrap();
    let partly = place.run(&suite, &place.open(&suite)).await;
    let failed = partly.iter().filter_map(|r| r.error.as_ref()).collect::<Vec<_>>();
    assert!(
        !failed.is_empty() && failed.iter().all(|e| e.contains("make it anew with --live")),
        "{failed:?}"
    );
}

/// What was stopped goes on with exactly what is missing; a line that was cut is one of them.
#[tokio::test]
async fn a_run_is_taken_up_where_it_was_cut() {
    let place = Place::new();
    let suite = Arc::new(fused());
    let inner = place.open(&suite);
    let counting = Arc::new(Defective::of(&inner));
    let task: Arc<dyn Task> = counting.clone();
    let mut store = place.store(&suite, task.as_ref(), false);
    let cancellation = Cancellation::default();
    let options = RunOptions { concurrency: Some(3), cancellation: cancellation.clone() };
    let mut stop_at_ten = |o: Outlook| {
        if o.done >= 10 {
            cancellation.cancel();
        }
    };
    let end = run(&suite, &task, &mut store, &place.world, &options, &mut stop_at_ten).await.unwrap();
    let RunEnd::Stopped(Outlook { done, total }) = end else { panic!("it ran to its end") };
    assert_eq!((done, total), (10, 32));
    let file = store.folder().join("cases.jsonl");
    drop(store);
    let kept = fs::read_to_string(&file).unwrap();
    // A kill goes through a line, and through a character of it.
    fs::append(&file, "{\"variant\":\"fused\",\"case\":\"é".as_bytes().split_last().unwrap().1).unwrap();

    counting.calls.store(0, Ordering::Relaxed);
    let mut store = place.store(&suite, task.as_ref(), false);
    assert!(store.was_torn());
    assert_eq!(store.len(), 10);
    let end =
        run(&suite, &task, &mut store, &place.world, &RunOptions::default(), &mut |_| ()).await.unwrap();
    assert_eq!((end, counting.calls.load(Ordering::Relaxed)), (RunEnd::Complete, 22));
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.starts_with(&kept), "what was there stays as it is");
    let mut cases: Vec<String> =
        text.lines().map(|l| serde_json::from_str::<CaseResult>(l).unwrap().case).collect();
    cases.sort();
    cases.dedup();
    assert_eq!((text.lines().count(), cases.len()), (32, 32));

    // Only one at a time may write.
    let fingerprint = Fingerprint::of(&suite, task.as_ref());
    let root = place.folder.path().join("evals");
    let second = ResultStore::open(&root, "fused", &fingerprint, place.world.now(), false).unwrap_err();
    assert!(second.to_string().contains("another run"), "{second}");
    drop(store);
    // A line in the middle that is no result is not passed over.
    fs::write_atomic(&file, text.replacen("{\"variant\"", "{\"varient\"", 2).as_bytes()).unwrap();
    let damaged = ResultStore::open(&root, "fused", &fingerprint, place.world.now(), false).unwrap_err();
    assert!(damaged.to_string().contains("line 1 is no result"), "{damaged}");
}

/// A case that fails, and one that dies of a defect, are results and count as the worst there is.
#[tokio::test]
async fn a_failed_case_is_counted() {
    let place = Place::new();
    let suite = fused();
    let right = place.open(&suite);
    let good = place.run(&suite, &right).await;
    let task: Arc<dyn Task> = Arc::new(Defective { fails: |case| case.id == "q01", ..Defective::of(&right) });
    let results = place.run(&suite, &task).await;
    assert_eq!(results.len(), 32);
    let failed: Vec<_> = results.iter().filter(|r| r.error.is_some()).collect();
    assert_eq!(failed.len(), 1);
    let now = assess(&suite, &Fingerprint::of(&suite, task.as_ref()), &results, None);
    let before = assess(&suite, &Fingerprint::of(&suite, right.as_ref()), &good, None);
    assert_eq!((now.variants[0].errors, now.variants[0].cases), (1, 32));
    assert!(now.variants[0].metrics["ndcg@10"].value < before.variants[0].metrics["ndcg@10"].value);
    assert_eq!(now.variants[0].metrics["ndcg@10"].n, 32);
}

#[tokio::test]
async fn a_fingerprint_changes_with_what_results_depend_on_and_says_what() {
    let place = Place::new();
    let suite = fused();
    let before = Fingerprint::of(&suite, place.open(&suite).as_ref());
    assert_eq!(Fingerprint::of(&suite, place.open(&suite).as_ref()), before, "the same again");
    let weighed = Suite::parse(&FUSION.replace("0.7, 0.3", "0.6, 0.4"), &suite.path).unwrap();
    let now = Fingerprint::of(&weighed, place.open(&weighed).as_ref());
    let changes = now.changes(&before);
    assert_eq!(changes.iter().map(|c| c.part.as_str()).collect::<Vec<_>>(), ["variant: fused"]);
    // What does not change results does not count.
    let slower =
        Suite::parse(&FUSION.replace("[data]", "rate_limit = 5.0\nconcurrency = 1\n[data]"), &suite.path)
            .unwrap();
    assert_eq!(Fingerprint::of(&slower, place.open(&slower).as_ref()).hash, before.hash);
    assert!(
        before.parts.contains_key("code: retrieval") && before.parts.contains_key("catalogue"),
        "{before:?}"
    );
}

#[test]
fn what_is_wrong_in_a_suite_is_told_with_its_line() {
    let check = |from: &str, to: &str, wanted: &str| {
        assert!(FUSION.contains(from), "{from}");
        let error = Suite::parse(&FUSION.replace(from, to), Path::new("s.toml")).unwrap_err().to_string();
        assert!(error.contains(wanted), "{error}\n  lacks {wanted}");
    };
    check("metrics =", "metric =", "line 3: there is no key `metric` here; did you mean `metrics`?");
    check(
        "ndcg@10\", \"recall",
        "ngcd@10\", \"recall",
        "line 3: there is no metric `ngcd@10`; nearest: `ndcg@10`",
    );
    check(
        "adapter = \"beir\"",
        "adapter = \"bier\"",
        "line 5: there is no value `bier` here; did you mean `beir`?",
    );
    check("\"zscore\"", "\"zscores\"", "there is no value `zscores` here; did you mean `zscore`?");
    check("[0.7, 0.3]", "[0.7]", "one for each of the 2 parts");
    check("[0.7, 0.3]", "[0.0, -1.0]", "0 or more, one above 0");
    check("parts = [\"bm25\", \"embedding\"]\n", "", "a fusion needs two `parts`");
    check("retriever = \"fusion\"", "retriever = \"bm25\"", "`parts` is only for `retriever = \"fusion\"`");
    check("allowed_drop = 0.005", "allowed_drop = -1", "exactly one of `limit`, `allowed_drop`");
    check(
        "metric = \"ndcg@10\"",
        "metric = \"ndcg@5\"",
        "does not measure `ndcg@5`; did you mean `ndcg@10`?",
    );
    check("name = \"fused\"\nretr", "name = \"a\\nb\"\nretr", "visible on one line");
    check(
        "name = \"fused\"\nmetrics",
        "name = \"../x\"\nmetrics",
        "line 2: the name `../x` should be letters",
    );
    check("path = \"evals/data/small\"", "", "should have a `path`");
    check("[[gate]]", "[[gate]]\nvariant = \"fuse\"", "there is no variant `fuse`; did you mean `fused`?");
    check("[data]", "repeats = 0\n[data]", "`repeats` should be 1 or more");
    check("[data]", "[data]\nembeddings = false", "searches by meaning");
}

#[test]
fn bad_data_is_told_with_its_place() {
    let place = Place::new();
    let at = place.folder.path().join("set");
    fs::create_dir_all(&at.join("qrels")).unwrap();
    let write = |name: &str, text: &str| fs::write_atomic(&at.join(name), text.as_bytes()).unwrap();
    let suite = Suite::parse(&FUSION.replace("evals/data/small", "set"), &place.folder.path().join("s.toml"))
        .unwrap();
    let fails = || adapters::open(&suite, &place.surroundings(), &mut |_| ()).unwrap_err().to_string();
    write("corpus.jsonl", "{\"_id\": \"1\", \"title\": \"A\", \"text\": \"one\"}\n");
    write("queries.jsonl", "{\"_id\": \"q\", \"text\": \"one\"}\n");
    write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\t1\n");
    assert!(fails().contains("line 2: a line should be query, document and grade"), "{}", fails());
    write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\t1\tgood\n");
    assert!(fails().contains("line 2: the grade `good` should be a whole number"), "{}", fails());
    write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nother\t1\t1\n");
    assert!(fails().contains("query `other` is judged and not in `queries.jsonl`"), "{}", fails());
    write("qrels/test.tsv", "query-id\tcorpus-id\tscore\nq\t1\t1\n");
    write("corpus.jsonl", "{\"_id\": \"1\", \"title\": \"A\"\n");
    assert!(fails().contains("corpus.jsonl` line 1"), "{}", fails());
    let absent = Suite::parse(&FUSION.replace("evals/data/small", "nowhere"), Path::new("s.toml")).unwrap();
    let error = adapters::open(&absent, &place.surroundings(), &mut |_| ()).unwrap_err().to_string();
    assert!(error.contains("set SEGUE_DATA"), "{error}");
}
