use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use segue_agent::{Effect, Tool, ToolContext, ToolError, ToolOutput, ToolRole, ToolSpec};
use segue_catalog::{CandidateSet, Catalog, Scored};
use segue_retrieval::fuse::{RRF_K, reciprocal_rank, weighted};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ranking::{best, check_k, pool, ranked};
use crate::spec::{example, k, object, optional_name, sets, spec};

/// One ranking out of several sets: reciprocal rank fusion, or a weighted sum of calibrated scores.
pub(crate) struct Fuse;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object of arguments")]
pub(crate) struct Args {
    sets: Vec<String>,
    #[serde(default)]
    method: Option<Method>,
    #[serde(default)]
    weights: Option<Vec<f64>>,
    #[serde(default)]
    k: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    Rrf,
    Weighted,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resolved {
    sets: Vec<String>,
    method: Method,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    weights: Vec<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<usize>,
    #[serde(skip)]
    members: Vec<Arc<CandidateSet>>,
}

impl Tool for Fuse {
    const NAME: &'static str = "fuse";
    type Args = Args;
    type Resolved = Resolved;

    fn describe(&self, catalog: &Catalog) -> ToolSpec {
        let schema = object(
            1,
            vec![
                ("sets", sets()),
                (
                    "method",
                    optional_name(
                        &["rrf", "weighted"],
                        "by ranks (rrf, if left out) or by calibrated scores",
                    ),
                ),
                (
                    "weights",
                    json!({"type": ["array", "null"], "items": {"type": "number"}, "description": "one a set"}),
                ),
                ("k", k()),
            ],
        );
        let description = format!(
            "Use it after two or more searches for the same thing. Returns every {} that is in any of the sets, best \
             first: `rrf` adds 1/(60 + rank), `weighted` adds scores brought to one scale. A set that only filters \
             counts as a wish: those in it gain equally, nothing else is lost. No score is dropped.",
            catalog.noun
        );
        let examples = vec![example("the best of both searches", json!({"sets": ["s2", "s3"], "k": 10}))];
        let summary = "makes one ranking out of several sets".to_owned();
        let spec = spec(Self::NAME, ToolRole::Fuse, summary, description, schema, examples);
        ToolSpec { set_args: vec!["sets".to_owned()], effect: Effect::Pure, ..spec }
    }

    fn resolve(&self, context: &ToolContext, args: Args) -> Result<Resolved, ToolError> {
        let members = named_sets(context, &args.sets)?;
        let weights = args.weights.unwrap_or_default();
        if !weights.is_empty() && weights.len() != members.len() {
            let message =
                format!("there are {} weights for {} sets; give one a set", weights.len(), members.len());
            return Err(ToolError::invalid("weights", message));
        }
        if weights.iter().any(|w| !w.is_finite() || *w < 0.0)
            || (!weights.is_empty() && weights.iter().all(|w| *w == 0.0))
        {
            return Err(ToolError::invalid("weights", "weights should be 0 or more, and one above 0"));
        }
        let method = args.method.unwrap_or(Method::Rrf);
        Ok(Resolved { sets: args.sets, method, weights, k: check_k(args.k)?, members })
    }

    async fn call(&self, context: &ToolContext, args: Resolved) -> Result<ToolOutput, ToolError> {
        let fused = fused(context, &args);
        Ok(ranked(context, Self::NAME, &args, best(fused, args.k), &args.members)?.into())
    }
}

/// Every item of the sets that is in the pool. Ranks are counted within the pool.
fn fused(context: &ToolContext, args: &Resolved) -> Vec<Scored> {
    let pool = pool(context);
    let mut rankings: Vec<Vec<Scored>> = Vec::new();
    let mut weights = Vec::new();
    let mut wishes: BTreeMap<u32, f64> = BTreeMap::new();
    for (i, set) in args.members.iter().enumerate() {
        let weight = args.weights.get(i).copied().unwrap_or(1.0);
        let inside = set.items().iter().filter(|s| pool.is_none_or(|p| p.contains(s.item)));
        if set.is_ranked() {
            rankings.push(inside.copied().collect());
            weights.push(weight);
        } else {
            // A filter has no order to count by: each of its items is as good as a first place.
            let gain = if args.method == Method::Rrf { weight / (RRF_K + 1.0) } else { weight };
            inside.for_each(|s| *wishes.entry(s.item).or_default() += gain);
        }
    }
    let rankings: Vec<_> = rankings.iter().map(Vec::as_slice).collect();
    let mut fused = match args.method {
        Method::Rrf => reciprocal_rank(&rankings, &weights, RRF_K),
        Method::Weighted => weighted(&rankings, &weights),
    };
    let lowest = fused.iter().map(|s| s.score).fold(f64::INFINITY, f64::min);
    for scored in &mut fused {
        scored.score += wishes.remove(&scored.item).unwrap_or_default();
    }
    // What only a wish holds stands below everything that a ranking found worth least, plus what the wish gives.
    let floor = if args.method == Method::Weighted && lowest.is_finite() { lowest } else { 0.0 };
    fused.extend(wishes.into_iter().map(|(item, gain)| Scored { item, score: floor + gain }));
    fused
}

/// The sets of these names, at least one, none twice.
pub(crate) fn named_sets(
    context: &ToolContext,
    names: &[String],
) -> Result<Vec<Arc<CandidateSet>>, ToolError> {
    if names.is_empty() {
        return Err(ToolError::invalid("sets", "`sets` is empty; name earlier steps, as in `s1`"));
    }
    let mut sets: Vec<Arc<CandidateSet>> = Vec::with_capacity(names.len());
    for name in names {
        let set = context.sets.get(name).map_err(|e| ToolError { at: Some("sets".to_owned()), ..e })?;
        if sets.iter().any(|s| s.handle() == set.handle()) {
            return Err(ToolError::invalid(
                "sets",
                format!("`sets` names `{name}` twice; name each set once"),
            ));
        }
        sets.push(set);
    }
    Ok(sets)
}
