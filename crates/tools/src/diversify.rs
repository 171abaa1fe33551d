use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use segue_agent::{Tool, ToolContext, ToolError, ToolOutput, ToolRole, ToolSpec};
use segue_catalog::text::fold;
use segue_catalog::{CandidateSet, Catalog, Field, FieldType, Ordinal, Role, Scored};
use segue_retrieval::Engine;
use segue_retrieval::diversify::maximal_marginal_relevance;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ranking::{check_k, check_space, nearest_names, parents};
use crate::spec::{example, fields, k, object, optional_name, spec, usual_value};

/// How much relevance counts against difference unless the call says.
const LAMBDA: f64 = 0.7;
/// Places are filled from at least so many of the best.
const LEAST_POOL: usize = 200;
/// And from at most so many: an item of place 1,001 does not belong into the first ten however different it is.
const MOST_POOL: usize = 1000;

/// Orders a set so that neighbours differ: maximal marginal relevance.
pub(crate) struct Diversify {
    engine: Engine,
}

impl Diversify {
    pub(crate) fn new(engine: Engine) -> Self {
        Self { engine }
    }
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object of arguments")]
pub(crate) struct Args {
    #[serde(default)]
    lambda: Option<f64>,
    #[serde(default)]
    by: Option<Vec<String>>,
    #[serde(default)]
    space: Option<String>,
    #[serde(default)]
    k: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resolved {
    lambda: f64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    by: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    space: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<usize>,
}

impl Tool for Diversify {
    const NAME: &'static str = "diversify";
    type Args = Args;
    type Resolved = Resolved;

    fn describe(&self, catalog: &Catalog) -> ToolSpec {
        let names: Vec<_> = fields(catalog, is_category).map(|(f, _)| f.name.as_str()).collect();
        let by = json!({
            "type": ["array", "null"], "items": {"type": "string", "enum": names},
            "description": "what should differ; by meaning if left out",
        });
        let lambda = json!({"type": ["number", "null"], "description": "0 most different to 1 most relevant; 0.7 if left out"});
        let mut properties = vec![("by", by), ("lambda", lambda), ("k", k())];
        if let spaces @ [_, _, ..] = self.engine.spaces().as_slice() {
            properties.push(("space", optional_name(spaces, "by which likeness; text if left out")));
        }
        let mut examples = vec![example("ten that are not all alike", json!({"k": 10}))];
        if let Some((field, _)) = usual_value(catalog) {
            examples.push(example(
                format!("ten of different {}", field.name),
                json!({"by": [field.name], "k": 10}),
            ));
        }
        spec(
            Self::NAME,
            ToolRole::Diversify,
            "orders a set so that neighbours differ".to_owned(),
            format!(
                "Use it last, on a ranked set, where variety is worth more than the last bit of relevance. Reorders \
                 the set that the step is within by maximal marginal relevance; without `k` every {} stays.",
                catalog.noun
            ),
            object(0, properties),
            examples,
        )
    }

    fn resolve(&self, context: &ToolContext, args: Args) -> Result<Resolved, ToolError> {
        if context.within.is_none() {
            return Err(ToolError::invalid(
                "within",
                "there is nothing to diversify; put the step `within` a set",
            ));
        }
        let lambda = args.lambda.unwrap_or(LAMBDA);
        if !(0.0..=1.0).contains(&lambda) {
            let message =
                format!("`lambda` is {lambda} and should be from 0 (most different) to 1 (most relevant)");
            return Err(ToolError::invalid("lambda", message));
        }
        let catalog = context.snapshot.catalog();
        let mut by = args.by.unwrap_or_default();
        let spaces = self.engine.spaces();
        if let Some(other) = by.iter().find(|name| !catalog.field(name).is_some_and(is_category)) {
            let why = if catalog.field(other).is_some() { "is not a category" } else { "is not a field" };
            let nearest = nearest_names(other, fields(catalog, is_category).map(|(f, _)| f.name.as_str()));
            return Err(
                ToolError::invalid("by", format!("`{other}` {why}; use another")).with_nearest(nearest)
            );
        }
        if !by.is_empty() && args.space.is_some() {
            return Err(ToolError::invalid("space", "`by` and `space` exclude each other; give one of them"));
        }
        if by.is_empty() && spaces.is_empty() && args.space.is_none() {
            by = usual_value(catalog).map(|(field, _)| field.name.clone()).into_iter().collect();
        }
        let space = match by.is_empty() {
            true => Some(check_space(&spaces, args.space.as_deref())?),
            false => None,
        };
        Ok(Resolved { lambda, by, space, k: check_k(args.k)? })
    }

    async fn call(&self, context: &ToolContext, args: Resolved) -> Result<ToolOutput, ToolError> {
        let Some(within) = &context.within else { return Err(ToolError::internal("no set to diversify")) };
        let all = within.items();
        let k = args.k.unwrap_or(all.len()).min(all.len());
        let pool = args.k.map_or(LEAST_POOL, |k| k.saturating_mul(20).clamp(LEAST_POOL, MOST_POOL));
        let pool = pool.min(all.len());
        let (head, tail) = all.split_at_checked(pool).unwrap_or((all, &[]));
        context.check_cancelled()?;
        let mut items = match &args.space {
            Some(space) => {
                let likeness = |a, b| self.engine.cosine(space, a, b).ok().flatten().unwrap_or(0.0).max(0.0);
                maximal_marginal_relevance(head, k, args.lambda, likeness)
            }
            None => {
                let values = values(context, &args.by, head)?;
                maximal_marginal_relevance(head, k, args.lambda, |a, b| overlap(&values, a, b))
            }
        };
        items.extend(tail.iter().take(k.saturating_sub(items.len())));
        let record = context.record(Self::NAME, serde_json::to_value(&args).map_err(ToolError::internal)?);
        Ok(CandidateSet::ordered(context.handle.clone(), record, items, parents(context, &[])).into())
    }
}

fn is_category(field: &Field) -> bool {
    field.role == Role::Category && field.ty == FieldType::Text
}

type Values = BTreeMap<Ordinal, Vec<BTreeSet<String>>>;

/// For each item its values of each of the fields.
fn values(context: &ToolContext, by: &[String], items: &[Scored]) -> Result<Values, ToolError> {
    let members = items.iter().map(|s| s.item).collect();
    let mut values = Values::new();
    for field in by {
        for (item, value) in context.snapshot.column(field, Some(&members)).map_err(ToolError::internal)? {
            let each = value.each().iter().map(|v| fold(&v.to_string())).collect();
            values.entry(item).or_default().push(each);
        }
    }
    Ok(values)
}

/// The mean over the fields of how much two items share: Jaccard's coefficient of their values.
fn overlap(values: &Values, a: Ordinal, b: Ordinal) -> f64 {
    let (Some(a), Some(b)) = (values.get(&a), values.get(&b)) else { return 0.0 };
    let jaccard = |(a, b): (&BTreeSet<String>, &BTreeSet<String>)| {
        let union = a.union(b).count();
        if union == 0 { 0.0 } else { a.intersection(b).count() as f64 / union as f64 }
    };
    a.iter().zip(b).map(jaccard).sum::<f64>() / a.len().max(1) as f64
}
