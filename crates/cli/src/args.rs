//! The command line: every command, option and help text.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use segue_agent::{Budget, Language};

use crate::commands::SuiteArgs;

/// Turn a catalogue into a conversation you can check.
#[derive(Debug, Parser)]
#[command(name = "segue", version, propagate_version = true, after_help = AFTER_HELP)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const AFTER_HELP: &str = "\
Begin with `segue demo`: it builds a workspace of 17,472 films and shows a conversation.

Exit codes: 0 ok, 1 the job failed, 2 wrong usage, 3 a check or gate did not hold.";

/// Options that every command takes.
#[derive(Debug, Args)]
pub(crate) struct Global {
    /// The folder of the workspace
    #[arg(long, short, global = true, value_name = "DIR", default_value = ".segue", env = "SEGUE_WORKSPACE")]
    pub(crate) workspace: PathBuf,
    /// Print one JSON document (or JSON Lines when streaming) instead of text
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colour
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Color,
}

/// When to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Color {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Build the sample workspace and show a conversation; on a terminal, go on with chat
    Demo(Demo),
    /// Read files into the catalogue
    Import(Import),
    /// Build the indexes of what was imported and serve them
    Index(Index),
    /// The generations of the catalogue: list, compare, roll back, prune
    Generations(Generations),
    /// What is in the workspace, how large and how fresh it is, and what an index would do
    Status,
    /// What is wrong with workspace, models and endpoints, and what to do about it
    Doctor(Doctor),
    /// Write the workspace into one file, while it is in use
    Backup(Backup),
    /// Make a workspace of a backup
    Restore(Restore),
    /// What the owner says of answers (steering.toml, synonyms.txt), and what of it holds today
    Steering,
    /// Have a conversation
    Chat(Chat),
    /// Ask one thing
    Ask(Ask),
    /// Execute a plan
    Run(Run),
    /// Do a turn again from its trace, without its model, and compare; or list the traces
    Replay(Replay),
    /// The tools: list, describe, call
    #[command(subcommand)]
    Tool(Tool),
    /// The model shelf: list, fetch
    #[command(subcommand)]
    Models(Models),
    /// Run scripted evals: scenarios in Markdown, suites with intervals, comparisons and a gate
    Eval(Eval),
    /// Measure latency on this workspace
    Bench(Bench),
}

