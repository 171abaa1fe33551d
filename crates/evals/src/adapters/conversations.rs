//! Conversations with gold over any catalogue: what should hold after each turn, which items are referred to, and what only words
//! can find. A case is a conversation, held by an agent from its first turn to its last; shares are over its turns.
//!
//! A file has a conversation a line: `{"turns": [{"request", "gold": [predicate…], "order", "like": [id…], "query"}]}`. `gold` is every
//! hard condition that holds after the turn, `like` the items that it refers to, `query` what must be searched for because no
//! field holds it, `order` the order asked for.

mod judge;

use std::collections::BTreeSet;
use std::path::Path;

use futures_util::future::BoxFuture;
use segue_agent::TurnOptions;
use segue_catalog::Dataset;
use serde_json::{Value as Json, json};

use self::judge::{Gold, Judge, Talk};
use super::library::library;
use super::mapped::{Mapped, mapped};
use super::systems::Systems;
use super::{AdapterError, Preparing, Surroundings, digest_of};
use crate::suite::{Answered, Case, CaseError, Suite, System, Task, Variant};
use crate::{CaseUsage, Measure};

/// Longer conversations are no conversations but an attack on the memory.
const MOST_TURNS: usize = 200;

/// Conversations, and what should come of them.
#[derive(Debug)]
pub(super) struct Conversations {
    talks: Vec<(Case, Talk)>,
    systems: Systems,
    judge: Judge,
    depends: Vec<(String, String)>,
    metrics: Vec<String>,
}

pub(super) fn open(
    suite: &Suite,
    folder: &Path,
    surroundings: &Surroundings,
    progress: &mut dyn FnMut(Preparing),
) -> Result<Conversations, AdapterError> {
    let unfit = |message: String| Err(AdapterError::Unfit(message));
    let fits = |name| judge::METRICS.contains(&name);
    if let Some(metric) = suite.metrics.iter().find(|m| m.k.is_some() || !fits(m.info.name)) {
        let known = judge::METRICS.join("`, `");
        return unfit(format!("`{metric}` cannot be measured on conversations with gold; `{known}` can"));
    }
    if let Some(variant) = suite.variants.iter().find(|v| !matches!(v.system, System::Agent { .. })) {
        return unfit(format!(
            "variant `{}` should have a `planner`: a search holds no conversation",
            variant.name
        ));
    }
    // Users and interactions are of no use here.
    let alone = |dataset: &mut Dataset| (dataset.users, dataset.interactions) = (None, None);
    let Mapped { dataset, source } = mapped(suite, folder, alone)?;
    let name = format!("conversations-{}", dataset.name);
    let make = |_: &Path| Ok(dataset.clone());
    let library = library(&name, &source, &make, &suite.data, surroundings, progress)?;
    let judge = Judge::new(library.engine.clone())?;
    let systems = Systems::new(suite, library.engine, surroundings)?;
    let mut talks = Vec::new();
    let mut depends = systems.depends()?;
    let names: BTreeSet<String> = suite.data.cases.iter().map(|file| name_of(file)).collect();
    if names.len() < suite.data.cases.len() {
        return unfit("two files of `cases` have the same name; give them names of their own".to_owned());
    }
    for file in &suite.data.cases {
        talks.extend(read(file, &judge)?);
        depends.push((format!("cases {}", name_of(file)), digest_of(file)?));
    }
    talks.truncate(suite.data.limit.unwrap_or(usize::MAX));
    depends.push(("catalogue".to_owned(), library.content));
    depends.extend(library.embedder.map(|embedder| ("embeddings".to_owned(), embedder)));
    let metrics = suite.metrics.iter().map(ToString::to_string).collect();
    Ok(Conversations { talks, systems, judge, depends, metrics })
}

