//! The page of a run, read as a browser reads it: what it shows, and that nothing in it does more than be shown.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::collections::{BTreeMap, BTreeSet};

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use scraper::{Html, Selector};
use segue_evals::report::{Reported, html, junit};
use segue_evals::suite::{Baseline, Fingerprint, FinishedRun, ResultStore, Suite, assess};
use segue_evals::{CaseResult, CaseUsage, Measure};
use segue_world::Timestamp;
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

const SUITE: &str = r#"
name = "mine"
description = "What it shows."
metrics = ["ndcg@10", "recall@100"]
[data]
adapter = "beir"
path = "x"
[[variants]]
name = "words"
retriever = "bm25"
[[variants]]
name = "meaning"
retriever = "embedding"
[[gate]]
metric = "ndcg@10"
variant = "words"
limit = 0.9
[[gate]]
metric = "ndcg@10"
variant = "meaning"
limit = 0.1
[[gate]]
metric = "recall@100"
allowed_drop = 0.1
"#;

/// What texts of others may try.
const HOSTILE: &[&str] = &[
    "</script><script>window.pwned = 1</script>",
    "\"><img src=x onerror=\"window.pwned = 1\">",
    "<!--<script>",
    "--></style></table><svg onload=pwned=1>",
    "]]>&lt;b&gt;{{ 7 * 7 }}{% raw %}\u{202e}txet\u{0}\u{2028}",
];

struct Run {
    suite: Suite,
    fingerprint: Fingerprint,
    results: Vec<CaseResult>,
}

fn run(suite: &str, cases: usize, shift: f64, texts: &[&str]) -> Run {
    let suite = Suite::parse(suite, "mine.toml".as_ref()).unwrap();
    let text = |n: usize| texts[n % texts.len()].to_owned();
    let mut results = Vec::new();
    for (v, variant) in suite.variants.iter().enumerate() {
        for n in 0..cases {
            // Fixed, but spread over the whole range.
            let value = ((n * 7919 + v * 104_729) % 1000) as f64 / 1000.0;
            let metrics = BTreeMap::from([
                ("ndcg@10".to_owned(), Measure::one((value + shift).min(1.0))),
                ("recall@100".to_owned(), Measure::one(value.sqrt())),
            ]);
            results.push(CaseResult {
                variant: variant.name.clone(),
                case: format!("q{n}{}", text(n)),
                cluster: format!("q{n}{}", text(n)),
                repeat: 0,
                metrics,
                usage: CaseUsage { ms: 1.0 + value * 10.0, model_calls: 1, ..CaseUsage::default() },
                tools: vec![text(n)],
                detail: json!({
                    "request": text(n),
                    "ranking": [["d1", text(n), 0.9], ["d2", "plain", 0.8]],
                    "places_of_relevant": { "d2": 2, text(n): null },
                    text(n): { text(n): [text(n)] },
                }),
                fallback: None,
                shown: Vec::new(),
                error: (n == 3).then(|| text(n)),
            });
        }
    }
    let depends =
        BTreeMap::from([("data".to_owned(), text(1)), (format!("part {}", text(0)), shift.to_string())]);
    Run { suite, fingerprint: Fingerprint::from_parts(depends), results }
}

fn page(now: &Run, before: Option<&Run>) -> String {
    let against = before.map(|run| Baseline {
        suite: run.suite.name.clone(),
        fingerprint: run.fingerprint.clone(),
        results: run.results.clone(),
    });
    let assessment = assess(&now.suite, &now.fingerprint, &now.results, against.as_ref());
    let reported = Reported {
        suite: &now.suite,
        assessment: &assessment,
        results: &now.results,
        began: Timestamp::UNIX_EPOCH,
        against: against.as_ref(),
    };
    html(&reported).unwrap()
}

fn select<'a>(page: &'a Html, selector: &str) -> Vec<scraper::ElementRef<'a>> {
    page.select(&Selector::parse(selector).unwrap()).collect()
}

