use std::borrow::Cow;
use std::sync::Arc;

use roaring::RoaringBitmap;
use segue_catalog::{
    CandidateSet, Diagnosis, Explanation, Ordinal, Predicate, Scored, Snapshot, Steering, Workspace,
};
use segue_models::Embedder;
use segue_world::fs;

use crate::diagnose::diagnose;
use crate::filter::Filter;
use crate::lexical::{LexicalIndex, LexicalQuery};
use crate::sql::{self, SqlAnswer, SqlError, SqlLimits};
use crate::vectors::{Manifest, Vectors};
use crate::{EngineError, explain};

/// The space of what items are in words.
pub const TEXT_SPACE: &str = "text";

/// The searches over one generation of a workspace. Cheap to clone; a new generation needs a new engine.
///
/// They see what the snapshot shows: hidden fields are searched by nothing, and items that it leaves out are in no pool.
#[derive(Debug, Clone)]
pub struct Engine {
    shared: Arc<Shared>,
    snapshot: Snapshot,
}

#[derive(Debug)]
struct Shared {
    filter: Filter,
    lexical: LexicalIndex,
    spaces: Vec<(String, Vectors)>,
    embedder: Option<Arc<dyn Embedder>>,
    encoders: Vec<Arc<dyn Embedder>>,
}

/// The generation that `CURRENT` names, steered as the owner's files say.
///
/// # Errors
/// What keeps the workspace from being read, and what is wrong in those files.
pub fn open_snapshot(workspace: &Workspace) -> Result<Snapshot, EngineError> {
    let whole = Snapshot::of(workspace, workspace.current()?)?;
    let filter = Filter::new(whole.clone());
    let steering = Steering::read(workspace, &whole, &|predicate| filter.known_to_be(true, predicate))?;
    Ok(if steering.is_empty() { whole } else { whole.steered(steering)? })
}

