//! What is true of an item and can be asked for, and how it is said.

use segue_catalog::{Catalog, Field, FieldStatistics, FieldType, Operator, Predicate, Role, Row, Value};
use serde::Serialize;

/// Values of one field that are told apart: of a long list of names, people know the first.
const PER_FIELD: usize = 3;

/// Something true of the target that its user may say.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Fact {
    /// The condition that the target satisfies.
    pub what: Predicate,
    /// The field it is about.
    pub field: String,
    /// What words for it must contain.
    pub values: Vec<String>,
    /// Ways to say it, each a phrase that stands by itself.
    #[serde(skip)]
    pub phrases: Vec<String>,
    /// About which share of the catalogue satisfies it, by the statistics.
    pub share: f64,
}

/// What is true of an item: of categories that it has a value, of numbers that they lie above or below a usual one, of years the
/// decade, of dates the year. Prose, titles, ids and truth values are not spoken of. In the order of the fields.
pub fn facts(target: &Row, catalog: &Catalog) -> Vec<Fact> {
    let mut found = Vec::new();
    for (field, statistics) in catalog.fields.iter().zip(&catalog.statistics) {
        let values = target.get(catalog, &field.name).each();
        for value in values.iter().take(PER_FIELD) {
            match (field.role, field.ty) {
                (Role::Category, FieldType::Text) => {
                    found.extend(value.as_str().map(|v| category(field, statistics, v, catalog.items)));
                }
                (Role::Number, _) => {
                    found.extend(value.as_f64().into_iter().flat_map(|v| number(field, statistics, v)));
                }
                (Role::Date, _) => found.extend(value.as_str().and_then(|v| date(field, v))),
                _ => (),
            }
        }
    }
    // Statistics are rounded and cut; a fact that is not one is not told.
    found.retain(|fact| fact.what.matches(target, catalog));
    found
}

fn category(field: &Field, statistics: &FieldStatistics, value: &str, items: u64) -> Fact {
    let is = |v: &Value| v.as_str() == Some(value);
    let rarest = statistics.top.last().map_or(1, |t| t.count);
    let count = statistics.top.iter().find(|t| is(&t.value)).map_or(rarest, |t| t.count);
    let label = label(field);
    Fact {
        what: Predicate::field(&field.name, Operator::Eq, Value::Text(value.to_owned())),
        field: field.name.clone(),
        values: vec![value.to_owned()],
        phrases: vec![format!("{label} {value}"), format!("{value} ({label})"), value.to_owned()],
        share: count as f64 / items.max(1) as f64,
    }
}

fn number(field: &Field, statistics: &FieldStatistics, value: f64) -> Vec<Fact> {
    let label = label(field);
    let fact = |what, values: &[f64], phrases: Vec<String>, share| Fact {
        what,
        field: field.name.clone(),
        values: values.iter().map(|v| written(*v)).collect(),
        phrases,
        share,
    };
    let typed =
        |v: f64| if field.ty == FieldType::Integer { Value::Integer(v as i64) } else { Value::Real(v) };
    let unit = field.unit.as_ref().map(|u| u.name()).unwrap_or_default();
    if unit == "year" {
        let first = (value / 10.0).floor() * 10.0;
        let last = first + 9.0;
        let what =
            Predicate::field(&field.name, Operator::Between, Value::List(vec![typed(first), typed(last)]));
        let share = (below(statistics, last) - below(statistics, first - 1.0)).clamp(0.01, 1.0);
        let (a, b) = (written(first), written(last));
        let phrases = vec![format!("{label} from {a} to {b}"), format!("{label} between {a} and {b}")];
        return vec![fact(what, &[first, last], phrases, share)];
    }
    let unit = if unit.is_empty() { String::new() } else { format!(" {unit}") };
    let (least, most) = statistics.range().unwrap_or((value, value));
    let mut found = Vec::new();
    let usual = || statistics.quantiles.iter().filter(|q| (0.1..=0.9).contains(&q.p));
    if let Some(low) = usual().rev().find(|q| q.value <= value && q.value > least) {
        let what = Predicate::field(&field.name, Operator::Ge, typed(low.value));
        let v = written(low.value);
        let phrases = vec![format!("{label} at least {v}{unit}"), format!("{label} of {v}{unit} or more")];
        found.push(fact(what, &[low.value], phrases, 1.0 - low.p));
    }
    if let Some(high) = usual().find(|q| q.value >= value && q.value < most) {
        let what = Predicate::field(&field.name, Operator::Le, typed(high.value));
        let v = written(high.value);
        let phrases = vec![format!("{label} at most {v}{unit}"), format!("{label} up to {v}{unit}")];
        found.push(fact(what, &[high.value], phrases, high.p));
    }
    found
}

fn date(field: &Field, value: &str) -> Option<Fact> {
    let year = value.get(..4)?.to_owned();
    let label = label(field);
    Some(Fact {
        what: Predicate::field(&field.name, Operator::Eq, Value::Text(year.clone())),
        field: field.name.clone(),
        phrases: vec![format!("{label} in {year}"), format!("{label} {year}")],
        values: vec![year],
        share: 0.05,
    })
}

/// The share of known values that are at most this, between the quantiles that are known.
fn below(statistics: &FieldStatistics, value: f64) -> f64 {
    let mut before = None;
    for q in &statistics.quantiles {
        if q.value >= value {
            let Some((p, v)) = before.filter(|(_, v)| q.value > *v) else { return q.p };
            return p + (q.p - p) * (value - v) / (q.value - v);
        }
        before = Some((q.p, q.value));
    }
    1.0
}

fn label(field: &Field) -> String {
    field.name.replace('_', " ")
}

fn written(number: f64) -> String {
    format!("{number}")
}
