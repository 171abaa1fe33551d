//! What every search promises, on a catalogue with gaps, accents and several values a field.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, clippy::format_push_string, reason = "a test")]

mod common;

use std::sync::Arc;

use common::{Dice, ITEMS, TAGS, WORDS};
use proptest::prelude::*;
use roaring::RoaringBitmap;
use segue_catalog::{Operator, Ordinal, Predicate, Scored, Value};
use segue_models::HashEmbedder;
use segue_retrieval::{DenseQuery, Engine, LexicalQuery, TEXT_SPACE, fuse};

fn engine() -> (tempfile::TempDir, Engine) {
    let folder = tempfile::tempdir().unwrap();
    let embedder = HashEmbedder::new(32);
    let workspace = common::workspace(folder.path(), Some(&embedder));
    let engine = Engine::open(&workspace, Some(Arc::new(embedder))).unwrap();
    (folder, engine)
}

/// A condition on any field with any operator that fits it, some values being there and some not.
fn condition(dice: &mut Dice) -> Predicate {
    let numeric = [Operator::Eq, Operator::Ne, Operator::Lt, Operator::Le, Operator::Gt, Operator::Ge];
    let worded = [Operator::Eq, Operator::Ne, Operator::Contains, Operator::StartsWith, Operator::Matches];
    match dice.below(7) {
        0 => Predicate::field("year", numeric[dice.below(6)], 1988 + dice.below(24) as i64),
        1 => Predicate::field("rating", numeric[dice.below(6)], dice.below(90) as f64 / 10.0),
        2 => Predicate::field("tags", worded[dice.below(5)], dice.pick(TAGS).to_uppercase()),
        3 => Predicate::field("title", worded[dice.below(5)], dice.pick(WORDS)),
        4 => Predicate::field("made", numeric[dice.below(6)], format!("{}", 1990 + dice.below(20)).as_str()),
        5 => {
            let field = dice.pick(&["year", "tags", "made", "rating"]);
            Predicate::field(field, Operator::IsNull, Value::Bool(dice.below(2) == 0))
        }
        _ => {
            let low = 1990 + dice.below(15) as i64;
            let bounds = vec![Value::Integer(low), Value::Integer(low + dice.below(6) as i64)];
            Predicate::field("year", Operator::Between, Value::List(bounds))
        }
    }
}

fn predicate(dice: &mut Dice, depth: usize) -> Predicate {
    if depth == 0 {
        return condition(dice);
    }
    let part = |dice: &mut Dice| predicate(dice, depth - 1);
    match dice.below(3) {
        0 => Predicate::Any { any: vec![part(dice), part(dice)] },
        1 => part(dice).negate(),
        _ => Predicate::All { all: vec![part(dice), part(dice)] },
    }
}

fn some_items(dice: &mut Dice) -> RoaringBitmap {
    (0..ITEMS as u32).filter(|_| dice.below(3) == 0).collect()
}

#[test]
fn filters_say_what_the_rows_say() {
    let (_folder, engine) = engine();
    let snapshot = engine.snapshot();
    let catalog = snapshot.catalog();
    let rows = snapshot.rows(&(0..ITEMS as Ordinal).collect::<Vec<_>>()).unwrap();
    let mut dice = Dice(11);
    for i in 0..1500 {
        let predicate = predicate(&mut dice, i % 3);
        for predicate in [predicate.clone(), predicate.negate()] {
            let found = engine.filter(&predicate, None).unwrap();
            let expected: RoaringBitmap =
                rows.iter().filter(|r| predicate.matches(r, catalog)).map(|r| r.ordinal).collect();
            assert_eq!(found, expected, "{predicate}");
            let pool = some_items(&mut dice);
            assert_eq!(engine.filter(&predicate, Some(&pool)).unwrap(), &expected & &pool, "{predicate}");
        }
    }
}

#[test]
fn nothing_comes_back_from_outside_the_pool() {
    let (_folder, engine) = engine();
    let mut dice = Dice(13);
    for _ in 0..200 {
        let pool = some_items(&mut dice);
        let query = format!("{} {}", dice.pick(WORDS), dice.pick(WORDS));
        let inside = |found: &[Scored]| found.iter().all(|s| pool.contains(s.item));
        let words = engine.lexical(&LexicalQuery::new(query.as_str()), Some(&pool)).unwrap();
        let everywhere = engine.lexical(&LexicalQuery::new(query.as_str()), None).unwrap();
        assert!(inside(&words));
        // Restricting takes items away and changes neither scores nor order.
        let rest: Vec<_> = everywhere.into_iter().filter(|s| pool.contains(s.item)).collect();
        assert_eq!(words, rest);
        let meaning = engine.dense(TEXT_SPACE, DenseQuery::Text(&query), Some(&pool)).unwrap();
        assert!(inside(&meaning));
        assert_eq!(meaning.len() as u64, pool.len());
        let seeds = [dice.below(ITEMS) as Ordinal];
        let like = engine.similar(TEXT_SPACE, &seeds, Some(&pool)).unwrap();
        assert!(inside(&like) && like.iter().all(|s| s.item != seeds[0]));
    }
}

#[test]
fn rankings_are_total() {
    let (_folder, engine) = engine();
    let is_total = |found: &[Scored]| {
        found
            .windows(2)
            .all(|w| w[0].score > w[1].score || (w[0].score == w[1].score && w[0].item < w[1].item))
    };
    for word in WORDS {
        assert!(is_total(&engine.lexical(&LexicalQuery::new(*word), None).unwrap()), "{word}");
        assert!(is_total(&engine.dense(TEXT_SPACE, DenseQuery::Text(word), None).unwrap()), "{word}");
    }
}

fn rankings() -> impl Strategy<Value = Vec<Vec<Scored>>> {
    let ranking = proptest::collection::btree_map(0..40_u32, -5.0..5.0_f64, 0..20).prop_map(|scores| {
        let mut items: Vec<_> = scores.into_iter().map(|(item, score)| Scored { item, score }).collect();
        items.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
        items
    });
    proptest::collection::vec(ranking, 1..5)
}

proptest! {
    #[test]
    fn fusion_does_not_depend_on_order(rankings in rankings()) {
        let forth: Vec<&[Scored]> = rankings.iter().map(Vec::as_slice).collect();
        let back: Vec<&[Scored]> = rankings.iter().rev().map(Vec::as_slice).collect();
        prop_assert_eq!(fuse::reciprocal_rank(&forth, &[], fuse::RRF_K), fuse::reciprocal_rank(&back, &[], fuse::RRF_K));
        prop_assert_eq!(fuse::weighted(&forth, &[]), fuse::weighted(&back, &[]));
        let all: RoaringBitmap = rankings.iter().flatten().map(|s| s.item).collect();
        let fused: RoaringBitmap = fuse::reciprocal_rank(&forth, &[], fuse::RRF_K).iter().map(|s| s.item).collect();
        prop_assert_eq!(fused, all);
    }
}
