//! The tool contract: typed outside, erased inside.
//!
//! A tool author implements [`Tool`]; the [`Registry`] holds [`ErasedTool`]s, which every tool is by a blanket
//! implementation. Arguments go in two steps: `Args` is what was written (parsing touches nothing), `Resolved`
//! is what the catalogue confirms; only resolved arguments run, and what was resolved is shown.

mod context;
mod error;
mod registry;
mod spec;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use schemars::JsonSchema;
use segue_catalog::{CandidateSet, Catalog, Diagnosis};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

pub use context::{Cancellation, SetScope, ToolContext};
pub use error::{ErrorKind, ToolError};
pub use registry::Registry;
pub use spec::{CostHint, Effect, ToolExample, ToolRole, ToolSpec};

/// Something the agent can do.
pub trait Tool: Send + Sync + 'static {
    /// The name by which plans call it: lower-case letters and underscores.
    const NAME: &'static str;
    /// The arguments as written; their JSON Schema is what a model sees.
    type Args: DeserializeOwned + JsonSchema + Send;
    /// The arguments as the catalogue confirms them.
    type Resolved: Serialize + Send;

    /// What the tool is, for this catalogue: descriptions and schemas carry the real field names,
    /// enumerations and ranges.
    fn describe(&self, catalog: &Catalog) -> ToolSpec;

    /// Checks columns, values, ranges and ids against the catalogue. Touches nothing.
    fn resolve(&self, context: &ToolContext, args: Self::Args) -> Result<Self::Resolved, ToolError>;

    /// Does the work.
    fn call(
        &self,
        context: &ToolContext,
        args: Self::Resolved,
    ) -> impl Future<Output = Result<ToolOutput, ToolError>> + Send;
}

/// What a call hands back.
#[derive(Debug, Clone)]
pub enum ToolOutput {
    /// A candidate set; if it is empty, why.
    Set {
        /// The set.
        set: Arc<CandidateSet>,
        /// Why it is empty, where that can be said.
        diagnosis: Option<Diagnosis>,
        /// What the tool noticed and the reader should know.
        notes: Vec<String>,
    },
    /// Facts: rows looked up, counts.
    Facts(Json),
}

impl From<CandidateSet> for ToolOutput {
    fn from(set: CandidateSet) -> Self {
        Self::Set { set: Arc::new(set), diagnosis: None, notes: Vec::new() }
    }
}

type Answer<'a> = Pin<Box<dyn Future<Output = Result<(Json, ToolOutput), ToolError>> + Send + 'a>>;

/// A tool without its types. Every [`Tool`] is one.
pub trait ErasedTool: Send + Sync {
    /// See [`Tool::NAME`].
    fn name(&self) -> &'static str;
    /// See [`Tool::describe`].
    fn describe(&self, catalog: &Catalog) -> ToolSpec;
    /// Parses and resolves without calling: the resolved arguments, or what is wrong with them.
    fn check(&self, context: &ToolContext, args: Json) -> Result<Json, ToolError>;
    /// Parses, resolves and calls; the resolved arguments come back beside the output.
    fn invoke<'a>(&'a self, context: &'a ToolContext, args: Json) -> Answer<'a>;
}

impl<T: Tool> ErasedTool for T {
    fn name(&self) -> &'static str {
        T::NAME
    }

    fn describe(&self, catalog: &Catalog) -> ToolSpec {
        Tool::describe(self, catalog)
    }

    fn check(&self, context: &ToolContext, args: Json) -> Result<Json, ToolError> {
        let resolved = self.resolve(context, parse::<T>(args)?)?;
        serde_json::to_value(resolved).map_err(ToolError::internal)
    }

    fn invoke<'a>(&'a self, context: &'a ToolContext, args: Json) -> Answer<'a> {
        Box::pin(async move {
            let resolved = self.resolve(context, parse::<T>(args)?)?;
            let shown = serde_json::to_value(&resolved).map_err(ToolError::internal)?;
            let output = self.call(context, resolved).await?;
            Ok((shown, output))
        })
    }
}

fn parse<T: Tool>(args: Json) -> Result<T::Args, ToolError> {
    // A model that has nothing to say sends null; a tool without required arguments takes it for none.
    let args = if args.is_null() { Json::Object(serde_json::Map::new()) } else { args };
    serde_json::from_value(args).map_err(|e| {
        ToolError::invalid("arguments", format!("the arguments of `{}` do not parse: {e}", T::NAME))
    })
}