fn text(element: &scraper::ElementRef<'_>) -> String {
    element.text().collect::<String>().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The data that the script reads, and the details by case.
fn data(page: &Html) -> (Json, BTreeMap<usize, Json>) {
    let of = |e: &scraper::ElementRef<'_>| serde_json::from_str(&e.text().collect::<String>()).unwrap();
    let details = select(page, "script[id^=detail-]");
    let at = |e: &scraper::ElementRef<'_>| e.value().id().unwrap()["detail-".len()..].parse().unwrap();
    (of(&select(page, "#case-data")[0]), details.iter().map(|e| (at(e), of(e))).collect())
}

/// Texts of others come through to the letter and are nothing but text.
#[test]
fn texts_of_others_cannot_leave_their_place() {
    let hostile_suite = SUITE.replace("What it shows.", "</title><script>pwned=1</script>{{ 7*7 }}");
    let (now, before) = (run(&hostile_suite, 20, 0.1, HOSTILE), run(&hostile_suite, 20, 0.0, HOSTILE));
    let source = page(&now, Some(&before));
    let page = Html::parse_document(&source);
    // Elements and attributes are those of the template.
    let mut tags = BTreeSet::new();
    for element in select(&page, "*") {
        tags.insert(element.value().name());
        for (name, value) in element.value().attrs() {
            assert!(!name.starts_with("on") && name != "style" && name != "src", "{name}={value}");
            assert!(name != "href" || value.starts_with('#'), "{value}");
        }
    }
    for strange in ["img", "iframe", "object", "link", "base", "b", "form", "image", "use"] {
        assert!(!tags.contains(strange), "{strange} in {tags:?}");
    }
    // One script runs: the last, known by its hash. The others are data, one for the table and one a case.
    let scripts = select(&page, "script");
    assert_eq!(scripts.len(), 20 + 2);
    let (script, others) = scripts.split_last().unwrap();
    assert!(others.iter().all(|s| s.value().attr("type") == Some("application/json")));
    let policy =
        select(&page, "meta[http-equiv=Content-Security-Policy]")[0].value().attr("content").unwrap();
    let hash =
        |e: &scraper::ElementRef<'_>| BASE64_STANDARD.encode(Sha256::digest(e.text().collect::<String>()));
    assert!(policy.starts_with("default-src 'none'; "), "{policy}");
    assert!(policy.contains(&format!("script-src 'sha256-{}'", hash(script))), "{policy}");
    assert!(policy.contains(&format!("style-src 'sha256-{}'", hash(&select(&page, "style")[0]))), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    // What the script reads is what there was.
    let (data, details) = data(&page);
    for (at, case) in data["cases"].as_array().unwrap().iter().enumerate() {
        let request = case[2].as_str().unwrap();
        assert!(HOSTILE.contains(&request), "{request:?}");
        assert_eq!(details[&at][0][0]["detail"]["ranking"][0][1], request);
        assert_eq!(details[&at][0][0]["detail"][request][request][0], request);
    }
    assert!(text(&select(&page, ".lead")[0]).contains("</title><script>pwned=1</script>{{ 7*7 }}"));
    assert!(text(&select(&page, ".parts")[0]).contains(HOSTILE[0]));
    assert_eq!(select(&page, "title").len(), 1 + select(&page, "svg title").len());
}

#[test]
fn the_page_says_what_the_run_came_to() {
    let (now, before) = (run(SUITE, 30, 0.2, &["plain"]), run(SUITE, 30, 0.0, &["plain"]));
    let source = page(&now, Some(&before));
    let page = Html::parse_document(&source);
    assert!(source.starts_with("<!doctype html>"), "{}", &source[..80]);
    assert_eq!(text(&select(&page, "h1")[0]), "mine");
    assert!(
        text(&select(&page, ".headline")[0]).starts_with("1 of 4 gates fails."),
        "{}",
        text(&select(&page, ".headline")[0])
    );
    let verdicts: Vec<String> = select(&page, "#gates td:first-child").iter().map(text).collect();
    assert_eq!(verdicts, ["fails", "holds", "holds", "holds"]);
    // Both runs of both variants in both metrics, with a strip each.
    assert_eq!(select(&page, "#figures article").len(), 2);
    assert_eq!(select(&page, "#figures article:first-of-type table:first-of-type circle").len(), 4 + 2 + 1);
    let changed: Vec<String> = select(&page, "#depends tr.changed th").iter().map(text).collect();
    assert_eq!(changed, ["part plain changed"]);
    // One failed case in each variant, which counts as the worst.
    assert_eq!(select(&page, ".note").len(), 2);
    let (data, _) = data(&page);
    let series: Vec<(&str, &str)> = data["series"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| (s["variant"].as_str().unwrap(), s["run"].as_str().unwrap()))
        .collect();
    assert_eq!(series, [("words", "now"), ("meaning", "now"), ("meaning", "before"), ("words", "before")]);
    assert_eq!((&data["a"], &data["b"]), (&json!(3), &json!(0)));
    let failed = data["cases"].as_array().unwrap().iter().position(|c| c[0] == "q3plain").unwrap();
    assert_eq!(data["cells"][0][failed]["error"], "plain");
    // Its measures stand, as it has some; without any it would count as the worst.
    assert!(data["cells"][0][failed]["v"][0].is_number());
}

/// Five thousand cases under two variants, each with a large trace: the page stays small enough to be opened, and says what it
/// left out.
#[test]
fn a_large_run_makes_a_page_that_can_be_opened() {
    let mut large = run(SUITE, 5000, 0.0, &["plain"]);
    for result in &mut large.results {
        result.detail = json!({ "request": "a request", "trace": vec!["x".repeat(100); 40] });
    }
    let source = page(&large, None);
    assert!(source.len() < 32 << 20, "{} bytes", source.len());
    let page = Html::parse_document(&source);
    let (data, details) = data(&page);
    assert_eq!(data["cases"].as_array().unwrap().len(), 5000);
    let left_out = 5000 - details.len();
    let told = select(&page, "#cases .note").iter().map(text).collect::<String>();
    assert!(
        left_out > 0 && told.contains(&format!("{left_out} cases are here without their details")),
        "{told}"
    );
}

#[test]
fn a_finished_run_is_read_with_its_suite_and_its_details() {
    let folder = tempfile::tempdir().unwrap();
    let now = run(SUITE, 5, 0.0, &["plain"]);
    let keep = |run: &Run, began: i64| {
        let began = Timestamp::from_second(began).unwrap();
        let root = folder.path();
        let mut store = ResultStore::open(root, "mine", &run.fingerprint, began, /*fresh*/ false).unwrap();
        store.keep_suite(&run.suite).unwrap();
        run.results.iter().for_each(|result| store.add(result.clone()).unwrap());
        store.folder().to_owned()
    };
    let earlier = run(SUITE, 5, 0.1, &["plain"]);
    let (first, second) = (keep(&earlier, 10), keep(&now, 20));
    let read = FinishedRun::read(&second, None).unwrap();
    assert_eq!((read.suite.metrics.len(), read.fingerprint == now.fingerprint), (2, true));
    assert_eq!(read.results[0].detail, now.results.iter().find(|r| r.variant == "meaning").unwrap().detail);
    // The latest of a suite, and the latest before it.
    let latest = FinishedRun::read(&folder.path().join("mine"), None).unwrap();
    assert_eq!(latest.folder, second);
    let before = FinishedRun::read(&folder.path().join("mine"), Some(&latest.fingerprint.hash)).unwrap();
    assert_eq!(before.folder, first);
    let none = FinishedRun::read(&folder.path().join("none"), None).unwrap_err().to_string();
    assert!(none.contains("there are no results of a run"), "{none}");
}

#[test]
fn junit_has_a_case_a_case_and_a_failure_a_gate_that_fails() {
    let hostile = run(SUITE, 5, 0.0, HOSTILE);
    let assessment = assess(&hostile.suite, &hostile.fingerprint, &hostile.results, None);
    let xml = junit(&assessment, &hostile.results).unwrap();
    let counts = |what: &str| xml.matches(what).count();
    assert_eq!((counts("<testsuite "), counts("<testcase ")), (3, 10 + 4), "{xml}");
    assert_eq!((counts("<error "), counts("<failure "), counts("<skipped ")), (2, 1, 2), "{xml}");
    assert!(
        xml.contains("wanted at least 0.9") && !xml.contains("<img") && !xml.contains("<script"),
        "{xml}"
    );
    assert!(!xml.contains('\u{0}'));
}
