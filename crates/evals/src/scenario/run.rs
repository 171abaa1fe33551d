//! Runs scenarios: file by file side by side, the scenarios of a file one after the other, each in a conversation of its
//! own over a catalogue that nobody else writes to.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use segue_agent::model::Prompts;
use segue_agent::{Agent, Cancellation, PlanningModel, Session, TurnReport};
use segue_catalog::Workspace;
use segue_models::{ChatModel, ChatRequest, Completion, Delta, ScriptedModel, Shelf};
use segue_world::{FileError, World, fs};
use sha2::{Digest, Sha256};
use tokio::sync::{Semaphore, mpsc};

use super::catalog::{Built, NoCatalog, Surroundings, build};
use super::check::{Not, Seen};
use super::document::Wrong;
use super::parse::{CatalogBlocks, Scenario, ScenarioFile, Snapshot, Turn, parse};
use super::world::ScenarioWorld;
use super::{Failure, Progress, ScenarioError, ScenarioOutcome, ScenarioRun, Status, cases, snapshot};
use crate::CaseUsage;

/// What scenarios are run with.
#[derive(Debug, Clone, Default)]
pub struct RunOptions {
    /// What `catalog workspace` means; without one such scenarios are skipped.
    pub workspace: Option<Workspace>,
    /// The folder of data sets that are not in the repository (`SEGUE_DATA`).
    pub data: PathBuf,
    /// Where data and embedding model are fetched from; without one what needs them is skipped.
    pub shelf: Option<Shelf>,
    /// Who is asked where a scenario wants a model and has no script; without one such scenarios are skipped.
    pub model: Option<PlanningModel>,
    /// Only scenarios whose name has this in it, in whatever case.
    pub filter: Option<String>,
    /// How many files are run side by side; at least one is.
    pub jobs: usize,
    /// Writes snapshots anew instead of comparing them.
    pub update: bool,
    /// True if limits on wall time can fail a scenario.
    pub timed: bool,
    /// Raise it to end with what was run so far.
    pub cancellation: Cancellation,
}

/// Runs the scenarios of these files, and of all `.md` files in and under these folders but `README.md`.
///
/// # Errors
/// Only where nothing can be run: a path that is not there, a folder without scenarios, a filter that fits none. A file
/// that cannot be read as scenarios is an outcome, [`Status::Broken`], and the others are run.
pub async fn run(
    world: &Arc<dyn World>,
    paths: &[PathBuf],
    options: &RunOptions,
    mut progress: impl FnMut(Progress) + Send,
) -> Result<ScenarioRun, ScenarioError> {
    let files = files(paths)?;
    let began = world.elapsed();
    let around = Arc::new(Surroundings {
        world: world.clone(),
        workspace: options.workspace.clone(),
        data: options.data.clone(),
        shelf: options.shelf.clone(),
        embedder: OnceLock::new(),
    });
    let (tell, mut told) = mpsc::unbounded_channel();
    let gate = Arc::new(Semaphore::new(options.jobs.max(1)));
    let runtime = tokio::runtime::Handle::current();
    let mut tasks = Vec::with_capacity(files.len());
    for path in &files {
        let (path, around, options) = (path.clone(), around.clone(), options.clone());
        let (gate, tell, runtime) = (gate.clone(), tell.clone(), runtime.clone());
        tasks.push(tokio::spawn(async move {
            let _permit = gate.acquire_owned().await;
            // Building a catalogue keeps a thread busy.
            let work = move || {
                let outcomes = runtime.block_on(run_file(&path, &around, &options));
                let _ = tell.send(path);
                outcomes
            };
            tokio::task::spawn_blocking(work).await
        }));
    }
    drop(tell);
    let (mut done, total) = (0, files.len());
    while let Some(path) = told.recv().await {
        done += 1;
        progress(Progress { done, total, path });
    }
    let mut run = ScenarioRun { is_stopped: options.cancellation.is_cancelled(), ..ScenarioRun::default() };
    for (task, path) in tasks.into_iter().zip(files) {
        match task.await {
            Ok(Ok(of_file)) => {
                run.updated.extend(of_file.is_updated.then_some(path));
                run.outcomes.extend(of_file.outcomes);
            }
            Ok(Err(error)) | Err(error) => {
                let message = format!("it could not be run to its end: {error}");
                run.outcomes.push(broken(&path, &Wrong::at(1, 1, message)));
            }
        }
    }
    if run.outcomes.is_empty() && !run.is_stopped {
        return Err(ScenarioError::NoneFits { filter: options.filter.clone().unwrap_or_default() });
    }
    run.ms = world.elapsed().saturating_sub(began).as_secs_f64() * 1e3;
    Ok(run)
}

