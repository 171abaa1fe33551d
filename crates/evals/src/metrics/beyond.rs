//! Beyond accuracy: what a system shows of a catalogue and how popular, new and varied it is.
//!
//! Novelty and diversity are measures of a case like any other. Coverage, Gini and popularity lift are figures of a whole run,
//! over [`Lists`] of one cluster each; [`figure`] gives them with an interval, and [`compare`] those of two variants.

use std::collections::{BTreeMap, BTreeSet};

use super::Metric;
use crate::statistics::{Comparison, Options, bootstrap, compare_pairs, jackknife};
use crate::{Interval, Measure};

/// What one cluster (a user, a conversation) was shown, and what it had chosen itself before.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Lists {
    /// Ranked ids, best first, one list a case.
    pub shown: Vec<Vec<String>>,
    /// Ids of the items of the profile; empty where nothing is known.
    pub profile: Vec<String>,
}

/// How many users have interacted with each item, and how many users there are.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Popularity {
    /// Users by item id.
    pub users_of: BTreeMap<String, u64>,
    /// All users.
    pub users: u64,
}

impl Popularity {
    /// The share of users who have interacted with the item.
    pub fn share(&self, item: &str) -> f64 {
        self.users_of.get(item).copied().unwrap_or(0) as f64 / self.users.max(1) as f64
    }

    /// The item's self-information in bits; as if one user had interacted with it where none has.
    pub fn self_information(&self, item: &str) -> f64 {
        let users = self.users_of.get(item).copied().unwrap_or(0).max(1);
        -(users as f64 / self.users.max(users) as f64).log2() + 0.0
    }
}

/// The mean self-information of the first `k` items. `novelty`.
pub fn novelty(ranking: &[&str], k: usize, popularity: &Popularity) -> Measure {
    let items: Vec<f64> = ranking.iter().take(k).map(|item| popularity.self_information(item)).collect();
    match items.len() {
        0 => Measure::share(0, 0),
        n => Measure::one(items.iter().sum::<f64>() / n as f64),
    }
}

/// One less the mean similarity of the pairs among the first `k`; pairs whose similarity is not known (`None`) do not count.
/// `diversity`.
pub fn diversity(ranking: &[&str], k: usize, similarity: impl Fn(&str, &str) -> Option<f64>) -> Measure {
    let items = ranking.get(..k.min(ranking.len())).unwrap_or_default();
    let pairs = items.iter().enumerate().flat_map(|(at, a)| items.iter().skip(at + 1).map(move |b| (a, b)));
    let known: Vec<f64> = pairs.filter_map(|(a, b)| similarity(a, b)).collect();
    match known.len() {
        0 => Measure::share(0, 0),
        n => Measure::one(1.0 - known.iter().sum::<f64>() / n as f64),
    }
}

/// The items that are among the first `k` of any list, of the catalogue's `items`. `coverage`.
pub fn coverage<'a>(of: impl IntoIterator<Item = &'a Lists>, k: usize, items: usize) -> Option<f64> {
    (items > 0).then(|| counts(of, k).len() as f64 / items as f64)
}

/// The Gini coefficient of how often each of the catalogue's `items` is among the first `k`, those never shown included; `None`
/// where nothing is shown. `gini`.
pub fn gini<'a>(of: impl IntoIterator<Item = &'a Lists>, k: usize, items: usize) -> Option<f64> {
    let mut shown: Vec<u64> = counts(of, k).into_values().collect();
    shown.sort_unstable();
    let (n, sum) = (items.max(shown.len()) as f64, shown.iter().sum::<u64>() as f64);
    // Those never shown come first in the order and add nothing to the sum.
    let first = n - shown.len() as f64 + 1.0;
    let weighted =
        shown.iter().zip(0_u32..).map(|(x, at)| (2.0 * (first + f64::from(at)) - n - 1.0) * *x as f64);
    (sum > 0.0).then(|| weighted.sum::<f64>() / (n * sum))
}

/// How much more popular lists are than profiles, relative to these. Clusters without a profile do not count.
/// `popularity_lift`.
pub fn popularity_lift<'a>(
    of: impl IntoIterator<Item = &'a Lists>,
    k: usize,
    popularity: &Popularity,
) -> Option<f64> {
    let (mut shown, mut profile) = (0.0, 0.0);
    for lists in of {
        let items = lists.shown.iter().flat_map(|list| list.iter().take(k));
        let (Some(s), Some(p)) = (mean(items, popularity), mean(lists.profile.iter(), popularity)) else {
            continue;
        };
        shown += s;
        profile += p;
    }
    (profile > 0.0).then(|| (shown - profile) / profile)
}

/// True for figures that count distinct items, which a resample with replacement always has fewer of.
pub fn counts_distinct(metric: Metric) -> bool {
    matches!(metric.info.name, "coverage" | "gini")
}

/// A figure of a whole run with its interval over clusters: the jackknife's for coverage and Gini, the bootstrap's for popularity
/// lift. `items` is how many the catalogue has. `n` counts lists. `None` for any other metric.
pub fn figure(
    metric: Metric,
    clusters: &[Lists],
    items: usize,
    popularity: &Popularity,
    options: &Options,
) -> Option<Interval> {
    let of = of(metric, items, popularity)?;
    let options = options.within(metric.info.unit.range());
    let statistic = |drawn: &[&Lists]| of(&mut drawn.iter().copied());
    let interval = match counts_distinct(metric) {
        true => jackknife(clusters, statistic, &options),
        false => bootstrap(clusters, statistic, &options),
    };
    let n = if interval.n == 0 { 0 } else { clusters.iter().map(|c| c.shown.len()).sum() };
    Some(Interval { n, ..interval })
}

/// Two variants by a figure of a whole run: what each showed each cluster. `None` for any other metric.
pub fn compare(
    metric: Metric,
    pairs: &[(Lists, Lists)],
    items: usize,
    popularity: &Popularity,
    options: &Options,
) -> Option<Comparison> {
    Some(compare_pairs(metric, pairs, of(metric, items, popularity)?, options))
}

type Figure<'p> = Box<dyn Fn(&mut dyn Iterator<Item = &Lists>) -> Option<f64> + 'p>;

fn of(metric: Metric, items: usize, popularity: &Popularity) -> Option<Figure<'_>> {
    let k = metric.k.unwrap_or(usize::MAX);
    Some(match metric.info.name {
        "coverage" => Box::new(move |lists| coverage(lists, k, items)),
        "gini" => Box::new(move |lists| gini(lists, k, items)),
        "popularity_lift" => Box::new(move |lists| popularity_lift(lists, k, popularity)),
        _ => return None,
    })
}

/// How often each item is among the first `k`.
fn counts<'a>(of: impl IntoIterator<Item = &'a Lists>, k: usize) -> BTreeMap<&'a str, u64> {
    let mut counts = BTreeMap::new();
    for list in of.into_iter().flat_map(|lists| &lists.shown) {
        let once: BTreeSet<&str> = list.iter().take(k).map(String::as_str).collect();
        for item in once {
            *counts.entry(item).or_insert(0) += 1;
        }
    }
    counts
}

fn mean<'a>(items: impl Iterator<Item = &'a String>, popularity: &Popularity) -> Option<f64> {
    let (sum, n) = items.fold((0.0, 0_u32), |(sum, n), item| (sum + popularity.share(item), n + 1));
    (n > 0).then(|| sum / f64::from(n))
}
