use crate::metrics::beyond::*;
use crate::metrics::metric;
use crate::statistics::{Options, Verdict};

fn lists(shown: &[&[&str]], profile: &[&str]) -> Lists {
    let own = |list: &[&str]| list.iter().map(|i| (*i).to_owned()).collect::<Vec<_>>();
    Lists { shown: shown.iter().map(|list| own(list)).collect(), profile: own(profile) }
}

fn popularity() -> Popularity {
    Popularity {
        users_of: [("a", 8), ("b", 4), ("c", 1)].map(|(id, n)| (id.to_owned(), n)).into(),
        users: 16,
    }
}

#[test]
fn coverage_and_gini_are_over_the_whole_catalogue() {
    let run = [lists(&[&["a", "b", "x"], &["a", "c"]], &[]), lists(&[&["a"]], &[])];
    assert_eq!(coverage(&run, 2, 10), Some(0.3));
    // Counts 3, 1, 1 and seven times 0: Σ (2i − 11) x = 5·1 + 7·1 + 9·3 = 39, over 10 · 5.
    assert!((gini(&run, 2, 10).unwrap() - 0.78).abs() < 1e-12);
    assert_eq!(gini(&[lists(&[&["a", "b"]], &[])], 2, 2), Some(0.0));
    assert_eq!(gini(&[lists(&[&["a"]], &[])], 1, 4), Some(0.75));
    assert_eq!((coverage(&[], 1, 0), gini(&[], 1, 4)), (None, None));
}

#[test]
fn novelty_and_diversity_are_means_of_a_list() {
    assert_eq!(novelty(&["a", "b", "c"], 2, &popularity()).value, 1.5);
    // Nobody knows it: as if one did.
    assert_eq!(novelty(&["unknown"], 5, &popularity()).value, 4.0);
    assert_eq!(novelty(&[], 5, &popularity()).weight, 0.0);
    let similarity = |a: &str, b: &str| (a != "x" && b != "x").then_some(if a == b { 1.0 } else { 0.25 });
    assert_eq!(diversity(&["a", "b", "c"], 3, similarity).value, 0.75);
    assert_eq!(diversity(&["a", "x", "b"], 3, similarity).value, 0.75);
    assert_eq!(diversity(&["a", "b"], 1, similarity).weight, 0.0);
}

#[test]
fn popularity_lift_is_relative_to_the_profile() {
    let run = [lists(&[&["a", "b"]], &["b"]), lists(&[&["c"]], &["c"]), lists(&[&["a"]], &[])];
    // Lists ((8 + 4) / 2 + 1) / 16, profiles (4 + 1) / 16.
    assert!((popularity_lift(&run, 10, &popularity()).unwrap() - 0.4).abs() < 1e-12);
    assert_eq!(popularity_lift(&[lists(&[&["a"]], &[])], 10, &popularity()), None);
}

#[test]
fn figures_of_a_run_have_intervals() {
    let names: Vec<String> = (0..60).map(|n| format!("i{}", n * n % 37)).collect();
    let run: Vec<Lists> = names
        .chunks(3)
        .map(|c| lists(&[&c.iter().map(String::as_str).collect::<Vec<_>>()], &[&c[0], "a"]))
        .collect();
    let known = Popularity { users_of: (0..37).map(|n| (format!("i{n}"), n)).collect(), users: 40 };
    for name in ["coverage@2", "gini@3", "popularity_lift@3"] {
        let figure = figure(metric(name).unwrap(), &run, 50, &known, &Options::default()).unwrap();
        assert!(figure.low < figure.value && figure.value < figure.high, "{name} {figure:?}");
        assert_eq!(figure.n, 20);
    }
    assert_eq!(figure(metric("ndcg@3").unwrap(), &run, 50, &known, &Options::default()), None);
    let none = figure(metric("gini@3").unwrap(), &[], 50, &known, &Options::default()).unwrap();
    assert_eq!((none.n, none.low, none.high), (0, 0.0, 1.0));
}

#[test]
fn figures_of_two_runs_are_compared() {
    let name = |n: usize| format!("i{n}");
    // One shows everybody the same, the other everybody something else.
    let pairs: Vec<(Lists, Lists)> = (0..20)
        .map(|n| (lists(&[&["i0", "i1"]], &["i3"]), lists(&[&[&name(2 * n), &name(2 * n + 1)]], &["i3"])))
        .collect();
    let of =
        |name: &str| compare(metric(name).unwrap(), &pairs, 50, &Popularity::default(), &Options::default());
    let coverage = of("coverage@2").unwrap();
    assert_eq!((coverage.before, coverage.after, coverage.verdict), (0.04, 0.8, Verdict::Better));
    assert!(coverage.difference.low < 0.76 && coverage.difference.high > 0.76, "{coverage:?}");
    assert_eq!(of("gini@2").unwrap().verdict, Verdict::Better);
    assert_eq!(of("ndcg@2"), None);
}