/// The files that are meant, each once.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, ScenarioError> {
    let mut found = Vec::new();
    for path in paths {
        if !fs::exists(path) {
            return Err(ScenarioError::Missing { path: path.clone() });
        }
        if !fs::is_dir(path) {
            found.push(path.clone());
            continue;
        }
        let before = found.len();
        gather(path, 0, &mut found)?;
        if found.len() == before {
            return Err(ScenarioError::Empty { path: path.clone() });
        }
    }
    let mut seen = std::collections::BTreeSet::new();
    found.retain(|path| seen.insert(path.clone()));
    Ok(found)
}

/// How deep folders are looked into; links can make them deep without end.
const DEEPEST: usize = 8;

/// The scenario files in a folder and those under it. `README.md` and what is hidden are none.
pub(super) fn gather(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), FileError> {
    for path in fs::list(folder)? {
        let name = path.file_name().map(|n| n.to_string_lossy().to_lowercase()).unwrap_or_default();
        if name.starts_with('.') || name == "readme.md" {
            continue;
        }
        if fs::is_dir(&path) {
            if depth < DEEPEST {
                gather(&path, depth + 1, found)?;
            }
        } else if path.extension().is_some_and(|e| e.eq_ignore_ascii_case("md")) {
            found.push(path);
        }
    }
    Ok(())
}

#[derive(Debug, Default)]
struct OfFile {
    outcomes: Vec<ScenarioOutcome>,
    is_updated: bool,
}

fn broken(path: &Path, wrong: &Wrong) -> ScenarioOutcome {
    let name = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let failure = Failure {
        line: wrong.line,
        column: Some(wrong.column),
        assertion: String::new(),
        got: wrong.message.clone(),
    };
    let mut outcome = ScenarioOutcome::new(name, path, wrong.line);
    outcome.status = Status::Broken;
    outcome.failures.push(failure);
    outcome
}

async fn run_file(path: &Path, around: &Surroundings, options: &RunOptions) -> OfFile {
    let mut of_file = OfFile::default();
    let source = match fs::read_to_string(path) {
        Ok(source) => source,
        Err(error) => {
            of_file.outcomes.push(broken(path, &Wrong::at(1, 1, error.to_string())));
            return of_file;
        }
    };
    let file = match parse(&source, path) {
        Ok(file) => file,
        Err(wrong) => {
            of_file.outcomes.push(broken(path, &wrong));
            return of_file;
        }
    };
    let is_wanted = |scenario: &&Scenario| {
        let wanted = options.filter.as_ref().map(|f| f.to_lowercase());
        wanted.is_none_or(|wanted| scenario.name.to_lowercase().contains(&wanted))
    };
    let mut changes = Vec::new();
    let mut built: Option<(Arc<CatalogBlocks>, Result<Built, NoCatalog>)> = None;
    for scenario in file.scenarios.iter().filter(is_wanted) {
        if options.cancellation.is_cancelled() {
            break;
        }
        if built.as_ref().is_none_or(|(blocks, _)| *blocks != scenario.catalog) {
            let cancelled = || options.cancellation.is_cancelled();
            built = Some((scenario.catalog.clone(), build(&scenario.catalog, path, around, &cancelled)));
        }
        let began = around.world.elapsed();
        let mut outcome = ScenarioOutcome::new(scenario.name.clone(), path, scenario.line);
        match built.as_ref().map(|(_, built)| built) {
            Some(Ok(built)) => {
                let mut running =
                    Running { source: &source, scenario, built, around, options, changes: &mut changes };
                running.run(&mut outcome).await;
            }
            Some(Err(NoCatalog::Absent(why))) => outcome.skip(why.clone()),
            Some(Err(NoCatalog::Wrong(message))) => {
                outcome.break_off(scenario.catalog.line, "", message.clone());
            }
            None => {}
        }
        outcome.usage.ms = around.world.elapsed().saturating_sub(began).as_secs_f64() * 1e3;
        if !options.cancellation.is_cancelled() {
            of_file.outcomes.push(outcome);
        }
    }
    if !changes.is_empty() && !options.cancellation.is_cancelled() {
        match update(path, &file, changes) {
            Ok(is_updated) => of_file.is_updated = is_updated,
            Err(wrong) => of_file.outcomes.push(broken(path, &wrong)),
        }
    }
    of_file
}

