//! From the blocks of a file to its scenarios: which blocks there are, in which order, and what each may hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use segue_models::{ChatError, ChatErrorKind, ChatReply, ToolCallRequest, Wait};
use segue_world::Timestamp;

use super::assertion::{self, Assertion};
use super::document::{Block, HEAD, KINDS, KINDS_ARE, Part, Word, Wrong, did_you_mean, parts};
use super::settings::Settings;

/// The scenarios of one file.
#[derive(Debug, Clone)]
pub(super) struct ScenarioFile {
    pub(super) source: String,
    pub(super) scenarios: Vec<Scenario>,
}

/// A conversation and what must be true of it.
#[derive(Debug, Clone)]
pub(super) struct Scenario {
    /// The file's name, and the heading if the file has several.
    pub(super) name: String,
    pub(super) line: usize,
    pub(super) catalog: Arc<CatalogBlocks>,
    pub(super) settings: Settings,
    pub(super) turns: Vec<Turn>,
    /// Requests by the file, each with its gold conditions.
    pub(super) cases: Option<CasesBlock>,
}

/// What a catalogue is made of.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CatalogBlocks {
    pub(super) line: usize,
    pub(super) source: CatalogSource,
    pub(super) embeddings: bool,
    /// The mapping, and the line where it begins.
    pub(super) mapping: Option<(usize, String)>,
    /// What its owner says of answers, and other words, each with blank lines before it so that errors name its lines.
    pub(super) steering: Option<String>,
    pub(super) synonyms: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CatalogSource {
    /// Rows in the file itself, with the name of the data set.
    Rows { name: String, extension: &'static str, text: String },
    /// A file of the data folder, read as this mapping says.
    Data { file: PathBuf, map: PathBuf },
    /// A file of the model shelf's manifest, read as this mapping says.
    Shelf { resource: String, map: PathBuf },
    /// The workspace at hand, if its catalogue has this name.
    Workspace { name: Option<String> },
}

/// One turn of the conversation.
#[derive(Debug, Clone, Default)]
pub(super) struct Turn {
    pub(super) line: usize,
    pub(super) text: String,
    pub(super) now: Option<Timestamp>,
    /// What the model says in this turn, each with the line of its block.
    pub(super) replies: Vec<(usize, Result<ChatReply, ChatError>)>,
    /// True if there is a script, be it that the model is asked nothing.
    pub(super) is_scripted: bool,
    pub(super) assertions: Vec<Assertion>,
    pub(super) snapshots: Vec<Snapshot>,
}

/// What must be the same, letter by letter, as when it was last looked at.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) line: usize,
    pub(super) of: SnapshotOf,
    pub(super) text: String,
    pub(super) content: std::ops::Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SnapshotOf {
    Plan,
    Answer,
}

/// Requests in a file, and what must hold of all together.
#[derive(Debug, Clone)]
pub(super) struct CasesBlock {
    pub(super) line: usize,
    pub(super) file: PathBuf,
    pub(super) thresholds: Vec<(usize, String)>,
}

/// Reads the text of a scenario file.
pub(super) fn parse(source: &str, path: &Path) -> Result<ScenarioFile, Wrong> {
    let stem = path.file_stem().map(|s| s.to_string_lossy().into_owned()).unwrap_or_default();
    let mut sections = vec![Section::default()];
    for part in parts(source)? {
        match part {
            Part::Heading { level: 2, text, line } => {
                sections.push(Section { heading: Some((text, line)), blocks: Vec::new() });
            }
            Part::Heading { .. } => {}
            Part::Block(block) => {
                if !KINDS.contains(&block.kind.as_str()) {
                    let near = did_you_mean(&block.kind, KINDS);
                    let message = format!("there is no block `{}`{near} ({KINDS_ARE})", block.kind);
                    return Err(block.wrong(message));
                }
                if let Some(section) = sections.last_mut() {
                    section.blocks.push(block);
                }
            }
        }
    }
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut sections = sections.into_iter();
    let first = sections.next().unwrap_or_default();
    let shared = Shared::default().with(&first.blocks, folder)?;
    let mut scenarios = Vec::new();
    scenarios.extend(scenario(stem.clone(), 1, &first.blocks, &shared, folder)?);
    for Section { heading, blocks } in sections {
        let Some((heading, line)) = heading else { continue };
        if blocks.is_empty() {
            continue;
        }
        let own = shared.clone().with(&blocks, folder)?;
        let Some(scenario) = scenario(format!("{stem} / {heading}"), line, &blocks, &own, folder)? else {
            let message = format!("nobody says anything under “{heading}”; add a `user` block");
            return Err(Wrong::at(line, 1, message));
        };
        scenarios.push(scenario);
    }
    if scenarios.is_empty() {
        return Err(Wrong::at(1, 1, "nobody says anything in this file; add a `user` block"));
    }
    let names: Vec<&str> = scenarios.iter().map(|s| s.name.as_str()).collect();
    if let Some(twice) =
        scenarios.iter().enumerate().find(|(n, s)| names.iter().take(*n).any(|o| *o == s.name))
    {
        return Err(Wrong::at(
            twice.1.line,
            1,
            "two scenarios of this file have the same heading; rename one",
        ));
    }
    Ok(ScenarioFile { source: source.to_owned(), scenarios })
}

#[derive(Debug, Default)]
struct Section {
    heading: Option<(String, usize)>,
    blocks: Vec<Block>,
}

/// What stands before the first heading of level 2 holds for all below.
#[derive(Debug, Clone, Default)]
struct Shared {
    catalog: Option<CatalogBlocks>,
    settings: Settings,
}

impl Shared {
    /// With what these blocks say otherwise.
    fn with(mut self, blocks: &[Block], folder: &Path) -> Result<Self, Wrong> {
        for kind in HEAD {
            let mut of_kind = blocks.iter().filter(|b| b.kind == kind);
            if let (Some(first), Some(second)) = (of_kind.next(), of_kind.next()) {
                let message = format!("there is a `{kind}` block already, in line {}", first.line);
                return Err(second.wrong(message));
            }
        }
        let talk = blocks.iter().position(|b| !HEAD.contains(&b.kind.as_str()));
        let (head, body) = blocks.split_at(talk.unwrap_or(blocks.len()));
        if let Some(late) = body.iter().find(|b| HEAD.contains(&b.kind.as_str())) {
            return Err(late.wrong(format!("a `{}` block stands before the first turn", late.kind)));
        }
        for block in head {
            match block.kind.as_str() {
                "catalog" => self.catalog = Some(catalog(block, folder)?),
                "mapping" => {
                    no_words(block)?;
                    let rows =
                        self.catalog.as_mut().filter(|c| matches!(c.source, CatalogSource::Rows { .. }));
                    let Some(catalog) = rows else {
                        return Err(block.wrong("a `mapping` block follows the rows of a `catalog` block"));
                    };
                    catalog.mapping = Some((block.first_line(), block.text.clone()));
                }
                kind @ ("steering" | "synonyms") => {
                    no_words(block)?;
                    let built = self
                        .catalog
                        .as_mut()
                        .filter(|c| !matches!(c.source, CatalogSource::Workspace { .. }));
                    let Some(catalog) = built else {
                        let message =
                            format!("a `{kind}` block follows a `catalog` block that is no workspace");
                        return Err(block.wrong(message));
                    };
                    let text = "\n".repeat(block.first_line().saturating_sub(1)) + &block.text;
                    let place =
                        if kind == "steering" { &mut catalog.steering } else { &mut catalog.synonyms };
                    *place = Some(text);
                }
                _ => {
                    no_words(block)?;
                    self.settings = Settings::parse(block, &self.settings)?;
                }
            }
        }
        Ok(self)
    }
}

fn scenario(
    name: String,
    line: usize,
    blocks: &[Block],
    shared: &Shared,
    folder: &Path,
) -> Result<Option<Scenario>, Wrong> {
    let mut turns: Vec<Turn> = Vec::new();
    let mut cases = None;
    for block in blocks {
        if block.kind == "user" {
            turns.push(turn(block)?);
            continue;
        }
        if block.kind == "cases" {
            cases = Some(cases_block(block, folder)?);
            continue;
        }
        if HEAD.contains(&block.kind.as_str()) {
            continue;
        }
        let Some(turn) = turns.last_mut() else {
            return Err(block.wrong(format!("a `{}` block follows a `user` block", block.kind)));
        };
        match block.kind.as_str() {
            "model" => {
                if !turn.assertions.is_empty() || !turn.snapshots.is_empty() {
                    let message = "what the model says stands before what is expected of the turn";
                    return Err(block.wrong(message));
                }
                turn.is_scripted = true;
                turn.replies.extend(reply(block)?.map(|reply| (block.line, reply)));
            }
            "snapshot" => turn.snapshots.push(snapshot(block)?),
            _ => {
                no_words(block)?;
                let before = turn.assertions.len();
                for (line, text) in block.lines() {
                    turn.assertions.push(assertion::parse(line, text)?);
                }
                if turn.assertions.len() == before {
                    return Err(block.wrong("this block expects nothing"));
                }
            }
        }
    }
    if turns.is_empty() && cases.is_none() {
        return Ok(None);
    }
    let first = turns.first().map_or(line, |t| t.line);
    if let Some(cases) = &cases
        && !turns.is_empty()
    {
        return Err(Wrong::at(
            cases.line,
            1,
            "a `cases` block stands alone, without `user` blocks beside it",
        ));
    }
    if cases.is_none() && turns.iter().all(|t| t.assertions.is_empty() && t.snapshots.is_empty()) {
        return Err(Wrong::at(
            first,
            1,
            "this scenario expects nothing; add an `expect` or a `snapshot` block",
        ));
    }
    let Some(catalog) = shared.catalog.clone() else {
        return Err(Wrong::at(first, 1, "this scenario has no catalogue; add a `catalog` block"));
    };
    if let Some(line) =
        turns.iter().find(|t| t.is_scripted).map(|t| t.replies.first().map_or(t.line, |r| r.0))
        && !shared.settings.asks_a_model()
    {
        let message = "nobody asks this model; say who does in `settings`: planner = \"route\", \"plan\" or \
                       \"native\", or writer = true";
        return Err(Wrong::at(line, 1, message));
    }
    let settings = shared.settings.clone();
    Ok(Some(Scenario { name, line, catalog: Arc::new(catalog), settings, turns, cases }))
}

fn catalog(block: &Block, folder: &Path) -> Result<CatalogBlocks, Wrong> {
    let known = ["csv", "jsonl", "workspace", "embeddings", "name", "data", "shelf", "map"];
    let (mut name, mut data, mut shelf, mut map) = (None, None, None, None);
    let [mut is_jsonl, mut is_csv, mut workspace, mut embeddings] = [false; 4];
    for word in &block.words {
        match (word.name.as_str(), &word.value) {
            ("csv", None) => is_csv = true,
            ("jsonl", None) => is_jsonl = true,
            ("workspace", None) => workspace = true,
            ("embeddings", None) => embeddings = true,
            ("name", Some(value)) => name = Some(value.clone()),
            ("data", Some(value)) => data = Some(PathBuf::from(value)),
            ("shelf", Some(value)) => shelf = Some(value.clone()),
            ("map", Some(value)) => map = Some(folder.join(value)),
            _ => return Err(unknown_word(block, word, known)),
        }
    }
    let is_empty = block.lines().next().is_none();
    let source = match (workspace, data, shelf, map) {
        (true, None, None, None) if is_empty => CatalogSource::Workspace { name },
        (false, Some(file), None, Some(map)) if is_empty => CatalogSource::Data { file, map },
        (false, None, Some(resource), Some(map)) if is_empty => CatalogSource::Shelf { resource, map },
        (false, None, None, None) if is_empty => {
            return Err(block.wrong("a catalogue has rows: CSV with its column names first, or JSON Lines"));
        }
        (false, None, None, None) => {
            let looks_like_json = block.text.trim_start().starts_with('{');
            let extension = if is_jsonl || (!is_csv && looks_like_json) { "jsonl" } else { "csv" };
            let name = name.unwrap_or_else(|| "items".to_owned());
            if name.is_empty() || !name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '-') {
                return Err(
                    block.wrong(format!("`{name}` cannot name a catalogue; use letters, digits, `-`"))
                );
            }
            CatalogSource::Rows { name, extension, text: block.text.clone() }
        }
        _ => {
            return Err(block.wrong(
                "a catalogue is one of: rows in the block, `workspace`, `data=FILE map=DATASET.TOML`, \
                 `shelf=NAME map=DATASET.TOML`",
            ));
        }
    };
    Ok(CatalogBlocks { line: block.line, source, embeddings, mapping: None, steering: None, synonyms: None })
}

