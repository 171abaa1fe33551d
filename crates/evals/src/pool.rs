//! Pools of what runs found, to be judged: the first `depth` items of each variant for each request, as one set, in an order that
//! does not tell who found what (depth pooling: Spärck Jones and van Rijsbergen, "Report on the need for and provision of an
//! 'ideal' information retrieval test collection", 1975; as done at TREC).

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64;
use serde::Serialize;
use serde_json::Value as Json;

use crate::CaseResult;

/// A request and an item that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// The case.
    pub case: String,
    /// What was asked. Untrusted text.
    pub request: String,
    /// The item's id.
    pub item: String,
    /// What the item is called. Untrusted text.
    pub title: String,
}

/// The pairs of a pool: request by request, both in an order that the seed makes. The same results and seed give the same order.
/// Results without a ranking in their details add nothing.
pub fn pool<'a>(results: impl IntoIterator<Item = &'a CaseResult>, depth: usize, seed: u64) -> Vec<Pair> {
    let mut found: BTreeMap<&str, (&str, BTreeMap<&str, &str>)> = BTreeMap::new();
    for result in results {
        let part = |name| result.detail.get(name);
        let request = part("request").and_then(Json::as_str).unwrap_or_default();
        let ranking = part("ranking").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
        for place in ranking.iter().take(depth) {
            if let Some(item) = place.get(0).and_then(Json::as_str) {
                let (_, items) = found.entry(&result.case).or_insert_with(|| (request, BTreeMap::new()));
                items.insert(item, place.get(1).and_then(Json::as_str).unwrap_or_default());
            }
        }
    }
    let mut random = Pcg64::seed_from_u64(seed);
    let mut cases: Vec<_> = found.into_iter().collect();
    cases.shuffle(&mut random);
    let mut pairs = Vec::new();
    for (case, (request, items)) in cases {
        let mut items: Vec<_> = items.into_iter().collect();
        items.shuffle(&mut random);
        pairs.extend(items.into_iter().map(|(item, title)| Pair {
            case: case.to_owned(),
            request: request.to_owned(),
            item: item.to_owned(),
            title: title.to_owned(),
        }));
    }
    pairs
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::*;

    fn result(variant: &str, case: &str, ranking: &[&str]) -> CaseResult {
        let ranking: Vec<_> = ranking.iter().map(|id| json!([id, format!("title of {id}"), 1.0])).collect();
        CaseResult {
            variant: variant.to_owned(),
            case: case.to_owned(),
            cluster: case.to_owned(),
            repeat: 0,
            metrics: BTreeMap::new(),
            usage: crate::CaseUsage::default(),
            tools: Vec::new(),
            detail: json!({ "request": format!("about {case}"), "ranking": ranking }),
            fallback: None,
            shown: Vec::new(),
            error: None,
        }
    }

    #[test]
    fn each_item_that_anybody_ranks_high_is_there_once_and_its_place_tells_nothing() {
        let names: Vec<String> = (0..40).map(|n| format!("i{n:02}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let (first, second) = names.split_at(20);
        let results = [result("a", "q", first), result("b", "q", second), result("b", "r", first)];
        let pairs = pool(&results, 10, 7);
        let of_q: Vec<&str> = pairs.iter().filter(|p| p.case == "q").map(|p| p.item.as_str()).collect();
        let wanted: BTreeSet<&str> =
            first.iter().chain(second).enumerate().filter(|(i, _)| i % 20 < 10).map(|(_, id)| *id).collect();
        assert_eq!((of_q.len(), of_q.iter().copied().collect::<BTreeSet<_>>()), (20, wanted));
        let of_a = of_q.iter().take(10).filter(|id| first.contains(id)).count();
        assert!((2..9).contains(&of_a), "{of_q:?}");
        assert_eq!(pairs.len(), 30);
        assert!(pairs.windows(2).filter(|w| w[0].case != w[1].case).count() == 1, "request by request");
        assert_eq!((pairs, 0), (pool(results.iter().rev(), 10, 7), 0));
        assert_ne!(pool(&results, 10, 7), pool(&results, 10, 8));
        assert_eq!(pool(&[result("a", "q", &["x", "x"])], 10, 7)[0].title, "title of x");
    }

    #[test]
    fn a_result_without_a_ranking_adds_nothing() {
        let mut failed = result("a", "q", &["x"]);
        failed.detail = json!({ "ranking": "no" });
        assert_eq!(pool(&[failed], 10, 7), []);
    }
}