/// The conversations of a file, their gold tried on the catalogue.
fn read(file: &Path, judge: &Judge) -> Result<Vec<(Case, Talk)>, AdapterError> {
    let text = segue_world::fs::read_to_string(file)?;
    let mut talks = Vec::new();
    for (line, written) in (1..).zip(text.lines()).filter(|(_, written)| !written.trim().is_empty()) {
        let wrong = |message: String| AdapterError::Wrong { path: file.to_owned(), line, message };
        let talk: Talk = serde_json::from_str(written).map_err(|e| wrong(e.to_string()))?;
        let Some(first) = talk.turns.first().filter(|_| talk.turns.len() <= MOST_TURNS) else {
            return Err(wrong(format!("a conversation should have from 1 to {MOST_TURNS} `turns`")));
        };
        talk.turns.iter().try_for_each(|gold| judge.fits(gold)).map_err(&wrong)?;
        let id = format!("{}:{line}", name_of(file));
        talks.push((Case { cluster: id.clone(), id, request: first.request.clone() }, talk));
    }
    Ok(talks)
}

fn name_of(file: &Path) -> String {
    file.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

impl Task for Conversations {
    fn count(&self) -> usize {
        self.talks.len()
    }

    fn cases(&self) -> Box<dyn Iterator<Item = Result<Case, AdapterError>> + Send + '_> {
        Box::new(self.talks.iter().map(|(case, _)| Ok(case.clone())))
    }

    fn depends(&self) -> Vec<(String, String)> {
        self.depends.clone()
    }

    fn finish(&self) -> Result<(), AdapterError> {
        self.systems.finish()
    }

    fn tools(&self, variant: &Variant) -> Vec<String> {
        self.systems.tools(variant)
    }

    fn answer<'a>(
        &'a self,
        variant: &'a Variant,
        case: &'a Case,
    ) -> BoxFuture<'a, Result<Answered, CaseError>> {
        Box::pin(async move {
            let talk = self.talks.iter().find(|(known, _)| known.id == case.id).map(|(_, talk)| talk);
            let golds = talk.map(|talk| talk.turns.as_slice()).unwrap_or_default();
            let mut answered = Answered {
                metrics: self.metrics.iter().map(|name| (name.clone(), Measure::share(0, 0))).collect(),
                usage: CaseUsage::default(),
                tools: Vec::new(),
                fallback: None,
                shown: Vec::new(),
                detail: json!({ "request": case.request }),
            };
            let mut session = self.systems.session();
            let mut turns = Vec::new();
            for (number, gold) in golds.iter().enumerate() {
                let known: Vec<String> = session.known_sets().map(str::to_owned).collect();
                let options = TurnOptions::default();
                let found = self.systems.turn(&variant.name, &mut session, &gold.request, options).await?;
                answered.fallback = answered.fallback.take().or_else(|| found.fallback());
                answered.usage.add(&found.usage);
                answered.tools.extend(found.tools);
                let Some(report) = found.turn else { continue };
                let earlier = golds.get(..number).unwrap_or_default();
                let specs = self.systems.specs(&variant.name);
                let judged = self.judge.turn((earlier, gold), &session, &report, (specs, &known))?;
                for (name, measure) in &judged.measures {
                    if let Some(sum) = answered.metrics.get_mut(*name) {
                        sum.value += measure.value;
                        sum.weight += measure.weight;
                    }
                }
                turns.push(shown(gold, &report, &judged));
            }
            if let Some(detail) = answered.detail.as_object_mut() {
                detail.insert("turns".to_owned(), Json::Array(turns));
            }
            Ok(answered)
        })
    }
}

/// What a person needs to see of a turn.
fn shown(gold: &Gold, report: &segue_agent::TurnReport, judged: &judge::Judged) -> Json {
    let items = report.answer.iter().flat_map(|answer| &answer.items);
    let items: Vec<Json> = items.map(|item| json!([item.id, item.title])).collect();
    json!({
        "request": gold.request, "planner": report.planner, "missed": judged.missed, "unasked": judged.unasked,
        "expected_tools": judged.expected, "called": judged.called, "model_added": report.model_added,
        "refused": report.refused, "fallback": report.fallback, "shown": items,
    })
}
