use std::collections::BTreeSet;

use proptest::prelude::*;
use segue_agent::ToolOutput;
use segue_catalog::{Ordinal, Predicate};
use serde_json::{Value as Json, json};

use crate::testing::{ITEMS, kitchen};

/// Conditions that fit the catalogue.
fn conditions() -> impl Strategy<Value = Json> {
    let cuisine = prop::sample::select(vec!["Chinese", "french", "Indian", "peruvian"]);
    let number_op = prop::sample::select(vec!["lt", "le", "gt", "ge", "eq", "ne"]);
    let leaf = prop_oneof![
        cuisine.prop_map(|c| json!({"field": "cuisine", "op": "eq", "value": c})),
        (0..30).prop_map(|t| json!({"field": "tags", "op": "ne", "value": format!("tag {t}")})),
        (number_op, 0..80).prop_map(|(op, n)| json!({"field": "minutes", "op": op, "value": n})),
        (2000..2022).prop_map(|y| json!({"field": "added", "op": "ge", "value": y})),
        any::<bool>().prop_map(|b| json!({"field": "minutes", "op": "is_null", "value": b})),
        Just(json!({"field": "title", "op": "matches", "value": "soup"})),
    ];
    leaf.prop_recursive(3, 8, 3, |part| {
        let parts = prop::collection::vec(part.clone(), 0..3);
        prop_oneof![
            parts.clone().prop_map(|all| json!({"all": all})),
            parts.prop_map(|any| json!({"any": any})),
            part.prop_map(|not| json!({"not": not})),
        ]
    })
}

/// A call of any tool that gives a set.
fn calls() -> impl Strategy<Value = (&'static str, Json)> {
    let words = prop::sample::select(vec!["soup", "lentil pie", "smoky", "sesame", "tag 3"]);
    let k = prop_oneof![Just(Json::Null), (1..200_u32).prop_map(|k| json!(k))];
    let sets = prop::sample::subsequence(vec!["s1", "s2", "s3"], 2..=3);
    let method = prop::sample::select(vec!["rrf", "weighted"]);
    let op = prop::sample::select(vec!["union", "intersection", "difference"]);
    let field = prop::sample::select(vec!["rating", "minutes", "added", "title", "cuisine"]);
    prop_oneof![
        conditions().prop_map(|p| ("sql_filter", json!({"where": p}))),
        Just(("sql_filter", json!({"sql": "SELECT id FROM items WHERE minutes > 20"}))),
        (words.clone(), k.clone()).prop_map(|(q, k)| ("bm25_search", json!({"query": q, "k": k}))),
        (words, k.clone()).prop_map(|(q, k)| ("embedding_search", json!({"query": q, "k": k}))),
        (0..ITEMS, k.clone())
            .prop_map(|(i, k)| ("similar_items", json!({"like": [format!("r{i:03}")], "k": k}))),
        (sets.clone(), method, k.clone())
            .prop_map(|(s, m, k)| ("fuse", json!({"sets": s, "method": m, "k": k}))),
        (op, sets).prop_map(|(op, s)| ("combine", json!({"op": op, "sets": s}))),
        (field, k.clone()).prop_map(|(f, k)| ("order_by", json!({"by": f, "k": k}))),
        (0.0..=1.0, k.clone()).prop_map(|(l, k)| ("diversify", json!({"lambda": l, "k": k}))),
        k.prop_map(|k| ("diversify", json!({"by": ["cuisine", "tags"], "k": k}))),
    ]
}

fn pools() -> impl Strategy<Value = Vec<Ordinal>> {
    prop::collection::btree_set(0..ITEMS, 0..40).prop_map(|pool| pool.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn within_never_leaks_and_no_item_comes_twice((tool, args) in calls(), pool in pools()) {
        let kitchen = kitchen();
        let context = kitchen.context(Some(&pool));
        let set = kitchen.set(tool, args, &context);
        let found: BTreeSet<_> = set.items().iter().map(|s| s.item).collect();
        prop_assert!(found.iter().all(|item| pool.contains(item)), "{tool} leaks");
        prop_assert_eq!(found.len(), set.len());
        prop_assert!(set.items().iter().all(|s| s.score.is_finite()));
        prop_assert!(set.parents().iter().any(|p| p.handle().0 == "c8"), "{} forgets its pool", tool);
    }

    #[test]
    fn a_filter_keeps_exactly_what_satisfies(predicate in conditions(), pool in pools()) {
        let kitchen = kitchen();
        let context = kitchen.context(Some(&pool));
        let (args, output) = kitchen.call("sql_filter", json!({"where": predicate}), &context).unwrap();
        let resolved: Predicate = serde_json::from_value(args["where"].clone()).unwrap();
        let rows = context.snapshot.rows(&pool).unwrap();
        let catalog = context.snapshot.catalog();
        let expected: Vec<_> = rows.iter().filter(|r| resolved.matches(r, catalog)).map(|r| r.ordinal).collect();
        let ToolOutput::Set { set, diagnosis, .. } = output else { panic!("not a set") };
        prop_assert_eq!(set.items().iter().map(|s| s.item).collect::<Vec<_>>(), expected);
        prop_assert!(!set.is_ranked());
        prop_assert_eq!(diagnosis.is_some(), set.is_empty());
    }

    #[test]
    fn k_only_cuts((tool, args) in calls(), pool in pools(), k in 1..20_usize) {
        let takes_k = !["sql_filter", "combine", "diversify"].contains(&tool);
        prop_assume!(takes_k);
        let kitchen = kitchen();
        let context = kitchen.context(Some(&pool));
        let with = |k: Json| {
            let mut args = args.clone();
            args["k"] = k;
            kitchen.set(tool, args, &context).items().to_vec()
        };
        let mut all = with(Json::Null);
        all.truncate(k);
        prop_assert_eq!(with(json!(k)), all);
    }

    #[test]
    fn diversity_loses_nothing(pool in pools(), lambda in 0.0..=1.0) {
        let kitchen = kitchen();
        let context = kitchen.context(Some(&pool));
        let mut found: Vec<_> = kitchen.set("diversify", json!({"lambda": lambda}), &context).items().iter().map(|s| s.item).collect();
        found.sort_unstable();
        prop_assert_eq!(found, pool);
    }

    #[test]
    fn fusion_does_not_depend_on_the_order_of_sets(
        sets in Just(vec!["s1", "s2", "s3"]).prop_shuffle(),
        method in prop::sample::select(vec!["rrf", "weighted"]),
    ) {
        let kitchen = kitchen();
        let context = kitchen.context(None);
        let fused = |sets: Json| kitchen.set("fuse", json!({"sets": sets, "method": method}), &context).items().to_vec();
        prop_assert_eq!(fused(json!(sets)), fused(json!(["s1", "s2", "s3"])));
    }
}
