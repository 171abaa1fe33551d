use std::sync::Arc;

use expect_test::{Expect, expect};
use segue_catalog::CandidateSet;
use segue_models::HashEmbedder;
use serde_json::{Value as Json, json};

use crate::testing::{Kitchen, kitchen, ranked, told_error};

fn check(tool: &str, args: Json, expected: &Expect) {
    let kitchen = kitchen();
    expected.assert_eq(&kitchen.told(tool, args, &kitchen.context(None)));
}

fn check_within(tool: &str, args: Json, within: &[u32], expected: &Expect) {
    let kitchen = kitchen();
    expected.assert_eq(&kitchen.told(tool, args, &kitchen.context(Some(within))));
}

#[test]
fn sql_filter_keeps_all_that_satisfy() {
    let cuisine = json!({"field": "cuisine", "op": "eq", "value": "wok"});
    let quick = json!({"field": "minutes", "op": "lt", "value": "20"});
    check(
        "sql_filter",
        json!({"where": cuisine}),
        &expect![[r#"
        {"where":{"field":"cuisine","op":"eq","value":"Chinese"}}
        33 of c9: 0 2 4 6 21 23
    "#]],
    );
    check_within(
        "sql_filter",
        json!({"where": cuisine}),
        &[0, 1, 4, 100],
        &expect![[r#"
        {"where":{"field":"cuisine","op":"eq","value":"Chinese"}}
        2 of c9: 0 4
    "#]],
    );
    check(
        "sql_filter",
        json!({"where": {"all": [cuisine, quick, {"not": {"field": "tags", "op": "in", "value": ["tag 3"]}}]}}),
        &expect![[r#"
            {"where":{"all":[{"field":"cuisine","op":"eq","value":"Chinese"},{"field":"minutes","op":"lt","value":20},{"not":{"field":"tags","op":"in","value":["tag 3"]}}]}}
            4 of c9: 0 27 60 86
        "#]],
    );
    check(
        "sql_filter",
        json!({"where": {"field": "minutes", "op": "gt", "value": 900}}),
        &expect![[r#"
        {"where":{"field":"minutes","op":"gt","value":900}}
        0 of c9: 
        none, as minutes > 900 (0)
    "#]],
    );
    check(
        "sql_filter",
        json!({"where": cuisine, "sql": "SELECT id FROM items WHERE rating > (SELECT avg(rating) FROM items)"}),
        &expect![[r#"
            {"where":{"field":"cuisine","op":"eq","value":"Chinese"},"sql":"SELECT id FROM items WHERE rating > (SELECT avg(rating) FROM items)"}
            18 of c9: 2 4 6 28 49 53
        "#]],
    );
}

#[test]
fn bm25_search_ranks_by_words() {
    check(
        "bm25_search",
        json!({"query": "lentil soups"}),
        &expect![[r#"
        {"query":"lentil soups","match":"any"}
        41 of c9: 0:6.570 30:6.570 60:6.570 90:6.570 119:6.570 6:3.455
    "#]],
    );
    check(
        "bm25_search",
        json!({"query": "sesame pie", "match": "all", "k": 3}),
        &expect![[r#"
        {"query":"sesame pie","match":"all","k":3}
        3 of c9: 9:6.828 39:6.828 69:6.828
    "#]],
    );
    check(
        "bm25_search",
        json!({"query": "\"cold nights\"", "fields": [{"field": "about", "boost": 2}], "k": null}),
        &expect![[r#"
            {"query":"\"cold nights\"","fields":[{"field":"about","boost":2.0}],"match":"any"}
            29 of c9: 27:6.681 91:6.681 11:5.532 25:5.532 29:5.532 30:5.532
        "#]],
    );
    check_within(
        "bm25_search",
        json!({"query": "soup"}),
        &[0, 1, 6],
        &expect![[r#"
        {"query":"soup","match":"any"}
        2 of c9: 0:3.455 6:3.455
    "#]],
    );
    check(
        "bm25_search",
        json!({"query": "submarine"}),
        &expect![[r#"
        {"query":"submarine","match":"any"}
        0 of c9: 
        note: no recipe has the words of “submarine”
    "#]],
    );
}

#[test]
fn embedding_search_ranks_the_whole_pool() {
    check(
        "embedding_search",
        json!({"query": "smoky mushroom", "k": 3}),
        &expect![[r#"
        {"query":"smoky mushroom","space":"text","k":3}
        3 of c9: 32:0.693 64:0.680 0:0.635
    "#]],
    );
    check_within(
        "embedding_search",
        json!({"query": "smoky"}),
        &[7, 8],
        &expect![[r#"
        {"query":"smoky","space":"text"}
        2 of c9: 8:0.436 7:0.000
    "#]],
    );
}

#[test]
fn similar_items_never_gives_back_what_was_named() {
    check(
        "similar_items",
        json!({"like": ["#2"], "k": 3}),
        &expect![[r#"
        {"like":["r010"],"space":"text","k":3}
        3 of c9: 114:0.780 34:0.748 23:0.734
    "#]],
    );
    check(
        "similar_items",
        json!({"like": ["lentil soup no 0"], "k": 2}),
        &expect![[r#"
        {"like":["r000","r119"],"space":"text","k":2}
        2 of c9: 48:0.876 6:0.866
        note: “lentil soup no 0” names 2 recipes; all of them count
    "#]],
    );
    check_within(
        "similar_items",
        json!({"like": ["r005"]}),
        &[5, 6],
        &expect![[r#"
        {"like":["r005"],"space":"text"}
        1 of c9: 6:0.627
    "#]],
    );
}

#[test]
fn fuse_counts_ranks_scores_and_wishes() {
    check(
        "fuse",
        json!({"sets": ["s1", "c2"]}),
        &expect![[r#"
        {"sets":["s1","c2"],"method":"rrf"}
        5 of c9: 2:0.032 3:0.032 1:0.016 60:0.016 50:0.016
    "#]],
    );
    check(
        "fuse",
        json!({"sets": ["s1", "s3"], "k": 4}),
        &expect![[r#"
        {"sets":["s1","s3"],"method":"rrf","k":4}
        4 of c9: 1:0.033 3:0.016 60:0.016 61:0.016
    "#]],
    );
    check(
        "fuse",
        json!({"sets": ["s1", "s2"], "method": "weighted", "weights": [2, 1]}),
        &expect![[r#"
        {"sets":["s1","s2"],"method":"weighted","weights":[2.0,1.0]}
        5 of c9: 3:2.314 2:0.084 1:-1.124 60:-2.254 50:-2.842
    "#]],
    );
    check(
        "fuse",
        json!({"sets": ["s1", "s3"], "method": "weighted"}),
        &expect![[r#"
        {"sets":["s1","s3"],"method":"weighted"}
        6 of c9: 3:1.647 1:0.928 60:0.069 61:0.069 2:-0.645 50:-0.931
    "#]],
    );
    check_within(
        "fuse",
        json!({"sets": ["s1", "s2"]}),
        &[2, 50],
        &expect![[r#"
        {"sets":["s1","s2"],"method":"rrf"}
        2 of c9: 2:0.033 50:0.016
    "#]],
    );
}

#[test]
fn combine_is_set_algebra() {
    check(
        "combine",
        json!({"op": "union", "sets": ["s1", "s3"]}),
        &expect![[r#"
        {"op":"union","sets":["s1","s3"]}
        6 of c9: 1 2 3 50 60 61
    "#]],
    );
    check(
        "combine",
        json!({"op": "intersection", "sets": ["s1", "s2"]}),
        &expect![[r#"
        {"op":"intersection","sets":["s1","s2"]}
        2 of c9: 3:1.000 2:0.333
    "#]],
    );
    check(
        "combine",
        json!({"op": "difference", "sets": ["s1", "s2", "s3"]}),
        &expect![[r#"
        {"op":"difference","sets":["s1","s2","s3"]}
        1 of c9: 50:0.250
    "#]],
    );
    check_within(
        "combine",
        json!({"op": "union", "sets": ["s1", "s3"]}),
        &[1, 7],
        &expect![[r#"
        {"op":"union","sets":["s1","s3"]}
        1 of c9: 1
    "#]],
    );
}

#[test]
fn order_by_puts_the_unknown_last() {
    check(
        "order_by",
        json!({"by": "rating", "k": 4}),
        &expect![[r#"
        {"by":"rating","direction":"descending","k":4}
        4 of c9: 2:5.000 11:5.000 20:5.000 29:5.000
    "#]],
    );
    check_within(
        "order_by",
        json!({"by": "minutes", "direction": "ascending"}),
        &[1, 2, 3, 4, 13],
        &expect![[r#"
        {"by":"minutes","direction":"ascending"}
        5 of c9: 1:-17.000 2:-24.000 3:-31.000 4:-31.000 13:-31.000
        note: `minutes` is unknown for 2 of 5; they come last
    "#]],
    );
    check_within(
        "order_by",
        json!({"by": "added"}),
        &[1, 2, 21, 22],
        &expect![[r#"
        {"by":"added","direction":"descending"}
        4 of c9: 22:0.000 2:-1.000 21:-2.000 1:-3.000
    "#]],
    );
    check_within(
        "order_by",
        json!({"by": "title"}),
        &[1, 2, 0, 119],
        &expect![[r#"
        {"by":"title","direction":"ascending"}
        4 of c9: 0:0.000 119:0.000 2:-1.000 1:-2.000
    "#]],
    );
    check_within(
        "order_by",
        json!({"by": "tags", "direction": "descending"}),
        &[1, 2],
        &expect![[r#"
        {"by":"tags","direction":"descending"}
        2 of c9: 2:0.000 1:-1.000
    "#]],
    );
}

#[test]
fn diversify_spreads_what_is_alike() {
    let kitchen = kitchen();
    let mut context = kitchen.context(None);
    context.within = Some(ranked("7", &[0, 30, 60, 90, 1, 31, 61]));
    expect![[r#"
        {"lambda":0.7,"by":["tags","cuisine"],"k":3}
        3 of c9: 0:1.000 30:0.500 1:0.200
    "#]]
    .assert_eq(&kitchen.told("diversify", json!({"by": ["tags", "cuisine"], "k": 3}), &context));
    expect![[r#"
        {"lambda":1.0,"space":"text"}
        7 of c9: 0:1.000 30:0.500 60:0.333 90:0.250 1:0.200 31:0.167
    "#]]
    .assert_eq(&kitchen.told("diversify", json!({"lambda": 1}), &context));
}

#[test]
fn look_up_reads_rows() {
    check(
        "look_up",
        json!({"items": ["#1"]}),
        &expect![[r##"
        {"items":["r005"]}
        {"items":[{"asked":"#1","id":"r005","title":"Lentil Noodles No 5","hash":"5861e7e25e5a9f1e","fields":{"id":"r005","title":"Lentil Noodles No 5","cuisine":"French","tags":["tag 5","tag 18"],"minutes":45,"rating":2.0,"added":"2006-06-06","about":"rich, smoky and slow","photo":"photos/5.jpg"}}]}
    "##]],
    );
    let kitchen = kitchen();
    let (args, _) = kitchen
        .call("look_up", json!({"items": ["Lentil SOUP no 0", "#1", "r005"]}), &kitchen.context(None))
        .unwrap();
    assert_eq!(
        args,
        json!({"items": ["r000", "r119", "r005"]}),
        "an ambiguous title gives all, the same item once"
    );
}

#[test]
fn without_embeddings_the_searches_that_need_them_say_how_to_get_them() {
    let kitchen = Kitchen::new(None);
    let context = kitchen.context(Some(&[1, 2, 3]));
    let told = [("embedding_search", json!({"query": "smoky"})), ("similar_items", json!({"like": ["#1"]}))]
        .map(|(tool, args)| told_error(&kitchen.call(tool, args, &context).unwrap_err()));
    expect![[r#"
        unsupported at –: this workspace has no embeddings; run `segue index` with the embedding model in place, or search by words
        unsupported at –: this workspace has no embeddings; run `segue index` with the embedding model in place, or search by words
    "#]].assert_eq(&told.concat());
    // Diversity falls back on the values that items share.
    let (args, _) = kitchen.call("diversify", json!({}), &context).unwrap();
    assert_eq!(args, json!({"lambda": 0.7, "by": ["cuisine"]}));
}

#[test]
fn an_explanation_follows_the_calls() {
    let kitchen = Kitchen::new(Some(Arc::new(HashEmbedder::new(8))));
    let mut context = kitchen.context(None);
    let found = kitchen.set("bm25_search", json!({"query": "lentil soup"}), &context);
    context.within = Some(found.clone());
    context.step = "s10".to_owned();
    let ordered: Arc<CandidateSet> = kitchen.set("order_by", json!({"by": "rating", "k": 2}), &context);
    let explanation = crate::explain(&kitchen.engine, &ordered, "#1").unwrap();
    assert_eq!(explanation.value, ordered.items()[0].score);
    let search = &explanation.details[0];
    assert_eq!(search.value, found.score(ordered.items()[0].item).unwrap());
    assert!((search.details[0].value - search.value).abs() < 1e-4, "{search:?}");
    let missing = crate::explain(&kitchen.engine, &ordered, "#3").unwrap_err();
    expect![[r#"
        not_found at item: `#3` is not in `c9`, which has 2 items
    "#]]
    .assert_eq(&told_error(&missing));
}
