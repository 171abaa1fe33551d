//! What a conversation promises: what was asked for holds until it is taken back, whatever is pointed at is found, and
//! what is not clear is asked once.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]

mod small;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use proptest::prelude::*;
use segue_agent::{AnswerItem, AnswerKind, PlannerKind, Session, TurnOptions, TurnReport};
use segue_models::{ChatReply, ScriptedModel};
use serde_json::json;
use small::{Small, asked};

const HOMES: &str = "\
h1,Canal View,apartment,Amsterdam,Jansen,450000,1985,bright rooms above the water
h2,The Old Mill,house,Utrecht,De Vries,720000,1890,a mill with a garden and an orchard
h3,The Old Mill,house,Paris,Dupont,890000,1983,a quiet garden behind the house
h4,Station Loft,studio,Utrecht,Jansen,240000,1999,small
h5,Poppy Lane,house,Haarlem,Lyon,510000,1921,a garden
h6,Rue Basse,apartment,Lyon,Dupont,310000,1960,by the river
h7,Quai Sud,apartment,Lyon,Dupont,330000,1961,by the river
h8,Dune House,house,Haarlem,Lyon,640000,1975,by the sea
h9,Rue Haute,apartment,Paris,Dupont,410000,1930,a garden
";

static HOMES_AT_HAND: LazyLock<Small> = LazyLock::new(|| Small::new(HOMES));

/// A conversation.
struct Talk {
    session: Session,
    runtime: tokio::runtime::Runtime,
}

impl Talk {
    fn new() -> Self {
        let session = Session::in_memory(HOMES_AT_HAND.world.as_ref());
        Self { session, runtime: tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap() }
    }

    fn say(&mut self, request: &str) -> TurnReport {
        let agent = HOMES_AT_HAND.agent();
        let turn = agent.turn(&mut self.session, request, TurnOptions::default(), |_| {});
        self.runtime.block_on(turn).unwrap()
    }

    /// The ids of what a turn shows.
    fn ids(&mut self, request: &str) -> Vec<String> {
        self.say(request).answer.unwrap().items.into_iter().map(|i| i.id).collect()
    }

    /// The question that a turn asks back; empty if it asks none.
    fn question(&mut self, request: &str) -> String {
        let answer = self.say(request).answer.unwrap();
        let is_question = answer.kind == AnswerKind::Question;
        assert_eq!(is_question, answer.question.is_some());
        answer.question.map_or_else(String::new, |q| {
            assert!(answer.text.starts_with(&q.text), "{}", answer.text);
            q.text
        })
    }

    fn likes(&self) -> Vec<&str> {
        let holding = self.session.constraints.likes.iter().filter(|l| l.holds());
        holding.map(|l| l.what.as_str()).collect()
    }

    fn conditions(&self) -> Vec<String> {
        let holding = self.session.constraints.conditions.iter().filter(|c| c.holds());
        holding.map(|c| c.what.to_string()).collect()
    }
}

#[test]
fn a_title_of_several_is_asked_about_once() {
    let mut talk = Talk::new();
    assert_eq!(
        talk.question("homes like The Old Mill"),
        "Several homes are called “The Old Mill”: which one is meant, The Old Mill (1890, De Vries) or The Old Mill \
         (1983, Dupont)? The first is assumed until you say."
    );
    assert_eq!(talk.likes(), ["h2"]);
    assert!(!talk.session.shown.is_empty(), "what is assumed is searched for");
    assert_eq!(talk.question("the one by Dupont"), "");
    assert_eq!(talk.likes(), ["h3"]);
    // It is not asked again, and what was chosen still is.
    assert_eq!(talk.question("more homes like The Old Mill"), "");
    assert_eq!(talk.likes(), ["h3"]);
    // What says itself which is meant needs no question.
    assert_eq!(Talk::new().question("homes like The Old Mill (1983)"), "");
}

#[test]
fn a_title_that_is_not_wanted_is_asked_about_too() {
    let mut talk = Talk::new();
    talk.say("houses, cheapest first");
    assert!(talk.question("nothing like The Old Mill").contains("Several homes"));
    let unwanted = |talk: &Talk| {
        let holding = talk.session.constraints.dislikes.iter().filter(|d| d.holds());
        holding.map(|d| d.what.clone()).collect::<Vec<_>>()
    };
    assert_eq!(unwanted(&talk), ["h2"]);
    assert_eq!(talk.ids("the 1983 one"), ["h5", "h8", "h2"]);
    assert_eq!(unwanted(&talk), ["h3"]);
}