#[derive(Debug, Args)]
pub(crate) struct Demo {
    /// Stop after the scripted conversation, also on a terminal
    #[arg(long)]
    pub(crate) no_chat: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Import {
    /// The files: SQLite, Parquet, XLSX, CSV, TSV, JSON Lines or a JSON array, text also packed by gzip or zip; with --map, which can name
    /// PostgreSQL and vectors too, those it names are used where none is given
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// How columns become fields; without it a mapping is inferred and written out for editing
    #[arg(long, value_name = "DATASET.TOML")]
    pub(crate) map: Option<PathBuf>,
    /// The file holds changes: items to add, or to put in the place of those of the same id; all others stay. Without --map
    /// columns are read as they were before
    #[arg(long)]
    pub(crate) update: bool,
    /// Delete the items whose ids are in this file: a table with the column of ids, or an id a line
    #[arg(long, value_name = "FILE")]
    pub(crate) delete: Option<PathBuf>,
    /// Of a file that holds several: the table of the database, the sheet of the workbook, the file of the archive
    #[arg(long, value_name = "NAME", conflicts_with = "map")]
    pub(crate) table: Option<String>,
    /// Build the indexes too
    #[arg(long)]
    pub(crate) index: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Index {
    /// Leave embeddings out: no search by meaning, ready in seconds
    #[arg(long)]
    pub(crate) no_embeddings: bool,
    /// The model to embed with, of the shelf (`segue models list`); else the one that workspace.toml names under `[embedding]`,
    /// else the one of the index that serves
    #[arg(long, value_name = "MODEL", conflicts_with = "no_embeddings")]
    pub(crate) model: Option<String>,
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = GENERATIONS_HELP)]
pub(crate) struct Generations {
    #[command(subcommand)]
    pub(crate) command: Option<GenerationsCommand>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum GenerationsCommand {
    /// Every generation: state, when it was imported, items, content hash, size, model; this is the default
    List,
    /// What is different between two: fields, items, statistics, embeddings
    Compare {
        /// The earlier one
        a: u32,
        /// The later one
        b: u32,
        /// How many items of each kind to name; counts are of all
        #[arg(long, value_name = "N", default_value_t = 10)]
        limit: u16,
    },
    /// Let an indexed generation serve again, at once
    Rollback {
        /// Which one; the newest before the one that serves, if not given
        number: Option<u32>,
    },
    /// How many old generations are kept, from the next import or index on; written to workspace.toml
    Keep {
        /// So many, beside the one that serves
        count: u32,
    },
    /// Remove old generations with their rows and indexes, and give the disk back what they took
    Prune {
        /// How many old ones stay; as workspace.toml says, if not given
        #[arg(long, value_name = "N")]
        keep: Option<u32>,
    },
}

const GENERATIONS_HELP: &str = "\
An import makes a generation, an index lets it serve. The one that served before is kept, so that `rollback` has something to go back
to; `keep N` keeps more. Numbers are never given twice. What serves goes on serving during all of this; long-running processes
see another generation when they start again.";

#[derive(Debug, Args)]
#[command(after_help = DOCTOR_HELP)]
pub(crate) struct Doctor {
    /// Do what is safe: remove what killed commands left, bring an older workspace to this version, have damaged model files
    /// fetched again
    #[arg(long)]
    pub(crate) fix: bool,
    /// Ask no endpoint and start no other program
    #[arg(long)]
    pub(crate) offline: bool,
}

const DOCTOR_HELP: &str = "\
It reads all of the workspace and of the model shelf, and waits a few seconds for an endpoint. No message shows a key.

Exit codes: 0 no error (there may be warnings), 3 an error is left.";

#[derive(Debug, Args)]
#[command(after_help = BACKUP_HELP)]
pub(crate) struct Backup {
    /// The file to write; its name says how it is compressed: .tar.zst, .tar.gz or .tar
    pub(crate) file: PathBuf,
    /// Leave these out (names separated by commas)
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    pub(crate) without: Vec<Without>,
    /// Replace a file that is there
    #[arg(long)]
    pub(crate) force: bool,
}

/// A part of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Without {
    /// Conversations
    Sessions,
    /// What happened in each turn
    Traces,
    /// Embeddings by the hash of their text: what an index can compute again
    Cache,
}

const BACKUP_HELP: &str = "\
In it are rows and indexes of every generation, settings, prompts, and what people said: conversations and traces, unless they are
left out. Keys are not: they are in the environment, and files that `key_file` in workspace.toml names are left out; what you
write into workspace.toml yourself (headers) is in it. Others can ask, chat, import and index meanwhile; the copy is of one moment.
Databases are copied beside FILE first, so that there must be room for them twice. FILE appears when it is whole.";

#[derive(Debug, Args)]
#[command(after_help = RESTORE_HELP)]
pub(crate) struct Restore {
    /// The backup
    pub(crate) file: PathBuf,
    /// The folder to restore into; the workspace, if not given
    #[arg(long, value_name = "DIR")]
    pub(crate) to: Option<PathBuf>,
    /// Take the place of what is there; that is put aside, not removed
    #[arg(long)]
    pub(crate) force: bool,
}

const RESTORE_HELP: &str = "\
Everything is read and every SHA-256 compared beside the workspace before it takes its place, at once; killed before that, the old
workspace is there. Processes that have the old one open (chat, serve) go on with it until they are started again.";

/// How a turn is done.
#[derive(Debug, Args, Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(crate) struct TurnArgs {
    /// Who plans
    #[arg(long, value_name = "PLANNER", default_value = "auto")]
    pub(crate) planner: Planner,
    /// The model to plan with: a name in workspace.toml; else, where OPENAI_BASE_URL is set, the server's name for it;
    /// else a chat model of the shelf (`segue models list`), which runs in this process if this build can (feature `gguf`)
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
    /// Who words the answer; every sentence is checked against the catalogue
    #[arg(long, value_name = "WRITER", default_value = "auto")]
    pub(crate) writer: Writer,
    /// The model to word the answer with, named as for --model
    #[arg(long, value_name = "MODEL")]
    pub(crate) write: Option<String>,
    /// How many items to show, where the request does not say
    #[arg(long, short = 'k', value_name = "N", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) count: Option<u16>,
    /// The language of the request and of the answer, by its code: en, nl, pt or zh; told from the words if not given
    #[arg(long, value_name = "CODE")]
    pub(crate) lang: Option<Language>,
    /// Show the evidence behind every item
    #[arg(long)]
    pub(crate) explain: bool,
    /// Leave a tool out (may be repeated)
    #[arg(long, value_name = "TOOL")]
    pub(crate) without: Vec<String>,
    /// Leave the owner's rules and synonyms out (steering.toml, synonyms.txt); hidden fields stay hidden
    #[arg(long)]
    pub(crate) without_steering: bool,
    /// Write no trace of the turn (nothing is exported then either)
    #[arg(long)]
    pub(crate) no_trace: bool,
    /// Allow the calls that change something, without asking
    #[arg(long)]
    pub(crate) approve: bool,
    /// Seconds that a turn may take; then it ends with the best so far
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_seconds: Option<u32>,
    /// Tokens that models may read and write in a turn
    #[arg(long, value_name = "N")]
    pub(crate) max_tokens: Option<u64>,
    /// US dollars that models may cost in a turn, by their prices in workspace.toml
    #[arg(long, value_name = "DOLLARS", value_parser = money)]
    pub(crate) max_cost: Option<f64>,
    /// Tool calls that a turn may make
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) max_calls: Option<u32>,
}

