//! Assertions about one conversation, each in a form that holds and in one that does not; and what is written wrongly.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test says what is wrong by failing")]

use std::path::Path;
use std::sync::Arc;

use segue_evals::scenario::{RunOptions, ScenarioOutcome, Status, junit, run};
use segue_world::{RealWorld, World, fs};

const CATALOG: &str = r#"
```catalog name=homes
id,title,kind,tags,price,built,text
h1,Canal View,apartment,water;bright,450000,1985,bright rooms above the water
h2,The Old Mill,house,garden;orchard,720000,1890,a mill with a garden and an orchard
h3,Garden Lodge,house,garden,510000,,a lodge in a walled garden
h4,Sea Tower,apartment,water,990000,1999,high above the sea
```

```mapping
noun = "home"
[[fields]]
name = "id"
role = "id"
[[fields]]
name = "title"
role = "title"
[[fields]]
name = "kind"
role = "category"
[[fields]]
name = "tags"
role = "category"
separator = ";"
[[fields]]
name = "price"
role = "number"
unit = "eur"
low = ["cheap"]
[[fields]]
name = "built"
role = "number"
type = "integer"
unit = "year"
[[fields]]
name = "text"
role = "text"
```
"#;

const TURN: &str = "\n```user\nhouses under 800000, cheapest first\n```\n";

fn at(folder: &Path, text: &str, options: &RunOptions) -> Vec<ScenarioOutcome> {
    let path = folder.join("one.md");
    fs::write_atomic(&path, text.as_bytes()).unwrap();
    let world: Arc<dyn World> = Arc::new(RealWorld::new());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(run(&world, &[path], options, |_| {})).unwrap().outcomes
}

fn outcome(text: &str) -> ScenarioOutcome {
    let folder = tempfile::tempdir().unwrap();
    let outcomes = at(folder.path(), text, &RunOptions::default());
    assert_eq!(outcomes.len(), 1, "{outcomes:?}");
    outcomes[0].clone()
}

