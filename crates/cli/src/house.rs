//! The house put together: workspace, shelf, engine, tools and agent, each opened when it is first needed.

use std::path::PathBuf;
use std::sync::Arc;

use segue_agent::{Agent, SessionStore};
use segue_catalog::Workspace;
use segue_models::{Embedder, FastEmbedder, Shelf};
use segue_retrieval::Engine;
use segue_world::{RealWorld, World};

use crate::failure::Failure;
use crate::progress::Progress;

/// The embedding model of a workspace that does not name another.
pub(crate) const EMBEDDER: &str = "all-minilm-l6-v2";

/// Where commands find what they need.
#[derive(Debug)]
pub(crate) struct House {
    world: Arc<dyn World>,
    workspace: Workspace,
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
}
