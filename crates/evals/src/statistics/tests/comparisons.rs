use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::estimate::ratio;
use super::super::*;
use super::{golden, result, results};
use crate::metrics::metric;
use crate::{CaseUsage, Measure};

fn hits(a: &[f64], b: &[f64]) -> Comparison {
    compare(&results("a", a), &results("b", b), metric("hit@1").unwrap(), &Options::default())
}

#[test]
fn the_permutation_test_is_that_of_scipy() {
    for case in golden() {
        let pairs: Vec<_> =
            case.a.iter().zip(&case.b).map(|(a, b)| (Measure::one(*a), Measure::one(*b))).collect();
        let test = permutation(&pairs, ratio, &Options { resamples: 100_000, ..Options::default() });
        assert_eq!(test.exact, case.exact);
        let slack = if case.exact { 1e-12 } else { 0.005 };
        assert!((test.p - case.p).abs() < slack, "{} {}", test.p, case.p);
    }
}

#[test]
fn the_same_is_no_difference() {
    let values = [0.0, 1.0, 0.5, 0.25, 1.0, 0.0, 0.125, 0.0, 1.0];
    let same = hits(&values, &values);
    assert_eq!((same.p, same.p_holm, same.verdict), (1.0, 1.0, Verdict::NoDifference));
    assert_eq!((same.difference.value, same.difference.low, same.difference.high), (0.0, 0.0, 0.0));
    assert_eq!((same.n, same.clusters, same.unpaired, same.changed), (9, 9, 0, (0, 0)));
}

#[test]
fn a_clear_gain_is_one_and_too_few_cases_are_said_to_be() {
    let clear = hits(&[0.1; 8], &[0.8, 0.7, 0.9, 0.8, 0.6, 0.8, 0.9, 0.7]);
    assert_eq!((clear.verdict, clear.exact, clear.p), (Verdict::Better, true, 2.0 / 256.0));
    assert!(clear.difference.low > 0.0 && clear.before < clear.after);
    assert_eq!(clear.changed, (8, 0));
    // The best that five clusters can show is p = 2 / 32.
    let few = hits(&[0.1; 5], &[0.9; 5]);
    assert_eq!((few.verdict, few.p), (Verdict::TooFew, 2.0 / 32.0));
    assert_eq!(hits(&[], &[]).verdict, Verdict::TooFew);
}

#[test]
fn less_is_better_where_it_is() {
    let with = |variant: &str, values: [f64; 8]| -> Vec<_> {
        let case = |(at, v): (usize, f64)| {
            result(variant, &format!("c{at}.0"), "earlier_violation", Measure::one(v))
        };
        values.into_iter().enumerate().map(case).collect()
    };
    let metric = metric("earlier_violation").unwrap();
    let compared = compare(&with("a", [0.5; 8]), &with("b", [0.1; 8]), metric, &Options::default());
    assert_eq!((compared.verdict, compared.changed), (Verdict::Better, (8, 0)));
    assert!(compared.difference.value < 0.0);
}

#[test]
fn only_cases_that_both_have_are_compared() {
    let (mut a, b) = (results("a", &[0.0; 7]), results("b", &[1.0; 6]));
    a.push(result("a", "c0.1", "hit@1", Measure::one(1.0)));
    let compared = compare(&a, &b, metric("hit@1").unwrap(), &Options::default());
    assert_eq!((compared.n, compared.unpaired, compared.before), (6, 2, 0.0));
}

#[test]
fn a_failed_case_is_weighed_as_the_other_variant_shows() {
    let name = "final_arguments";
    let a: Vec<_> =
        (0..6).map(|n| result("a", &format!("c{n}.0"), name, Measure::share(n + 1, n + 1))).collect();
    let mut b = a.clone();
    (b[5].metrics, b[5].error) = (BTreeMap::new(), Some("refused".to_owned()));
    let compared = compare(&a, &b, metric(name).unwrap(), &Options::default());
    assert_eq!((compared.before, compared.after), (1.0, 15.0 / 21.0));
}

#[test]
fn what_only_one_side_says_counts_for_that_side() {
    let name = "unasked_arguments";
    let a = [result("a", "c.0", name, Measure::share(1, 2)), result("a", "d.0", name, Measure::share(1, 1))];
    let b = [result("b", "c.0", name, Measure::share(0, 0)), result("b", "d.0", name, Measure::share(0, 1))];
    let compared = compare(&a, &b, metric(name).unwrap(), &Options::default());
    assert_eq!((compared.before, compared.after, compared.n), (2.0 / 3.0, 0.0, 2));
}

#[test]
fn clusters_are_swapped_as_wholes() {
    // Forty cases of a gain in two conversations: no evidence, however many cases.
    let with = |variant: &str, value: f64| -> Vec<_> {
        (0..40).map(|n| result(variant, &format!("c{}.{n}", n % 2), "hit@1", Measure::one(value))).collect()
    };
    let compared = compare(&with("a", 0.0), &with("b", 1.0), metric("hit@1").unwrap(), &Options::default());
    assert_eq!((compared.n, compared.clusters, compared.p), (40, 2, 0.5));
    assert_eq!(compared.verdict, Verdict::TooFew);
}

#[test]
fn percentiles_are_compared_too() {
    let timed = |variant: &str, ms: f64| {
        let mut all = results(variant, &[0.0; 20]);
        for (result, at) in all.iter_mut().zip(0_u32..) {
            result.usage = CaseUsage { ms: ms + f64::from(at), ..CaseUsage::default() };
        }
        all
    };
    let metric = metric("latency_p95").unwrap();
    let compared = compare(&timed("a", 10.0), &timed("b", 100.0), metric, &Options::default());
    assert_eq!((compared.verdict, compared.n), (Verdict::Worse, 20));
    assert!((compared.difference.value - 90.0).abs() < 1e-9);
}

