//! Suites: a data set, variants of the system, metrics, and a gate, in one TOML file.
//!
//! A [`Suite`] is read and checked whole before anything runs. An adapter ([`crate::adapters`]) makes a [`Task`] of its data
//! set: cases, and how one is done under one variant. [`run`] does all of them, several at a time, and hands each
//! [`CaseResult`](crate::CaseResult) to the [`ResultStore`], which has it on the disk before the next; a run that was
//! interrupted goes on with exactly what is missing. Results belong to a [`Fingerprint`] of all that they depend on. Then
//! [`assess`] estimates, compares and holds the gates, from results alone.
//!
//! ```
//! use segue_evals::suite::Suite;
//! let text = r#"
//! name = "abstracts"
//! metrics = ["ndcg@10"]
//! [data]
//! adapter = "beir"
//! path = "retrieval/scifact"
//! [[variants]]
//! name = "words"
//! retriever = "bm25"
//! [[gate]]
//! metric = "ndcg@10"
//! limit = 0.67
//! "#;
//! let suite = Suite::parse(text, "evals/suites/abstracts.toml".as_ref())?;
//! assert_eq!((suite.variants.len(), suite.data.split.as_str()), (1, "test"));
//! let error = Suite::parse(&text.replace("limit", "limits"), "a.toml".as_ref()).unwrap_err().to_string();
//! assert!(error.starts_with("`a.toml` line 12: there is no key `limits` here; did you mean `limit`?"), "{error}");
//! # Ok::<(), segue_evals::suite::SuiteError>(())
//! ```

mod assess;
mod baseline;
mod check;
mod fingerprint;
mod finished;
mod gate;
mod run;
mod spec;
mod store;

use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use segue_world::{FileError, fs};
use serde::{Deserialize, Serialize};

use crate::metrics::Metric;
use crate::simulator::Style;
use crate::statistics::Options;

pub(crate) use assess::wall_time;
pub use assess::{Assessment, BaselineReport, Spent, VariantReport, assess};
pub use baseline::{Baseline, BaselineError, Change, Direction};
pub(crate) use fingerprint::digest;
pub use fingerprint::{Fingerprint, PartChange, code_parts};
pub use finished::{FinishedError, FinishedRun};
use gate::hold;
pub use gate::{GateReport, GateResult};
pub use run::{Answered, Case, CaseError, Outlook, RunEnd, RunError, RunOptions, Task, run};
pub use store::{ResultStore, StoreError};

/// A suite that has been checked.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Suite {
    /// Its name; results are kept under it.
    pub name: String,
    /// What it shows.
    pub description: String,
    /// Its file.
    #[serde(skip)]
    pub path: PathBuf,
    /// The file as it is written.
    #[serde(skip)]
    pub text: String,
    /// What it runs on.
    pub data: Data,
    /// Who asks, where users are simulated.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<SimulatedUser>,
    /// Its metrics, the most important first.
    #[serde(serialize_with = "names")]
    pub metrics: Vec<Metric>,
    /// Its variants.
    pub variants: Vec<Variant>,
    /// The variant that the others are compared with: a position in `variants`.
    pub reference: usize,
    /// How often each case is run.
    pub repeats: u32,
    /// The seed of resampling and permutations.
    pub seed: u64,
    /// How many cases run at a time; as many as there are cores if not given.
    #[serde(skip)]
    pub concurrency: Option<usize>,
    /// The most cases that are begun in a second.
    #[serde(skip)]
    pub rate_limit: Option<f64>,
    /// What must hold.
    #[serde(skip)]
    pub gates: Vec<Gate>,
}

/// What a suite runs on.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Data {
    /// How the files are laid out.
    pub adapter: AdapterKind,
    /// Where they are.
    pub place: DataPlace,
    /// Which part of the cases.
    pub split: String,
    /// Only the first so many cases.
    pub limit: Option<usize>,
    /// Only these services or categories, where a data set has such.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<String>,
    /// Whether items are embedded.
    pub embeddings: bool,
    /// The model of the shelf that embeds; `None` for the usual one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding_model: Option<String>,
    /// The mapping of the catalogue, where it is not beside its items; what it says counts, not where it is.
    #[serde(skip)]
    pub map: Option<PathBuf>,
    /// Files of conversations with gold; what they say counts, not where they are.
    #[serde(skip)]
    pub cases: Vec<PathBuf>,
    /// The least value of an interaction that says that an item was liked; any does, if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub at_least: Option<f64>,
    /// Files of judgments besides its own; what they say counts, not where they are.
    #[serde(skip)]
    pub judgments: Vec<PathBuf>,
}

/// The users of a suite of simulated conversations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SimulatedUser {
    /// How many turns a user has before giving up.
    #[schemars(range(min = 1, max = 50))]
    pub patience: usize,
    /// How many of the items shown a user looks at.
    #[schemars(range(min = 1, max = 50))]
    pub looks_at: usize,
    /// How users talk.
    pub style: Style,
    /// A model that words what users mean, as `workspace.toml` or the shelf names it; templates unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
}

impl Default for SimulatedUser {
    fn default() -> Self {
        Self { patience: 6, looks_at: 5, style: Style::default(), model: None }
    }
}

/// Where a suite's data is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum DataPlace {
    /// A folder beside the suite's file, else under `SEGUE_DATA`.
    Folder(PathBuf),
    /// A data set on the model shelf.
    Shelf(String),
}