impl TurnArgs {
    /// What a turn may use.
    pub(crate) fn budget(&self) -> Budget {
        let usual = Budget::default();
        Budget {
            calls: self.max_calls.unwrap_or(usual.calls),
            time: self.max_seconds.map_or(usual.time, |s| Duration::from_secs(u64::from(s))),
            tokens: self.max_tokens,
            cost: self.max_cost,
            ..usual
        }
    }
}

fn money(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(amount) if amount.is_finite() && amount >= 0.0 => Ok(amount),
        _ => Err("write an amount, as in 0.05".to_owned()),
    }
}

/// Who plans.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Planner {
    /// Where a model is given or configured, `native` if it calls tools and keeps to a schema, else `route`; `rules`
    /// without one
    #[default]
    Auto,
    /// A deterministic reading of the request against the catalogue's own values; no model
    Rules,
    /// The rules first, and a language model for the words that they leave
    Route,
    /// A language model writes the whole plan in one reply
    Plan,
    /// A language model calls the tools itself, step by step
    Native,
}

/// Who words an answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Writer {
    /// A model where one is given or `[roles]` in workspace.toml names one, else a template
    #[default]
    Auto,
    /// Templates
    Template,
    /// A language model; sentences that the catalogue does not bear out are left out
    Model,
}

#[derive(Debug, Args)]
pub(crate) struct Chat {
    #[command(flatten)]
    pub(crate) turn: TurnArgs,
    /// Go on with this session; without it a new one begins
    #[arg(long, value_name = "ID", conflicts_with = "resume")]
    pub(crate) session: Option<String>,
    /// Go on with the latest session
    #[arg(long)]
    pub(crate) resume: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Ask {
    /// The request, in your words
    #[arg(required_unless_present = "resume")]
    pub(crate) request: Option<String>,
    #[command(flatten)]
    pub(crate) turn: TurnArgs,
    /// Show what was understood and the plan, and call nothing
    #[arg(long)]
    pub(crate) plan_only: bool,
    /// Ask in this session, so that what was asked before still holds
    #[arg(long, value_name = "ID")]
    pub(crate) session: Option<String>,
    /// Go on with the turn of this session that was cut: what the model had answered is not asked again
    #[arg(long, value_name = "ID", conflicts_with_all = ["request", "session", "plan_only", "no_trace"])]
    pub(crate) resume: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// A plan as JSON (`-` for standard input), as `segue ask --plan-only --json` prints under `plan`
    pub(crate) plan: PathBuf,
    /// How many items of the last set to print
    #[arg(long, short = 'k', value_name = "N", default_value_t = 10)]
    pub(crate) count: u16,
}

#[derive(Debug, Args)]
#[command(after_help = REPLAY_HELP)]
pub(crate) struct Replay {
    /// The trace: a file, or a turn as --list shows it; without it the newest
    #[arg(value_name = "TRACE")]
    pub(crate) trace: Option<String>,
    /// List the traces of the workspace with tokens and cost, the newest first
    #[arg(long, conflicts_with = "trace")]
    pub(crate) list: bool,
    /// Run the tools against the catalogue as it is now, but for those that change something
    #[arg(long, conflicts_with = "list")]
    pub(crate) live_tools: bool,
}

const REPLAY_HELP: &str = "\
Every turn of `ask` and `chat` leaves a trace in WORKSPACE/traces, unless --no-trace is given; the 500 newest are kept, and
no more than 512 MiB of them. With OTEL_EXPORTER_OTLP_ENDPOINT set, turns are exported too, as OTLP over HTTP in JSON.

Exit code 3 says that something was not as recorded; the first such thing is named.";

#[derive(Debug, Subcommand)]
pub(crate) enum Tool {
    /// The tools and what each is for
    List,
    /// One tool: description, argument schema, examples
    Show {
        /// The tool's name
        name: String,
    },
    /// Call a tool by hand
    Call {
        /// The tool's name
        name: String,
        /// The arguments as a JSON object (`-` for standard input)
        #[arg(default_value = "{}")]
        args: String,
        /// How many items of the set to print
        #[arg(long, short = 'k', value_name = "N", default_value_t = 10)]
        count: u16,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// What the shelf knows and what is already here
    List,
    /// Fetch one by name
    Pull {
        /// The name, as `segue models list` shows it
        name: String,
    },
}

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, after_help = EVAL_HELP)]
pub(crate) struct Eval {
    #[command(subcommand)]
    pub(crate) command: Option<EvalCommand>,
    /// Scenario files (Markdown) and folders of them; or suites: names of files in evals/suites, or files. Without any, the
    /// default gate
    #[arg(value_name = "PATH|SUITE")]
    pub(crate) what: Vec<String>,
    #[command(flatten)]
    pub(crate) scenarios: ScenarioArgs,
    #[command(flatten)]
    pub(crate) suite: SuiteArgs,
    #[command(flatten)]
    pub(crate) files: ReportFiles,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EvalCommand {
    /// Make a scenario of a conversation that was recorded
    Capture(Capture),
    /// Judge what runs found, item by item, without seeing which run found it
    Label(Label),
    /// Show a finished run again, alone or beside another; nothing is run
    Report(Report),
}

#[derive(Debug, Args)]
pub(crate) struct Label {
    /// The runs to pool, of one suite: folders of results, or SUITE for its latest run, or SUITE/FINGERPRINT
    #[arg(value_name = "RESULTS", required = true)]
    pub(crate) results: Vec<PathBuf>,
    /// How many of each ranking's first items are judged; results keep ten
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub(crate) depth: u16,
    /// Who judges; each judge has a file. The user's name, if not given
    #[arg(long, value_name = "NAME")]
    pub(crate) judge: Option<String>,
    /// The folder of the judges' files; judgments/SUITE in the workspace, if not given
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
    /// Judge also what the data set has judged, to see how far you agree
    #[arg(long)]
    pub(crate) all: bool,
    /// Only list what is not judged yet
    #[arg(long)]
    pub(crate) list: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// The run: a folder of results, or SUITE for its latest run, or SUITE/FINGERPRINT
    #[arg(value_name = "RESULTS")]
    pub(crate) results: PathBuf,
    /// What to compare it with: another run, named likewise (SUITE for the latest but this), or a baseline file
    #[arg(long, value_name = "OTHER")]
    pub(crate) against: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) files: ReportFiles,
}