#[test]
fn several_variants_are_adjusted_by_metric() {
    let gain = [0.3, 0.2, 0.4, 0.1, 0.2, 0.3, -0.1];
    let a = [0.5; 7];
    let b: Vec<f64> = a.iter().zip(gain).map(|(a, g)| a + g).collect();
    let one = hits(&a, &b);
    assert_eq!((one.verdict, one.p), (Verdict::Better, 6.0 / 128.0));
    let mut three = [one.clone(), hits(&a, &a), Comparison { metric: "tokens".to_owned(), ..one.clone() }];
    adjust(&mut three);
    // Two variants by one metric, and one by another.
    assert_eq!((three[0].p_holm, three[0].verdict), (12.0 / 128.0, Verdict::NoDifference));
    assert_eq!(three[2].p_holm, one.p);
}

#[test]
fn holm_is_that_of_the_paper() {
    // R: p.adjust(c(.01, .04, .03, .005), "holm")
    let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
    for (p, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
        assert!((p - expected).abs() < 1e-12, "{adjusted:?}");
    }
}

#[test]
fn the_smallest_detectable_difference_is_that_of_the_paired_t_test() {
    // By the noncentral t distribution, as R's power.t.test(n = 25, power = .8, type = "paired") has it: 0.58403.
    let smallest = smallest_detectable(1.0, 25, 0.05, 0.8).unwrap();
    assert!((smallest - 0.58403).abs() < 0.001, "{smallest}");
    assert_eq!(clusters_needed(1.0, smallest, 0.05, 0.8), Some(25));
    assert_eq!(smallest_detectable(1.0, 1, 0.05, 0.8), None);
    assert_eq!(clusters_needed(1.0, 0.0, 0.05, 0.8), None);
    let pairs: Vec<_> =
        [0.1, -0.2, 0.4, 0.0].iter().map(|d| (Measure::one(0.5), Measure::one(0.5 + d))).collect();
    // statistics.stdev([.1, -.2, .4, 0])
    assert!((sd_of_differences(&pairs).unwrap() - 0.25).abs() < 1e-9);
}

#[test]
fn before_a_run_it_is_said_what_it_can_find_and_costs() {
    let mut earlier = results("v", &[0.0, 1.0, 0.5, 0.5]);
    earlier.iter_mut().for_each(|r| {
        r.usage = CaseUsage { model_calls: 2, input_tokens: 100, output_tokens: 10, cost: 0.5, ms: 20.0 }
    });
    let hit = metric("hit@1").unwrap();
    let said = forecast(&earlier, hit, 100, 300, &Options::default());
    let cost = said.cost.unwrap();
    assert_eq!((cost.model_calls, cost.input_tokens, cost.money), (600.0, 30_000.0, 150.0));
    // The deviation of 0, 1, .5, .5 is .4082.
    assert!(
        said.from_earlier && (said.smallest_detectable.unwrap() - 0.4082 * 0.2830).abs() < 0.001,
        "{said:?}"
    );
    let unknown = forecast(&[], hit, 100, 300, &Options::default());
    assert_eq!((unknown.from_earlier, unknown.cost), (false, None));
    assert!(unknown.smallest_detectable.unwrap() > said.smallest_detectable.unwrap());
    assert_eq!(forecast(&[], metric("tokens").unwrap(), 9, 9, &Options::default()).smallest_detectable, None);
}

#[test]
fn repeats_show_their_spread() {
    let hit = metric("hit@1").unwrap();
    let mut all = results("v", &[1.0, 0.0, 1.0]);
    assert_eq!(repeats(&all, hit), None);
    let mut again = results("v", &[1.0, 1.0, 1.0]);
    again.iter_mut().for_each(|r| r.repeat = 1);
    all.extend(again);
    let spread = repeats(&all, hit).unwrap();
    assert_eq!(spread.figures, [2.0 / 3.0, 1.0]);
    assert_eq!(spread.unstable, Measure::share(1, 3));
    assert!((spread.sd - (1.0_f64 / 18.0).sqrt()).abs() < 1e-12);
    // Variances 0, ½ and 0.
    assert!((spread.sd_of_case - (0.5_f64 / 3.0).sqrt()).abs() < 1e-12);
    assert_eq!(figure(&all, hit, &Options::default()).n, 3);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn holm_keeps_the_order_and_never_lowers(p in prop::collection::vec(0.0_f64..=1.0, 0..20)) {
        let adjusted = holm(&p);
        for (i, (p_i, a_i)) in p.iter().zip(&adjusted).enumerate() {
            prop_assert!(a_i >= p_i && *a_i <= 1.0);
            for (p_j, a_j) in p.iter().zip(&adjusted).skip(i) {
                prop_assert!((p_i - p_j) * (a_i - a_j) >= 0.0);
            }
        }
    }

    #[test]
    fn exchanging_the_variants_changes_the_sign_only(
        pairs in prop::collection::vec((0_u8..5, 0_u8..5), 0..30),
    ) {
        let values = |of: &dyn Fn(&(u8, u8)) -> u8| pairs.iter().map(|p| f64::from(of(p)) / 4.0).collect::<Vec<_>>();
        let (a, b) = (values(&|p| p.0), values(&|p| p.1));
        let (there, back) = (hits(&a, &b), hits(&b, &a));
        prop_assert_eq!(there.p, back.p);
        prop_assert!((there.difference.value + back.difference.value).abs() < 1e-12);
        prop_assert!(there.difference.low <= there.difference.value && there.difference.value <= there.difference.high);
        prop_assert_eq!(there.changed, (back.changed.1, back.changed.0));
    }
}
