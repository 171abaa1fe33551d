//! The systems that variants stand for, over one workspace: a search, several fused, or the whole agent. Each ranks items for
//! words.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use segue_agent::model::Prompts;
use segue_agent::{Agent, MAX_ITEMS, PlannerKind, PlanningModel, Session, ToolSpec, TurnOptions, TurnReport};
use segue_catalog::{Catalog, Ordinal, Scored, Value};
use segue_retrieval::fuse::{RRF_K, reciprocal_rank, weighted};
use segue_retrieval::{DenseQuery, Engine, LexicalQuery, TEXT_SPACE};
use segue_world::World;

use super::memo::{Memo, Ranked};
use super::recorded::Recording;
use super::{AdapterError, Surroundings};
use crate::CaseUsage;
use crate::suite::{CaseError, FusionMethod, PlannerName, Search, Suite, System, Variant};

/// The systems of a suite's variants.
pub(super) struct Systems {
    engine: Engine,
    world: Arc<dyn World>,
    agents: BTreeMap<String, (Agent, PlannerKind)>,
    recordings: BTreeMap<String, Recording>,
    /// The id of each item, by ordinal.
    ids: Vec<String>,
    memo: Memo,
}

/// Items for words, and what it took.
#[derive(Debug, Clone)]
pub(super) struct Found {
    /// Best first; the agent shows [`MAX_ITEMS`] at most.
    pub(super) items: Vec<Scored>,
    /// The tools or searches, in order.
    pub(super) tools: Vec<String>,
    pub(super) usage: CaseUsage,
    /// The turn, where an agent did it.
    pub(super) turn: Option<Box<TurnReport>>,
}

/// Fields that a variant wants searched are searched; one that is not would find nothing, without a word.
fn searched(variant: &Variant, catalog: &Catalog) -> Result<(), AdapterError> {
    let searches = match &variant.system {
        System::Search(search) => std::slice::from_ref(search),
        System::Fusion { parts, .. } => parts,
        System::Agent { .. } => &[],
    };
    let fields =
        || catalog.fields.iter().filter(|field| field.is_searchable()).map(|field| field.name.as_str());
    let wanted =
        searches.iter().filter_map(|s| if let Search::Bm25(fields) = s { Some(fields) } else { None });
    match wanted.flatten().find(|(name, _)| !fields().any(|field| field == name)) {
        None => Ok(()),
        Some((name, _)) => Err(AdapterError::Unfit(format!(
            "variant `{}`: `{name}` is not searched by words; name one of `{}`",
            variant.name,
            fields().collect::<Vec<_>>().join("`, `")
        ))),
    }
}

impl std::fmt::Debug for Systems {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Systems").field("agents", &self.agents.keys()).finish_non_exhaustive()
    }
}

impl Systems {
    /// Sets up the agents that a suite's variants need.
    pub(super) fn new(
        suite: &Suite,
        engine: Engine,
        surroundings: &Surroundings,
    ) -> Result<Self, AdapterError> {
        let world = surroundings.world.clone();
        let (mut agents, mut recordings) = (BTreeMap::new(), BTreeMap::new());
        for variant in &suite.variants {
            searched(variant, engine.snapshot().catalog())?;
            if let System::Agent { planner, model, without, prompts, recording } = &variant.system {
                let everything = segue_tools::builtin(engine.clone());
                for name in without {
                    everything.get(name).map_err(|e| {
                        AdapterError::Unfit(format!("variant `{}`, `without`: {e}", variant.name))
                    })?;
                }
                let tools = everything.without(without);
                let mut agent = Agent::new(world.clone(), engine.snapshot().clone(), tools);
                if let Some(name) = model {
                    let open = || (surroundings.chat)(name);
                    let (model, recording) = match recording {
                        None => (open()?, None),
                        Some(file) if surroundings.live => {
                            let (model, made) = Recording::make(open()?, file)?;
                            (model, Some(made))
                        }
                        Some(file) => {
                            let (model, played) = Recording::play(file)?;
                            (model, Some(played))
                        }
                    };
                    recordings.extend(recording.map(|recording| (variant.name.clone(), recording)));
                    let model = with_prompts(model, &variant.name, prompts.as_deref())?;
                    agent = agent.with_model(model);
                }
                let planner = kind(*planner).ok_or_else(|| {
                    AdapterError::Unfit(format!(
                        "variant `{}`: `unaided` is for data sets whose cases bring functions along",
                        variant.name
                    ))
                })?;
                agents.insert(variant.name.clone(), (agent, planner));
            }
        }
        let ids = ids(&engine)?;
        Ok(Self { engine, world, agents, recordings, ids, memo: Memo::default() })
    }

