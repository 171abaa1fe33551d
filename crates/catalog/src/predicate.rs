use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use crate::text::fold;
use crate::{Catalog, FieldType, Role, Row, Suggestion, Value, parse_date};

/// Conditions on items: a tree of `all`, `any` and `not` over conditions on single fields.
///
/// Null matches nothing but `is_null`, also under `not` (three-valued logic, as in SQL: the items that
/// match `not p` are those of which `p` is known to be false).
///
/// ```
/// use segue_catalog::Predicate;
/// let p: Predicate = serde_json::from_str(r#"{"all": [
///     {"field": "year", "op": "between", "value": [1990, 1999]},
///     {"not": {"field": "genre", "op": "eq", "value": "Horror"}}]}"#)?;
/// assert_eq!(p.to_string(), "year between 1990 and 1999 and not genre = Horror");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Predicate {
    /// Every one of these. An empty list holds for every item.
    All {
        /// The parts.
        all: Vec<Predicate>,
    },
    /// At least one of these. An empty list holds for no item.
    Any {
        /// The parts.
        any: Vec<Predicate>,
    },
    /// Known not to be so.
    Not {
        /// The part.
        not: Box<Predicate>,
    },
    /// A condition on one field.
    Field(Condition),
}

/// A condition on one field.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// A field of the catalogue.
    pub field: String,
    /// How to compare.
    pub op: Operator,
    /// What to compare with: a value; for `in` a list; for `between` `[low, high]`; for `is_null` true or false; for
    /// `within_km` `[latitude, longitude, kilometres]`.
    pub value: Value,
}

/// How a field is compared. On a multi-valued field a comparison holds if it holds for any of the values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Operator {
    /// Equal; text after folding; a date by its span ("1999" equals any day of 1999).
    Eq,
    /// Known and not equal.
    Ne,
    /// Less; for dates, before the first instant.
    Lt,
    /// Less or equal; for dates, before the end.
    Le,
    /// Greater; for dates, after the end.
    Gt,
    /// Greater or equal; for dates, from the first instant.
    Ge,
    /// From low to high, both included.
    Between,
    /// Equal to one of a list.
    In,
    /// Contains the text, after folding.
    Contains,
    /// Starts with the text, after folding.
    StartsWith,
    /// Contains every word of the text, in any order.
    Matches,
    /// Has no value (`true`) or has one (`false`).
    IsNull,
    /// Lies within a distance of a point; on a field with the role of latitude or longitude.
    WithinKm,
}

impl Operator {
    /// The name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Eq => "eq",
            Self::Ne => "ne",
            Self::Lt => "lt",
            Self::Le => "le",
            Self::Gt => "gt",
            Self::Ge => "ge",
            Self::Between => "between",
            Self::In => "in",
            Self::Contains => "contains",
            Self::StartsWith => "starts_with",
            Self::Matches => "matches",
            Self::IsNull => "is_null",
            Self::WithinKm => "within_km",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Eq => "=",
            Self::Ne => "≠",
            Self::Lt => "<",
            Self::Le => "≤",
            Self::Gt => ">",
            Self::Ge => "≥",
            Self::StartsWith => "starts with",
            other => other.name(),
        }
    }
}

/// A predicate that does not fit the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[error("{message}")]
pub struct PredicateError {
    /// The field that the condition names.
    pub field: String,
    /// What is wrong, and what would be right.
    pub message: String,
    /// The nearest real names or values, with how many items have each (0 for names).
    pub nearest: Vec<Suggestion>,
}

impl Predicate {
    /// A condition on one field.
    pub fn field(field: &str, op: Operator, value: impl Into<Value>) -> Self {
        Self::Field(Condition { field: field.to_owned(), op, value: value.into() })
    }