/// What to search for by meaning.
#[derive(Debug, Clone, Copy)]
pub enum DenseQuery<'a> {
    /// A text, embedded by the space's model.
    Text(&'a str),
    /// A unit vector of the space.
    Vector(&'a [f32]),
}

impl Engine {
    /// Opens the generation that `CURRENT` names, steered as the owner's files say. Without an embedder, texts cannot be
    /// searched by meaning.
    pub fn open(workspace: &Workspace, embedder: Option<Arc<dyn Embedder>>) -> Result<Self, EngineError> {
        Self::with_encoders(workspace, embedder, Vec::new())
    }

    /// Opens it with the models, by name, that make vectors of imported spaces from texts.
    pub fn with_encoders(
        workspace: &Workspace,
        embedder: Option<Arc<dyn Embedder>>,
        encoders: Vec<Arc<dyn Embedder>>,
    ) -> Result<Self, EngineError> {
        Self::with_snapshot(workspace, open_snapshot(workspace)?, embedder, encoders)
    }

    /// Opens the indexes of a snapshot of a workspace.
    pub fn with_snapshot(
        workspace: &Workspace,
        snapshot: Snapshot,
        embedder: Option<Arc<dyn Embedder>>,
        encoders: Vec<Arc<dyn Embedder>>,
    ) -> Result<Self, EngineError> {
        let folder = workspace.generation_dir(snapshot.catalog().generation);
        let lexical = LexicalIndex::open(&folder.join("bm25"), snapshot.catalog())?;
        let mut spaces = Vec::new();
        let vectors = folder.join("vectors");
        if fs::is_dir(&vectors) {
            for space in fs::list(&vectors)? {
                let name = space.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
                spaces.push((name, Vectors::open(&space)?));
            }
        }
        let filter = Filter::new(snapshot.clone());
        Ok(Self { shared: Arc::new(Shared { filter, lexical, spaces, embedder, encoders }), snapshot })
    }

    /// The same searches over what this snapshot, of the same generation, shows.
    #[must_use]
    pub fn over(&self, snapshot: &Snapshot) -> Self {
        Self { shared: self.shared.clone(), snapshot: snapshot.clone() }
    }

    /// The pool without what is left out; `None` for everything there is.
    fn pool<'a>(&self, within: Option<&'a RoaringBitmap>) -> Option<Cow<'a, RoaringBitmap>> {
        match (within, self.snapshot.left_out()) {
            (within, None) => within.map(Cow::Borrowed),
            (None, Some(_)) => Some(Cow::Owned(self.snapshot.all())),
            (Some(pool), Some(items)) => Some(Cow::Owned(pool - items)),
        }
    }

    /// The catalogue of this generation.
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// The names of the embedding spaces there are.
    pub fn spaces(&self) -> Vec<&str> {
        self.shared.spaces.iter().map(|(name, _)| name.as_str()).collect()
    }

    /// Those of them in which a text can be searched: vectors that were imported have a model for texts or none.
    pub fn text_spaces(&self) -> Vec<&str> {
        let takes_texts = |vectors: &Vectors| {
            !vectors.manifest.fingerprint.is_empty() || self.encoder(&vectors.manifest).is_some()
        };
        let spaces = self.shared.spaces.iter().filter(|(_, vectors)| takes_texts(vectors));
        spaces.map(|(name, _)| name.as_str()).collect()
    }

    /// The items that satisfy the predicate: all of them, in no order.
    pub fn filter(
        &self,
        predicate: &Predicate,
        within: Option<&RoaringBitmap>,
    ) -> Result<RoaringBitmap, EngineError> {
        let found = self.shared.filter.known_to_be(true, predicate)?;
        Ok(match self.pool(within) {
            Some(pool) => found & pool.as_ref(),
            None => found,
        })
    }

    /// Why a predicate leaves so little: each condition by itself, what conflicts, what would help.
    pub fn diagnose(
        &self,
        predicate: &Predicate,
        within: Option<&RoaringBitmap>,
    ) -> Result<Diagnosis, EngineError> {
        let pool = self.pool(within).unwrap_or_else(|| Cow::Owned(self.snapshot.all()));
        Ok(diagnose(&self.shared.filter, self.snapshot(), predicate, &pool)?)
    }

    /// Runs one `SELECT` in a sandbox that shows the pool and nothing else.
    pub fn sql(
        &self,
        statement: &str,
        within: Option<&RoaringBitmap>,
        limits: &SqlLimits,
    ) -> Result<SqlAnswer, SqlError> {
        sql::run(self.snapshot(), statement, self.pool(within).as_deref(), limits)
    }

    /// Every item of the pool that has the words, best first.
    pub fn lexical(
        &self,
        query: &LexicalQuery,
        within: Option<&RoaringBitmap>,
    ) -> Result<Vec<Scored>, EngineError> {
        let synonyms = &self.snapshot.steering().synonyms;
        self.shared.lexical.search(query, synonyms, self.pool(within).as_deref())
    }

    /// Every item of the pool by cosine to the query, best first.
    pub fn dense(
        &self,
        space: &str,
        query: DenseQuery<'_>,
        within: Option<&RoaringBitmap>,
    ) -> Result<Vec<Scored>, EngineError> {
        let vectors = self.vectors(space)?;
        let pool = self.pool(within);
        let mut found = match query {
            DenseQuery::Vector(vector) => vectors.scan(vector, pool.as_deref()),
            DenseQuery::Text(text) => vectors.scan(&self.embed(space, text)?, pool.as_deref()),
        };
        best_first(&mut found);
        Ok(found)
    }

    /// Every item of the pool but the seeds by cosine to the seeds' mean, best first.
    pub fn similar(
        &self,
        space: &str,
        seeds: &[Ordinal],
        within: Option<&RoaringBitmap>,
    ) -> Result<Vec<Scored>, EngineError> {
        let vectors = self.vectors(space)?;
        let mut centre = vec![0.0_f32; vectors.manifest.dimensions];
        for seed in seeds {
            for (sum, x) in centre.iter_mut().zip(vectors.row(*seed).into_iter().flatten()) {
                *sum += x;
            }
        }
        let length = centre.iter().map(|x| x * x).sum::<f32>().sqrt();
        if length == 0.0 && !seeds.is_empty() && !seeds.iter().any(|s| vectors.row(*s).is_some()) {
            return Err(EngineError::NoVector(space.to_owned()));
        }
        if length > 0.0 {
            centre.iter_mut().for_each(|x| *x /= length);
        }
        let mut found = vectors.scan(&centre, self.pool(within).as_deref());
        found.retain(|s| !seeds.contains(&s.item));
        best_first(&mut found);
        Ok(found)
    }

    /// The cosine of two items; `None` where either has no vector.
    pub fn cosine(&self, space: &str, a: Ordinal, b: Ordinal) -> Result<Option<f64>, EngineError> {
        let vectors = self.vectors(space)?;
        let (Some(a), Some(b)) = (vectors.row(a), vectors.row(b)) else { return Ok(None) };
        Ok(Some(a.zip(b).map(|(x, y)| f64::from(x) * f64::from(y)).sum()))
    }

    /// Why an item has its place in a set: the call that made the set, and those it was made from.
    pub fn explain(&self, set: &CandidateSet, item: Ordinal) -> Result<Explanation, EngineError> {
        explain::explain(self, set, item)
    }

    pub(crate) fn explain_lexical(
        &self,
        query: &LexicalQuery,
        item: Ordinal,
    ) -> Result<Option<Explanation>, EngineError> {
        self.shared.lexical.explain(query, &self.snapshot.steering().synonyms, item)
    }

    /// The unit vector of a text in a space.
    pub(crate) fn embed(&self, space: &str, text: &str) -> Result<Vec<f32>, EngineError> {
        let manifest = &self.vectors(space)?.manifest;
        if manifest.fingerprint.is_empty() {
            let reason = match manifest.model.as_str() {
                "" => "its vectors were imported without an `encoder`; look for what is similar to an item"
                    .to_owned(),
                model => format!(
                    "its `encoder` `{model}` is not here or makes other vectors; run `segue models pull {model}`"
                ),
            };
            let no_encoder = || EngineError::NoEncoder { space: space.to_owned(), reason };
            let encoder = self.encoder(manifest).ok_or_else(no_encoder)?;
            return Ok(encoder.embed(&[text])?.into_iter().next().unwrap_or_default());
        }
        let no_space = |remedy: String| EngineError::NoSpace { space: space.to_owned(), remedy };
        let Some(embedder) = &self.shared.embedder else {
            return Err(no_space(format!(
                "its model is not here; run `segue models pull {}`",
                manifest.model
            )));
        };
        if embedder.fingerprint() != manifest.fingerprint {
            return Err(no_space(format!(
                "its vectors were made by another version of `{}`; run `segue index`",
                manifest.model
            )));
        }
        Ok(embedder.embed_queries(&[text])?.into_iter().next().unwrap_or_default())
    }

    /// The model that makes vectors of an imported space from texts.
    fn encoder(&self, manifest: &Manifest) -> Option<&Arc<dyn Embedder>> {
        let mut known = self.shared.embedder.iter().chain(&self.shared.encoders);
        known.find(|e| e.name() == manifest.model && e.dimensions() == manifest.dimensions)
    }

    pub(crate) fn vectors(&self, space: &str) -> Result<&Vectors, EngineError> {
        let found = self.shared.spaces.iter().find(|(name, _)| name == space).map(|(_, vectors)| vectors);
        found.ok_or_else(|| EngineError::NoSpace {
            space: space.to_owned(),
            remedy: match self.spaces().join("`, `") {
                none if none.is_empty() => "run `segue index` without `--no-embeddings`".to_owned(),
                names => format!("there are `{names}`"),
            },
        })
    }
}

fn best_first(items: &mut [Scored]) {
    items.sort_unstable_by(|a, b| b.score.total_cmp(&a.score).then(a.item.cmp(&b.item)));
}
