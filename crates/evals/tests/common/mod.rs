//! Where adapters find what they need in tests: nothing but a folder, a hash for an embedder, and no model.

use std::path::Path;
use std::sync::Arc;

use segue_agent::Cancellation;
use segue_evals::adapters::{AdapterError, Surroundings};
use segue_models::{HashEmbedder, Shelf};
use segue_world::World;

/// With data sets nowhere and the cache in this folder.
pub(crate) fn surroundings(folder: &Path, world: &Arc<dyn World>) -> Surroundings {
    Surroundings {
        world: world.clone(),
        data: folder.join("no data"),
        cache: folder.join("cache"),
        shelf: Shelf::new(world.clone()).unwrap(),
        embedder: Arc::new(|_| Ok(Arc::new(HashEmbedder::new(256)))),
        chat: Arc::new(|name| Err(AdapterError::Needs(format!("no model `{name}` in tests")))),
        live: false,
        cancellation: Cancellation::default(),
    }
}