    /// Both conditions.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match self {
            Self::All { mut all } => {
                all.push(other);
                Self::All { all }
            }
            one => Self::All { all: vec![one, other] },
        }
    }

    /// Known not to be so.
    #[must_use]
    pub fn negate(self) -> Self {
        Self::Not { not: Box::new(self) }
    }

    /// Every condition on a single field in this tree, in order.
    pub fn conditions(&self) -> Vec<&Condition> {
        let mut found = Vec::new();
        self.visit(&mut |c| found.push(c));
        found
    }

    fn visit<'a>(&'a self, f: &mut impl FnMut(&'a Condition)) {
        match self {
            Self::All { all: parts } | Self::Any { any: parts } => parts.iter().for_each(|p| p.visit(f)),
            Self::Not { not } => not.visit(f),
            Self::Field(condition) => f(condition),
        }
    }

    /// Whether the row satisfies this. Independent of SQL: used to check answers, and to check the SQL.
    /// Assumes that the predicate fits the catalogue; a field that is not there is null.
    pub fn matches(&self, row: &Row, catalog: &Catalog) -> bool {
        self.truth(row, catalog) == Some(true)
    }

    fn truth(&self, row: &Row, catalog: &Catalog) -> Option<bool> {
        match self {
            Self::All { all } => fold_truth(all.iter().map(|p| p.truth(row, catalog)), false),
            Self::Any { any } => fold_truth(any.iter().map(|p| p.truth(row, catalog)), true),
            Self::Not { not } => not.truth(row, catalog).map(|t| !t),
            Self::Field(condition) => condition.truth(row, catalog),
        }
    }
}

/// Kleene's conjunction (`decisive` false) or disjunction (`decisive` true).
fn fold_truth(parts: impl Iterator<Item = Option<bool>>, decisive: bool) -> Option<bool> {
    let mut result = Some(!decisive);
    for part in parts {
        match part {
            Some(truth) if truth == decisive => return Some(decisive),
            None => result = None,
            Some(_) => {}
        }
    }
    result
}

impl Condition {
    fn truth(&self, row: &Row, catalog: &Catalog) -> Option<bool> {
        let value = row.get(catalog, &self.field);
        if self.op == Operator::IsNull {
            return Some(value.is_null() == (self.value == Value::Bool(true)));
        }
        if self.op == Operator::WithinKm {
            return self.within_km(row, catalog);
        }
        if value.is_null() {
            return None;
        }
        let ty = catalog.field(&self.field)?.ty;
        if self.op == Operator::Ne {
            return Some(!value.each().iter().any(|v| compare(v, Operator::Eq, &self.value, ty)));
        }
        Some(value.each().iter().any(|v| compare(v, self.op, &self.value, ty)))
    }

    fn within_km(&self, row: &Row, catalog: &Catalog) -> Option<bool> {
        let coordinate = |role| row.get(catalog, &catalog.with_role(role)?.name).as_f64();
        let here = (coordinate(Role::Latitude)?, coordinate(Role::Longitude)?);
        let [latitude, longitude, km] = self.value.each() else { return None };
        let there = (latitude.as_f64()?, longitude.as_f64()?);
        Some(haversine_km(here, there) <= km.as_f64()?)
    }
}

/// Great-circle distance in kilometres between two points (latitude, longitude) in degrees, on a sphere of
/// radius 6371.0088 km (the mean radius of GRS 80).
pub fn haversine_km(a: (f64, f64), b: (f64, f64)) -> f64 {
    let (lat_a, lat_b) = (a.0.to_radians(), b.0.to_radians());
    let half = |x: f64| (x / 2.0).sin().powi(2);
    let h = half(lat_b - lat_a) + lat_a.cos() * lat_b.cos() * half((b.1 - a.1).to_radians());
    2.0 * 6371.0088 * h.sqrt().min(1.0).asin()
}

