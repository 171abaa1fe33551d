//! What a model may say for a simulated user.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test")]

use std::sync::Arc;

use segue_agent::PlanningModel;
use segue_agent::model::Prompts;
use segue_catalog::{Catalog, Field, FieldStatistics, Role, Row, Value, ValueCount};
use segue_models::{ChatReply, ScriptedModel};

use segue_evals::simulator::{Act, Reaction, Speaker, Style, User, Utterance, reveals};

fn catalog() -> Catalog {
    let mut fields = vec![Field::new("id", Role::Id), Field::new("title", Role::Title)];
    fields.extend(["genre", "director", "country"].map(|name| Field::new(name, Role::Category)));
    let top = |value: &str| FieldStatistics {
        known: 10,
        top: vec![ValueCount { value: Value::Text(value.to_owned()), count: 3 }],
        ..FieldStatistics::default()
    };
    let statistics = ["", "", "Noir", "Carol Reed", "United Kingdom"].map(top).to_vec();
    Catalog {
        name: "films".to_owned(),
        noun: "film".to_owned(),
        generation: 1,
        fields,
        statistics,
        items: 10,
        users: 0,
        interactions: 0,
        attribution: String::new(),
    }
}

fn row(values: [&str; 5]) -> Row {
    let values = values.iter().map(|v| Value::Text((*v).to_owned())).collect();
    Row { ordinal: 0, hash: String::new(), values }
}

/// A user of The Third Man who says more.
fn adding() -> (User, Utterance) {
    let catalog = catalog();
    let target = row(["tt1", "The Third Man", "Noir", "Carol Reed", "United Kingdom"]);
    let mut user = User::new(&[target], &catalog, Style::Plain, 1).unwrap();
    let first = user.begin().unwrap();
    let other =
        |fact: &str, value: &str| if first.text.contains(value) { value.to_owned() } else { fact.to_owned() };
    // It satisfies what was said so far.
    let shown = [
        "x",
        "Another",
        &other("Drama", "Noir"),
        &other("Someone", "Carol Reed"),
        &other("Spain", "United Kingdom"),
    ];
    for _ in 0..3 {
        let Reaction::Says(words) = user.look(&[row(shown)], &catalog) else { panic!("the user is gone") };
        if words.act == Act::Add {
            return (user, words);
        }
    }
    panic!("the user adds nothing");
}

fn speaker(replies: Vec<String>) -> (Speaker, Arc<ScriptedModel>) {
    let script = Arc::new(ScriptedModel::new(replies.into_iter().map(|r| Ok(ChatReply::text(r))).collect()));
    let prompts = Prompts::load(None).unwrap();
    let model = PlanningModel { model: script.clone(), prompts, prices: None, logprobs: false };
    (Speaker::new(model).unwrap(), script)
}

#[tokio::test]
async fn words_that_hold_what_is_meant_are_used() {
    let (user, meant) = adding();
    let value = meant.facts.first().and_then(|f| f.values.first()).unwrap().clone();
    let (speaker, script) = speaker(vec![format!("\"oh, and it had something to do with {value}\"")]);
    let said = speaker.say(&meant, &user).await;
    assert_eq!((said.text, said.by_model), (format!("oh, and it had something to do with {value}"), true));
    script.assert_complete().unwrap();
    // The model is not told what it must not say.
    for request in script.requests() {
        assert!(
            request
                .messages
                .iter()
                .all(|m| !reveals(&m.content, "The Third Man") && !reveals(&m.content, "tt1"))
        );
    }
}

#[tokio::test]
async fn words_that_give_the_target_away_are_not() {
    let (user, meant) = adding();
    let value = meant.facts.first().and_then(|f| f.values.first()).unwrap().clone();
    let (speaker, script) =
        speaker(vec![format!("{value}, as in the third man"), "something nice, please".to_owned()]);
    let said = speaker.say(&meant, &user).await;
    assert_eq!((said.text, said.by_model), (meant.text.clone(), false));
    assert_eq!(
        said.refused,
        ["it names something that the user cannot know".to_owned(), format!("`{value}` is missing")]
    );
    script.assert_complete().unwrap();
}

#[tokio::test]
async fn a_number_from_nowhere_is_refused_and_asked_for_again() {
    let (user, meant) = adding();
    let value = meant.facts.first().and_then(|f| f.values.first()).unwrap().clone();
    let (speaker, script) = speaker(vec![format!("{value} from 1949"), format!("one with {value}")]);
    let said = speaker.say(&meant, &user).await;
    assert!(said.by_model && said.text == format!("one with {value}"), "{said:?}");
    assert!(script.requests().iter().any(|r| r.messages.iter().any(|m| m.content.contains("`1949`"))));
}

#[tokio::test]
async fn a_model_that_fails_leaves_the_words_as_they_were_meant() {
    let (user, meant) = adding();
    let (speaker, _) = speaker(Vec::new());
    let said = speaker.say(&meant, &user).await;
    assert_eq!((said.text, said.by_model, said.refused.len()), (meant.text, false, 1));
}