/// Pairs of assertions: the first holds, the second does not, and what is got instead has this in it.
const PAIRS: &[(&str, &str, &str)] = &[
    ("items count = 2", "items count > 2", "2 items: #1 h3 Garden Lodge, #2 h2 The Old Mill"),
    (
        "items all price < 800000",
        "items all price < 600000",
        "1 of 2 do not: #2 h2 The Old Mill (price 720000)",
    ),
    ("items none kind = 'apartment'", "items none price > 600000", "1 of 2 do: #2 h2"),
    ("items any built = 1890", "items any built = 1891", "none of 2 does"),
    ("items all tags = 'garden'", "items all tags = 'orchard'", "#1 h3 Garden Lodge (tags"),
    ("items none tags = 'water'", "items none tags has 'orchard'", "#2 h2"),
    ("items all tags != 'water'", "items all tags != 'orchard'", "#2 h2"),
    ("items all tags like 'gard%'", "items none tags like 'orch%'", "#2 h2"),
    ("items any built is null", "items all built > 1000", "#1 h3 Garden Lodge (built unknown)"),
    ("items all json_array_length(tags) <= 2", "items all json_array_length(tags) = 2", "#1 h3"),
    ("items are h3, h2", "items are h2, h3", "place 1 is not `h2`"),
    ("items are in any order h2, \"Garden Lodge\"", "items are in any order h2", "1 more"),
    ("items contain the old mill", "items contain Canal View", "no `Canal View`"),
    ("items lack h1", "items lack h1, h2", "`h2` is #2"),
    ("items first is Garden Lodge", "items first is h2", "2 items: #1 h3"),
    ("items ordered by price ascending", "items ordered by price descending", "(510000) stands before"),
    ("items ordered by -price descending", "items ordered by title descending", "stands before"),
    ("tools are sql_filter, order_by", "tools are order_by, sql_filter", "called were sql_filter, order_by"),
    ("tools include order_by", "tools include look_up", "called were"),
    ("tools in order sql_filter, order_by", "tools in order order_by, sql_filter", "called were"),
    ("tools lack look_up", "tools lack order_by", "called were"),
    ("call order_by", "call look_up", "no such call"),
    ("call order_by#1 ok", "call order_by#2 ok", "no such call"),
    ("call s1 count = 2", "call sql_filter count = 3", "s1 gave 2 items"),
    (
        "call order_by has {\"by\": \"price\"}",
        "call order_by has {\"by\": \"built\"}",
        "s2 {\"by\":\"price\"",
    ),
    ("call sql_filter lacks {\"sql\": \"x\"}", "call order_by lacks {\"by\": \"price\"}", "s2 {"),
    ("call order_by within is sql_filter", "call order_by within is nothing", "s2 is within s1 sql_filter"),
    ("call sql_filter within is nothing", "call sql_filter within is s2", "s1 is within nothing"),
    ("call sql_filter ok", "call sql_filter failed", "s1 gave 2 items"),
    ("calls count = 2", "calls count = 3", "called were"),
    ("calls failed = 0", "calls failed = 1", "called were"),
    ("call sql_filter ok", "call sql_filter error is timeout", "s1 gave"),
    ("evidence for price, kind", "evidence for built", "no evidence for built: #1 h3"),
    ("evidence by order_by", "evidence by bm25_search", "nothing by bm25_search"),
    ("claims removed = 0", "claims removed > 0", "0 were removed"),
    ("budget model_calls = 0", "budget model_calls > 0", "0"),
    ("budget tool_calls <= 2", "budget tool_calls < 2", "2"),
    ("budget tokens = 0", "budget cost > 0", "0"),
    ("text contains \"2 of 4 homes\"", "text contains \"3 of 4\"", "2 of 4 homes satisfy"),
    ("text lacks \"sorry\"", "text lacks \"homes\"", "2 of 4"),
    ("text matches /[0-9] of [0-9]+ homes/", "text matches /^homes/", "2 of 4"),
    ("reasons contain \"510000\"", "reasons lack \"house\"", "kind house"),
    ("steering lacks \"sale\"", "steering contains \"sale\"", "nothing was steered"),
    ("question nothing", "question contains \"?\"", "there is none"),
    ("understood price < 800000", "understood price <= 800000", "“under 800000” as price < 800000 (hard)"),
    ("understood hard kind = house", "understood soft kind = house", "kind = house (hard)"),
    ("understood \"under 800000\"", "understood \"over 800000\"", "under 800000"),
    ("understood count = 3", "understood nothing", "as kind = house"),
    ("not understood nothing", "not understood \"cheapest\"", "there is none"),
    ("absent nothing", "absent \"x\"", "there is none"),
    ("holds kind = house", "holds kind = apartment", "these hold: kind = house; price < 800000"),
    ("holds price < 800000", "holds nothing", "these hold"),
    ("holds kind = house", "lifted kind = house", "it holds still"),
    ("planner is rules", "planner is plan", "rules"),
    ("fallback nothing", "fallback contains \"x\"", "there is none"),
    ("model refused nothing", "model refused contains \"x\"", "there is none"),
    ("model added nothing", "model added something", "it changed nothing"),
    ("stop is passed", "stop is empty", "passed"),
    ("answer is recommendation", "answer is count", "recommendation"),
    ("claims supported", "lifted kind = apartment", "it was never asked for"),
];

