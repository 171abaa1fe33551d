//! The house put together: workspace, shelf, engine, tools and agent, each opened when it is first needed.

use std::path::PathBuf;
use std::sync::Arc;

use segue_agent::model::Prompts;
use segue_agent::trace::{Head, Tape, TraceFolder};
use segue_agent::{Agent, PlannerKind, PlanningModel, Registry, SessionStore};
use segue_catalog::{Snapshot, Workspace};
use segue_models::{
    Abilities, AbilityStore, ChatError, Embedder, EmbeddingSettings, ModelSource, ModelsConfig,
    SentenceEmbedder, SentenceOptions, Shelf, TaskRole,
};
use segue_retrieval::{Engine, TEXT_SPACE, embedding_model, open_snapshot, space_encoders};
use segue_world::{RealWorld, World};

use crate::args::{Planner, TurnArgs, Writer};
use crate::export::Exports;
use crate::failure::Failure;
use crate::output::remark;
use crate::prompt::approval;

/// Where commands find what they need.
#[derive(Debug, Clone)]
pub(crate) struct House {
    world: Arc<dyn World>,
    workspace: Workspace,
}

/// A workspace that is open for questions.
#[derive(Debug)]
pub(crate) struct Door {
    pub(crate) agent: Agent,
    pub(crate) registry: Registry,
    pub(crate) engine: Engine,
    pub(crate) sessions: Arc<SessionStore>,
    pub(crate) traces: TraceFolder,
    pub(crate) exports: Option<Exports>,
    /// Why its planner was chosen, where nobody asked for one.
    pub(crate) because: Option<String>,
}

impl Door {
    /// The tape for a turn: one that records, unless no trace is wanted.
    pub(crate) fn tape(&self, args: &TurnArgs) -> Tape {
        if args.no_trace { Tape::default() } else { Tape::recording(self.traces.clone()) }
    }
}

impl House {
    /// The house over the workspace in this folder.
    pub(crate) fn new(workspace: PathBuf) -> Self {
        Self { world: Arc::new(RealWorld::new()), workspace: Workspace::at(workspace) }
    }

    /// Clock, randomness, environment.
    pub(crate) fn world(&self) -> &Arc<dyn World> {
        &self.world
    }

    /// The workspace.
    pub(crate) fn workspace(&self) -> &Workspace {
        &self.workspace
    }

    /// The workspace, in which something has been imported.
    pub(crate) fn existing(&self) -> Result<&Workspace, Failure> {
        match self.workspace.is_there() {
            true => Ok(&self.workspace),
            false => Err(segue_catalog::WorkspaceError::Missing(self.workspace.root().to_owned()).into()),
        }
    }

    /// The shelf of this user.
    pub(crate) fn shelf(&self) -> Result<Shelf, Failure> {
        Ok(Shelf::new(self.world.clone())?)
    }

    /// The name of the model to embed with: the one that `workspace.toml` names, else the one of the index that serves, else
    /// the usual one.
    pub(crate) fn embedding_model(&self) -> Result<String, Failure> {
        let set = EmbeddingSettings::read(&self.workspace.settings())?.model;
        let usual = || SentenceOptions::default().model;
        Ok(set.or_else(|| embedding_model(&self.workspace, TEXT_SPACE)).unwrap_or_else(usual))
    }

    /// The embedder of the index that serves, if all that it needs is on the shelf. Nothing is fetched: questions need no
    /// network.
    pub(crate) fn embedder(&self) -> Result<Option<Arc<dyn Embedder>>, Failure> {
        let shelf = self.shelf()?;
        let serving = embedding_model(&self.workspace, TEXT_SPACE);
        let name = serving.filter(|name| shelf.resource(name).is_ok());
        self.embedder_named(&name.unwrap_or_else(|| SentenceOptions::default().model))
    }

