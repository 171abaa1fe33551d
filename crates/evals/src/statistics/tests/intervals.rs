use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::bootstrap::{ends, quantile};
use super::super::estimate::ratio;
use super::super::generator::Generator;
use super::super::jackknife::acceleration;
use super::super::*;
use super::{golden, result, results};
use crate::metrics::metric;
use crate::{CaseUsage, Measure};

fn sample<'a>(cluster: &'a str, case: &'a str, value: f64, weight: f64) -> Sample<'a> {
    Sample { cluster, case, measure: Measure { value, weight } }
}

/// Without the expansion for few clusters, which SciPy does not know.
#[test]
fn bca_is_that_of_scipy() {
    for case in golden() {
        let all: Vec<&f64> = case.a.iter().collect();
        let mean = |of: &[&f64]| Some(of.iter().copied().sum::<f64>() / of.len() as f64);
        let (mut generator, mut drawn) = (Generator::new(7), Vec::new());
        let mut values: Vec<f64> = (0..200_000)
            .map(|_| {
                generator.resample(&case.a, &mut drawn);
                mean(&drawn).unwrap()
            })
            .collect();
        values.sort_by(f64::total_cmp);
        let (low, high) =
            ends(mean(&all).unwrap(), &values, acceleration(&all, &mean), quantile(0.975)).unwrap();
        let width = case.bca[1] - case.bca[0];
        assert!((low - case.bca[0]).abs() < 0.02 * width, "{low} {:?}", case.bca);
        assert!((high - case.bca[1]).abs() < 0.02 * width, "{high} {:?}", case.bca);
    }
}

#[test]
fn wilson_is_that_of_scipy() {
    for case in golden() {
        let n = case.a.len();
        let (low, high) = wilson((n / 3) as f64, n as f64, 0.95);
        assert!((low - case.wilson[0]).abs() < 1e-9 && (high - case.wilson[1]).abs() < 1e-9);
    }
    assert_eq!(wilson(0.0, 0.0, 0.95), (0.0, 1.0));
}

#[test]
fn parts_are_pooled_and_repeats_averaged() {
    let all = [
        sample("a", "a1", 1.0, 1.0),
        sample("a", "a2", 1.0, 3.0),
        // Two repeats of one case are one case.
        sample("b", "b1", 2.0, 2.0),
        sample("b", "b1", 0.0, 2.0),
        // Says nothing.
        sample("c", "c1", 0.0, 0.0),
        sample("d", "d1", f64::NAN, 1.0),
    ];
    let interval = estimate(&all, &Options::default());
    assert_eq!((interval.value, interval.n), (0.5, 3));
}

#[test]
fn what_says_nothing_has_no_cases_and_can_be_anything() {
    let share = Options::default().within(Some((0.0, 1.0)));
    for nothing in [&[][..], &[sample("a", "a", 0.0, 0.0)]] {
        let interval = estimate(nothing, &share);
        assert_eq!((interval.n, interval.low, interval.high), (0, 0.0, 1.0));
    }
    // One cluster, however many its cases, shows nothing of how clusters differ.
    let one = [sample("a", "1", 1.0, 1.0), sample("a", "2", 0.0, 1.0)];
    let interval = estimate(&one, &share);
    assert_eq!((interval.value, interval.low, interval.high, interval.n), (0.5, 0.0, 1.0, 2));
}

#[test]
fn all_alike_is_no_certainty() {
    let share = Options::default().within(Some((0.0, 1.0)));
    let names: Vec<String> = (0..25).map(|n| n.to_string()).collect();
    let right: Vec<_> = names.iter().map(|n| sample(n, n, 2.0, 2.0)).collect();
    let interval = estimate(&right, &share);
    assert_eq!((interval.value, interval.high), (1.0, 1.0));
    assert!((interval.low - 0.8668).abs() < 1e-4, "Wilson's for 25 of 25: {}", interval.low);
    // Milliseconds have no end at which they could be.
    let zero: Vec<_> = names.iter().map(|n| sample(n, n, 0.0, 1.0)).collect();
    assert_eq!(estimate(&zero, &Options::default()).high, 0.0);
}

