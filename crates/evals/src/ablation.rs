//! Ablation: what a tool is worth, by leaving it out.
//!
//! Of each variant that has parts (an agent's tools, a fusion's searches), [`plan`] derives those without one of them, or without
//! each two of them, as a [`Suite`] of its own: the same cases, the same store, results that are kept and taken up like any
//! others. The whole is run again among them, so that its times are of the same hour. [`report`] then compares each with its whole, case by case; p is corrected over all ablations (Holm), metric by
//! metric. A tool that no case called is not left out: nothing would change, and each test costs the others power. A variant that
//! cannot plan any more fails its cases, and those count as the worst there is: that is the result.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::metrics::{Metric, metric};
use crate::statistics::{Comparison, Options, Verdict, adjust, compare};
use crate::suite::{Fingerprint, Search, Suite, System, Task, Variant};
use crate::{CaseResult, CaseUsage};

/// How many tools are left out at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ablate {
    /// Each by itself.
    Each,
    /// Each two together: what one does for the other shows only then.
    Pairs,
}

/// What will be left out.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan {
    /// The variants without something, each whole before them, to be run like any suite; there may be none.
    pub suite: Suite,
    /// Which is without what, in the order of the suite's variants.
    pub ablated: Vec<Ablated>,
    /// What is not left out.
    pub kept: Vec<Kept>,
}

/// A variant, and what it is without.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Ablated {
    /// Its name.
    pub variant: String,
    /// The variant that has all.
    pub whole: String,
    /// What is left out.
    pub without: Vec<String>,
}

/// Something that is not left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Kept {
    /// The variant that has it.
    pub whole: String,
    /// Which tools or searches.
    pub tools: Vec<String>,
    /// Why.
    pub because: String,
}

/// What the ablations showed; in JSON, `ablation` in the document that `segue eval --ablate` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AblationReport {
    /// The hash of all that the results depend on.
    pub fingerprint: String,
    /// One for each variant without something.
    pub ablations: Vec<Ablation>,
    /// What was not left out.
    pub kept: Vec<Kept>,
}

/// What leaving something out did. Differences are the ablation's figure less that of the whole.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ablation {
    /// What is without what.
    #[serde(flatten)]
    pub what: Ablated,
    /// In each metric of the suite.
    pub quality: Vec<Comparison>,
    /// In wall time and, where a model was asked, in questions, tokens and money.
    pub cost: Vec<Comparison>,
    /// Case runs that failed without it, of so many.
    pub errors: (usize, usize),
    /// The first of their reasons.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
}

impl Ablation {
    /// What it came to in one sentence; the first metric of the suite decides.
    pub fn says(&self) -> String {
        let without = self.what.without.join(" and ");
        let Some(first) = self.quality.first() else { return String::new() };
        let by = format!("{} {:+.4}", first.metric, first.difference.value);
        match first.verdict {
            Verdict::Worse => format!("{without}: needed ({by} without)"),
            Verdict::Better => format!("{without}: harmful ({by} without)"),
            Verdict::TooFew if first.clusters == 0 => {
                format!("{without}: nothing to compare in {}", first.metric)
            }
            Verdict::TooFew => format!("{without}: too few clusters to tell ({by})"),
            Verdict::NoDifference => match first.smallest_detectable {
                _ if self.quality.iter().all(|c| c.changed == (0, 0)) => {
                    format!("{without}: no difference in any case")
                }
                Some(d) => format!("{without}: no difference shown ({by}; one of {d:.4} would have been)"),
                None => format!("{without}: no difference shown ({by})"),
            },
        }
    }
}

/// Derives the variants without something, from a suite and the results of its own variants. `task` says which tools they have.
pub fn plan(suite: &Suite, task: &dyn Task, results: &[CaseResult], ablate: Ablate) -> Plan {
    let mut called: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for result in results {
        called.entry(&result.variant).or_default().extend(result.tools.iter().map(String::as_str));
    }
    let none = BTreeSet::new();
    let (mut variants, mut ablated, mut kept) = (Vec::new(), Vec::new(), Vec::new());
    for whole in &suite.variants {
        let called = called.get(whole.name.as_str()).unwrap_or(&none);
        let keep = |tools: Vec<String>, because: &str| Kept {
            whole: whole.name.clone(),
            tools,
            because: because.to_owned(),
        };
        let has: Vec<String> = match &whole.system {
            System::Search(_) => continue,
            System::Fusion { parts, .. } => names(parts),
            System::Agent { .. } => task.tools(whole),
        };
        let (used, idle): (Vec<String>, Vec<String>) =
            has.into_iter().partition(|tool| called.contains(tool.as_str()));
        if !idle.is_empty() {
            kept.push(keep(idle, "no case calls it"));
        }
        for without in choices(&used, ablate) {
            let Some(system) = without_tools(&whole.system, &without) else {
                kept.push(keep(without, "nothing would be left"));
                continue;
            };
            let variant = format!("{} without {}", whole.name, without.join(" and "));
            if !variants.iter().any(|v: &Variant| v.name == whole.name) {
                variants.push(unrecorded(whole.clone()));
            }
            variants.push(Variant { name: variant.clone(), system, ..whole.clone() });
            ablated.push(Ablated { variant, whole: whole.name.clone(), without });
        }
    }
    let suite = Suite {
        name: format!("{}-ablation", suite.name),
        variants,
        reference: 0,
        gates: Vec::new(),
        ..suite.clone()
    };
    Plan { suite, ablated, kept }
}

