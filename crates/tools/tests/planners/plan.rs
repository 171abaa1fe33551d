use segue_agent::{PlannerKind, Stop};
use segue_models::{ChatError, ChatErrorKind, Prices};
use serde_json::{Value as Json, json};

use crate::homes::{Homes, Turn, condition, says};

fn homes() -> Homes {
    Homes::new(PlannerKind::Plan)
}

#[expect(clippy::needless_pass_by_value, reason = "steps are written where they are used")]
fn plan(steps: Json) -> Result<segue_models::ChatReply, ChatError> {
    says(json!({ "steps": steps }))
}

fn refused(turn: &Turn) -> String {
    turn.report.refused.join("\n")
}

#[test]
fn code_links_the_steps_and_adds_what_holds_anyway() {
    let mut homes = homes();
    let steps = json!([
        {"tool": "sql_filter", "conditions": [condition("the Reagan years", "built", "between", "1981", "1989")]},
        {"tool": "bm25_search", "query": "garden"},
        {"tool": "order_by", "by": "price", "direction": "ascending"},
    ]);
    let turn = homes.turn("houses from the Reagan years with a garden", vec![plan(steps)]);
    assert_eq!(
        turn.steps(),
        [
            r#"s1 sql_filter {"where":{"all":[{"field":"kind","op":"eq","value":"house"},{"field":"built","op":"between","value":[1981,1989]}]}}"#,
            r#"s2 bm25_search {"query":"garden"} in s1"#,
            r#"s3 order_by {"by":"price","direction":"ascending","k":10} in s2"#,
        ]
    );
    assert_eq!(turn.ids(), ["h5", "h3"]);
    assert_eq!((turn.report.planner.as_str(), turn.report.model_added), ("plan", true));
    let meanings: Vec<_> = turn.report.understood.iter().map(|u| u.meaning.as_str()).collect();
    assert_eq!(
        meanings,
        ["kind = house", "built between 1981 and 1989 (read by the model)", "words to search for"]
    );
}

