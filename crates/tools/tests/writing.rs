//! Answers in a model's words, on scripted ones: what of them is told.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test")]

mod small;

use std::sync::Arc;

use segue_agent::{Answer, Session, TurnEvent, TurnOptions, TurnReport};
use segue_models::{ChatError, ChatErrorKind, ChatReply, ScriptedModel};
use small::{Small, asked};

const HOMES: &str = "\
h1,Canal View,apartment,Amsterdam,Jansen,450000,1985,bright rooms above the water
h2,The Old Mill,house,Utrecht,De Vries,720000,1890,a mill with a garden and an orchard
h3,Rue des Lilas 7,house,Paris,Dupont,890000,1983,a quiet garden behind the house
h4,Station Loft,studio,Utrecht,Jansen,240000,1999,small
";

const REQUEST: &str = "houses under 900000 euros, cheapest first";

fn told(script: Vec<Result<ChatReply, ChatError>>) -> (TurnReport, Vec<TurnEvent>) {
    let homes = Small::new(HOMES);
    let model = Arc::new(ScriptedModel::new(script));
    let agent = homes.agent().with_writer(asked(model.clone()));
    assert_ne!(agent.fingerprint(), homes.agent().fingerprint(), "an answer depends on who words it");
    let mut session = Session::in_memory(homes.world.as_ref());
    let mut events = Vec::new();
    let turn = agent.turn(&mut session, REQUEST, TurnOptions::default(), |event| events.push(event));
    let report = tokio::runtime::Runtime::new().unwrap().block_on(turn).unwrap();
    model.assert_complete().expect("the script is used up");
    (report, events)
}

fn answer(reply: &str) -> Answer {
    told(vec![Ok(ChatReply::text(reply))]).0.answer.unwrap()
}

#[test]
fn what_the_rows_bear_out_is_told_in_the_models_words() {
    let reply = "#1 is a house in Utrecht, built in 1890. #2 is a charming house in Paris. \
                 #2 is more expensive than #1. #1 costs 720000 euros and is in Paris. Both are under 900,000 euros.";
    let (report, events) = told(vec![Ok(ChatReply::text(reply))]);
    let answer = report.answer.unwrap();
    assert_eq!(
        answer.text,
        "2 of 4 homes satisfy “houses” (kind = house) and “under 900000 euros” (price < 900000). \
         Ordered by `price`, lowest first. “The Old Mill” is a house in Utrecht, built in 1890. \
         “Rue des Lilas 7” is more expensive than “The Old Mill”. Both are under 900,000 euros. \
         Planned by `rules`, without a language model."
    );
    assert_eq!((answer.removed_claims, answer.written_by.as_deref()), (2, Some("scripted")));
    assert_eq!((report.usage.model_calls, report.exchanges[0].prompt.as_str()), (1, "write"));
    let writing = events.iter().position(|e| matches!(e, TurnEvent::Writing { .. })).unwrap();
    let pieces: Vec<_> = events[writing..]
        .iter()
        .filter_map(|e| if let TurnEvent::Text { text } = e { Some(text.as_str()) } else { None })
        .collect();
    assert_eq!(pieces.join(" "), answer.text);
    assert_eq!(pieces.len(), 6);
}

#[test]
fn where_nothing_is_borne_out_a_template_words_it_and_says_so() {
    let answer = answer("What a lovely choice! #1 has a pool. #7 is a house.");
    assert_eq!((answer.removed_claims, answer.written_by), (3, None));
    let said = "Worded from a template, not by `scripted`: nothing it wrote is borne out by the rows.";
    assert!(answer.text.contains(said), "{}", answer.text);
    assert_eq!(answer.items.len(), 2);
}

#[test]
fn a_model_that_fails_costs_its_words_and_no_more() {
    let refused = Err(ChatError::new(ChatErrorKind::Unreachable, "connection refused"));
    let answer = told(vec![refused]).0.answer.unwrap();
    assert!(answer.text.contains("not by `scripted`: "), "{}", answer.text);
    assert_eq!((answer.items.len(), answer.removed_claims), (2, 0));
}

/// The prompt as a model sees it: what changes here changes what models write.
#[test]
fn the_prompt_is_as_it_is() {
    let (report, _) = told(vec![Ok(ChatReply::text("#1 is a house."))]);
    let messages = &report.exchanges[0].request.messages;
    let text: Vec<_> = messages.iter().map(|m| m.content.as_str()).collect();
    expect_test::expect_file!["writing/write.txt"].assert_eq(&(text.join("\n---\n") + "\n"));
}
