//! What answers, and what its answers depend on.

use std::fmt;
use std::sync::{Arc, OnceLock};

use segue_catalog::{Catalog, Snapshot};
use segue_world::{Timestamp, World};
use sha2::{Digest, Sha256};

use crate::planning::PlanningModel;
use crate::steering::Moment;
use crate::trace::Depends;
use crate::{Approval, Registry, ToolSpec, TurnOptions};

/// What answers: tools over one generation of one catalogue, and a planner that chooses among them.
#[derive(Clone)]
pub struct Agent {
    pub(crate) world: Arc<dyn World>,
    pub(crate) snapshot: Snapshot,
    pub(crate) registry: Registry,
    pub(crate) specs: Vec<ToolSpec>,
    pub(crate) fingerprint: String,
    pub(crate) approval: Option<Approval>,
    pub(crate) model: Option<PlanningModel>,
    pub(crate) writer: Option<PlanningModel>,
    /// When and for which request the owner's rules hold.
    pub(crate) moment: Moment,
    /// Made when a trace first wants it.
    pub(crate) depends: OnceLock<Depends>,
}

impl Agent {
    /// An agent with these tools over this snapshot. Tools are described once, here.
    pub fn new(world: Arc<dyn World>, snapshot: Snapshot, registry: Registry) -> Self {
        let specs = registry.specs(snapshot.catalog());
        let fingerprint = fingerprint(&snapshot, &specs, &[]);
        Self {
            world,
            snapshot,
            registry,
            specs,
            fingerprint,
            approval: None,
            model: None,
            writer: None,
            moment: Moment::default(),
            depends: OnceLock::new(),
        }
    }

    /// Asks this before each call that changes something. Without it such calls are denied.
    #[must_use]
    pub fn with_approval(mut self, approval: Approval) -> Self {
        self.approval = Some(approval);
        self
    }

    /// Plans with this model where a turn wants a model.
    #[must_use]
    pub fn with_model(mut self, model: PlanningModel) -> Self {
        self.model = Some(model);
        self.with_fingerprint()
    }

    /// Has this model word the answers. Without one they are worded from templates.
    #[must_use]
    pub fn with_writer(mut self, model: PlanningModel) -> Self {
        self.writer = Some(model);
        self.with_fingerprint()
    }

    fn with_fingerprint(mut self) -> Self {
        let models = self.model.iter().chain(&self.writer);
        let hashes =
            |m: &'_ PlanningModel| m.prompts.all().map(|prompt| prompt.hash.clone()).collect::<Vec<_>>();
        let by: Vec<String> =
            models.flat_map(|m| [m.model.name().to_owned()].into_iter().chain(hashes(m))).collect();
        let by: Vec<&str> = by.iter().map(String::as_str).collect();
        self.fingerprint = fingerprint(&self.snapshot, &self.specs, &by);
        self.depends = OnceLock::new();
        self
    }

    /// The name of the model that plans, if there is one.
    pub fn model_name(&self) -> Option<&str> {
        self.model.as_ref().map(|m| m.model.name())
    }

    pub(crate) fn planning_model(&self) -> Option<&PlanningModel> {
        self.model.as_ref()
    }

    pub(crate) fn writing_model(&self) -> Option<&PlanningModel> {
        self.writer.as_ref()
    }

    /// When the turn began; one that is taken up again keeps its date.
    pub(crate) fn now(&self, options: &TurnOptions) -> Timestamp {
        options.tape.now().unwrap_or_else(|| self.world.now())
    }

    pub(crate) fn world(&self) -> &Arc<dyn World> {
        &self.world
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The descriptions of the tools.
    pub fn specs(&self) -> &[ToolSpec] {
        &self.specs
    }

    /// The catalogue that is searched.
    pub fn catalog(&self) -> &Catalog {
        self.snapshot.catalog()
    }

    /// Changes with anything that could change an answer: the catalogue, what its owner says of answers, the tools, the model
    /// that plans and its prompts.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// What the fingerprint is made of, part by part.
    pub fn depends(&self) -> &Depends {
        self.depends.get_or_init(|| {
            Depends::of(&self.snapshot, &self.specs, self.model.as_ref(), self.writer.as_ref())
        })
    }
}

impl fmt::Debug for Agent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut agent = f.debug_struct("Agent");
        agent
            .field("registry", &self.registry)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

/// The first 16 hexadecimal digits of the SHA-256 of all that an answer depends on besides the conversation.
/// `by` names the model that plans and its prompts.
fn fingerprint(snapshot: &Snapshot, specs: &[ToolSpec], by: &[&str]) -> String {
    let mut described = vec![serde_json::json!(env!("CARGO_PKG_VERSION"))];
    described.extend([
        serde_json::json!(snapshot.catalog()),
        serde_json::json!(specs),
        serde_json::json!(by),
    ]);
    let steering = snapshot.steering();
    if !steering.is_empty() {
        described.push(serde_json::json!(steering.texts()));
    }
    let described = serde_json::Value::Array(described);
    digest(&described.to_string())
}

/// The first 16 hexadecimal digits of the SHA-256.
pub(crate) fn digest(text: &str) -> String {
    use std::fmt::Write;
    let hash = Sha256::digest(text);
    hash.iter().take(8).fold(String::with_capacity(16), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}