/// Writes new snapshots, unless somebody has written to the file meanwhile.
fn update(
    path: &Path,
    file: &ScenarioFile,
    changes: Vec<(std::ops::Range<usize>, String)>,
) -> Result<bool, Wrong> {
    let failed = |e: FileError| Wrong::at(1, 1, e.to_string());
    if fs::read_to_string(path).map_err(failed)? != file.source {
        return Err(Wrong::at(1, 1, "the file has changed while it was run; run it again"));
    }
    let new = snapshot::replaced(&file.source, changes);
    if new != file.source {
        fs::write_atomic(path, new.as_bytes()).map_err(failed)?;
    }
    Ok(new != file.source)
}

/// A scenario that is being run.
struct Running<'a> {
    /// The text of the file.
    source: &'a str,
    scenario: &'a Scenario,
    built: &'a Built,
    around: &'a Surroundings,
    options: &'a RunOptions,
    /// Snapshots to be written.
    changes: &'a mut Vec<(std::ops::Range<usize>, String)>,
}

impl Running<'_> {
    async fn run(&mut self, outcome: &mut ScenarioOutcome) {
        let settings = &self.scenario.settings;
        let world = Arc::new(ScenarioWorld::new(self.around.world.clone(), settings.now));
        let tools = segue_tools::builtin(self.built.engine.clone());
        if let Some(name) = settings.without.iter().find(|name| tools.get(name).is_err()) {
            outcome.break_off(self.scenario.line, "settings", format!("`without` names no tool: `{name}`"));
            return;
        }
        let tools = tools.without(&settings.without);
        let snapshot = self.built.engine.snapshot().clone();
        let mut agent = Agent::new(world.clone(), snapshot, tools);
        let script = Arc::new(Script::default());
        let is_scripted = self.scenario.turns.iter().any(|t| t.is_scripted);
        if settings.asks_a_model() {
            let model = match self.model(&script, is_scripted) {
                Ok(Some(model)) => model,
                Ok(None) => {
                    let remedy = "it asks a model and has no script; give a model with --model";
                    outcome.skip(remedy.to_owned());
                    return;
                }
                Err(message) => {
                    outcome.break_off(self.scenario.line, "", message);
                    return;
                }
            };
            if settings.writer {
                agent = agent.with_writer(model.clone());
            }
            agent = agent.with_model(model);
        }
        outcome.fingerprint = digest(&[self.source, &self.scenario.name, agent.fingerprint()]);
        if let Some(block) = &self.scenario.cases {
            let mut options = settings.options();
            options.cancellation = self.options.cancellation.clone();
            let cancellation = &self.options.cancellation;
            let engine = &self.built.engine;
            cases::run(&agent, engine, world.as_ref(), block, &options, cancellation, outcome).await;
            return;
        }
        let names: Vec<String> = agent.specs().iter().map(|s| s.name.clone()).collect();
        let mut session = Session::in_memory(world.as_ref());
        for turn in &self.scenario.turns {
            world.set(turn.now.or(settings.now));
            let model = Arc::new(ScriptedModel::new(turn.replies.iter().map(|(_, r)| r.clone()).collect()));
            script.set(model.clone());
            let mut options = settings.options();
            options.cancellation = self.options.cancellation.clone();
            let report = match agent.turn(&mut session, &turn.text, options, |_| {}).await {
                Ok(report) => report,
                Err(error) => {
                    outcome.break_off(turn.line, "user", format!("the turn could not be done: {error}"));
                    return;
                }
            };
            outcome.count(&report);
            let asked = model.requests();
            if is_scripted {
                used_up(turn, asked.len(), outcome);
            }
            let seen = Seen {
                engine: &self.built.engine,
                tools: &names,
                report: &report,
                session: &session,
                asked: &asked,
                is_timed: self.options.timed,
            };
            for assertion in &turn.assertions {
                outcome.assertions += 1;
                match seen.check(&assertion.what) {
                    Ok(()) => {}
                    Err(Not::Holds(got)) => outcome.fail(assertion.line, &assertion.text, got),
                    Err(Not::Sense(message)) => {
                        outcome.break_off(assertion.line, &assertion.text, message);
                    }
                    Err(Not::Timely(got)) => outcome.warn(assertion.line, &assertion.text, got),
                }
            }
            for wanted in &turn.snapshots {
                outcome.assertions += 1;
                self.compare(wanted, &report, outcome);
            }
        }
    }

    fn compare(&mut self, wanted: &Snapshot, report: &TurnReport, outcome: &mut ScenarioOutcome) {
        let got = snapshot::render(wanted.of, report);
        let Some(difference) = snapshot::difference(&wanted.text, &got) else { return };
        if self.options.update {
            self.changes.push((wanted.content.clone(), got));
        } else {
            let remedy = "`segue eval --update` writes it anew";
            outcome.fail(wanted.line, "snapshot", format!("{difference}; {remedy}"));
        }
    }

    fn model(&self, script: &Arc<Script>, is_scripted: bool) -> Result<Option<PlanningModel>, String> {
        if !is_scripted {
            return Ok(self.options.model.clone());
        }
        let settings = &self.scenario.settings;
        let prompts = Prompts::load(self.built.prompts.as_deref()).map_err(|e| e.to_string())?;
        let model: Arc<dyn ChatModel> = script.clone();
        Ok(Some(PlanningModel { model, prompts, prices: settings.prices, logprobs: settings.logprobs }))
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of these parts.
pub(super) fn digest(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.len().to_le_bytes());
        hash.update(part.as_bytes());
    }
    hash.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// A script must be used up exactly, turn by turn.
