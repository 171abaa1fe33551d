//! The JSON Schema of conditions on one catalogue: which operators go with which field, which values there are.

use segue_catalog::{Catalog, Field, FieldStatistics, FieldType, Operator, Role, operators};
use serde_json::{Map, Value as Json, json};

use crate::spec::{field_note, fields, listed_values, object};

const REF: &str = "#/$defs/predicate";

/// Definitions to put under `$defs`, and the schema that refers to them.
pub(crate) fn predicate_schema(catalog: &Catalog) -> (Map<String, Json>, Json) {
    let reference = json!({"$ref": REF});
    let list = json!({"type": "array", "items": reference});
    let mut shapes = conditions(catalog);
    shapes.push(object(1, vec![("all", list.clone())]));
    shapes.push(object(1, vec![("any", list)]));
    shapes.push(object(1, vec![("not", reference.clone())]));
    let definitions = Map::from_iter([("predicate".to_owned(), json!({"anyOf": shapes}))]);
    (definitions, reference)
}

/// One shape for each small category with its values, and one for each kind of field besides.
fn conditions(catalog: &Catalog) -> Vec<Json> {
    let mut shapes: Vec<Json> = fields(catalog, Field::is_filterable)
        .filter_map(|(field, statistics)| Some(listed(field, &listed_values(field, statistics)?)))
        .collect();
    let kinds: [(Kind, Json); 5] = [
        (
            Kind::Number,
            json!([{"type": "number"}, {"type": "array", "items": {"type": "number"}}, {"type": "boolean"}]),
        ),
        (
            Kind::Place,
            json!([{"type": "number"}, {"type": "array", "items": {"type": "number"}}, {"type": "boolean"}]),
        ),
        (
            Kind::Date,
            json!([{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "boolean"}]),
        ),
        (
            Kind::Text,
            json!([{"type": "string"}, {"type": "array", "items": {"type": "string"}}, {"type": "boolean"}]),
        ),
        (Kind::Truth, json!([{"type": "boolean"}])),
    ];
    for (kind, values) in kinds {
        let of_kind: Vec<_> = fields(catalog, Field::is_filterable)
            .filter(|(field, statistics)| Kind::of(field, statistics) == Some(kind))
            .collect();
        shapes.extend(group(kind, &of_kind, &values));
    }
    shapes
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Place,
    Date,
    Text,
    Truth,
}

impl Kind {
    /// `None` for a category whose values are listed, which has a shape of its own.
    fn of(field: &Field, statistics: &FieldStatistics) -> Option<Self> {
        match (field.ty, field.role) {
            (_, Role::Latitude | Role::Longitude) => Some(Self::Place),
            (FieldType::Integer | FieldType::Real, _) => Some(Self::Number),
            (FieldType::Date, _) => Some(Self::Date),
            (FieldType::Boolean, _) => Some(Self::Truth),
            (FieldType::Text, _) => listed_values(field, statistics).is_none().then_some(Self::Text),
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::Number => "between and in take a list, is_null true or false",
            Self::Place => "degrees; within_km takes [latitude, longitude, kilometres], on either field",
            Self::Date => "1999, 1999-03 or 1999-03-31; between and in take a list, is_null true or false",
            Self::Text => {
                "in takes a list, is_null true or false; eq wants a whole value, matches some of its words"
            }
            Self::Truth => "true or false",
        }
    }
}

fn listed(field: &Field, values: &[String]) -> Json {
    let one = json!({"type": "string", "enum": values});
    let ops = [Operator::Eq, Operator::Ne, Operator::In, Operator::IsNull].map(Operator::name);
    let value = json!({"anyOf": [one, {"type": "array", "items": one}, {"type": "boolean"}]});
    condition(&[field.name.as_str()], &ops, value, None)
}

fn group(kind: Kind, of_kind: &[(&Field, &FieldStatistics)], values: &Json) -> Option<Json> {
    let (first, _) = of_kind.first()?;
    let names: Vec<_> = of_kind.iter().map(|(field, _)| field.name.as_str()).collect();
    let ops: Vec<_> = operators(first).iter().map(|op| op.name()).collect();
    let notes: Vec<_> = of_kind.iter().map(|(field, statistics)| field_note(field, statistics)).collect();
    let description = format!("{}. {}", notes.join(". "), kind.hint());
    Some(condition(&names, &ops, json!({"anyOf": values}), Some(description)))
}

fn condition(names: &[&str], ops: &[&str], value: Json, description: Option<String>) -> Json {
    let string = |of: &[&str]| json!({"type": "string", "enum": of});
    let mut shape = object(3, vec![("field", string(names)), ("op", string(ops)), ("value", value)]);
    if let (Some(description), Json::Object(shape)) = (description, &mut shape) {
        shape.insert("description".to_owned(), json!(description));
    }
    shape
}