/// Compares each variant without something with its whole, from the results of the plan's suite and nothing else.
pub fn report(plan: &Plan, fingerprint: &Fingerprint, results: &[CaseResult]) -> AblationReport {
    let of = |variant: &str| -> Vec<CaseResult> {
        results.iter().filter(|r| r.variant == variant).cloned().collect()
    };
    let options = plan.suite.statistics();
    let is_spent = |spent: fn(&CaseUsage) -> bool| results.iter().any(|r| spent(&r.usage));
    let costs = [
        ("latency", true),
        ("model_calls", is_spent(|u| u.model_calls > 0)),
        ("tokens", is_spent(|u| u.input_tokens + u.output_tokens > 0)),
        ("cost", is_spent(|u| u.cost > 0.0)),
    ];
    let costs: Vec<Metric> =
        costs.into_iter().filter(|(_, is)| *is).filter_map(|(name, _)| metric(name).ok()).collect();
    let mut ablations = Vec::new();
    for what in &plan.ablated {
        let (before, after) = (of(&what.whole), of(&what.variant));
        let failed = after.iter().filter_map(|r| r.error.as_ref());
        ablations.push(Ablation {
            what: what.clone(),
            quality: compared(what, &before, &after, &plan.suite.metrics, &options),
            cost: compared(what, &before, &after, &costs, &options),
            errors: (failed.clone().count(), after.len()),
            first_error: failed.min().cloned(),
        });
    }
    correct(&mut ablations, |a| &mut a.quality);
    correct(&mut ablations, |a| &mut a.cost);
    AblationReport { fingerprint: fingerprint.hash.clone(), ablations, kept: plan.kept.clone() }
}

fn compared(
    what: &Ablated,
    before: &[CaseResult],
    after: &[CaseResult],
    metrics: &[Metric],
    options: &Options,
) -> Vec<Comparison> {
    let one = |metric: &Metric| Comparison {
        baseline: what.whole.clone(),
        variant: what.variant.clone(),
        ..compare(before, after, *metric, options)
    };
    metrics.iter().map(one).collect()
}

/// Holm's correction over all ablations, metric by metric.
fn correct(ablations: &mut [Ablation], of: fn(&mut Ablation) -> &mut Vec<Comparison>) {
    let mut all: Vec<Comparison> = ablations.iter_mut().flat_map(|a| std::mem::take(of(a))).collect();
    adjust(&mut all);
    let mut all = all.into_iter().peekable();
    for ablation in ablations {
        let name = ablation.what.variant.clone();
        while let Some(comparison) = all.next_if(|c| c.variant == name) {
            of(ablation).push(comparison);
        }
    }
}

fn choices(tools: &[String], ablate: Ablate) -> Vec<Vec<String>> {
    let one = |tool: &String| vec![tool.clone()];
    match ablate {
        Ablate::Each => tools.iter().map(one).collect(),
        Ablate::Pairs => tools
            .iter()
            .enumerate()
            .flat_map(|(i, a)| tools.iter().skip(i + 1).map(|b| vec![a.clone(), b.clone()]))
            .collect(),
    }
}

/// The variant with its model asked: a recording knows nothing of what is asked without a tool, and its times are no model's.
fn unrecorded(mut variant: Variant) -> Variant {
    if let System::Agent { recording, .. } = &mut variant.system {
        *recording = None;
    }
    variant
}

/// The system without these; `None` if nothing that ranks is left of a fusion.
fn without_tools(system: &System, left_out: &[String]) -> Option<System> {
    match system {
        System::Search(_) => None,
        System::Fusion { parts, method, weights, depth } => {
            let stays = |(part, _): &(&Search, &f64)| !left_out.iter().any(|name| *name == part.name());
            let (parts, weights): (Vec<Search>, Vec<f64>) =
                parts.iter().zip(weights).filter(stays).map(|(part, weight)| (part.clone(), *weight)).unzip();
            let ranks = weights.iter().any(|w| *w > 0.0);
            ranks.then_some(System::Fusion { parts, method: *method, weights, depth: *depth })
        }
        System::Agent { planner, model, without, prompts, recording: _ } => {
            let mut without = without.clone();
            without.extend_from_slice(left_out);
            let (planner, model, prompts) = (*planner, model.clone(), prompts.clone());
            Some(System::Agent { planner, model, without, prompts, recording: None })
        }
    }
}

/// The names of searches, each once, in their order.
fn names(parts: &[Search]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in parts {
        if !names.iter().any(|name| name == part.name()) {
            names.push(part.name().to_owned());
        }
    }
    names
}
