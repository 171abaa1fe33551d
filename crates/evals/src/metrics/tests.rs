mod answers;
mod beyond;
mod planning;
mod predicates;
mod ranking;

use std::collections::BTreeSet;

use expect_test::expect_file;

use super::*;

#[test]
fn the_page_is_made_of_the_registry() {
    expect_file!["../../../../evals/METRICS.md"].assert_eq(&page());
}

#[test]
fn every_metric_is_defined_sourced_and_found_by_its_name() {
    let mut names = BTreeSet::new();
    for info in registry() {
        assert!(!info.definition.is_empty() && !info.source.is_empty(), "{}", info.name);
        for name in info.also.iter().chain([&info.name]) {
            assert!(names.insert(*name), "`{name}` names two metrics");
        }
        let name = match info.cutoff {
            Cutoff::Required => format!("{}@10", info.name),
            Cutoff::None | Cutoff::Optional => info.name.to_owned(),
        };
        assert_eq!(metric(&name).unwrap().to_string(), name);
    }
}

#[test]
fn a_wrong_name_says_what_would_be_right() {
    let says = |name: &str, message: &str| assert_eq!(metric(name).unwrap_err().to_string(), message);
    says("success@5", "there is no metric `success@5`; nearest: `hit@5`");
    says("recip_rank", "there is no metric `recip_rank`; nearest: `mrr@10`");
    says("tool_f2", "there is no metric `tool_f2`; nearest: `tool_f1`");
    says("recall", "`recall` needs a cutoff; write how many items count, as in `recall@10`");
    says("tool_f1@3", "`tool_f1` has no cutoff; write it without `@`");
    says("ndcg@0", "`0` in `ndcg@0` is no cutoff; write a whole number from 1");
    says("ndcg@010", "`010` in `ndcg@010` is no cutoff; write a whole number from 1");
    says("ndcg@", "`` in `ndcg@` is no cutoff; write a whole number from 1");
    assert!(metric("🦀@99999999999999999999999").is_err());
}
