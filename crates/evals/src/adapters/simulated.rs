//! Conversations with simulated users ([`crate::simulator`]) over any catalogue: a data set's mapping and its items, in a folder
//! or on the shelf. A case is a target, drawn by the suite's seed from the half of the catalogue that the split names (`test` or
//! `dev`), so that what was developed on some targets is measured on others.
//!
//! An agent holds the conversation; a search is given all that the user has said so far, as one text.

use std::path::Path;

use futures_util::future::BoxFuture;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use segue_agent::{Session, TurnOptions};
use segue_catalog::{Dataset, Ordinal, Row, Snapshot};
use serde_json::{Value as Json, json};
use sha2::{Digest, Sha256};

use super::library::library;
use super::mapped::{Mapped, mapped};
use super::systems::{Found, Systems};
use super::{AdapterError, Preparing, Surroundings};
use crate::metrics::Family;
use crate::simulator::{Conversation, Partner, Speaker, User, converse, measures};
use crate::suite::{Answered, Case, CaseError, SimulatedUser, Suite, System, Task, Variant};
use crate::{CaseUsage, Measure};

/// Targets, unless the suite has a `limit`.
const TARGETS: usize = 50;

/// A catalogue, and who wants what of it.
#[derive(Debug)]
pub(super) struct Simulated {
    snapshot: Snapshot,
    /// The targets, in the order drawn.
    targets: Vec<Ordinal>,
    cases: Vec<Case>,
    seed: u64,
    settings: SimulatedUser,
    speaker: Option<Speaker>,
    systems: Systems,
    depends: Vec<(String, String)>,
    metrics: Vec<String>,
}

pub(super) fn open(
    suite: &Suite,
    folder: &Path,
    surroundings: &Surroundings,
    progress: &mut dyn FnMut(Preparing),
) -> Result<Simulated, AdapterError> {
    let fits = |family| matches!(family, Family::Simulation | Family::Constraints);
    if let Some(metric) = suite.metrics.iter().find(|m| !fits(m.info.family)) {
        let message = format!("`{metric}` cannot be measured on simulated users");
        return Err(AdapterError::Unfit(message));
    }
    if !matches!(suite.data.split.as_str(), "test" | "dev") {
        let message =
            format!("the split `{}` should be `test` or `dev`: a half of the catalogue", suite.data.split);
        return Err(AdapterError::Unfit(message));
    }
    // Users and interactions are of no use here.
    let alone = |dataset: &mut Dataset| (dataset.users, dataset.interactions) = (None, None);
    let Mapped { dataset, source } = mapped(suite, folder, alone)?;
    let name = format!("simulated-{}", dataset.name);
    let make = |_: &Path| Ok(dataset.clone());
    let library = library(&name, &source, &make, &suite.data, surroundings, progress)?;
    let snapshot = library.engine.snapshot().clone();
    let settings = suite.user.clone().unwrap_or_default();
    let speaker = match &settings.model {
        None => None,
        Some(name) => {
            let speaker = Speaker::new((surroundings.chat)(name)?);
            Some(speaker.map_err(segue_agent::AgentError::from)?)
        }
    };
    let systems = Systems::new(suite, library.engine, surroundings)?;
    let (targets, cases) = draw(suite, &settings, &snapshot)?;
    if cases.is_empty() {
        let message = "no item of the catalogue has three things that a user could ask for".to_owned();
        return Err(AdapterError::Unfit(message));
    }
    let mut depends = systems.depends()?;
    depends.push(("catalogue".to_owned(), library.content));
    depends.push(("user".to_owned(), serde_json::to_string(&settings).unwrap_or_default()));
    depends.push(("targets drawn with".to_owned(), suite.seed.to_string()));
    if let Some(speaker) = &speaker {
        let (model, prompt) = speaker.depends();
        depends.extend([("user: model".to_owned(), model), ("user: prompt".to_owned(), prompt)]);
    }
    if let Some(embedder) = library.embedder {
        depends.push(("embeddings".to_owned(), embedder));
    }
    let metrics = suite.metrics.iter().map(ToString::to_string).collect();
    Ok(Simulated { snapshot, targets, cases, seed: suite.seed, settings, speaker, systems, depends, metrics })
}