    /// The embedder of this name, if all that it needs is on the shelf.
    pub(crate) fn embedder_named(&self, name: &str) -> Result<Option<Arc<dyn Embedder>>, Failure> {
        let (shelf, options) = (self.shelf()?, SentenceOptions::with_model(name));
        if !SentenceEmbedder::is_there(&shelf, &options) {
            return Ok(None);
        }
        Ok(Some(Arc::new(SentenceEmbedder::open(&shelf, &options, &mut |_| ())?)))
    }

    /// The models of the shelf that make vectors of imported spaces from texts.
    fn encoders(&self) -> Result<Vec<Arc<dyn Embedder>>, Failure> {
        let (shelf, mut found) = (self.shelf()?, Vec::new());
        for name in space_encoders(&self.workspace) {
            let options = SentenceOptions::with_model(name);
            if shelf.resource(&options.model).is_ok() && SentenceEmbedder::is_there(&shelf, &options) {
                let encoder = SentenceEmbedder::open(&shelf, &options, &mut |_| ())?;
                found.push(Arc::new(encoder) as Arc<dyn Embedder>);
            }
        }
        Ok(found)
    }

    /// The traces of the workspace.
    pub(crate) fn traces(&self) -> TraceFolder {
        TraceFolder::at(self.workspace.traces_dir())
    }

    /// The prompts: the workspace's own, then those that are built in.
    pub(crate) fn prompts(&self) -> Result<Prompts, Failure> {
        Ok(Prompts::load(Some(&self.workspace.root().join("prompts")))?)
    }

    /// The models that `workspace.toml` names, and those of the shelf.
    pub(crate) fn models(&self) -> Result<ModelsConfig, Failure> {
        Ok(ModelsConfig::read(self.workspace.root().join("workspace.toml"))?.with_shelf(&self.shelf()?))
    }

    /// The model for a role: the one given, or the one that `workspace.toml` names.
    pub(crate) fn model_for(
        &self,
        role: TaskRole,
        given: Option<&str>,
    ) -> Result<Option<PlanningModel>, Failure> {
        let resolved = self.models()?.resolve(role, given, self.world.as_ref())?;
        let Some(resolved) = resolved else { return Ok(None) };
        let prices = resolved.prices;
        let model = resolved.open(&self.shelf()?)?;
        Ok(Some(PlanningModel { model, prompts: self.prompts()?, prices, logprobs: true }))
    }

    /// Opens the workspace for a conversation, with the planner that is wanted.
    pub(crate) async fn open_for(&self, args: &TurnArgs) -> Result<(Door, PlannerKind), Failure> {
        let mut door = self.open_steered(&args.without, args.without_steering)?;
        door.agent = door.agent.with_approval(approval(args.approve));
        door.exports = Exports::of(self.world.as_ref());
        if let Some(writer) = self.writing_model(args)? {
            door.agent = door.agent.with_writer(writer);
        }
        if args.planner == Planner::Rules {
            return Ok((door, PlannerKind::Rules));
        }
        let Some(mut model) = self.model_for(TaskRole::Plan, args.model.as_deref())? else {
            if args.planner == Planner::Auto {
                return Ok((door, PlannerKind::Rules));
            }
            return Err(Failure::usage("no model is configured")
                .remedy("give one with --model, or name one in workspace.toml under `[models]`"));
        };
        let able = self.abilities(args.model.as_deref(), &model).await?;
        model.logprobs = able.as_ref().is_ok_and(|able| able.logprobs);
        let planner = match args.planner {
            Planner::Native => PlannerKind::Native,
            Planner::Plan => PlannerKind::Plan,
            Planner::Route | Planner::Rules => PlannerKind::Route,
            Planner::Auto => {
                let (planner, because) = match able {
                    Ok(able) => PlannerKind::suited(&able),
                    Err(_) => (PlannerKind::Route, "what the model can do could not be asked"),
                };
                door.because = Some(because.to_owned());
                planner
            }
        };
        door.agent = door.agent.with_model(model);
        Ok((door, planner))
    }

