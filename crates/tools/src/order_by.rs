use std::cmp::Ordering;

use schemars::JsonSchema;
use segue_agent::{Tool, ToolContext, ToolError, ToolOutput, ToolRole, ToolSpec};
use segue_catalog::text::fold;
use segue_catalog::{CandidateSet, Catalog, Direction, Field, FieldType, Ordinal, Role, Scored, Value};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::ranking::{check_k, nearest_names, noted, parents, pool};
use crate::spec::{example, field_note, fields, k, object, optional_name, spec};

/// Orders the pool by a field.
pub(crate) struct OrderByField;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, expecting = "an object of arguments")]
pub(crate) struct Args {
    by: String,
    #[serde(default)]
    direction: Option<Direction>,
    #[serde(default)]
    k: Option<usize>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Resolved {
    by: String,
    direction: Direction,
    #[serde(skip_serializing_if = "Option::is_none")]
    k: Option<usize>,
}

impl Tool for OrderByField {
    const NAME: &'static str = "order_by";
    type Args = Args;
    type Resolved = Resolved;

    fn describe(&self, catalog: &Catalog) -> ToolSpec {
        let names: Vec<_> = fields(catalog, has_order).map(|(f, _)| f.name.as_str()).collect();
        let numbers = fields(catalog, |f| has_order(f) && f.ty != FieldType::Text);
        let notes: Vec<_> = numbers.map(|(field, statistics)| field_note(field, statistics)).collect();
        let schema = object(
            1,
            vec![
                ("by", json!({"type": "string", "enum": names, "description": notes.join(". ")})),
                (
                    "direction",
                    optional_name(&["ascending", "descending"], "descending if left out; text ascending"),
                ),
                ("k", k()),
            ],
        );
        let field = catalog.quality_field().or_else(|| fields(catalog, has_order).map(|(f, _)| f).next());
        let examples = field.map(|field| {
            let args = json!({"by": field.name, "direction": "descending", "k": 10});
            example(format!("the ten with the highest {}", field.name), args)
        });
        spec(
            Self::NAME,
            ToolRole::Order,
            format!("orders {} by a field", catalog.name),
            format!(
                "Use it for superlatives: newest, longest, best. Orders the set that the step is within, or all {}, by \
                 one field; those of which it is unknown come last, ties are broken by id.",
                catalog.name
            ),
            schema,
            examples.into_iter().collect(),
        )
    }

    fn resolve(&self, context: &ToolContext, args: Args) -> Result<Resolved, ToolError> {
        let catalog = context.snapshot.catalog();
        let Some(field) = catalog.field(&args.by).filter(|f| has_order(f)) else {
            let by = &args.by;
            let why = if catalog.field(by).is_some() { "has no order" } else { "is not a field" };
            let nearest = nearest_names(by, fields(catalog, has_order).map(|(f, _)| f.name.as_str()));
            return Err(ToolError::invalid("by", format!("`{by}` {why}; use another")).with_nearest(nearest));
        };
        let usual = if field.ty == FieldType::Text { Direction::Ascending } else { Direction::Descending };
        Ok(Resolved { by: args.by, direction: args.direction.unwrap_or(usual), k: check_k(args.k)? })
    }

    async fn call(&self, context: &ToolContext, args: Resolved) -> Result<ToolOutput, ToolError> {
        let column = context.snapshot.column(&args.by, pool(context)).map_err(ToolError::internal)?;
        let mut keyed: Vec<_> =
            column.into_iter().map(|(item, value)| (key(&value, args.direction), item)).collect();
        keyed.sort_unstable_by(|a, b| in_order(a, b, args.direction));
        let unknown = keyed.iter().filter(|(key, _)| key.is_none()).count();
        let mut items = scored(&keyed, args.direction);
        items.truncate(args.k.unwrap_or(usize::MAX));
        let record = context.record(Self::NAME, serde_json::to_value(&args).map_err(ToolError::internal)?);
        let parents = parents(context, &[]);
        let set = CandidateSet::ordered(context.handle.clone(), record, items, parents);
        // Worth a word only if one of them is among those kept.
        let kept_unknown = set.len() > keyed.len() - unknown;
        let note = format!("`{}` is unknown for {unknown} of {}; they come last", args.by, keyed.len());
        Ok(noted(set, if kept_unknown { vec![note] } else { Vec::new() }))
    }
}

/// Links and prose are not ordered by.
fn has_order(field: &Field) -> bool {
    field.is_filterable() && field.role != Role::Text
}

/// What is compared. All keys of one field are of one kind.
#[derive(Debug, PartialEq)]
enum Key {
    Number(f64),
    Text(String),
}

impl Key {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) => Some(Self::Text(fold(text))),
            Value::Bool(truth) => Some(Self::Number(f64::from(u8::from(*truth)))),
            number => number.as_f64().map(Self::Number),
        }
    }

    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Number(a), Self::Number(b)) => a.total_cmp(b),
            (Self::Text(a), Self::Text(b)) => a.cmp(b),
            (Self::Number(_), Self::Text(_)) => Ordering::Less,
            (Self::Text(_), Self::Number(_)) => Ordering::Greater,
        }
    }
}

/// Of several values the one that comes first.
fn key(value: &Value, direction: Direction) -> Option<Key> {
    value.each().iter().filter_map(Key::of).min_by(|a, b| directed(a, b, direction))
}

fn directed(a: &Key, b: &Key, direction: Direction) -> Ordering {
    match direction {
        Direction::Ascending => a.order(b),
        Direction::Descending => b.order(a),
    }
}

/// What is known first, then by the field, then by id.
fn in_order(a: &(Option<Key>, Ordinal), b: &(Option<Key>, Ordinal), direction: Direction) -> Ordering {
    let by_key = match (&a.0, &b.0) {
        (Some(a), Some(b)) => directed(a, b, direction),
        (a, b) => b.is_some().cmp(&a.is_some()),
    };
    by_key.then(a.1.cmp(&b.1))
}

/// Scores that fall with the order and are equal where the field is: the number itself (negative if the smallest is
/// first), or minus the number of different texts before. What is unknown scores as the last that is known.
fn scored(keyed: &[(Option<Key>, Ordinal)], direction: Direction) -> Vec<Scored> {
    let mut different = 0.0;
    let mut last: Option<&Key> = None;
    let mut score = 0.0;
    let each = keyed.iter().map(|(key, item)| {
        if let Some(key) = key {
            if last.is_some_and(|last| last != key) {
                different -= 1.0;
            }
            last = Some(key);
            score = match (key, direction) {
                (Key::Number(n), Direction::Descending) => *n,
                (Key::Number(n), Direction::Ascending) => -n,
                (Key::Text(_), _) => different,
            };
        }
        Scored { item: *item, score }
    });
    each.collect()
}