fn compare(value: &Value, op: Operator, with: &Value, ty: FieldType) -> bool {
    match op {
        Operator::In => with.each().iter().any(|w| compare(value, Operator::Eq, w, ty)),
        Operator::Between => match with.each() {
            [low, high] => compare(value, Operator::Ge, low, ty) && compare(value, Operator::Le, high, ty),
            _ => false,
        },
        _ if ty == FieldType::Date => compare_dates(value, op, with),
        Operator::Contains | Operator::StartsWith | Operator::Matches => {
            compare_text(&fold(&value.to_string()), op, &fold(&with.to_string()))
        }
        _ => match (value.as_f64(), with.as_f64()) {
            (Some(a), Some(b)) => by_order(a.partial_cmp(&b), op),
            (None, None) => by_order(Some(fold(&value.to_string()).cmp(&fold(&with.to_string()))), op),
            _ => false,
        },
    }
}

fn compare_text(value: &str, op: Operator, with: &str) -> bool {
    match op {
        Operator::Contains => value.contains(with),
        Operator::StartsWith => value.starts_with(with),
        _ => crate::text::has_words(value, with),
    }
}

fn compare_dates(value: &Value, op: Operator, with: &Value) -> bool {
    let Some(value) = value.as_str() else { return false };
    // A whole number is read as a year.
    let Some(span) = parse_date(&with.to_string()) else { return false };
    let (start, end) = (span.start.as_str(), span.end.as_str());
    match op {
        Operator::Eq => value >= start && value < end,
        Operator::Lt => value < start,
        Operator::Le => value < end,
        Operator::Gt => value >= end,
        Operator::Ge => value >= start,
        Operator::Contains | Operator::StartsWith | Operator::Matches => value.starts_with(&with.to_string()),
        _ => false,
    }
}

fn by_order(order: Option<std::cmp::Ordering>, op: Operator) -> bool {
    order.is_some_and(|order| match op {
        Operator::Eq => order.is_eq(),
        Operator::Lt => order.is_lt(),
        Operator::Le => order.is_le(),
        Operator::Gt => order.is_gt(),
        Operator::Ge => order.is_ge(),
        _ => false,
    })
}

/// As a person would read it.
impl fmt::Display for Predicate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::All { all } => join(f, all, " and "),
            Self::Any { any } => join(f, any, " or "),
            Self::Not { not } => match not.as_ref() {
                Self::Field(condition) => write!(f, "not {condition}"),
                tree => write!(f, "not ({tree})"),
            },
            Self::Field(condition) => write!(f, "{condition}"),
        }
    }
}

fn join(f: &mut fmt::Formatter<'_>, parts: &[Predicate], with: &str) -> fmt::Result {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            f.write_str(with)?;
        }
        match part {
            Predicate::All { all: inner } | Predicate::Any { any: inner } if inner.len() > 1 => {
                write!(f, "({part})")?;
            }
            _ => write!(f, "{part}")?,
        }
    }
    Ok(())
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let field = &self.field;
        match (self.op, self.value.each()) {
            (Operator::Between, [low, high]) => write!(f, "{field} between {low} and {high}"),
            (Operator::In, _) => write!(f, "{field} in ({})", self.value),
            (Operator::IsNull, [Value::Bool(false)]) => write!(f, "{field} is known"),
            (Operator::IsNull, _) => write!(f, "{field} is unknown"),
            (Operator::WithinKm, [lat, lon, km]) => write!(f, "within {km} km of ({lat}, {lon})"),
            _ => write!(f, "{field} {} {}", self.op.sign(), self.value),
        }
    }
}

// Written by hand because an untagged recursive enum derives to a schema that small models and strict modes
// cannot follow; this one names the four shapes.
impl JsonSchema for Predicate {
    fn schema_name() -> Cow<'static, str> {
        "Predicate".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let part = generator.subschema_for::<Self>();
        let condition = generator.subschema_for::<Condition>();
        json_schema!({
            "description": "a condition on one field, or all/any/not of conditions",
            "anyOf": [
                condition,
                {"type": "object", "properties": {"all": {"type": "array", "items": part}}, "required": ["all"], "additionalProperties": false},
                {"type": "object", "properties": {"any": {"type": "array", "items": part}}, "required": ["any"], "additionalProperties": false},
                {"type": "object", "properties": {"not": part}, "required": ["not"], "additionalProperties": false},
            ]
        })
    }
}