#[test]
fn every_assertion_can_hold_and_can_fail() {
    let good: String = PAIRS.iter().map(|(good, _, _)| format!("{good}\n")).collect();
    let good = outcome(&format!("{CATALOG}{TURN}```expect\n{good}```\n"));
    assert_eq!((good.status, good.failures.as_slice()), (Status::Passed, &[][..]));
    assert_eq!(good.assertions, PAIRS.len());
    let bad: String = PAIRS.iter().map(|(_, bad, _)| format!("{bad}\n")).collect();
    let text = format!("{CATALOG}{TURN}```expect\n{bad}```\n");
    let first = text.lines().position(|l| l == "```expect").unwrap() + 2;
    let bad = outcome(&text);
    assert_eq!(bad.status, Status::Failed, "{bad:?}");
    for ((n, (_, assertion, got)), failure) in PAIRS.iter().enumerate().zip(&bad.failures) {
        assert_eq!((failure.line, failure.assertion.as_str()), (first + n, *assertion));
        assert!(failure.got.contains(got), "{assertion}: {}", failure.got);
    }
    assert_eq!(bad.failures.len(), PAIRS.len());
}

#[test]
fn what_an_assertion_names_must_be_there() {
    for (assertion, part) in [
        ("items lack h11", "the catalogue has no item `h11`; did you mean `h1`?"),
        ("items contain The Old Mil", "did you mean `The Old Mill`?"),
        ("tools lack bm25_serch", "there is no tool `bm25_serch`; did you mean `bm25_search`?"),
        ("call order_bi ok", "did you mean `order_by`?"),
        ("evidence for prize", "there is no field `prize`; did you mean `price`?"),
        ("items all prize < 3", "there is no column `prize`; there are `price`"),
        ("items all tags in ('a')", "`tags` has several values"),
        ("items all price <", "the statement is wrong"),
        ("items all price < 3), (1", "never opened"),
        ("items all price < 3, 1", "the statement is wrong"),
        ("items all max(price) > 3", "not one expression"),
        ("items all 1) FROM items UNION SELECT id, (1", "never opened"),
        ("items all (SELECT count(*) FROM sqlite_master) > 0", "not allowed"),
        ("items ordered by max(price) ascending", "not one value of each row"),
    ] {
        let outcome = outcome(&format!("{CATALOG}{TURN}```expect\n{assertion}\n```\n"));
        assert_eq!(outcome.status, Status::Broken, "{assertion}: {outcome:?}");
        assert!(outcome.failures[0].got.contains(part), "{assertion}: {}", outcome.failures[0].got);
    }
}

#[test]
fn nothing_is_held_of_no_items() {
    let turn = "\n```user\napartments under 500000 built before 1900\n```\n";
    for assertion in [
        "items all price < 0",
        "items none price > 0",
        "evidence for price",
        "items ordered by price ascending",
    ] {
        let outcome = outcome(&format!("{CATALOG}{turn}```expect\n{assertion}\n```\n"));
        assert_eq!(outcome.status, Status::Failed, "{assertion}");
        assert!(outcome.failures[0].got.contains("say `items count = 0`"), "{outcome:?}");
    }
}

