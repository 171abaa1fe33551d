//! Whether intervals hold the truth as often as they say, and tests raise as few false alarms: on simulated conversations.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;

use super::super::estimate::ratio;
use super::super::*;
use crate::Measure;

const RUNS: u32 = 400;

/// A run of conversations of 1 to 5 turns. Each turn is right with the conversation's own probability, which is skewed (the square
/// of a uniform number, mean 1/3), so that turns of one conversation depend on one another.
fn conversations(generator: &mut Pcg64, clusters: usize) -> Vec<(String, Vec<bool>)> {
    let conversation = |at: usize| {
        let p = generator.random::<f64>().powi(2);
        let turns = generator.random_range(1_u32..=5);
        (format!("c{at}"), (0..turns).map(|_| generator.random_bool(p)).collect())
    };
    (0..clusters).map(conversation).collect()
}

/// How often the interval holds the mean, by whole clusters and by turns as if they were independent.
fn coverage(clusters: usize) -> (f64, f64) {
    let (mut by_cluster, mut by_turn) = (0, 0);
    for seed in 0..RUNS {
        let run = conversations(&mut Pcg64::seed_from_u64(u64::from(seed)), clusters);
        let turns: Vec<(String, &str, bool)> = run
            .iter()
            .flat_map(|(c, turns)| {
                turns.iter().enumerate().map(move |(t, right)| (format!("{c}.{t}"), &**c, *right))
            })
            .collect();
        let options = Options { resamples: 1_000, ..Options::default() }.within(Some((0.0, 1.0)));
        let holds = |cluster_of: &dyn for<'a> Fn(&'a str, &'a str) -> &'a str| {
            let samples: Vec<_> = turns
                .iter()
                .map(|(case, cluster, right)| Sample {
                    cluster: cluster_of(case, cluster),
                    case,
                    measure: Measure::share(usize::from(*right), 1),
                })
                .collect();
            let interval = estimate(&samples, &options);
            u32::from(interval.low <= 1.0 / 3.0 && 1.0 / 3.0 <= interval.high)
        };
        by_cluster += holds(&|_, cluster| cluster);
        by_turn += holds(&|case, _| case);
    }
    (f64::from(by_cluster) / f64::from(RUNS), f64::from(by_turn) / f64::from(RUNS))
}

#[test]
fn intervals_hold_the_truth_as_often_as_they_say() {
    for clusters in [10, 25, 100] {
        let (by_cluster, by_turn) = coverage(clusters);
        println!("{clusters} clusters: {by_cluster:.3} by cluster, {by_turn:.3} by turn");
        // 0.95 ± three standard errors of 400 runs.
        assert!((0.915..=0.985).contains(&by_cluster), "{clusters} clusters: {by_cluster}");
        assert!(by_turn < by_cluster, "turns of one conversation are not independent");
    }
}

#[test]
fn without_a_difference_p_is_uniform() {
    let mut p = Vec::new();
    for seed in 0..RUNS {
        let mut generator = Pcg64::seed_from_u64(u64::from(seed) + 10_000);
        let mut side = || {
            let value = generator.random::<f64>().powi(2);
            Measure { value: value * 3.0, weight: 3.0 }
        };
        let pairs: Vec<_> = (0..20).map(|_| (side(), side())).collect();
        p.push(permutation(&pairs, ratio, &Options { resamples: 999, ..Options::default() }).p);
    }
    p.sort_by(f64::total_cmp);
    // Kolmogorov and Smirnov's distance; 1.63 / √n is its 99th percentile.
    let distance =
        p.iter().enumerate().map(|(at, p)| ((at + 1) as f64 / f64::from(RUNS) - p).abs()).fold(0.0, f64::max);
    println!("distance from uniform {distance:.3}");
    assert!(distance < 1.63 / f64::from(RUNS).sqrt(), "{distance}");
}

#[test]
fn a_difference_of_the_smallest_detectable_size_is_found_in_80_of_100() {
    let normal = |generator: &mut Pcg64| (0..12).map(|_| generator.random::<f64>()).sum::<f64>() - 6.0;
    let size = smallest_detectable(1.0, 25, 0.05, 0.8).unwrap();
    let found = (0..RUNS).filter(|seed| {
        let mut generator = Pcg64::seed_from_u64(u64::from(*seed) + 20_000);
        let pairs: Vec<_> =
            (0..25).map(|_| (Measure::one(0.0), Measure::one(size + normal(&mut generator)))).collect();
        permutation(&pairs, ratio, &Options { resamples: 999, ..Options::default() }).p < 0.05
    });
    let power = found.count() as f64 / f64::from(RUNS);
    println!("power {power:.3}");
    assert!((0.74..=0.86).contains(&power), "{power}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn p_lies_above_nought_and_up_to_one(values in prop::collection::vec((0_u8..4, 0_u8..4), 0..20)) {
        let pairs: Vec<_> =
            values.iter().map(|(a, b)| (Measure::one(f64::from(*a)), Measure::one(f64::from(*b)))).collect();
        let test = permutation(&pairs, ratio, &Options { resamples: 200, ..Options::default() });
        prop_assert!(test.p > 0.0 && test.p <= 1.0);
    }
}
