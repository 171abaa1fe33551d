//! Whether two conditions mean the same, however they are written.
//!
//! Two ways of writing are the same here only if they select the same items whatever the items are, unknown values included
//! (Kleene's logic, as [`Predicate`] has it). With the catalogue more is known to be the same: ends of ranges on
//! single-valued fields, dates by their span, whole numbers.
//!
//! ```
//! use segue_catalog::Predicate;
//! use segue_evals::metrics::predicates::same;
//! let read = |json: &str| serde_json::from_str::<Predicate>(json);
//! let neither = read(r#"{"not": {"field": "genre", "op": "in", "value": ["Horror", "war"]}}"#)?;
//! let each = read(r#"{"all": [{"not": {"field": "genre", "op": "eq", "value": "War"}},
//!                             {"field": "genre", "op": "ne", "value": "horror"}]}"#)?;
//! assert!(same(&neither, &each, None));
//! # Ok::<(), serde_json::Error>(())
//! ```

use std::collections::BTreeSet;

use segue_catalog::{Catalog, Condition, FieldType, Operator, Predicate, Value, parse_date, text};

/// What a predicate means: two that are written differently and mean the same are equal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Meaning(Form);

/// True if both mean the same.
pub fn same(a: &Predicate, b: &Predicate, catalog: Option<&Catalog>) -> bool {
    Reader { catalog }.read(a, false) == Reader { catalog }.read(b, false)
}

/// The single conditions that all of the predicates come to together, each once. A range on a single-valued field is two:
/// its ends.
pub fn meanings<'a>(
    predicates: impl IntoIterator<Item = &'a Predicate>,
    catalog: Option<&Catalog>,
) -> BTreeSet<Meaning> {
    let reader = Reader { catalog };
    let together = all(predicates.into_iter().map(|p| reader.read(p, false)));
    match together {
        Form::All(parts) => parts.into_iter().map(Meaning).collect(),
        one => BTreeSet::from([Meaning(one)]),
    }
}

/// Negation only at the leaves, nothing nested in its like, nothing twice, everything in one order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Form {
    All(BTreeSet<Form>),
    Any(BTreeSet<Form>),
    Leaf(Leaf),
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Leaf {
    field: String,
    op: &'static str,
    negated: bool,
    values: Vec<Key>,
}

/// A value as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Null,
    Bool(bool),
    /// The bits of a number, −0 being 0.
    Number(u64),
    /// Folded; of a date, the first instant of it and the first after it.
    Text(String),
    List(Vec<Key>),
}

struct Reader<'a> {
    catalog: Option<&'a Catalog>,
}

impl Reader<'_> {
    fn read(&self, predicate: &Predicate, negated: bool) -> Form {
        let each = |parts: &[Predicate]| parts.iter().map(|p| self.read(p, negated)).collect::<Vec<_>>();
        match predicate {
            // De Morgan's laws hold in Kleene's logic.
            Predicate::All { all: parts } if !negated => all(each(parts)),
            Predicate::Any { any: parts } if negated => all(each(parts)),
            Predicate::All { all: parts } | Predicate::Any { any: parts } => any(each(parts)),
            Predicate::Not { not } => self.read(not, !negated),
            Predicate::Field(condition) => self.leaf(condition, negated),
        }
    }

    fn leaf(&self, condition: &Condition, negated: bool) -> Form {
        let Condition { field, op, value } = condition;
        let known = self.catalog.and_then(|c| c.field(field));
        let ty = known.map(|f| f.ty);
        let leaf = |op: Operator, negated, values| {
            Form::Leaf(Leaf { field: field.clone(), op: op.name(), negated, values })
        };
        let one_of = |values: BTreeSet<Key>, negated: bool| match negated {
            // Not one of them: none of them.
            true if !values.is_empty() => all(values.into_iter().map(|v| leaf(Operator::Eq, true, vec![v]))),
            _ => leaf(Operator::Eq, negated, values.into_iter().collect()),
        };
        match (op, value.each()) {
            (Operator::Eq, _) => one_of([key(value, ty)].into(), negated),
            (Operator::Ne, _) => one_of([key(value, ty)].into(), !negated),
            (Operator::In, values) => one_of(values.iter().map(|v| key(v, ty)).collect(), negated),
            (Operator::Between, [low, high]) if key(low, ty) == key(high, ty) => {
                one_of([key(low, ty)].into(), negated)
            }
            (Operator::IsNull, _) => {
                leaf(Operator::IsNull, negated != (*value != Value::Bool(true)), Vec::new())
            }
            (Operator::Matches, _) => {
                let words: BTreeSet<_> = text::words(&value.to_string()).map(Key::Text).collect();
                leaf(*op, negated, words.into_iter().collect())
            }
            (Operator::Contains | Operator::StartsWith, _) => {
                leaf(*op, negated, vec![Key::Text(text::fold(&value.to_string()))])
            }
            // Which of the two coordinates is named does not matter.
            (Operator::WithinKm, values) => Form::Leaf(Leaf {
                field: String::new(),
                op: op.name(),
                negated,
                values: values.iter().map(|v| key(v, None)).collect(),
            }),
            // Of several values, one may lie below a bound and another above it: nothing follows.
            _ if known.is_none_or(|f| f.multi) => match (op, value.each()) {
                (Operator::Between, values) => {
                    leaf(*op, negated, values.iter().map(|v| key(v, ty)).collect())
                }
                _ => leaf(*op, negated, vec![key(value, ty)]),
            },
            (Operator::Between, [low, high]) => {
                let ends = [
                    bound(field, Operator::Ge, low, ty, negated),
                    bound(field, Operator::Le, high, ty, negated),
                ];
                if negated { any(ends) } else { all(ends) }
            }
            _ => bound(field, *op, value, ty, negated),
        }
    }
}

