//! The keys of a suite's TOML file as they are written, before anything is checked.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;
use toml::Spanned;

use super::{AdapterKind, Evidence, FusionMethod, PlannerName, QueryText, SimulatedUser};

/// A suite: a data set, variants of the system, what is measured of them, and when the result is good enough.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SuiteSpec {
    /// A short name: letters, digits, `-` and `_`. Results are kept under it.
    #[schemars(with = "String")]
    pub(super) name: Spanned<String>,
    /// What it shows, in a sentence or two.
    #[serde(default)]
    pub(super) description: String,
    /// What it runs on.
    #[schemars(with = "DataSpec")]
    pub(super) data: Spanned<DataSpec>,
    /// Who asks, where users are simulated.
    #[schemars(with = "Option<SimulatedUser>")]
    pub(super) user: Option<Spanned<SimulatedUser>>,
    /// The metrics, the most important first: `["ndcg@10", "recall@100"]`.
    #[schemars(with = "Vec<String>")]
    pub(super) metrics: Vec<Spanned<String>>,
    /// The variants, each run on every case.
    #[schemars(with = "Vec<VariantSpec>")]
    pub(super) variants: Vec<Spanned<VariantSpec>>,
    /// The variant that the others are compared with; the first one unless given.
    #[schemars(with = "Option<String>")]
    pub(super) reference: Option<Spanned<String>>,
    /// How often each case is run under each variant: more than once for models that are sampled.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) repeats: Option<Spanned<u32>>,
    /// The seed of everything that is drawn: resampling, permutations.
    #[serde(default)]
    pub(super) seed: u64,
    /// How many cases run at a time; as many as there are cores unless given.
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub(super) concurrency: Option<Spanned<u32>>,
    /// The most cases that are begun in a second.
    #[schemars(with = "Option<f64>")]
    pub(super) rate_limit: Option<Spanned<f64>>,
    /// What must hold; `segue eval` ends with exit code 3 where it does not.
    #[serde(default)]
    #[schemars(with = "Vec<GateSpec>")]
    pub(super) gate: Vec<Spanned<GateSpec>>,
}

/// What a suite runs on.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct DataSpec {
    /// How the files are laid out.
    pub(super) adapter: AdapterKind,
    /// The folder: beside the suite's file, else under `SEGUE_DATA`.
    pub(super) path: Option<PathBuf>,
    /// Or the name of a data set on the model shelf.
    pub(super) shelf: Option<String>,
    /// Which part of the cases: `test` unless given.
    pub(super) split: Option<String>,
    /// Only the first so many cases.
    pub(super) limit: Option<usize>,
    /// Only these services (`sgd`) or categories (`bfcl`).
    #[serde(default)]
    pub(super) parts: Vec<String>,
    /// The least value of an interaction that says that an item was liked; any does unless given.
    pub(super) at_least: Option<f64>,
    /// The files of `conversations`, beside the suite's file: JSON Lines of turns with gold.
    #[serde(default)]
    pub(super) cases: Vec<PathBuf>,
    /// The mapping of the catalogue for `conversations`, `simulated` and `interactions`, beside the suite's file; `dataset.toml` in its
    /// folder unless given.
    pub(super) map: Option<PathBuf>,
    /// Files of judgments beside the suite's file, as `segue eval label` writes them: they count beside and over the data
    /// set's own. The median of several.
    #[serde(default)]
    pub(super) judgments: Vec<PathBuf>,
    /// `false` leaves embeddings out: no model is needed, and nothing is searched by meaning.
    pub(super) embeddings: Option<bool>,
    /// The model of the shelf that embeds, where it is not the usual one.
    pub(super) embedding_model: Option<String>,
}

/// One variant of the system. It has a `retriever` or a `planner`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VariantSpec {
    /// Its name, unique in the suite.
    pub(super) name: String,
    /// One search: `bm25`, `embedding`; or `fusion` of several.
    pub(super) retriever: Option<RetrieverName>,
    /// The fields that `bm25` looks into, with their weights; those of the catalogue unless given.
    #[serde(default)]
    pub(super) fields: BTreeMap<String, f32>,
    /// What a `fusion` is made of.
    #[serde(default)]
    pub(super) parts: Vec<Part>,
    /// How a `fusion` is made: `rrf` unless given.
    pub(super) method: Option<FusionMethod>,
    /// The weight of each part; 1 unless given.
    pub(super) weights: Option<Vec<f64>>,
    /// Several lists of weights: the variant is run once with each.
    pub(super) try_weights: Option<Vec<Vec<f64>>>,
    /// How many of each part's best are fused; all unless given.
    pub(super) depth: Option<usize>,
    /// What of a conversation is searched for, where the cases are turns of one.
    pub(super) query: Option<QueryText>,
    /// The whole agent, with this planner.
    pub(super) planner: Option<PlannerName>,
    /// The planner's model, as `workspace.toml` or the shelf names it.
    pub(super) model: Option<String>,
    /// Tools that are left out.
    #[serde(default)]
    pub(super) without: Vec<String>,
    /// A folder of prompts (`NAME.prompt.md`) that take the place of those built in, beside the suite's file.
    pub(super) prompts: Option<PathBuf>,
    /// A file of what the model said, beside the suite's: it is played back, so that no model is needed. `--live` asks the model
    /// and writes it anew.
    pub(super) recording: Option<PathBuf>,
}

/// A search, or several fused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum RetrieverName {
    /// By words.
    Bm25,
    /// By meaning.
    Embedding,
    /// What most users liked; of interactions only.
    Popular,
    /// What those liked who liked the same (item-based neighbours); of interactions only.
    Neighbours,
    /// Several, fused.
    Fusion,
}

/// A part of a fusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(super) enum Part {
    /// By words.
    Bm25,
    /// By meaning.
    Embedding,
}

/// One thing that must hold.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct GateSpec {
    /// The metric.
    pub(super) metric: String,
    /// The variant; every one unless given.
    pub(super) variant: Option<String>,
    /// The worst that the estimate may be.
    pub(super) limit: Option<f64>,
    /// How much worse than the baseline it may be.
    pub(super) allowed_drop: Option<f64>,
    /// What decides: the estimate of the difference (`estimate`; of an `allowed_drop` unless given), or its whole interval
    /// (`interval`; of `better_than` unless given).
    pub(super) evidence: Option<Evidence>,
    /// Another variant that it must be better than.
    pub(super) better_than: Option<String>,
    /// With `better_than`: better than so many times the other's figure (1.1: a tenth better).
    pub(super) times: Option<f64>,
}