fn used_up(turn: &Turn, asked: usize, outcome: &mut ScenarioOutcome) {
    let said = turn.replies.len();
    let line = turn.replies.get(asked.min(said.saturating_sub(1))).map_or(turn.line, |(line, _)| *line);
    if asked != said {
        let times = |n: usize| if n == 1 { "once".to_owned() } else { format!("{n} times") };
        let asked =
            if asked == 0 { "was not asked".to_owned() } else { format!("was asked {}", times(asked)) };
        outcome.fail(
            line,
            "model",
            format!("the model {asked} in this turn, and its script answers {}", times(said)),
        );
    }
}

/// The model of a scenario: in each turn a script of its own, so that one that is not used up spoils no other turn.
#[derive(Default)]
struct Script {
    current: Mutex<Option<Arc<ScriptedModel>>>,
}

impl Script {
    fn set(&self, model: Arc<ScriptedModel>) {
        *self.current.lock().unwrap_or_else(PoisonError::into_inner) = Some(model);
    }
}

impl ChatModel for Script {
    fn name(&self) -> &'static str {
        "scripted"
    }

    fn complete<'a>(
        &'a self,
        request: &'a ChatRequest,
        on_delta: &'a mut (dyn FnMut(Delta) + Send),
    ) -> Completion<'a> {
        let current = self.current.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let model = current.unwrap_or_else(|| Arc::new(ScriptedModel::new(Vec::new())));
        Box::pin(async move { model.complete(request, on_delta).await })
    }
}

impl ScenarioOutcome {
    fn new(name: String, path: &Path, line: usize) -> Self {
        Self {
            name,
            path: path.to_owned(),
            line,
            status: Status::Passed,
            assertions: 0,
            failures: Vec::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
            skipped: None,
            tools: Vec::new(),
            usage: CaseUsage::default(),
            fingerprint: String::new(),
        }
    }

    fn skip(&mut self, why: String) {
        self.status = Status::Skipped;
        self.skipped = Some(why);
    }

    pub(super) fn fail(&mut self, line: usize, assertion: &str, got: String) {
        if self.status == Status::Passed {
            self.status = Status::Failed;
        }
        self.failures.push(Failure { line, column: None, assertion: assertion.to_owned(), got });
    }

    /// What keeps it from being run to its end.
    pub(super) fn break_off(&mut self, line: usize, assertion: &str, message: String) {
        self.status = Status::Broken;
        self.fail(line, assertion, message);
    }

    fn warn(&mut self, line: usize, assertion: &str, got: String) {
        self.warnings.push(Failure { line, column: None, assertion: assertion.to_owned(), got });
    }

    pub(super) fn count(&mut self, report: &TurnReport) {
        self.usage.model_calls += report.usage.model_calls;
        self.usage.input_tokens += report.usage.input_tokens;
        self.usage.output_tokens += report.usage.output_tokens;
        self.usage.cost += report.usage.cost;
        self.tools.extend(report.calls.iter().map(|c| c.tool.clone()));
    }
}
