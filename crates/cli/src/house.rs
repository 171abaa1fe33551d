//! The house put together: workspace, shelf, engine, tools and agent, each opened when it is first needed.

use std::path::PathBuf;
use std::sync::Arc;

use segue_agent::model::Prompts;
use segue_agent::{Agent, PlannerKind, PlanningModel, Registry, SessionStore};
use segue_catalog::Workspace;
use segue_models::{
    Embedder, Endpoint, ModelSource, ModelsConfig, SentenceEmbedder, SentenceOptions, Shelf, TaskRole,
};
use segue_retrieval::Engine;
use segue_world::{RealWorld, World};

use crate::args::{Planner, TurnArgs, Writer};
use crate::failure::Failure;

/// Where commands find what they need.
#[derive(Debug)]
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

    /// The shelf of this user.
    pub(crate) fn shelf(&self) -> Result<Shelf, Failure> {
        Ok(Shelf::new(self.world.clone())?)
    }

    /// The embedder, if all that it needs is on the shelf. Nothing is fetched: questions need no network.
    pub(crate) fn embedder(&self) -> Result<Option<Arc<dyn Embedder>>, Failure> {
        let shelf = self.shelf()?;
        let options = SentenceOptions::default();
        if !SentenceEmbedder::is_there(&shelf, &options) {
            return Ok(None);
        }
        Ok(Some(Arc::new(SentenceEmbedder::open(&shelf, &options, &mut |_| ())?)))
    }

    /// The models that `workspace.toml` names.
    fn models(&self) -> Result<ModelsConfig, Failure> {
        Ok(ModelsConfig::read(self.workspace.root().join("workspace.toml"))?)
    }

    /// The model for a role: the one given, or the one that `workspace.toml` names.
    pub(crate) fn model_for(
        &self,
        role: TaskRole,
        given: Option<&str>,
    ) -> Result<Option<PlanningModel>, Failure> {
        let root = self.workspace.root();
        let resolved = self.models()?.resolve(role, given, self.world.as_ref())?;
        let Some(resolved) = resolved else { return Ok(None) };
        let ModelSource::OpenAi(options) = resolved.source else {
            let name = resolved.name;
            return Err(Failure::new(
                "model",
                format!("`{name}` runs in this process, and this build cannot"),
            )
            .remedy("give it a `base_url`, or use another model"));
        };
        let model = Arc::new(Endpoint::new(options, self.world.clone())?);
        let prompts = Prompts::load(Some(&root.join("prompts")))?;
        Ok(Some(PlanningModel { model, prompts, prices: resolved.prices, logprobs: true }))
    }

    /// Opens the workspace for a conversation, with the planner that is wanted.
    pub(crate) fn open_for(&self, args: &TurnArgs) -> Result<(Door, PlannerKind), Failure> {
        let mut door = self.open(&args.without)?;
        if let Some(writer) = self.writing_model(args)? {
            door.agent = door.agent.with_writer(writer);
        }
        if args.planner == Planner::Rules {
            return Ok((door, PlannerKind::Rules));
        }
        let Some(model) = self.model_for(TaskRole::Plan, args.model.as_deref())? else {
            if args.planner == Planner::Auto {
                return Ok((door, PlannerKind::Rules));
            }
            return Err(Failure::usage("no model is configured")
                .remedy("give one with --model, or name one in workspace.toml under `[models]`"));
        };
        door.agent = door.agent.with_model(model);
        Ok((door, PlannerKind::Route))
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

    /// Opens the workspace for questions, leaving out some tools.
    pub(crate) fn open(&self, without: &[String]) -> Result<Door, Failure> {
        // A damaged workspace is told before anything is loaded.
        self.workspace.current()?;
        let engine = Engine::open(&self.workspace, self.embedder()?)?;
        let everything = segue_tools::builtin(engine.clone());
        for name in without {
            everything.get(name).map_err(|e| Failure::usage(e).at("without"))?;
        }
        let registry = everything.without(without);
        let agent = Agent::new(self.world.clone(), engine.snapshot().clone(), registry.clone());
        let sessions = SessionStore::open(&self.workspace.sessions_db(), self.world.clone())?;
        Ok(Door { agent, registry, engine, sessions: Arc::new(sessions) })
    }
}