    /// What a model can do: a server is asked once, and the answer kept in the workspace.
    async fn abilities(
        &self,
        given: Option<&str>,
        model: &PlanningModel,
    ) -> Result<Result<Abilities, ChatError>, Failure> {
        let source = self.models()?.resolve(TaskRole::Plan, given, self.world.as_ref())?.map(|r| r.source);
        let Some(ModelSource::OpenAi(options)) = source else {
            // A model in this process keeps to a schema and tells probabilities; it is too small to call tools well.
            return Ok(Ok(Abilities { schema: true, logprobs: true, ..Abilities::default() }));
        };
        let store = AbilityStore::at(self.workspace.root().join("abilities.json"));
        Ok(store.get_or_probe(&options.base_url, model.model.as_ref(), self.world.now()).await)
    }

    /// Opens the workspace to go on with a turn that was cut: with the planner and the model that it had, unless others
    /// are given.
    pub(crate) async fn open_to_go_on(
        &self,
        args: &TurnArgs,
        head: &Head,
    ) -> Result<(Door, PlannerKind), Failure> {
        let mut args = args.clone();
        if args.planner == Planner::Auto && head.options.planner == PlannerKind::Rules {
            args.planner = Planner::Rules;
        }
        if args.planner != Planner::Rules
            && args.model.is_none()
            && self.model_for(TaskRole::Plan, None)?.is_none()
        {
            args.model.clone_from(&head.model);
        }
        self.open_for(&args).await
    }

    /// The model that words answers, if one is to. The only model there is does not for that alone: small ones write
    /// little that is borne out, and take their time.
    fn writing_model(&self, args: &TurnArgs) -> Result<Option<PlanningModel>, Failure> {
        let wanted = match args.writer {
            Writer::Template => false,
            Writer::Model => true,
            Writer::Auto => args.write.is_some() || self.models()?.assigns(TaskRole::Write),
        };
        if !wanted {
            return Ok(None);
        }
        let model = self.model_for(TaskRole::Write, args.write.as_deref())?;
        let missing = Failure::usage("no model is configured to write")
            .remedy("give one with --write, or name one in workspace.toml under `[roles]`");
        model.map(Some).ok_or(missing)
    }

    /// The conversations; where they cannot be written, a copy that lasts as long as this process.
    fn sessions(&self) -> Result<SessionStore, Failure> {
        let path = self.workspace.sessions_db();
        match SessionStore::open(&path, self.world.clone()) {
            Err(error) if error.is_read_only() => {
                remark(format!(
                    "{} cannot be written: this conversation is not kept",
                    self.workspace.root().display()
                ));
                Ok(SessionStore::open_copy(&path, self.world.clone())?)
            }
            other => Ok(other?),
        }
    }

    /// Opens the workspace for questions, leaving out some tools.
    pub(crate) fn open(&self, without: &[String]) -> Result<Door, Failure> {
        self.open_steered(without, false)
    }

    /// The same, with the owner's rules and synonyms or without them. Hidden fields are hidden either way.
    fn open_steered(&self, without: &[String], unsteered: bool) -> Result<Door, Failure> {
        // A damaged workspace, or a wrong file of the owner's, is told before anything is loaded.
        self.workspace.current()?;
        let mut snapshot = open_snapshot(&self.workspace)?;
        if unsteered {
            let steering = snapshot.steering().clone().only_hiding();
            snapshot = Snapshot::of(&self.workspace, snapshot.catalog().generation)?.steered(steering)?;
        }
        let engine = Engine::with_snapshot(&self.workspace, snapshot, self.embedder()?, self.encoders()?)?;
        let everything = segue_tools::builtin(engine.clone());
        for name in without {
            everything.get(name).map_err(|e| Failure::usage(e).at("without"))?;
        }
        let registry = everything.without(without);
        let agent = Agent::new(self.world.clone(), engine.snapshot().clone(), registry.clone());
        let sessions = self.sessions()?;
        Ok(Door {
            agent,
            registry,
            engine,
            sessions: Arc::new(sessions),
            traces: self.traces(),
            exports: None,
            because: None,
        })
    }
}