/// Targets of which enough can be said, by the seed.
fn draw(
    suite: &Suite,
    settings: &SimulatedUser,
    snapshot: &Snapshot,
) -> Result<(Vec<Ordinal>, Vec<Case>), AdapterError> {
    let catalog = snapshot.catalog();
    let mut all: Vec<Ordinal> = (0..Ordinal::try_from(catalog.items).unwrap_or(Ordinal::MAX)).collect();
    let mut dice = Pcg64::seed_from_u64(suite.seed);
    // Fisher and Yates.
    for last in (1..all.len()).rev() {
        let at = dice.random_range(0..=u32::try_from(last).unwrap_or(u32::MAX));
        all.swap(last, at as usize);
    }
    let limit = suite.data.limit.unwrap_or(TARGETS);
    let (mut targets, mut cases) = (Vec::new(), Vec::new());
    for some in all.chunks(256) {
        for row in snapshot.rows(some)? {
            if cases.len() == limit {
                return Ok((targets, cases));
            }
            let id = row.id(catalog).to_owned();
            let is_dev = Sha256::digest(id.as_bytes()).first().is_some_and(|byte| byte % 2 == 1);
            if is_dev != (suite.data.split == "dev") {
                continue;
            }
            let user = User::new(std::slice::from_ref(&row), catalog, settings.style, suite.seed);
            if let Some(request) = user.and_then(|mut user| user.begin()) {
                targets.push(row.ordinal);
                cases.push(Case { cluster: id.clone(), id, request: request.text });
            }
        }
    }
    Ok((targets, cases))
}

impl Task for Simulated {
    fn count(&self) -> usize {
        self.cases.len()
    }

    fn cases(&self) -> Box<dyn Iterator<Item = Result<Case, AdapterError>> + Send + '_> {
        Box::new(self.cases.iter().cloned().map(Ok))
    }

    fn depends(&self) -> Vec<(String, String)> {
        self.depends.clone()
    }

    fn failed(&self) -> std::collections::BTreeMap<String, Measure> {
        let never = Measure::one(self.settings.patience as f64 + 1.0);
        let of_turns = ("turns_to_target".to_owned(), never);
        [of_turns].into_iter().filter(|(name, _)| self.metrics.contains(name)).collect()
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
            let catalog = self.snapshot.catalog();
            let at = self.cases.iter().position(|c| c.id == case.id).and_then(|at| self.targets.get(at));
            let row = self
                .snapshot
                .rows(at.map(std::slice::from_ref).unwrap_or_default())
                .map_err(CaseError::of)?;
            let mut user = User::new(&row, catalog, self.settings.style, self.seed)
                .ok_or_else(|| CaseError(format!("nothing can be said of `{}`", case.id)))?;
            let mut partner = Talking {
                task: self,
                variant,
                session: self.systems.session(),
                said: String::new(),
                usage: CaseUsage::default(),
                tools: Vec::new(),
                fallback: None,
            };
            let patience = self.settings.patience;
            let ended = converse(&mut user, &mut partner, self.speaker.as_ref(), patience, catalog).await?;
            self.systems.check(&variant.name)?;
            let mut measured = measures(&ended, catalog);
            measured.retain(|name, _| self.metrics.contains(name));
            let detail = self.detail(&ended, &row);
            let Talking { usage, tools, fallback, .. } = partner;
            Ok(Answered { metrics: measured, usage, tools, fallback, shown: Vec::new(), detail })
        })
    }
}

impl Simulated {
    fn detail(&self, conversation: &Conversation, target: &[Row]) -> Json {
        let catalog = self.snapshot.catalog();
        let title = |row: &Row| json!([row.id(catalog), row.title(catalog)]);
        let turns: Vec<Json> = conversation
            .turns
            .iter()
            .map(|turn| {
                let new: Vec<String> = turn.meant.facts.iter().map(|fact| fact.what.to_string()).collect();
                json!({
                    "act": turn.meant.act, "said": turn.said, "conditions": new,
                    "shown": turn.shown.iter().map(title).collect::<Vec<_>>(),
                    "place_of_target": turn.place, "error": turn.error,
                })
            })
            .collect();
        let request = conversation.turns.first().map(|turn| turn.said.text.clone());
        json!({
            "request": request, "target": target.iter().map(title).collect::<Vec<_>>(),
            "found_in_turn": conversation.found(), "turns": turns,
        })
    }
}

/// A variant in a conversation.
struct Talking<'a> {
    task: &'a Simulated,
    variant: &'a Variant,
    session: Session,
    /// All that was said, for those who know nothing of conversations.
    said: String,
    usage: CaseUsage,
    tools: Vec<String>,
    /// Why the rules planned a turn where a model was to.
    fallback: Option<String>,
}

impl Partner for Talking<'_> {
    async fn answer(&mut self, words: &str) -> Result<Vec<Row>, CaseError> {
        let looks_at = self.task.settings.looks_at;
        let found = match &self.variant.system {
            System::Agent { .. } => {
                let options = TurnOptions { k: Some(looks_at), ..TurnOptions::default() };
                self.task.systems.turn(&self.variant.name, &mut self.session, words, options).await?
            }
            _ => {
                self.said.push_str(words);
                self.said.push(' ');
                self.task.systems.find(self.variant, &self.said).await?
            }
        };
        self.fallback = self.fallback.take().or_else(|| found.fallback());
        let Found { items, tools, usage, .. } = found;
        self.tools.extend(tools);
        self.usage.add(&usage);
        let shown: Vec<Ordinal> = items.iter().take(looks_at).map(|s| s.item).collect();
        self.task.snapshot.rows(&shown).map_err(CaseError::of)
    }
}