    /// What the results of agents depend on.
    pub(super) fn depends(&self) -> Result<Vec<(String, String)>, AdapterError> {
        let mut parts = Vec::new();
        if !self.agents.is_empty() {
            // Agents search by meaning where they can; an index may have vectors that this suite did not ask for.
            parts.push(("spaces".to_owned(), self.engine.spaces().join(" ")));
        }
        for (name, recording) in &self.recordings {
            parts.push((format!("{name}: recording"), recording.depends()?));
        }
        for (name, (agent, _)) in &self.agents {
            let depends = agent.depends();
            parts.extend(
                depends.tools.iter().map(|(tool, hash)| (format!("{name}: tool {tool}"), hash.clone())),
            );
            parts.extend(
                depends
                    .prompts
                    .iter()
                    .map(|(prompt, hash)| (format!("{name}: prompt {prompt}"), hash.clone())),
            );
            parts.extend(depends.model.iter().map(|model| (format!("{name}: model"), model.clone())));
        }
        Ok(parts)
    }

    /// An error once a variant's recording lacked what was asked.
    pub(super) fn check(&self, variant: &str) -> Result<(), CaseError> {
        self.recordings.get(variant).map_or(Ok(()), Recording::check)
    }

    /// Keeps what was recorded. The run is through.
    pub(super) fn finish(&self) -> Result<(), AdapterError> {
        self.recordings.values().try_for_each(Recording::finish)
    }

    /// The tools of a variant's agent.
    pub(super) fn tools(&self, variant: &Variant) -> Vec<String> {
        self.specs(&variant.name).iter().map(|spec| spec.name.clone()).collect()
    }

    /// What the tools of a variant's agent take.
    pub(super) fn specs(&self, variant: &str) -> &[ToolSpec] {
        self.agents.get(variant).map(|(agent, _)| agent.specs()).unwrap_or_default()
    }

    /// The items that a variant finds for these words.
    pub(super) async fn find(&self, variant: &Variant, words: &str) -> Result<Found, CaseError> {
        match &variant.system {
            System::Search(search) => {
                let (items, ms) = self.search(search, words)?;
                Ok(Found::by_searches(items.to_vec(), ms, std::slice::from_ref(search)))
            }
            System::Fusion { parts, method, weights, depth } => {
                let found =
                    parts.iter().map(|part| self.search(part, words)).collect::<Result<Vec<_>, _>>()?;
                let began = self.world.elapsed();
                let depth = depth.unwrap_or(usize::MAX);
                let rankings: Vec<&[Scored]> = found
                    .iter()
                    .map(|(items, _)| items.get(..depth.min(items.len())).unwrap_or_default())
                    .collect();
                let mut items = match method {
                    FusionMethod::Rrf => reciprocal_rank(&rankings, weights, RRF_K),
                    FusionMethod::Zscore => weighted(&rankings, weights),
                };
                items.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
                let fusing = self.world.elapsed().saturating_sub(began).as_secs_f64() * 1000.0;
                let ms = fusing + found.iter().map(|(_, ms)| ms).sum::<f64>();
                Ok(Found::by_searches(items, ms, parts))
            }
            System::Agent { .. } => {
                let options = TurnOptions { k: Some(MAX_ITEMS), ..TurnOptions::default() };
                self.turn(&variant.name, &mut self.session(), words, options).await
            }
        }
    }

    /// The id of an item; empty if there is none.
    pub(super) fn id(&self, item: Ordinal) -> &str {
        self.ids.get(item as usize).map(String::as_str).unwrap_or_default()
    }

    /// The ids of items, in their order.
    pub(super) fn ids<'a>(&'a self, items: &'a [Scored]) -> impl Iterator<Item = &'a str> {
        items.iter().filter_map(|s| self.ids.get(s.item as usize)).map(String::as_str)
    }

    /// The titles of items, in their order.
    pub(super) fn titles(&self, items: &[Scored]) -> Result<Vec<String>, CaseError> {
        let snapshot = self.engine.snapshot();
        let ordinals: Vec<Ordinal> = items.iter().map(|s| s.item).collect();
        let rows = snapshot.rows(&ordinals).map_err(CaseError::of)?;
        Ok(rows.iter().map(|row| row.title(snapshot.catalog()).to_owned()).collect())
    }

    /// How alike two items are by meaning; `None` where one of them has no vector.
    pub(super) fn cosine(&self, a: Ordinal, b: Ordinal) -> Option<f64> {
        self.engine.cosine(TEXT_SPACE, a, b).ok()?
    }

    /// What a person sees of an item: its fields and their values; nothing, if there is no such item.
    pub(super) fn item(&self, id: &str) -> Result<Vec<(String, String)>, CaseError> {
        let snapshot = self.engine.snapshot();
        let ordinal = snapshot.ordinal(id).map_err(CaseError::of)?;
        let row = ordinal.map(|ordinal| snapshot.row(ordinal)).transpose().map_err(CaseError::of)?.flatten();
        let values = row.into_iter().flat_map(|row| row.values);
        let fields = snapshot.catalog().fields.iter().zip(values).filter(|(_, value)| *value != Value::Null);
        Ok(fields.map(|(field, value)| (field.name.clone(), value.to_string())).collect())
    }