/// Files that are written beside what is printed.
#[derive(Debug, Args, Clone, Default)]
#[command(next_help_heading = "Reports")]
pub(crate) struct ReportFiles {
    /// Write one page of HTML that needs nothing else: figures, plots, and every case with what was seen
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
    /// Write JUnit XML: a test case a case, and one a gate
    #[arg(long, value_name = "FILE")]
    pub(crate) junit: Option<PathBuf>,
}

/// How scenarios are run.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scenarios")]
pub(crate) struct ScenarioArgs {
    /// Only scenarios with this in their name
    #[arg(long, value_name = "NAME")]
    pub(crate) filter: Option<String>,
    /// How many files are run side by side; as many as there are processors, if not given
    #[arg(long, short, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) jobs: Option<u16>,
    /// Write snapshots anew; assertions and prose stay as they are
    #[arg(long)]
    pub(crate) update: bool,
    /// Let limits on wall time (`budget ms`) fail a scenario; else they only warn
    #[arg(long)]
    pub(crate) timed: bool,
    /// The model to ask where a scenario wants one and has no script, named as for `segue ask --model`
    #[arg(long, value_name = "MODEL")]
    pub(crate) model: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Capture {
    /// The trace: a file, or a turn as `segue replay --list` shows it; earlier turns of its session come along. Without it
    /// the newest
    #[arg(value_name = "TRACE")]
    pub(crate) trace: Option<String>,
    /// The file to write; without it the scenario goes to standard output
    #[arg(long, short, value_name = "FILE.md")]
    pub(crate) output: Option<PathBuf>,
    /// Write over a file that is there
    #[arg(long, requires = "output")]
    pub(crate) force: bool,
}

const EVAL_HELP: &str = "\
Without arguments this is the default gate, what to run after a change: all of evals/scenarios, and each suite that has a baseline
in evals/baselines, held against it; no model, no network, and time fails nothing.

A scenario is a Markdown file with a catalogue, a conversation and what must hold after each turn; evals/scenarios/README.md
describes the language.

Exit codes: 0 all hold, 1 something could not be run, 2 wrong usage, 3 one does not hold.";

#[derive(Debug, Args)]
pub(crate) struct Bench {
    /// Fewer repetitions
    #[arg(long)]
    pub(crate) quick: bool,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }
}