/// One end of a range on a field with one value: at least something, or less than something.
fn bound(field: &str, op: Operator, value: &Value, ty: Option<FieldType>, negated: bool) -> Form {
    use Operator::{Ge, Gt, Le, Lt};
    let op = match (op, negated) {
        (op, false) => op,
        (Lt, true) => Ge,
        (Le, true) => Gt,
        (Gt, true) => Le,
        (Ge, true) => Lt,
        (op, true) => {
            let values = value.each().iter().map(|v| key(v, ty)).collect();
            return Form::Leaf(Leaf { field: field.to_owned(), op: op.name(), negated, values });
        }
    };
    let (op, key) = match (ty, parse_date(&value.to_string()), number(value)) {
        (Some(FieldType::Date), Some(span), _) => match op {
            Lt | Ge => (op, Key::Text(span.start)),
            Le => (Lt, Key::Text(span.end)),
            _ => (Ge, Key::Text(span.end)),
        },
        (Some(FieldType::Integer), _, Some(n)) => match op {
            Lt => (Lt, bits(n.ceil())),
            Le => (Lt, bits(n.floor() + 1.0)),
            Gt => (Ge, bits(n.floor() + 1.0)),
            _ => (op, bits(n.ceil())),
        },
        _ => (op, key(value, ty)),
    };
    Form::Leaf(Leaf { field: field.to_owned(), op: op.name(), negated: false, values: vec![key] })
}

fn all(parts: impl IntoIterator<Item = Form>) -> Form {
    let mut flat = BTreeSet::new();
    for part in parts {
        match part {
            Form::All(inner) => flat.extend(inner),
            other => drop(flat.insert(other)),
        }
    }
    single(flat, Form::All)
}

fn any(parts: impl IntoIterator<Item = Form>) -> Form {
    let mut flat: BTreeSet<Form> = BTreeSet::new();
    // Equal to this or equal to that is one of both.
    let mut equal: Vec<Leaf> = Vec::new();
    let parts = parts.into_iter().flat_map(|part| match part {
        Form::Any(inner) => inner.into_iter().collect(),
        other => vec![other],
    });
    for part in parts {
        match part {
            Form::Leaf(leaf) if leaf.op == Operator::Eq.name() && !leaf.negated => {
                match equal.iter_mut().find(|l| l.field == leaf.field) {
                    Some(same) => same.values.extend(leaf.values),
                    None => equal.push(leaf),
                }
            }
            other => drop(flat.insert(other)),
        }
    }
    for mut leaf in equal {
        leaf.values.sort();
        leaf.values.dedup();
        flat.insert(Form::Leaf(leaf));
    }
    single(flat, Form::Any)
}

fn single(mut parts: BTreeSet<Form>, several: fn(BTreeSet<Form>) -> Form) -> Form {
    match parts.pop_first() {
        Some(only) if parts.is_empty() => only,
        first => several(first.into_iter().chain(parts).collect()),
    }
}

fn key(value: &Value, ty: Option<FieldType>) -> Key {
    if ty == Some(FieldType::Date)
        && let Some(span) = parse_date(&value.to_string())
    {
        return Key::Text(format!("{}/{}", span.start, span.end));
    }
    match value {
        Value::Null => Key::Null,
        Value::Bool(truth) => Key::Bool(*truth),
        Value::List(values) => Key::List(values.iter().map(|v| key(v, ty)).collect()),
        Value::Text(text) if !ty.is_some_and(FieldType::is_number) => Key::Text(text::fold(text)),
        other => number(other).map_or_else(|| Key::Text(text::fold(&other.to_string())), bits),
    }
}

/// The number, also where it was written as text.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.trim().parse().ok()).filter(|n: &f64| n.is_finite())
}

fn bits(number: f64) -> Key {
    Key::Number((number + 0.0).to_bits())
}