    fn search(&self, search: &Search, words: &str) -> Ranked {
        self.memo.ranking(search, words, self.world.as_ref(), || {
            let found = match search {
                // Quotes would make phrases: judged queries are words.
                Search::Bm25(fields) => {
                    let text = words.replace('"', " ");
                    let query = LexicalQuery { fields: fields.clone(), ..LexicalQuery::new(text) };
                    self.engine.lexical(&query, None)
                }
                Search::Embedding => self.engine.dense(TEXT_SPACE, DenseQuery::Text(words), None),
                Search::Popular | Search::Neighbours => {
                    return Err(CaseError(format!(
                        "`{}` is of interactions and not of words",
                        search.name()
                    )));
                }
            };
            found.map_err(CaseError::of)
        })
    }

    /// A conversation that has not begun.
    pub(super) fn session(&self) -> Session {
        Session::in_memory(self.world.as_ref())
    }

    /// The items that a variant's agent shows at the next turn of a conversation. It plans as the variant says, and else does as
    /// the options say.
    pub(super) async fn turn(
        &self,
        variant: &str,
        session: &mut Session,
        words: &str,
        options: TurnOptions,
    ) -> Result<Found, CaseError> {
        let no_agent = || CaseError(format!("variant `{variant}` has no agent"));
        let (agent, planner) = self.agents.get(variant).ok_or_else(no_agent)?;
        let options = TurnOptions { planner: *planner, ..options };
        let turn = agent.turn(session, words, options, |_| {}).await.map_err(CaseError::of)?;
        self.check(variant)?;
        let mut items = Vec::new();
        for item in turn.answer.iter().flat_map(|a| &a.items) {
            let ordinal = self.engine.snapshot().ordinal(&item.id).map_err(CaseError::of)?;
            items.extend(ordinal.map(|o| Scored { item: o, score: item.score.unwrap_or_default() }));
        }
        let usage = CaseUsage {
            model_calls: turn.usage.model_calls,
            input_tokens: turn.usage.input_tokens,
            output_tokens: turn.usage.output_tokens,
            cost: turn.usage.cost,
            ms: turn.usage.ms,
        };
        let tools = turn.calls.iter().map(|c| c.tool.clone()).collect();
        Ok(Found { items, tools, usage, turn: Some(Box::new(turn)) })
    }
}

impl Found {
    /// Why the rules planned where a model was to, if they did.
    pub(super) fn fallback(&self) -> Option<String> {
        self.turn.as_ref()?.fallback.clone()
    }

    fn by_searches(items: Vec<Scored>, ms: f64, searches: &[Search]) -> Self {
        Self {
            items,
            tools: searches.iter().map(|search| search.name().to_owned()).collect(),
            usage: CaseUsage { ms, ..CaseUsage::default() },
            turn: None,
        }
    }
}

fn ids(engine: &Engine) -> Result<Vec<String>, AdapterError> {
    let snapshot = engine.snapshot();
    let all: Vec<Ordinal> = (0..snapshot.catalog().items as Ordinal).collect();
    let mut ids = Vec::with_capacity(all.len());
    for some in all.chunks(1024) {
        ids.extend(snapshot.rows(some)?.iter().map(|row| row.id(snapshot.catalog()).to_owned()));
    }
    Ok(ids)
}

/// The model that a variant asks, with its prompts.
pub(super) fn planning_model(
    variant: &str,
    name: &str,
    prompts: Option<&Path>,
    surroundings: &Surroundings,
) -> Result<PlanningModel, AdapterError> {
    with_prompts((surroundings.chat)(name)?, variant, prompts)
}

/// A model with the prompts of a folder, if one is named.
fn with_prompts(
    mut model: PlanningModel,
    variant: &str,
    prompts: Option<&Path>,
) -> Result<PlanningModel, AdapterError> {
    if let Some(folder) = prompts {
        if !segue_world::fs::is_dir(folder) {
            let folder = folder.display();
            return Err(AdapterError::Unfit(format!(
                "variant `{variant}`: there is no folder of prompts `{folder}`"
            )));
        }
        model.prompts = Prompts::load(Some(folder)).map_err(segue_agent::AgentError::from)?;
    }
    Ok(model)
}

fn kind(planner: PlannerName) -> Option<PlannerKind> {
    Some(match planner {
        PlannerName::Unaided => return None,
        PlannerName::Rules => PlannerKind::Rules,
        PlannerName::Route => PlannerKind::Route,
        PlannerName::Plan => PlannerKind::Plan,
        PlannerName::Native => PlannerKind::Native,
    })
}