#[test]
fn a_name_in_two_fields_is_asked_about_if_it_makes_a_difference() {
    let mut talk = Talk::new();
    let question =
        "Is “Lyon” the city (2 homes) or the seller (2 homes)? The first is assumed until you say.";
    assert_eq!(talk.question("Lyon homes, cheapest first"), question);
    assert_eq!(talk.conditions(), ["city = Lyon"]);
    assert_eq!(talk.ids("the seller"), ["h5", "h8"]);
    assert_eq!(talk.conditions(), ["seller = Lyon"]);
    assert_eq!(talk.question("Lyon homes over 600000 euros"), "");
    assert_eq!(talk.conditions(), ["price > 600000", "seller = Lyon"]);
    // Words that lead to the field leave nothing open.
    assert_eq!(Talk::new().question("homes in Lyon"), "");
}

#[test]
fn what_points_at_nothing_is_asked_about() {
    let mut talk = Talk::new();
    let answer = talk.say("more like the second one").answer.unwrap();
    assert_eq!((answer.kind, answer.items.len()), (AnswerKind::Question, 0));
    assert!(
        answer.text.starts_with("No home has been shown yet: which one is “the second one”?"),
        "{}",
        answer.text
    );
    assert!(talk.question("tell me about #2").starts_with("No home has been shown yet"));
    assert_eq!(talk.ids("studios"), ["h4"]);
    assert!(talk.question("tell me about #7").starts_with("Only one home is shown"));
}

#[test]
fn items_are_pointed_at_by_place_in_any_list() {
    let mut talk = Talk::new();
    assert_eq!(talk.ids("houses, cheapest first"), ["h5", "h8", "h2", "h3"]);
    assert_eq!(talk.ids("apartments, cheapest first"), ["h6", "h7", "h9", "h1"]);
    for (words, id) in [
        ("tell me about the second one", "h7"),
        ("tell me about #3", "h9"),
        ("tell me about number 4", "h1"),
        ("describe the last one", "h1"),
        ("tell me about that one", "h1"),
        ("tell me about #2 of the first list", "h8"),
        ("tell me about it", "h8"),
        ("tell me about the third one from before", "h2"),
        ("tell me about the last one of the previous list", "h3"),
        ("tell me about the first one in the first list", "h5"),
        ("why the second one?", "h7"),
    ] {
        assert_eq!(talk.ids(words), [id], "{words}");
    }
    assert_eq!(talk.session.shown.first().map(|s| s.id.as_str()), Some("h6"), "the list stays");
    talk.say("homes like #2 of the first list");
    assert_eq!(talk.likes(), ["h8"]);
}

#[test]
fn one_of_several_that_is_not_named_is_asked_about() {
    let mut talk = Talk::new();
    talk.say("apartments, cheapest first");
    let question = talk.question("more like that one");
    assert!(question.starts_with("Which one is “that one”: #1 Rue Basse, #2 Quai Sud"), "{question}");
    talk.say("the third");
    assert_eq!(talk.likes(), ["h9"]);
}

#[test]
fn items_are_described_by_their_titles() {
    let mut talk = Talk::new();
    assert_eq!(talk.ids("houses, cheapest first"), ["h5", "h8", "h2", "h3"]);
    for (words, ids) in [
        ("tell me about Canal View", ["h1"].as_slice()),
        ("tell me more about the canal view", &["h1"]),
        ("do you have Rue Haute?", &["h9"]),
        ("tell me about Castle Bravo", &[]),
        ("do you have Zyzzyx of the Hills?", &[]),
    ] {
        let answer = talk.say(words).answer.unwrap();
        assert_eq!(answer.kind, AnswerKind::Description, "{words}");
        assert_eq!(answer.items.iter().map(|i| i.id.as_str()).collect::<Vec<_>>(), ids, "{words}");
        assert_eq!(
            ids.is_empty(),
            answer.text.contains("is not in the catalogue"),
            "{words}: {}",
            answer.text
        );
    }
    // What is no title is looked for.
    assert_eq!(talk.ids("do you have apartments in Lyon?"), ["h6", "h7"]);
    assert!(talk.question("tell me about The Old Mill").contains("Several homes"));
    assert_eq!(talk.ids("the one from 1983"), ["h3"]);
}

/// What is not there is said not to be, whoever plans, and nothing takes its place.
#[test]
fn what_is_not_in_the_catalogue_is_not_replaced() {
    for planner in [PlannerKind::Rules, PlannerKind::Route] {
        let reply = json!({"1": {"is": "name", "plain": "The Old Mill"}}).to_string();
        let model = std::sync::Arc::new(ScriptedModel::new(vec![Ok(ChatReply::text(reply))]));
        let agent = HOMES_AT_HAND.agent().with_model(asked(model));
        let mut talk = Talk::new();
        let options = TurnOptions { planner, ..TurnOptions::default() };
        let turn = agent.turn(&mut talk.session, "homes like Castle Bravo", options, |_| {});
        let report = talk.runtime.block_on(turn).unwrap();
        assert_eq!(report.absent, ["Castle Bravo"]);
        assert!(talk.session.constraints.likes.is_empty());
        let text = report.answer.unwrap().text;
        assert!(
            text.contains("“Castle Bravo” is not in the catalogue; nothing was put in its place."),
            "{text}"
        );
    }
}