#[test]
fn what_is_written_wrongly_is_told_with_its_place() {
    let rows = "```catalog\nid,title\na,One\nb,Two\n```\n";
    for (text, line, part) in [
        ("# Only prose\n".to_owned(), 1, "nobody says anything in this file"),
        (format!("{rows}```usr\nx\n```\n"), 6, "there is no block `usr`; did you mean `user`?"),
        (format!("{rows}```json\n{{}}\n```\n"), 6, "there is no block `json`"),
        (format!("{rows}```user\none\n```\n"), 6, "this scenario expects nothing"),
        (format!("{rows}```user\none\n```\n```expect\n\n```\n"), 9, "this block expects nothing"),
        ("```user\none\n```\n```expect\nstop is passed\n```\n".to_owned(), 1, "has no catalogue"),
        (format!("{rows}```expect\nstop is passed\n```\n"), 6, "follows a `user` block"),
        (format!("{rows}{rows}```user\nx\n```\n"), 6, "a `catalog` block already, in line 1"),
        (format!("```user\nx\n```\n{rows}"), 4, "stands before the first turn"),
        (format!("{rows}```user\n\n```\n"), 6, "says nothing"),
        (
            format!("{rows}```settings\nplaner = \"rules\"\n```\n```user\nx\n```\n"),
            7,
            "unknown field `planer`",
        ),
        (format!("{rows}```settings\nk = 3\nnow = \"soon\"\n```\n```user\nx\n```\n"), 8, "`soon` is no date"),
        (
            format!("{rows}```user\nx\n```\n```model\nhi\n```\n```expect\nstop is passed\n```\n"),
            9,
            "nobody asks this model",
        ),
        (
            format!("{rows}```user\nx\n```\n```model eror=timeout\n```\n"),
            9,
            "`eror=` is not known behind `model`; did you mean `error`?",
        ),
        (
            format!("{rows}```user\nx\n```\n```model error=timeot\n```\n"),
            9,
            "no model fails as `timeot`; did you mean `timeout`?",
        ),
        (format!("{rows}```user\nx\n```\n```model\n```\n"), 9, "`model nothing`"),
        (format!("{rows}```user\nx\n```\n```snapshot text\n```\n"), 9, "of the `plan` or of the `answer`"),
        (
            format!("{rows}```user\nx\n```\n```expect\nitems count = 1\nitmes count = 1\n```\n"),
            11,
            "did you mean `items`?",
        ),
        (
            format!(
                "{rows}## a\n```user\nx\n```\n```expect\nstop is passed\n```\n## a\n```user\nx\n```\n```expect\nstop is passed\n```\n"
            ),
            13,
            "the same heading",
        ),
        (format!("{rows}```user\nx\n```\n```cases file=x.jsonl\nunasked = 0\n```\n"), 9, "stands alone"),
        (
            "```catalog\n```\n```user\nx\n```\n```expect\nstop is passed\n```\n".to_owned(),
            1,
            "a catalogue has rows",
        ),
        (
            "```catalog data=a.csv\n```\n```user\nx\n```\n```expect\nstop is passed\n```\n".to_owned(),
            1,
            "is one of",
        ),
    ] {
        let outcome = outcome(&text);
        assert_eq!(outcome.status, Status::Broken, "{text}");
        let failure = &outcome.failures[0];
        assert!(failure.got.contains(part), "{text}: {failure:?}");
        assert_eq!(failure.line, line, "{text}: {failure:?}");
    }
}

/// A catalogue that somebody wrote by hand is taken whole or not at all, and errors name lines of the page.
#[test]
fn a_wrong_catalogue_is_told() {
    let end = "```user\nx\n```\n```expect\nstop is passed\n```\n";
    let roles = "```mapping\n[[fields]]\nname = \"id\"\nrole = \"id\"\n[[fields]]\nname = \"title\"\nrole = \"title\"\n```\n";
    let twice = outcome(&format!("```catalog\nid,title\na,One\na,Two\n```\n{roles}{end}"));
    assert_eq!(twice.status, Status::Broken, "{twice:?}");
    assert!(twice.failures[0].got.starts_with("row in line 4:"), "{twice:?}");
    let mapping = "```mapping\n[[fields]]\nname = \"id\"\nrole = \"id\"\n[[fields]]\nname = \"title\"\nrole = \"titel\"\n```\n";
    let wrong = outcome(&format!("```catalog\nid,title\na,One\n```\n{mapping}{end}"));
    assert!(wrong.failures[0].got.contains("line 11:"), "{wrong:?}");
}