/// How the files of a data set are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AdapterKind {
    /// Judged retrieval as in BEIR: `corpus.jsonl`, `queries.jsonl`, `qrels/SPLIT.tsv`.
    Beir,
    /// Service calls of schema-guided dialogues: `SPLIT.jsonl.gz`, `schema_SPLIT.json`.
    Sgd,
    /// Function calls of the Berkeley Function-Calling Leaderboard: `BFCL_v4_PART.json` with their possible answers.
    Bfcl,
    /// Conversational playlists as in CPCD: `dialogues.jsonl`, `tracks.jsonl`; the split is `all`.
    Cpcd,
    /// Conversations with gold (`cases`) over a catalogue: the files of items, and their mapping.
    Conversations,
    /// Simulated users who each want an item of a catalogue: the file of items, and its mapping.
    Simulated,
    /// Interactions of users with items, split in time: the files of a mapping with `[interactions]`; the split is `test` or `dev`.
    Interactions,
}

/// One variant of the system.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Variant {
    /// Its name.
    pub name: String,
    /// What it is.
    pub system: System,
    /// What of a conversation is searched for, where the cases are turns of one and the variant is a search.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub query: Option<QueryText>,
}

/// What of a conversation is searched for. Liked items are those that the data set's protocol lets be known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum QueryText {
    /// What the user says now.
    Current,
    /// All that the user has said so far.
    History,
    /// That, and the texts of the items that the user liked so far.
    HistoryAndLiked,
    /// What the user says now, and the makers of the items that the user liked so far: what can be done without a model.
    CurrentAndMakers,
    /// What the person searched for who played the system when the conversation was recorded: an upper bound, and no system.
    Recorded,
}

/// What a variant is.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum System {
    /// One search.
    Search(Search),
    /// Several searches, fused.
    Fusion {
        /// The searches.
        parts: Vec<Search>,
        /// How.
        method: FusionMethod,
        /// A weight for each part.
        weights: Vec<f64>,
        /// How many of each part's best are fused; all if not given.
        depth: Option<usize>,
    },
    /// The whole agent.
    Agent {
        /// Who plans.
        planner: PlannerName,
        /// With which model.
        model: Option<String>,
        /// Without which tools.
        without: Vec<String>,
        /// With prompts of this folder; what they say counts, not where they are.
        #[serde(skip)]
        prompts: Option<PathBuf>,
        /// With what the model said before, in this file; what it says counts, not where it is.
        #[serde(skip)]
        recording: Option<PathBuf>,
    },
}

/// One search of the engine.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Search {
    /// By words, in these fields with these weights; in those of the catalogue if there are none here.
    Bm25(Vec<(String, f32)>),
    /// By meaning.
    Embedding,
    /// By how many users liked it.
    Popular,
    /// By what those liked who liked the same.
    Neighbours,
}

/// How rankings are fused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FusionMethod {
    /// Reciprocal rank fusion.
    #[default]
    Rrf,
    /// A weighted sum of scores brought to mean 0 and standard deviation 1.
    Zscore,
}

/// Who plans in an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PlannerName {
    /// A deterministic reading; no model.
    Rules,
    /// The rules, and a model for what they leave.
    Route,
    /// A model writes the whole plan.
    Plan,
    /// A model calls the tools itself.
    Native,
    /// A model left to itself, with the functions of a case as its tools: what the others are measured against.
    Unaided,
}

/// One thing that must hold of a suite's results.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    /// The metric.
    pub metric: Metric,
    /// The variant; every one if not given.
    pub variant: Option<String>,
    /// What must hold.
    pub demand: Demand,
}

/// What a gate demands.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Demand {
    /// The estimate is no worse than this.
    Limit(f64),
    /// The estimate is no more than this worse than the baseline's.
    AllowedDrop {
        /// In the metric's unit.
        drop: f64,
        /// What decides.
        evidence: Evidence,
    },
    /// It is better than this variant.
    BetterThan {
        /// The other variant.
        variant: String,
        /// So many times its figure is what counts; 1 for the figure itself.
        times: f64,
        /// What decides; the interval unless said.
        evidence: Evidence,
    },
}

/// What decides about a difference.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// The estimate of the difference.
    #[default]
    Estimate,
    /// Its whole interval: only a drop that is beyond doubt fails, and what is better is so beyond doubt.
    Interval,
}

/// A suite that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SuiteError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not right.
    #[error("`{path}` line {line}: {message}")]
    Wrong {
        /// The file.
        path: PathBuf,
        /// Where, from 1.
        line: usize,
        /// What is wrong and what would be right.
        message: String,
    },
}

impl Suite {
    /// Reads a suite. Paths in it are taken as relative to the folder of `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, SuiteError> {
        check::parse(text, path)
    }

    /// Reads a suite from its file.
    pub fn read(path: &Path) -> Result<Self, SuiteError> {
        Self::parse(&fs::read_to_string(path)?, path)
    }

    /// The JSON Schema of a suite's file, for editors.
    pub fn schema() -> serde_json::Value {
        schemars::schema_for!(spec::SuiteSpec).into()
    }

    /// How intervals and tests of this suite are made.
    pub fn statistics(&self) -> Options {
        Options { seed: self.seed, ..Options::default() }
    }
}

impl Search {
    /// As suites and results name it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Bm25(_) => "bm25",
            Self::Embedding => "embedding",
            Self::Popular => "popular",
            Self::Neighbours => "neighbours",
        }
    }
}

impl System {
    /// True if it may search by meaning.
    pub(crate) fn may_search_by_meaning(&self) -> bool {
        match self {
            Self::Search(search) => *search == Search::Embedding,
            Self::Fusion { parts, .. } => parts.contains(&Search::Embedding),
            Self::Agent { .. } => true,
        }
    }

    /// True if it cannot do without embeddings.
    pub(crate) fn needs_embeddings(&self) -> bool {
        !matches!(self, Self::Agent { .. }) && self.may_search_by_meaning()
    }
}

fn names<S: serde::Serializer>(metrics: &[Metric], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(metrics.iter().map(ToString::to_string))
}
