use expect_test::{Expect, expect};
use serde_json::{Value as Json, json};

use crate::testing::{kitchen, told_error};

/// Every wrong call is answered with the place, the reason and what would be right.
fn check(calls: &[(&str, Json)], expected: &Expect) {
    let kitchen = kitchen();
    let context = kitchen.context(None);
    let told = calls.iter().map(|(tool, args)| match kitchen.call(tool, args.clone(), &context) {
        Ok(answer) => panic!("{tool} took {args}: {answer:?}"),
        Err(error) => told_error(&error),
    });
    expected.assert_eq(&told.collect::<String>());
}

#[test]
fn arguments_that_do_not_parse() {
    check(
        &[
            ("bm25_search", json!({})),
            ("bm25_search", json!({"query": 3})),
            ("bm25_search", json!({"querry": "soup"})),
            ("bm25_search", json!({"query": "soup", "match": "some"})),
            ("bm25_search", json!({"query": "soup", "k": -1})),
            ("order_by", json!({"by": "rating", "direction": "down"})),
            ("combine", json!({"op": "minus", "sets": ["s1", "s2"]})),
            ("embedding_search", json!("soup")),
            ("sql_search", json!({})),
        ],
        &expect![[r#"
            invalid_arguments at arguments: the arguments of `bm25_search` do not parse: missing field `query`
            invalid_arguments at arguments: the arguments of `bm25_search` do not parse: invalid type: integer `3`, expected a string
            invalid_arguments at arguments: the arguments of `bm25_search` do not parse: unknown field `querry`, expected one of `query`, `fields`, `match`, `k`
            invalid_arguments at arguments: the arguments of `bm25_search` do not parse: unknown variant `some`, expected `any` or `all`
            invalid_arguments at arguments: the arguments of `bm25_search` do not parse: invalid value: integer `-1`, expected usize
            invalid_arguments at arguments: the arguments of `order_by` do not parse: unknown variant `down`, expected `ascending` or `descending`
            invalid_arguments at arguments: the arguments of `combine` do not parse: unknown variant `minus`, expected one of `union`, `intersection`, `difference`
            invalid_arguments at arguments: the arguments of `embedding_search` do not parse: invalid type: string "soup", expected an object of arguments
            unknown_tool at –: there is no tool `sql_search`; nearest: `bm25_search`, `sql_filter`, `fuse`
        "#]],
    );
}

#[test]
fn predicates_that_do_not_parse() {
    let where_ = |predicate: Json| ("sql_filter", json!({"where": predicate}));
    check(
        &[
            ("sql_filter", json!({})),
            where_(json!("cuisine = French")),
            where_(json!([{"field": "cuisine", "op": "eq", "value": "French"}])),
            where_(json!({"field": "cuisine", "op": "eq"})),
            where_(json!({"field": "cuisine", "value": "French"})),
            where_(json!({"op": "eq", "value": "French"})),
            where_(json!({"field": "cuisine", "op": "==", "value": "French"})),
            where_(json!({"field": "cuisine", "op": "startswith", "value": "French"})),
            where_(json!({"field": "cuisine", "op": 7, "value": "French"})),
            where_(json!({"field": "cuisine", "op": "eq", "value": {"is": "French"}})),
            where_(json!({"field": "cuisine", "op": "eq", "value": "French", "boost": 2})),
            where_(json!({"all": {"field": "cuisine", "op": "eq", "value": "French"}})),
            where_(json!({"all": [{"any": [{"not": 3}]}]})),
            where_(json!({"all": [], "any": []})),
        ],
        &expect![[r#"
            invalid_arguments at where: there is neither `where` nor `sql`; give conditions in `where`
            invalid_arguments at where: `where` is a text and should be a condition {"field", "op", "value"} or {"all": […]}, {"any": […]}, {"not": …}
            invalid_arguments at where: `where` is a list and should be a condition {"field", "op", "value"} or {"all": […]}, {"any": […]}, {"not": …}
            invalid_arguments at where: `where` lacks `value`; write field, op and value
            invalid_arguments at where: `where` lacks `op`; write field, op and value
            invalid_arguments at where: `where` lacks `field`; write field, op and value
            invalid_arguments at where: `where.op` is `==`, which is no operator; nearest: `eq`
            invalid_arguments at where: `where.op` is `startswith`, which is no operator; nearest: `starts_with`, `between`, `contains`, `matches`, `lt`
            invalid_arguments at where: `where.op` is a number and should be a text
            invalid_arguments at where: `where.value` holds an object; write a text, a number, true, false or a list of them
            invalid_arguments at where: `where` has no part `boost`; a condition is {"field", "op", "value"}; nearest: `not`, `op`, `field`, `value`, `all`
            invalid_arguments at where.all: `where.all` is an object and should be a list of conditions
            invalid_arguments at where.all[0].any[0].not: `where.all[0].any[0].not` is a number and should be a condition {"field", "op", "value"} or {"all": […]}, {"any": […]}, {"not": …}
            invalid_arguments at where: `where` has `all` and `any` side by side; put both into one `all`
        "#]],
    );
}

#[test]
fn arguments_that_the_catalogue_does_not_confirm() {
    check(
        &[
            ("sql_filter", json!({"where": {"field": "cusine", "op": "eq", "value": "French"}})),
            ("sql_filter", json!({"where": {"field": "cuisine", "op": "eq", "value": "Frensh"}})),
            ("sql_filter", json!({"where": {"field": "minutes", "op": "lt", "value": "half an hour"}})),
            ("sql_filter", json!({"where": {"field": "photo", "op": "eq", "value": "x"}})),
            ("sql_filter", json!({"sql": "SELECT title FROM items"})),
            ("sql_filter", json!({"sql": "SELECT id FROM items ORDER BY rating LIMIT 3"})),
            ("sql_filter", json!({"sql": "SELECT id FROM items WHERE minuts < 3"})),
            ("sql_filter", json!({"sql": "SELECT id FROM sqlite_master"})),
            ("sql_filter", json!({"sql": "DELETE FROM items"})),
            ("sql_filter", json!({"sql": "SELECT id FROM items WHERE"})),
            ("bm25_search", json!({"query": " ?! "})),
            ("bm25_search", json!({"query": "soup", "k": 0})),
            ("bm25_search", json!({"query": "soup", "fields": [{"field": "minutes"}]})),
            ("bm25_search", json!({"query": "soup", "fields": [{"field": "titel"}]})),
            ("bm25_search", json!({"query": "soup", "fields": [{"field": "title", "boost": 0}]})),
            ("embedding_search", json!({"query": "soup", "space": "pictures"})),
            ("similar_items", json!({"like": []})),
            ("similar_items", json!({"like": ["#9"]})),
            ("similar_items", json!({"like": ["#0"]})),
            ("look_up", json!({"items": ["Lentil Suop No 0"]})),
            ("look_up", json!({"items": ["#9"]})),
            ("order_by", json!({"by": "ratign"})),
            ("order_by", json!({"by": "about"})),
            ("diversify", json!({"k": 3})),
        ],
        &expect![[r#"
            invalid_arguments at where: there is no field `cusine`; nearest: `cuisine`, `rating`, `id`, `title`, `minutes`
            invalid_arguments at where: no item has `cuisine` = `Frensh`; nearest: `French` (24)
            invalid_arguments at where: `minutes` holds whole numbers and got `half an hour`; write a number, in minutes
            invalid_arguments at where: `photo` holds links and has no conditions; use another field; nearest: `id`, `title`, `cuisine`, `tags`, `minutes`
            invalid_arguments at sql: the statement does not select `id`; write `SELECT id FROM items WHERE …`
            invalid_arguments at sql: a filter never cuts; leave `LIMIT` out and give `k` to the last ranking step
            invalid_arguments at sql: there is no column `minuts`; nearest: `minutes`, `about`, `id`, `photo`, `tags`
            invalid_arguments at sql: there is no column `id`; nearest: `id`, `added`, `tags`, `title`, `about`
            invalid_arguments at sql: the statement is wrong: cannot modify items because it is a view
            invalid_arguments at sql: the statement is wrong: incomplete input
            invalid_arguments at query: `query` has no words; say what to look for
            invalid_arguments at k: `k` is 0 and would keep nothing; leave it out to keep all
            invalid_arguments at fields: `minutes` is not searched by words; use another; nearest: `title`, `about`, `cuisine`, `tags`
            invalid_arguments at fields: `titel` is not a field; use another; nearest: `title`, `tags`, `about`, `cuisine`
            invalid_arguments at fields: the boost of `title` is 0 and should be above 0
            invalid_arguments at space: there is no embedding space `pictures`; nearest: `text`
            invalid_arguments at like: `like` is empty; give an id, `#1` or an exact title
            not_found at like: `#9` is not shown; there are `#1` to `#3`
            not_found at like: `#0` is not shown; there are `#1` to `#3`
            not_found at items: no item has the id or the title `Lentil Suop No 0`; give an exact title or `#1`; nearest: `Lentil Soup No 0` (2), `Lentil Soup No 30` (1), `Lentil Soup No 60` (1), `Lentil Soup No 90` (1)
            not_found at items: `#9` is not shown; there are `#1` to `#3`
            invalid_arguments at by: `ratign` is not a field; use another; nearest: `rating`, `tags`, `id`, `title`, `added`
            invalid_arguments at by: `about` has no order; use another; nearest: `added`, `id`, `title`, `tags`, `minutes`
            invalid_arguments at within: there is nothing to diversify; put the step `within` a set
        "#]],
    );
}

#[test]
fn sets_that_are_not_there() {
    check(
        &[
            ("fuse", json!({"sets": ["s1", "s7"]})),
            ("fuse", json!({"sets": []})),
            ("fuse", json!({"sets": ["s1", "c1"]})),
            ("fuse", json!({"sets": ["s1", "s2"], "weights": [1]})),
            ("fuse", json!({"sets": ["s1", "s2"], "weights": [0, 0]})),
            ("combine", json!({"op": "union", "sets": ["s1"]})),
            ("combine", json!({"op": "union", "sets": ["s1", "s4"]})),
        ],
        &expect![[r#"
            unknown_set at sets: there is no candidate set `s7`; nearest: `c1`, `c2`, `c3`, `s1`, `s2`, `s3`
            invalid_arguments at sets: `sets` is empty; name earlier steps, as in `s1`
            invalid_arguments at sets: `sets` names `c1` twice; name each set once
            invalid_arguments at weights: there are 1 weights for 2 sets; give one a set
            invalid_arguments at weights: weights should be 0 or more, and one above 0
            invalid_arguments at sets: `sets` names one set; name at least two
            unknown_set at sets: there is no candidate set `s4`; nearest: `c1`, `c2`, `c3`, `s1`, `s2`, `s3`
        "#]],
    );
}

#[test]
fn what_is_outside_the_pool_is_not_there() {
    let kitchen = kitchen();
    let context = kitchen.context(Some(&[1, 2]));
    let told = [
        ("look_up", json!({"items": ["#1"]})),
        ("diversify", json!({"lambda": 3})),
        ("diversify", json!({"by": ["minutes"]})),
        ("diversify", json!({"by": ["cuisine"], "space": "text"})),
    ]
    .map(|(tool, args)| told_error(&kitchen.call(tool, args, &context).unwrap_err()));
    expect![[r#"
        not_found at items: `#1` is not in `c8`; leave `within` out to look everywhere
        invalid_arguments at lambda: `lambda` is 3 and should be from 0 (most different) to 1 (most relevant)
        invalid_arguments at by: `minutes` is not a category; use another; nearest: `cuisine`, `tags`
        invalid_arguments at space: `by` and `space` exclude each other; give one of them
    "#]]
    .assert_eq(&told.concat());
}