type Check = fn(&AnswerItem) -> bool;

fn number(item: &AnswerItem, field: &str) -> f64 {
    item.fields[field].as_f64().unwrap()
}

/// What can be said, the part of the wishes that it changes, and what then holds; `None` takes that part back.
const SAID: [(&str, &str, Option<Check>); 9] = [
    ("only houses", "kind", Some(|i| i.fields["kind"] == "house")),
    ("only apartments", "kind", Some(|i| i.fields["kind"] == "apartment")),
    ("under 600000 euros", "price most", Some(|i| number(i, "price") < 6e5)),
    ("over 300000 euros", "price least", Some(|i| number(i, "price") > 3e5)),
    ("built after 1950", "built least", Some(|i| number(i, "built") > 1950.0)),
    ("not in Paris", "not Paris", Some(|i| i.fields["city"] != "Paris")),
    ("never mind the price", "price", None),
    ("cheapest first", "order", Some(|_| true)),
    ("forget everything", "", None),
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever is said in whatever order, all of it holds until it is taken back; and what is sent away stays away.
    #[test]
    fn what_was_asked_for_holds_until_it_is_taken_back(said in prop::collection::vec(0..SAID.len() + 2, 1..9)) {
        let mut talk = Talk::new();
        let mut wishes: BTreeMap<&str, Check> = BTreeMap::new();
        let mut unwanted: Vec<String> = Vec::new();
        talk.say("homes");
        for at in said {
            let request = match SAID.get(at) {
                Some((words, part, check)) => {
                    wishes.retain(|key, _| !key.starts_with(part));
                    if part.is_empty() {
                        unwanted.clear();
                    }
                    wishes.extend(check.map(|check| (*part, check)));
                    *words
                }
                None => {
                    let (words, place) = if at == SAID.len() { ("not the first one", 0) } else { ("not #2", 1) };
                    unwanted.extend(talk.session.shown.get(place).map(|s| s.id.clone()));
                    words
                }
            };
            let answer = talk.say(request).answer.unwrap();
            prop_assert_eq!(answer.removed_items, 0);
            for item in &answer.items {
                for (part, check) in &wishes {
                    prop_assert!(check(item), "{}: {} violates {}", request, item.id, part);
                }
                prop_assert!(!unwanted.contains(&item.id), "{}: {} came back", request, item.id);
            }
        }
    }
}

/// Turns and the conditions that hold after the last.
const WORDINGS: &[(&[&str], &[&str])] = &[
    // Asides set no condition and are not searched for.
    (&["no studios, I get cramps in small rooms"], &["not kind = studio"]),
    (&["We had a studio in Lyon so a house please"], &["kind = house"]),
    (&["my wife likes Jansen so something by him"], &["seller = Jansen"]),
    (&["Moving day is near! Houses under 600000"], &["kind = house", "price < 600000"]),
    // Corrections, of oneself and of what was asked before.
    (&["houses in Utrecht, no wait, make that Haarlem"], &["kind = house", "city = Haarlem"]),
    (&["under 500000", "sorry, I meant 600000"], &["price < 600000"]),
    (&["homes in Lyon", "make that Paris instead of Lyon"], &["city = Paris"]),
    (&["homes in Lyon or Paris", "leave Paris out"], &["city = Lyon"]),
    (&["homes in Lyon or Paris", "remove Paris"], &["city = Lyon"]),
    (&["homes in Lyon or Paris", "just Paris then"], &["city = Paris"]),
    (&["homes in Lyon", "Paris would be ok too"], &["city = Lyon or city = Paris"]),
    (&["homes in Lyon", "or Paris"], &["city = Lyon or city = Paris"]),
    // Alternatives said apart are alternatives: no home is in two cities.
    (&["something from Lyon, or else from Paris"], &["city = Lyon or city = Paris"]),
    (&["either anything by Jansen or anything in Haarlem"], &["seller = Jansen or city = Haarlem"]),
    (&["homes < 400000"], &["price < 400000"]),
];

#[test]
fn wordings_of_people_are_read() {
    let mut wrong = Vec::new();
    for (turns, expected) in WORDINGS {
        let mut talk = Talk::new();
        for request in *turns {
            talk.say(request);
        }
        let searched: Vec<_> = talk.session.constraints.queries.iter().map(|q| q.what.clone()).collect();
        if talk.conditions() != *expected || !searched.is_empty() {
            wrong.push(format!("{turns:?}: {:?}, searched {searched:?}", talk.conditions()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn small_words_are_searched_for_where_they_are_the_topic() {
    let mut talk = Talk::new();
    talk.say("homes with a garden for my mum");
    talk.say("start over");
    talk.say("something about hope");
    let holding = talk.session.constraints.queries.iter().filter(|q| q.holds());
    assert_eq!(holding.map(|q| q.what.as_str()).collect::<Vec<_>>(), ["hope"]);
}
