use std::fmt::Write;

use super::{Better, Family, registry};

/// The page `evals/METRICS.md`, in Markdown.
pub fn page() -> String {
    let mut page = String::from(HEAD);
    for (family, heading, about) in FAMILIES {
        let _ = write!(
            page,
            "\n## {heading}\n\n{about}\n\n| metric | definition | better | unit | source |\n|---|---|---|---|---|\n"
        );
        for info in registry().iter().filter(|info| info.family == *family) {
            let better = match info.better {
                Better::Higher => "higher",
                Better::Lower => "lower",
            };
            let names = info.written().split(", ").map(|n| format!("`{n}`")).collect::<Vec<_>>().join(", ");
            let cells = [&names, info.definition, better, info.unit.name(), info.source];
            let _ = writeln!(page, "| {} |", cells.map(|c| c.replace('|', "\\|")).join(" | "));
        }
    }
    page.push_str(TAIL);
    page
}

const HEAD: &str = "\
# Metrics

Made from the registry in `crates/evals/src/metrics`; a test keeps it so. `@k` is a cutoff: only the first k items count.
A share lies in 0..1. Every figure over cases is Σ value / Σ weight: a mean over cases has weight 1 in each, a share of parts
(conditions right of conditions asked for) has the number of parts, and a case without parts says nothing.
";

const FAMILIES: &[(Family, &str, &str)] = &[
    (
        Family::Ranking,
        "Ranking",
        "As trec_eval has them, on graded judgments: relevant is a judgment of 1 or more, and what is not judged is not relevant. A \
         query with judgments of which none is relevant counts, with 0; one without judgments does not count. An item that comes \
         back twice counts once. They agree with `pytrec_eval` and `ir_measures` to 1e-9 \
         (`crates/evals/tests/ranking_peers.rs`), which order a run by its scores in single precision, then by id, last first; \
         Segue's own rankings come in their order, ties by id, first first.",
    ),
    (
        Family::Planning,
        "Planning",
        "Conditions are compared by meaning: `not in (a, b)` is `not a` and `not b`, `between [a, a]` is `eq a`, a list's order, the \
         nesting of `all`, letter case and 120 against 120.0 do not matter.",
    ),
    (
        Family::Constraints,
        "Constraints",
        "Judged on the rows of the catalogue, by code that shares nothing with the SQL that found them.",
    ),
    (Family::Claims, "Claims", "What is said about items, and whether it is so."),
    (
        Family::Simulation,
        "Simulated users",
        "Of conversations with a user who wants one item, cannot name it, and looks at the first items of each answer. Whether the \
         items are what was said so far is told by `constraint_satisfaction` and `earlier_violation`, where the conditions are \
         those that the user said.",
    ),
    (
        Family::Beyond,
        "Beyond accuracy",
        "Coverage, Gini and popularity lift are figures of a whole run. Coverage and Gini count distinct items, of which a resample \
         with replacement always has fewer; their intervals are the jackknife's.",
    ),
    (Family::Cost, "Cost", "Of every case, failed ones too."),
];

const TAIL: &str = "
## How sure a figure is

- **Interval:** 95 %, by resampling whole clusters (a conversation, a query): BCa bootstrap (Efron 1987), with Hesterberg's
  expansion for few clusters (2015). It keeps to the range of a figure and follows a skewed one. Where all clusters of a share
  agree at 0 or at 1 there is nothing to resample, and Wilson's interval over the clusters takes its place.
- **Repeats** of a case are averaged first; how much they differ is reported beside the figure.
- **Comparison** of two variants: on the same cases only; a paired bootstrap for the interval of the difference, and for p a
  permutation test that swaps the variants in whole clusters: all swaps for up to 14 clusters that differ, else 10,000 drawn with a
  fixed seed (Phipson and Smyth 2010). Over several variants p is Holm's.
- **Verdict:** better or worse if p < 0.05; `too few` where even an effect in every cluster could not get there; else `no
  difference`, with the smallest difference that would have been found in 80 of 100 such runs.
- **A failed case** counts as the worst there is, never as absent; where a metric has no worst and the data set names none (novelty,\n  diversity, popularity lift), it says nothing of it.
";
