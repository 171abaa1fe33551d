//! `segue eval label RESULTS…`: asks a person what the items are worth that runs found, without telling which run did.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use segue_agent::Cancellation;
use segue_evals::adapters;
use segue_evals::judgments::{self, Agreement, JudgmentFile, Judgments, agreement};
use segue_evals::pool::{Pair, pool};
use segue_evals::suite::{FinishedRun, Suite, Task};
use segue_world::fs;
use serde::Serialize;

use super::places::surroundings;
use super::report::folder_of;
use crate::args::Label;
use crate::failure::Failure;
use crate::house::House;
use crate::output::{Output, remark, tame};
use crate::prompt::{Line, Lines};

/// Longer values are cut where a person reads them.
const READ: usize = 1_200;
const SCALE: &str = "0 not relevant, 1 relevant, 2 very, 3 exactly; s skip, b back, q stop";

/// What came of it.
#[derive(Debug, Serialize)]
struct Summary<'a> {
    file: &'a Path,
    /// Pairs of the pool that this judge has judged by now.
    judged: usize,
    /// Pairs of the pool.
    of: usize,
    agreement: Vec<With>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<&'a [Pair]>,
}

/// Agreement with one other judge.
#[derive(Debug, Serialize)]
struct With {
    judge: String,
    #[serde(flatten)]
    agreement: Agreement,
}

pub(super) fn run(house: &House, args: &Label, output: &mut Output) -> Result<ExitCode, Failure> {
    let root = house.workspace().root();
    let runs = args.results.iter().map(|name| {
        let folder = folder_of(name, &root.join("outputs/evals"));
        Ok(FinishedRun::read(&folder, None)?)
    });
    let runs = runs.collect::<Result<Vec<_>, Failure>>()?;
    let Some(first) = runs.first() else {
        return Err(Failure::usage("no results are named").remedy("segue eval label SUITE"));
    };
    if let Some(other) = runs.iter().find(|run| run.suite.name != first.suite.name) {
        let message = format!("results of `{}` and of `{}`", first.suite.name, other.suite.name);
        return Err(Failure::usage(message).remedy("pool runs of one suite"));
    }
    let task = collection(house, &first.suite)?;
    let results = runs.iter().flat_map(|run| &run.results);
    let mut pairs = pool(results, usize::from(args.depth), first.suite.seed);
    if pairs.is_empty() {
        let message = format!("the results of `{}` have no rankings to pool", first.suite.name);
        return Err(Failure::usage(message).remedy("name a suite of rankings (`adapter = \"beir\"`)"));
    }
    if !args.all {
        pairs.retain(|p| task.grade(&p.case, &p.item).is_none());
    }
    let (judge, path) = file_of(house, args, &first.suite.name)?;
    if args.list {
        let judged = if fs::exists(&path) { judgments::read(&path)? } else { Judgments::new() };
        pairs.retain(|pair| !has(&judged, pair));
        let summary =
            Summary { file: &path, judged: 0, of: pairs.len(), agreement: Vec::new(), pool: Some(&pairs) };
        if output.is_json() {
            output.json(&summary);
        } else {
            for p in &pairs {
                let columns = [&p.case, &p.item, &p.request, &p.title].map(|text| tame(text));
                output.line(columns.join("\t"));
            }
        }
        return Ok(ExitCode::SUCCESS);
    }
    let mut file = JudgmentFile::open(&path)?;
    ask(&pairs, task.as_ref(), &mut file, output.is_interactive())?;
    let judged = pairs.iter().filter(|pair| has(file.judgments(), pair)).count();
    let agreement = agreements(file.judgments(), &pairs, task.as_ref(), &path, &judge);
    let summary = Summary { file: &path, judged, of: pairs.len(), agreement, pool: None };
    if output.is_json() {
        output.json(&summary);
    } else {
        show(&summary, output);
    }
    Ok(ExitCode::SUCCESS)
}

/// The data set, to show its items and what it says of them. Nothing is searched, so that no model is needed.
fn collection(house: &House, suite: &Suite) -> Result<Arc<dyn Task>, Failure> {
    let mut suite = suite.clone();
    suite.variants.clear();
    suite.data.embeddings = false;
    let surroundings = surroundings(house, &Cancellation::default(), false)?;
    Ok(tokio::task::block_in_place(|| adapters::open(&suite, &surroundings, &mut |_| ()))?)
}