#[test]
fn a_script_is_used_up_turn_by_turn() {
    let text = |replies: &str| {
        format!(
            "{CATALOG}\n```settings\nplanner = \"native\"\n```\n\n```user\nhouses with an orchard\n```\n{replies}```expect\nstop is passed\n```\n"
        )
    };
    let call = "```model calls\nbm25_search {\"query\": \"orchard\"}\n```\n";
    let done = "```model\nDONE\n```\n";
    assert_eq!(outcome(&text(&format!("{call}{done}"))).status, Status::Passed);
    let less = outcome(&text(call));
    assert!(
        less.failures[0].got.contains("was asked 2 times in this turn, and its script answers once"),
        "{less:?}"
    );
    let more = outcome(&text(&format!("{call}{done}{done}")));
    assert!(
        more.failures[0].got.contains("was asked 2 times in this turn, and its script answers 3 times"),
        "{more:?}"
    );
    let none = outcome(&text(""));
    assert_eq!(none.status, Status::Skipped, "{none:?}");
}

#[test]
fn an_update_writes_snapshots_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{CATALOG}{TURN}```snapshot plan\nold\n```\n\nprose  \n\n```snapshot answer\n```\n\n```expect\nitems count = 2\n```")
        .replace('\n', "\r\n");
    let stale = at(folder.path(), &text, &RunOptions::default());
    assert_eq!((stale[0].status, stale[0].failures.len()), (Status::Failed, 2), "{stale:?}");
    let options = RunOptions { update: true, ..RunOptions::default() };
    assert_eq!(at(folder.path(), &text, &options)[0].status, Status::Passed);
    let new = fs::read_to_string(&folder.path().join("one.md")).unwrap();
    assert_eq!(at(folder.path(), &new, &RunOptions::default())[0].status, Status::Passed);
    assert!(new.contains("s2 order_by") && !new.contains("old\r\n```"), "{new}");
    let (before, after) = text.split_once("old\r\n").unwrap();
    let middle = after.split_once("```snapshot answer\r\n").unwrap().0;
    assert!(new.starts_with(before) && new.contains(middle) && new.ends_with("items count = 2\r\n```"));
    assert!(!new.replace("\r\n", "").contains('\n'), "line ends stay as they were");
    // An assertion that does not hold is not mended.
    let wrong = new.replace("items count = 2", "items count = 3");
    assert_eq!(at(folder.path(), &wrong, &options)[0].status, Status::Failed);
    assert_eq!(fs::read_to_string(&folder.path().join("one.md")).unwrap(), wrong);
}

#[test]
fn wall_time_warns_unless_it_counts() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("{CATALOG}{TURN}```expect\nbudget ms < 0\n```\n");
    let lenient = at(folder.path(), &text, &RunOptions::default());
    assert_eq!((lenient[0].status, lenient[0].warnings.len()), (Status::Passed, 1));
    let strict = at(folder.path(), &text, &RunOptions { timed: true, ..RunOptions::default() });
    assert_eq!(strict[0].status, Status::Failed);
}

#[test]
fn outcomes_are_written_for_ci() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "{CATALOG}\n## good\n{TURN}```expect\nstop is passed\n```\n## bad <&>\n{TURN}```expect\nstop is empty\n```\n\
         ## absent\n```catalog workspace\n```\n{TURN}```expect\nstop is empty\n```\n"
    );
    let outcomes = at(folder.path(), &text, &RunOptions::default());
    let statuses: Vec<Status> = outcomes.iter().map(|o| o.status).collect();
    assert_eq!(statuses, [Status::Passed, Status::Failed, Status::Skipped]);
    let run = segue_evals::scenario::ScenarioRun { outcomes, ..Default::default() };
    let xml = junit(&run).unwrap();
    for part in [
        "tests=\"3\"",
        "failures=\"1\"",
        "<failure message=\"stop is empty passed\"",
        "bad &lt;&amp;&gt;",
        "<skipped",
    ] {
        assert!(xml.contains(part), "{part}: {xml}");
    }
    assert_eq!(run.outcomes.iter().filter_map(|o| o.case("rules")).count(), 2);
}

#[test]
fn a_stopped_run_ends_with_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let options = RunOptions::default();
    options.cancellation.cancel();
    assert_eq!(at(folder.path(), &format!("{CATALOG}{TURN}```expect\nstop is passed\n```\n"), &options), []);
}
