use std::sync::Arc;

use segue_catalog::{Catalog, Suggestion};

use super::{ErasedTool, ErrorKind, ToolError, ToolRole, ToolSpec};

/// The tools of a house, in the order they are listed.
#[derive(Clone, Default)]
pub struct Registry {
    tools: Vec<Arc<dyn ErasedTool>>,
}

impl std::fmt::Debug for Registry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.tools.iter().map(|t| t.name())).finish()
    }
}

impl Registry {
    /// Adds a tool; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, tool: impl ErasedTool + 'static) -> Self {
        self.tools.retain(|t| t.name() != tool.name());
        self.tools.push(Arc::new(tool));
        self
    }

    /// Leaves out the tools of these names.
    #[must_use]
    pub fn without(mut self, names: &[String]) -> Self {
        self.tools.retain(|t| !names.iter().any(|n| n == t.name()));
        self
    }

    /// The tool of this name, or an error that names the nearest.
    pub fn get(&self, name: &str) -> Result<Arc<dyn ErasedTool>, ToolError> {
        self.tools.iter().find(|t| t.name() == name).cloned().ok_or_else(|| {
            let mut names: Vec<_> = self.tools.iter().map(|t| t.name()).collect();
            names.sort_by_key(|n| strsim::damerau_levenshtein(n, name));
            let nearest = names.iter().take(3).map(|n| Suggestion { value: (*n).to_owned(), count: 0 });
            ToolError::new(ErrorKind::UnknownTool, format!("there is no tool `{name}`"))
                .with_nearest(nearest.collect())
        })
    }

    /// The descriptions of all tools for this catalogue.
    pub fn specs(&self, catalog: &Catalog) -> Vec<ToolSpec> {
        self.tools.iter().map(|t| t.describe(catalog)).collect()
    }

    /// The description of the first tool with this role.
    pub fn with_role(&self, role: ToolRole, catalog: &Catalog) -> Option<ToolSpec> {
        self.specs(catalog).into_iter().find(|s| s.role == role)
    }
}