fn turn(block: &Block) -> Result<Turn, Wrong> {
    let mut now = None;
    for word in &block.words {
        match (word.name.as_str(), &word.value) {
            ("now", Some(value)) => {
                now = Some(moment(value).map_err(|m| Wrong::at(block.line, word.column, m))?);
            }
            _ => return Err(unknown_word(block, word, ["now"])),
        }
    }
    let text = block.text.trim().to_owned();
    if text.is_empty() {
        return Err(block.wrong("the user says nothing in this block"));
    }
    Ok(Turn { line: block.line, text, now, ..Turn::default() })
}

/// A date, or a moment, as RFC 3339 writes it.
pub(super) fn moment(text: &str) -> Result<Timestamp, String> {
    let at = if text.len() == 10 { format!("{text}T12:00:00Z") } else { text.to_owned() };
    at.parse().map_err(|_| format!("`{text}` is no date; write it as in 2026-01-31 or 2026-01-31T12:00:00Z"))
}

/// What the model says; `None` if it is asked nothing.
fn reply(block: &Block) -> Result<Option<Result<ChatReply, ChatError>>, Wrong> {
    let known = ["calls", "reply", "nothing", "error", "input", "output"];
    let [mut calls, mut whole, mut nothing] = [false; 3];
    let mut error = None;
    let [mut input, mut output] = [None; 2];
    for word in &block.words {
        let number = |text: &str| {
            let wrong = || Wrong::at(block.line, word.column, format!("`{text}` is no number of tokens"));
            text.parse::<u64>().map_err(|_| wrong())
        };
        match (word.name.as_str(), &word.value) {
            ("calls", None) => calls = true,
            ("reply", None) => whole = true,
            ("nothing", None) => nothing = true,
            ("error", Some(value)) => {
                error = Some(kind_of(value).map_err(|m| Wrong::at(block.line, word.column, m))?);
            }
            ("input", Some(value)) => input = Some(number(value)?),
            ("output", Some(value)) => output = Some(number(value)?),
            _ => return Err(unknown_word(block, word, known)),
        }
    }
    if let Some(kind) = error {
        return Ok(Some(Err(ChatError::new(kind, block.text.trim()))));
    }
    let is_empty = block.lines().next().is_none();
    if nothing && is_empty {
        return Ok(None);
    }
    if is_empty || nothing {
        let message =
            "a `model` block holds what the model says; that it is asked nothing is `model nothing`";
        return Err(block.wrong(message));
    }
    let text = block.text.strip_suffix('\n').unwrap_or(&block.text);
    let mut reply = if whole {
        serde_json::from_str(text).map_err(|e| {
            let line = block.first_line() + e.line().saturating_sub(1);
            Wrong::at(line, e.column().max(1), format!("this is no whole reply: {e}"))
        })?
    } else if calls {
        let calls = block.lines().enumerate().map(|(n, (line, text))| called(n, line, text));
        ChatReply::calls(calls.collect::<Result<_, _>>()?)
    } else {
        ChatReply::text(text)
    };
    reply.usage.input_tokens = input.unwrap_or(reply.usage.input_tokens);
    reply.usage.output_tokens = output.unwrap_or(reply.usage.output_tokens);
    Ok(Some(Ok(reply)))
}