#[test]
fn the_same_seed_gives_the_same_numbers_and_the_order_of_cases_none_other() {
    let values = results("v", &[0.1, 0.9, 0.4, 0.3, 0.8, 0.2, 0.0]);
    let hit = metric("hit@1").unwrap();
    let first = figure(&values, hit, &Options::default());
    let mut other = values.clone();
    other.reverse();
    assert_eq!(figure(&other, hit, &Options::default()), first);
    assert_ne!(figure(&values, hit, &Options { seed: 2, ..Options::default() }), first);
    // A number that is committed, so that another machine or version would be noticed.
    assert!((first.low - 0.9 / 7.0).abs() < 1e-12 && (first.high - 5.3 / 7.0).abs() < 1e-12, "{first:?}");
}

#[test]
fn a_failed_case_counts_as_the_worst_and_never_as_absent() {
    let mut all = vec![
        result("v", "a.1", "final_arguments", Measure::share(4, 4)),
        result("v", "b.1", "final_arguments", Measure::share(2, 2)),
    ];
    let mut failed = result("v", "c.1", "ndcg@10", Measure::one(1.0));
    (failed.metrics, failed.error) = (BTreeMap::new(), Some("timed out".to_owned()));
    all.push(failed);
    let figure = |name: &str| figure(&all, metric(name).unwrap(), &Options::default());
    // It weighs what the others weigh: 6 of 6 + 3.
    assert_eq!(figure("final_arguments").value, 6.0 / 9.0);
    assert_eq!(figure("earlier_violation").value, 1.0);
    assert_eq!(figure("tokens").n, 3);
}

#[test]
fn latency_percentiles_are_over_all_cases() {
    let mut all = results("v", &[0.0; 40]);
    for (result, ms) in all.iter_mut().zip(1_u32..) {
        result.usage = CaseUsage { ms: f64::from(ms), ..CaseUsage::default() };
    }
    let p95 = figure(&all, metric("latency_p95").unwrap(), &Options::default());
    // numpy.percentile(range(1, 41), 95)
    assert!((p95.value - 38.05).abs() < 1e-9);
    assert!(p95.low < p95.value && p95.value <= p95.high && p95.high <= 40.0, "{p95:?}");
}

/// Why coverage is not bootstrapped: 50 lists of one item each, all different.
#[test]
fn what_counts_distinct_things_needs_the_jackknife() {
    let lists: Vec<u32> = (0..50).collect();
    let distinct =
        |of: &[&u32]| Some(of.iter().collect::<std::collections::BTreeSet<_>>().len() as f64 / 100.0);
    let by_bootstrap = bootstrap(&lists, distinct, &Options::default());
    assert_eq!(by_bootstrap.high, 0.5, "no resample has as many as the run: {by_bootstrap:?}");
    let by_jackknife = jackknife(&lists, distinct, &Options::default());
    assert!(by_jackknife.low < 0.5 && by_jackknife.high > 0.5, "{by_jackknife:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn an_interval_holds_its_estimate_and_keeps_to_the_range(
        cases in prop::collection::vec((0_u8..8, 0_u32..5, 0_u32..5), 0..40),
        seed: u64,
    ) {
        let names: Vec<(String, String)> =
            cases.iter().enumerate().map(|(n, (c, ..))| (format!("c{c}"), format!("{n}"))).collect();
        let samples: Vec<_> = cases.iter().zip(&names).map(|((_, part, rest), (cluster, case))| {
            sample(cluster, case, f64::from(*part), f64::from(part + rest))
        }).collect();
        let options = Options { seed, resamples: 500, ..Options::default() }.within(Some((0.0, 1.0)));
        let interval = estimate(&samples, &options);
        prop_assert!(0.0 <= interval.low && interval.low <= interval.value);
        prop_assert!(interval.value <= interval.high && interval.high <= 1.0);
        let measures: Vec<_> = samples.iter().map(|s| s.measure).collect();
        if let Some(plain) = ratio(&mut measures.iter()) {
            prop_assert!((interval.value - plain).abs() < 1e-12);
        }
    }
}