fn file_of(house: &House, args: &Label, suite: &str) -> Result<(String, PathBuf), Failure> {
    let user = ["USER", "USERNAME"].into_iter().find_map(|name| house.world().env(name));
    let judge = args.judge.clone().or(user).unwrap_or_else(|| "me".to_owned());
    if !judge.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_')) || judge.is_empty() {
        let message = format!("`{}` cannot be the name of a file", tame(&judge));
        return Err(
            Failure::usage(message).remedy("name the judge with letters, digits, `-` and `_`: --judge NAME")
        );
    }
    let folder = args.to.clone().unwrap_or_else(|| house.workspace().root().join("judgments").join(suite));
    let path = folder.join(format!("{judge}.tsv"));
    Ok((judge, path))
}

fn has(judgments: &Judgments, pair: &Pair) -> bool {
    judgments.get(&pair.case).is_some_and(|items| items.contains_key(&pair.item))
}

/// Goes through the pairs that are not judged, one after the other, until the judge stops. Each answer is on the disk before
/// the next question, so that Ctrl-C loses nothing.
fn ask(pairs: &[Pair], task: &dyn Task, file: &mut JudgmentFile, terminal: bool) -> Result<(), Failure> {
    let open: Vec<&Pair> = pairs.iter().filter(|pair| !has(file.judgments(), pair)).collect();
    let mut lines = Lines::Input;
    let mut at = 0;
    while let Some(pair) = open.get(at) {
        present(pair, task, (at + 1, open.len()))?;
        if terminal {
            remark(SCALE);
        }
        let Line::Text(answer) = lines.next()? else { break };
        match answer.trim() {
            "q" => break,
            "s" => at += 1,
            "b" => at = at.saturating_sub(1),
            grade => match grade.parse::<i64>().ok().filter(|grade| (0..=3).contains(grade)) {
                Some(grade) => {
                    file.add(&pair.case, &pair.item, grade)?;
                    at += 1;
                }
                None => remark(format!("`{}` is no answer. {SCALE}", tame(grade))),
            },
        }
    }
    Ok(())
}

fn present(pair: &Pair, task: &dyn Task, (at, of): (usize, usize)) -> Result<(), Failure> {
    remark(format!("\n[{at} of {of}]  {}", tame(&pair.request)));
    let fields = task.item(&pair.item).map_err(|e| Failure::new("item", e.to_string()))?;
    if fields.is_empty() {
        remark(format!("  {}", tame(&pair.title)));
    }
    for (name, value) in fields {
        let cut: String = value.chars().take(READ).collect();
        let more = if cut.len() < value.len() { " …" } else { "" };
        remark(format!("  {}: {}{more}", tame(&name), tame(&cut)));
    }
    Ok(())
}

/// With the data set's own judgments and with everybody who judged into the same folder.
fn agreements(mine: &Judgments, pairs: &[Pair], task: &dyn Task, path: &Path, judge: &str) -> Vec<With> {
    let mut own = Judgments::new();
    for pair in pairs {
        if let Some(grade) = task.grade(&pair.case, &pair.item) {
            own.entry(pair.case.clone()).or_default().insert(pair.item.clone(), grade);
        }
    }
    let folder = path.parent().map(|folder| fs::list(folder).unwrap_or_default()).unwrap_or_default();
    let files = folder.into_iter().filter(|f| f.extension().is_some_and(|e| e == "tsv"));
    let others = files
        .filter_map(|f| Some((f.file_stem()?.to_string_lossy().into_owned(), judgments::read(&f).ok()?)));
    let others = others.filter(|(name, _)| name != judge).chain([("the data set".to_owned(), own)]);
    others.filter_map(|(judge, theirs)| Some(With { judge, agreement: agreement(mine, &theirs)? })).collect()
}

fn show(summary: &Summary<'_>, output: &mut Output) {
    output.line(format!(
        "{} of {} pairs are judged, in {}",
        summary.judged,
        summary.of,
        summary.file.display()
    ));
    for With { judge, agreement } in &summary.agreement {
        let kappa = agreement.kappa.map_or_else(|| "undefined".to_owned(), |kappa| format!("{kappa:.2}"));
        let Agreement { pairs, same, .. } = agreement;
        output.line(format!("  with {}: {same} of {pairs} the same, Cohen's kappa {kappa}", tame(judge)));
    }
    if summary.judged < summary.of {
        output.line("run the same command to go on");
    }
}
