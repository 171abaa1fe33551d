use super::protocol::Protocol;
use super::queries::words;
use super::*;
use crate::Measure;
use crate::metrics::metric;
use crate::suite::QueryText;

fn tracks() -> Tracks {
    let track = |id: &str, title: &str, artist: &str, cluster: &str| Track {
        id: id.to_owned(),
        title: title.to_owned(),
        artists: vec![artist.to_owned()],
        album: Some("First".to_owned()),
        cluster: cluster.to_owned(),
    };
    [
        track("a1", "River", "Alba", "river"),
        track("a2", "Stone", "Alba", "stone"),
        track("a3", "River (Live)", "Alba", "river"),
        track("b1", "Night Train", "Boro", "train"),
        track("c1", "Lamp", "Cato", "lamp"),
        track("c2", "Harbour", "Cato", "harbour"),
    ]
    .map(|t| (t.id.clone(), t))
    .into()
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

fn dialogues() -> Vec<Dialogue> {
    let turn = |said: &str, liked: &[&str], searched: &[&str]| Turn {
        user_query: said.to_owned(),
        liked_results: ids(liked),
        search_queries: ids(searched),
        ..Turn::default()
    };
    vec![
        Dialogue {
            id: "d1".to_owned(),
            turns: vec![
                turn("I'd like some of the Alba songs", &["a1", "a2", "b1", "c1"], &["alba"]),
                turn("Thanks, and a bit of Cato", &[], &["cato", "lamp"]),
                turn("Good", &[], &[]),
            ],
            // One is in no catalogue, and one is another version.
            goal_playlist: ids(&["a1", "a3", "a2", "b1", "c1", "z9"]),
        },
        Dialogue {
            id: "d2".to_owned(),
            turns: vec![turn("Harbour", &["c2"], &[]), turn("Done", &[], &[])],
            goal_playlist: ids(&["c2"]),
        },
    ]
}

fn measured(protocol: &Protocol, case: &str, ranking: &[&str], name: &str) -> Measure {
    let case = protocol.case(case).unwrap();
    protocol.measure(case, ranking, &[metric(name).unwrap()])[name]
}

#[test]
fn a_turn_with_nothing_left_to_find_is_no_case_and_conversations_weigh_the_same() {
    let protocol = Protocol::of(&dialogues(), &tracks(), None);
    let cases: Vec<_> = protocol.cases().iter().map(|c| c.id.as_str()).collect();
    assert_eq!(cases, ["d1:0", "d1:1", "d1:2", "d2:0"]);
    // 1, 0, 0 and 1: a third and one, over two conversations. Over turns it would be a half.
    let of = |case, ranking: &[&str]| measured(&protocol, case, ranking, "hit@1");
    let all = [of("d1:0", &["a1"]), of("d1:1", &["c2"]), of("d1:2", &["c2"]), of("d2:0", &["c2"])];
    let sum = |part: fn(&Measure) -> f64| all.iter().map(part).sum::<f64>();
    let figure = sum(|m| m.value) / sum(|m| m.weight);
    assert!((figure - f64::midpoint(1.0 / 3.0, 1.0)).abs() < 1e-12, "{figure}");
    let cut = Protocol::of(&dialogues(), &tracks(), Some(2));
    assert_eq!(cut.cases().len(), 2);
    assert!((measured(&cut, "d1:0", &["a1"], "hit@1").weight - 0.5).abs() < 1e-12);
}

#[test]
fn versions_are_one_track_and_what_is_missing_from_the_catalogue_is_still_to_be_found() {
    let protocol = Protocol::of(&dialogues(), &tracks(), None);
    let value = |ranking: &[&str], name| {
        let Measure { value, weight } = measured(&protocol, "d1:0", ranking, name);
        value / weight
    };
    // Left to find: river, stone, train, lamp and z9.
    assert!((value(&["a3"], "hit@1") - 1.0).abs() < 1e-12);
    assert!(
        (value(&["a3", "a1", "c1"], "recall@2") - 0.4).abs() < 1e-12,
        "river counts once, lamp is second"
    );
    assert!((value(&["c2", "a3", "a1", "c1"], "mrr@100") - 0.5).abs() < 1e-12);
}

#[test]
fn the_first_three_likes_of_a_turn_are_known_from_then_on_and_the_fourth_is_to_be_found() {
    let protocol = Protocol::of(&dialogues(), &tracks(), None);
    let value = |ranking: &[&str], name| {
        let Measure { value, weight } = measured(&protocol, "d1:1", ranking, name);
        value / weight
    };
    // River, stone and train are passed over, in another version too; lamp is the second of what is left.
    let ranking = ["a3", "b1", "c2", "c1"];
    assert_eq!(
        [value(&ranking, "hit@1"), value(&ranking, "hit@2"), value(&ranking, "mrr@100")],
        [0.0, 1.0, 0.5]
    );
    assert!((value(&ranking, "recall@100") - 0.5).abs() < 1e-12, "z9 is left, too");
    let places: Vec<_> = protocol.places(protocol.case("d1:1").unwrap(), &ranking).collect();
    assert_eq!(places, [("c1", Some(2)), ("z9", None)]);
}

#[test]
fn queries_are_what_was_said_and_what_may_be_known() {
    let (dialogues, tracks) = (dialogues(), tracks());
    let at = |query, turn| words(query, &dialogues[0], turn, &tracks);
    assert_eq!(at(QueryText::Current, 1), "Thanks bit Cato");
    assert_eq!(at(QueryText::History, 1), "like some Alba songs Thanks bit Cato");
    // Not the fourth like.
    assert_eq!(at(QueryText::CurrentAndMakers, 2), "Good Alba Alba Boro");
    let liked = "River Alba First Stone Alba First Night Train Boro First";
    assert_eq!(at(QueryText::HistoryAndLiked, 1), format!("like some Alba songs Thanks bit Cato {liked}"));
    assert_eq!(
        at(QueryText::CurrentAndMakers, 0),
        "like some Alba songs",
        "what is liked now is not known yet"
    );
    assert_eq!([at(QueryText::Recorded, 1), at(QueryText::Recorded, 2)], ["cato lamp", "Good"]);
}