/// A call in a line: the tool, a blank, the arguments as the model writes them (which need not be JSON).
fn called(n: usize, line: usize, text: &str) -> Result<ToolCallRequest, Wrong> {
    let text = text.trim();
    let (name, arguments) = text.split_once(char::is_whitespace).unwrap_or((text, "{}"));
    if name.starts_with('{') {
        let message = "a call begins with its tool, as in `bm25_search {\"query\": \"garden\"}`";
        return Err(Wrong::at(line, 1, message));
    }
    let arguments = arguments.trim().to_owned();
    Ok(ToolCallRequest { id: format!("call-{}", n + 1), name: name.to_owned(), arguments })
}

/// The ways in which a scripted model can fail, by their stable names.
fn kind_of(name: &str) -> Result<ChatErrorKind, String> {
    let kinds = [
        ChatErrorKind::Unreachable,
        ChatErrorKind::Timeout { which: Wait::Total },
        ChatErrorKind::RateLimited { retry_after: None },
        ChatErrorKind::QuotaExhausted,
        ChatErrorKind::Unauthorised,
        ChatErrorKind::NotFound,
        ChatErrorKind::BadRequest,
        ChatErrorKind::ContextTooLong { limit: None },
        ChatErrorKind::Server { status: 500 },
        ChatErrorKind::Garbled,
        ChatErrorKind::Cut,
        ChatErrorKind::Empty,
        ChatErrorKind::Truncated,
        ChatErrorKind::TooLarge,
        ChatErrorKind::Repetition,
        ChatErrorKind::Failed,
    ];
    let names: Vec<&str> = kinds.iter().map(ChatErrorKind::name).collect();
    let near = did_you_mean(name, names.iter().copied());
    kinds
        .iter()
        .find(|k| k.name() == name)
        .cloned()
        .ok_or_else(|| format!("no model fails as `{name}`{near}"))
}

