use std::sync::Arc;

use roaring::RoaringBitmap;
use schemars::JsonSchema;
use segue_agent::{Effect, Tool, ToolContext, ToolError, ToolOutput, ToolRole, ToolSpec};
use segue_catalog::{CandidateSet, Catalog};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::fuse::named_sets;
use crate::ranking::{parents, pool};
use crate::spec::{example, object, sets, spec};

/// Set algebra.
pub(crate) struct Combine;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object of arguments")]
pub(crate) struct Args {
    op: Op,
    sets: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Op {
    Union,
    Intersection,
    Difference,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resolved {
    op: Op,
    sets: Vec<String>,
    #[serde(skip)]
    members: Vec<Arc<CandidateSet>>,
}

impl Tool for Combine {
    const NAME: &'static str = "combine";
    type Args = Args;
    type Resolved = Resolved;

    fn describe(&self, catalog: &Catalog) -> ToolSpec {
        let ops = json!({"type": "string", "enum": ["union", "intersection", "difference"]});
        let schema = object(2, vec![("op", ops), ("sets", sets())]);
        let description = format!(
            "Use it where one set is not enough: in any (union), in all (intersection), in the first and in none of \
             the others (difference). Intersection and difference keep the order and the scores of the first set; a \
             union has no order, rank it with a later step. Every {} that belongs comes back.",
            catalog.noun
        );
        let args = json!({"op": "difference", "sets": ["s1", "s2"]});
        let examples = vec![example("those of the first search that the second does not have", args)];
        let summary = "unites, intersects or subtracts sets".to_owned();
        let spec = spec(Self::NAME, ToolRole::Algebra, summary, description, schema, examples);
        ToolSpec { set_args: vec!["sets".to_owned()], effect: Effect::Pure, ..spec }
    }

    fn resolve(&self, context: &ToolContext, args: Args) -> Result<Resolved, ToolError> {
        let members = named_sets(context, &args.sets)?;
        if members.len() < 2 {
            return Err(ToolError::invalid("sets", "`sets` names one set; name at least two"));
        }
        Ok(Resolved { op: args.op, sets: args.sets, members })
    }

    async fn call(&self, context: &ToolContext, args: Resolved) -> Result<ToolOutput, ToolError> {
        let mut members = combined(args.op, &args.members);
        if let Some(pool) = pool(context) {
            members &= pool;
        }
        let record = context.record(Self::NAME, serde_json::to_value(&args).map_err(ToolError::internal)?);
        let (handle, parents) = (context.handle.clone(), parents(context, &args.members));
        let first = args.members.first().filter(|set| set.is_ranked() && args.op != Op::Union);
        let set = match first {
            None => CandidateSet::filtered(handle, record, members, parents),
            Some(first) => {
                let items = first.items().iter().filter(|s| members.contains(s.item)).copied().collect();
                CandidateSet::ordered(handle, record, items, parents)
            }
        };
        Ok(set.into())
    }
}

fn combined(op: Op, sets: &[Arc<CandidateSet>]) -> RoaringBitmap {
    let Some((first, others)) = sets.split_first() else { return RoaringBitmap::new() };
    let mut members = first.members().clone();
    for other in others {
        match op {
            Op::Union => members |= other.members(),
            Op::Intersection => members &= other.members(),
            Op::Difference => members -= other.members(),
        }
    }
    members
}