#[test]
fn several_rankings_become_one_and_an_omission_takes_nothing_back() {
    let mut homes = homes();
    let steps = json!([{"tool": "order_by", "by": "price", "direction": "descending"}]);
    let turn = homes.turn("houses with a garden", vec![plan(steps)]);
    assert_eq!(
        turn.steps(),
        [
            r#"s1 sql_filter {"where":{"field":"kind","op":"eq","value":"house"}}"#,
            r#"s2 order_by {"by":"price","direction":"descending"} in s1"#,
            r#"s3 bm25_search {"query":"garden"} in s1"#,
            r#"s4 embedding_search {"query":"garden"} in s1"#,
            r#"s5 fuse {"sets":["s2","s3","s4"],"k":10}"#,
        ]
    );
    assert_eq!(turn.report.answer.as_ref().unwrap().stop, Stop::Passed);
    // What became a condition is not searched for; the other words are.
    let reagan = [condition("the Reagan years", "built", "between", "1981", "1989")];
    let steps = json!([{"tool": "sql_filter", "conditions": reagan}]);
    let turn = self::homes().turn("houses from the Reagan years with a garden", vec![plan(steps)]);
    assert!(turn.steps()[1].starts_with(r#"s2 bm25_search {"query":"garden"}"#), "{:?}", turn.steps());
    // An empty plan is the rules' own.
    let mut homes = self::homes();
    let turn = homes.turn("houses with an orchard", vec![plan(json!([]))]);
    assert_eq!((turn.ids()[0], turn.report.model_added), ("h2", false));
}

#[test]
fn what_holds_from_earlier_turns_is_in_every_plan() {
    let mut homes = homes();
    homes.turn("houses in Utrecht", vec![plan(json!([]))]);
    let steps = json!([{"tool": "similar_items", "like": ["#1"]}]);
    let turn = homes.turn("more like the first one", vec![plan(steps)]);
    let where_of = &turn.report.plan.steps[0].args["where"];
    assert!(where_of.to_string().contains("Utrecht") && where_of.to_string().contains("house"), "{where_of}");
    let situation = turn.told(0)[1];
    assert!(situation.starts_with("Shown: #1 "), "{situation}");
    assert!(situation.contains("Known: kind = house; city = Utrecht"), "{situation}");
}

#[test]
fn what_nobody_said_does_not_count() {
    let mut homes = homes();
    let steps = json!([
        {"tool": "sql_filter", "conditions": [
            condition("cheap", "price", "at most", "300000", ""),
            condition("mansion", "price", "at least", "9000000", ""),
            condition("houses", "kind", "=", "house", ""),
        ]},
        {"tool": "bm25_search", "query": "castle moat"},
        {"tool": "similar_items", "like": ["h2", "Canal View"]},
        {"tool": "look_up", "items": ["h1"]},
    ]);
    let turn = homes.turn("houses like a mansion", vec![plan(steps)]);
    for why in [
        "price at most 300000: the request does not say",
        "price at least 9000000: `price` goes from",
        "search castle moat: the request does not say",
        "h2: the request does not name it",
        "Canal View: the request does not name it",
        "h1: the request does not name it",
    ] {
        assert!(refused(&turn).contains(why), "{why}: {}", refused(&turn));
    }
    assert!(!refused(&turn).contains("kind"), "what holds anyway is no offence");
    let conditions: Vec<_> =
        turn.report.understood.iter().filter_map(|u| u.predicate.as_ref()).map(ToString::to_string).collect();
    assert_eq!(conditions, ["kind = house"]);
    assert!(turn.steps()[1].contains(r#"bm25_search {"query":"mansion","k""#), "{:?}", turn.steps());
}

#[test]
fn a_plan_with_faults_is_corrected_once() {
    let mut homes = homes();
    let request = "houses from the land of tulips with a garden";
    let first = json!([
        {"tool": "sql_filter", "conditions": [condition("the land of tulips", "country", "=", "Holland", "")]},
        {"tool": "bm25", "query": "garden"},
        {"tool": "similar_items", "like": ["#3"]},
    ]);
    let second = json!([
        {"tool": "sql_filter", "conditions": [condition("the land of tulips", "country", "=", "Netherlands", "")]},
        {"tool": "bm25_search", "query": "garden"},
    ]);
    let turn = homes.turn(request, vec![plan(first.clone()), plan(second)]);
    let told = turn.told(1).join("\n");
    for part in [
        "step 1: country = Holland: ",
        "nearest: `",
        "step 2: there is no tool `bm25`; nearest: `bm25_search`",
        "step 3: `#3` is not shown; nothing is shown yet",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(turn.report.planner, "plan");
    assert_eq!(turn.ids(), ["h5", "h2"]);
    // What is still wrong is left out and counted; the rest is carried out.
    let turn = homes.turn(request, vec![plan(first.clone()), plan(first)]);
    assert_eq!((turn.report.planner.as_str(), turn.report.refused.len()), ("plan", 3));
    let turn = homes.turn(request, vec![says("Certainly!"), plan(json!([{"tool": "bm25"}]))]);
    assert_eq!(turn.report.planner, "rules");
    assert!(
        turn.text().contains("its plan cannot be used: step 1: there is no tool `bm25`"),
        "{}",
        turn.text()
    );
}

#[test]
fn a_plan_is_found_in_prose_and_fences() {
    let mut homes = homes();
    for written in [
        "Sure:\n```json\n{\"steps\": [{\"tool\": \"bm25_search\", \"query\": \"orchard\"}]}\n```\nGood luck!",
        "{\"tool\": \"bm25_search\", \"args\": {\"query\": \"orchard\"}}",
    ] {
        let turn = homes.turn("homes with an orchard", vec![says(written)]);
        assert_eq!(turn.steps(), [r#"s1 bm25_search {"query":"orchard","k":10}"#]);
    }
}

#[test]
fn a_model_that_fails_leaves_the_turn_to_the_rules() {
    let mut homes = homes();
    let refused = Err(ChatError::new(ChatErrorKind::Unreachable, "connection refused"));
    let turn = homes.turn("homes with an orchard", vec![refused]);
    assert_eq!((turn.report.planner.as_str(), turn.ids()[0]), ("rules", "h2"));
    assert!(turn.text().contains("Planned by `rules`, without a language model: "), "{}", turn.text());
}

#[test]
fn either_of_two_values_and_a_question_about_one_item() {
    let mut homes = homes();
    let both = [
        condition("the cheese country", "country", "=", "France", ""),
        condition("the tulip country", "country", "=", "Netherlands", ""),
    ];
    let steps = json!([{"tool": "sql_filter", "conditions": both}]);
    let turn = homes.turn("homes from the cheese country or the tulip country", vec![plan(steps)]);
    assert_eq!(turn.ids().len(), 5);
    assert!(turn.steps()[0].contains(r#"{"any":["#), "{:?}", turn.steps());
    let steps = json!([{"tool": "look_up", "items": ["Garden Lodge"]}]);
    let turn = homes.turn("what is there to know of Garden Lodge", vec![plan(steps)]);
    assert_eq!(turn.ids(), ["h5"]);
    assert!(turn.text().starts_with("What the catalogue knows of Garden Lodge"), "{}", turn.text());
}

#[test]
fn tokens_and_money_end_a_turn_with_the_best_so_far() {
    let mut homes = homes();
    let costly = || {
        says("Certainly!").map(|mut reply| {
            reply.usage.input_tokens = 900;
            reply.usage.output_tokens = 100;
            reply
        })
    };
    homes.options.budget.tokens = Some(1000);
    let turn = homes.turn("homes with an orchard", vec![costly()]);
    assert_eq!((turn.report.usage.model_calls, turn.ids()[0]), (1, "h2"));
    assert_eq!(turn.report.answer.as_ref().unwrap().stop, Stop::Budget);
    assert!(turn.report.fallback.as_ref().unwrap().contains("tokens"), "{:?}", turn.report.fallback);
    homes.options.budget.tokens = Some(1200);
    let turn = homes.turn("homes with an orchard", vec![costly(), plan(json!([]))]);
    assert_eq!(turn.asked[1].max_tokens, 200, "a reply may take what is left");

    homes.options.budget = segue_agent::Budget { cost: Some(0.001), ..segue_agent::Budget::default() };
    homes.prices = Some(Prices { input: 1.0, output: 1.0 });
    let turn = homes.turn("homes with an orchard", vec![costly()]);
    assert!(turn.report.fallback.as_ref().unwrap().contains("money"), "{:?}", turn.report.fallback);
}

/// The prompt and the schema as a model sees them: what changes here changes what models answer.
#[test]
fn the_prompt_is_as_it_is() {
    let mut homes = homes();
    let turn = homes.turn("homes with an orchard", vec![plan(json!([]))]);
    let text: Vec<_> = turn.asked[0].messages.iter().map(|m| m.content.as_str()).collect();
    let schema = serde_json::to_string(&turn.asked[0].format.as_ref().unwrap().schema).unwrap();
    expect_test::expect_file!["plan.txt"].assert_eq(&format!("{}\n---\n{schema}\n", text.join("\n---\n")));
}