/// True if a scripted model can fail in this way.
pub(super) fn can_fail_as(name: &str) -> bool {
    kind_of(name).is_ok()
}

fn snapshot(block: &Block) -> Result<Snapshot, Wrong> {
    let of = match block.words.as_slice() {
        [Word { name, value: None, .. }] if name == "plan" => SnapshotOf::Plan,
        [Word { name, value: None, .. }] if name == "answer" => SnapshotOf::Answer,
        _ => return Err(block.wrong("a snapshot is of the `plan` or of the `answer`")),
    };
    Ok(Snapshot { line: block.line, of, text: block.text.clone(), content: block.content.clone() })
}

fn cases_block(block: &Block, folder: &Path) -> Result<CasesBlock, Wrong> {
    let mut file = None;
    for word in &block.words {
        match (word.name.as_str(), &word.value) {
            ("file", Some(value)) => file = Some(folder.join(value)),
            _ => return Err(unknown_word(block, word, ["file"])),
        }
    }
    let Some(file) = file else {
        return Err(block.wrong("say which file holds the requests: `cases file=requests.jsonl`"));
    };
    let thresholds: Vec<_> = block.lines().map(|(line, text)| (line, text.to_owned())).collect();
    if thresholds.is_empty() {
        return Err(block.wrong("this block expects nothing"));
    }
    Ok(CasesBlock { line: block.line, file, thresholds })
}

fn no_words(block: &Block) -> Result<(), Wrong> {
    match block.words.first() {
        Some(word) => {
            let message = format!("`{}` is not expected behind `{}`", word.name, block.kind);
            Err(Wrong::at(block.line, word.column, message))
        }
        None => Ok(()),
    }
}

fn unknown_word<const N: usize>(block: &Block, word: &Word, known: [&'static str; N]) -> Wrong {
    let form = match &word.value {
        Some(_) => format!("{}=", word.name),
        None => word.name.clone(),
    };
    let near = did_you_mean(&word.name, known);
    Wrong::at(block.line, word.column, format!("`{form}` is not known behind `{}`{near}", block.kind))
}
