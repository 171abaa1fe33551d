//! Resolution: a predicate as somebody wrote it becomes one that the catalogue confirms, or an error that
//! says what would be right.

use crate::text::fold;
use crate::{
    Condition, Field, FieldType, Operator, Predicate, PredicateError, Role, Snapshot, StoreError, Suggestion,
    Value, parse_date,
};

/// How many real names or values an error carries.
const NEAREST: usize = 5;

/// Checks a predicate against a catalogue.
///
/// What comes back has the same shape and means the same. Only the spelling of values changes, and it is for
/// the caller to show: numbers and dates given in another type are converted to the field's (`"1999"` to
/// 1999), and names in `eq`, `ne` and `in` get the catalogue's spelling, also by way of the field's synonyms.
/// Numbers outside the field's range are allowed: they match nothing, and a diagnosis says so. Resolving
/// twice gives the same as resolving once.
///
/// # Errors
/// A field that is not there or holds links, an operator that does not fit the field's type, a value that does
/// not parse, `between` whose bounds are not `[low, high]`, an empty `in`, and a title or category value that
/// no item has. Each names the field and carries the nearest real names or values.
pub fn resolve(predicate: &Predicate, snapshot: &Snapshot) -> Result<Predicate, PredicateError> {
    let each = |parts: &[Predicate]| parts.iter().map(|p| resolve(p, snapshot)).collect::<Result<_, _>>();
    Ok(match predicate {
        Predicate::All { all } => Predicate::All { all: each(all)? },
        Predicate::Any { any } => Predicate::Any { any: each(any)? },
        Predicate::Not { not } => Predicate::Not { not: Box::new(resolve(not, snapshot)?) },
        Predicate::Field(condition) => Predicate::Field(resolve_condition(condition, snapshot)?),
    })
}

fn resolve_condition(condition: &Condition, snapshot: &Snapshot) -> Result<Condition, PredicateError> {
    let catalog = snapshot.catalog();
    let Some(index) = catalog.field_index(&condition.field) else {
        return Err(unknown_field(&condition.field, snapshot));
    };
    let Some(field) = catalog.fields.get(index) else {
        return Err(unknown_field(&condition.field, snapshot));
    };
    if !field.is_filterable() {
        let message = format!("`{}` holds links and has no conditions; use another field", field.name);
        return Err(PredicateError { nearest: filterable(snapshot), ..error(field, message) });
    }
    let checked = Checked { snapshot, field, index, op: condition.op };
    checked.operator()?;
    let value = checked.value(&condition.value)?;
    Ok(Condition { field: field.name.clone(), op: condition.op, value })
}

/// The operators that fit a field, in the order they are documented.
pub fn operators(field: &Field) -> &'static [Operator] {
    use Operator::{Between, Contains, Eq, Ge, Gt, In, IsNull, Le, Lt, Matches, Ne, StartsWith, WithinKm};
    match (field.ty, field.role) {
        (_, Role::Url | Role::Image | Role::Audio) => &[],
        (FieldType::Integer | FieldType::Real, Role::Latitude | Role::Longitude) => {
            &[Eq, Ne, Lt, Le, Gt, Ge, Between, In, IsNull, WithinKm]
        }
        (FieldType::Integer | FieldType::Real | FieldType::Date, _) => {
            &[Eq, Ne, Lt, Le, Gt, Ge, Between, In, IsNull]
        }
        (FieldType::Text, _) => &[Eq, Ne, In, Contains, StartsWith, Matches, IsNull],
        (FieldType::Boolean, _) => &[Eq, Ne, IsNull],
    }
}

/// A condition whose field is known.
struct Checked<'a> {
    snapshot: &'a Snapshot,
    field: &'a Field,
    index: usize,
    op: Operator,
}

impl Checked<'_> {
    fn operator(&self) -> Result<(), PredicateError> {
        let fitting = operators(self.field);
        if fitting.contains(&self.op) {
            return Ok(());
        }
        let names: Vec<_> = fitting.iter().map(|o| format!("`{}`", o.name())).collect();
        Err(self.error(format!(
            "`{}` does not fit `{}`, which holds {}; use one of {}",
            self.op.name(),
            self.field.name,
            holds(self.field),
            names.join(", ")
        )))
    }

    fn value(&self, value: &Value) -> Result<Value, PredicateError> {
        match self.op {
            Operator::IsNull => self.truth(value),
            Operator::WithinKm => self.circle(value),
            Operator::Between => self.bounds(value),
            Operator::In => self.list(value),
            Operator::Contains | Operator::StartsWith | Operator::Matches => self.fragment(value),
            Operator::Eq | Operator::Ne => self.known(value),
            Operator::Lt | Operator::Le | Operator::Gt | Operator::Ge => self.typed(value),
        }
    }

    /// A value of the field's type.
    fn typed(&self, value: &Value) -> Result<Value, PredicateError> {
        match value {
            Value::List(_) => {
                let (op, name) = (self.op.name(), &self.field.name);
                Err(self.error(format!(
                    "`{op}` on `{name}` takes one value and got a list; for several use `in`"
                )))
            }
            Value::Null => {
                let name = &self.field.name;
                Err(self.error(format!(
                    "`{name}` cannot be compared with null; use `is_null` with true or false"
                )))
            }
            one => match self.field.ty {
                FieldType::Integer | FieldType::Real => number(one),
                FieldType::Date => date(one),
                FieldType::Boolean => truth(one),
                FieldType::Text => text(one),
            }
            .ok_or_else(|| self.wrong_type(one)),
        }
    }

    /// A value of the field's type that, where the catalogue lists its values, is one of them.
    fn known(&self, value: &Value) -> Result<Value, PredicateError> {
        let typed = self.typed(value)?;
        let Value::Text(name) = &typed else { return Ok(typed) };
        if self.field.ty != FieldType::Text || !matches!(self.field.role, Role::Category | Role::Title) {
            return Ok(typed);
        }
        let spelt = self.spelling(name).map_err(|e| self.unread(&e))?;
        if let Some(spelt) = spelt {
            return Ok(Value::Text(spelt));
        }
        let nearest = nearest_values(self.snapshot, self.index, name).map_err(|e| self.unread(&e))?;
        // Where something is near, naming it is the remedy.
        let remedy = if nearest.is_empty() { "; use `matches` to search in it" } else { "" };
        let message = format!("no item has `{}` = `{name}`{remedy}", self.field.name);
        Err(PredicateError { nearest, ..self.error(message) })
    }

    /// How the catalogue spells a value, if it has it; by itself or through a synonym.
    fn spelling(&self, name: &str) -> Result<Option<String>, StoreError> {
        let folded = fold(name);
        let synonym = self.field.synonyms.iter().find(|(word, _)| fold(word) == folded).map(|(_, v)| v);
        for wanted in [Some(name), synonym.map(String::as_str)].into_iter().flatten() {
            let entries = self.snapshot.lexicon_exact(wanted)?;
            if let Some(entry) = entries.into_iter().find(|e| e.field == self.index) {
                return Ok(Some(entry.value));
            }
        }
        Ok(None)
    }

    fn list(&self, value: &Value) -> Result<Value, PredicateError> {
        let name = &self.field.name;
        match value {
            Value::List(values) if values.is_empty() => {
                Err(self.error(format!("`in` on `{name}` got an empty list; give at least one value")))
            }
            Value::List(values) => {
                values.iter().map(|v| self.known(v)).collect::<Result<_, _>>().map(Value::List)
            }
            _ => Err(self.error(format!("`in` on `{name}` takes a list of values; for one use `eq`"))),
        }
    }

    fn bounds(&self, value: &Value) -> Result<Value, PredicateError> {
        let name = &self.field.name;
        let Value::List(values) = value else {
            return Err(self.error(format!("`between` on `{name}` takes `[low, high]`")));
        };
        let [low, high] = values.as_slice() else {
            let n = values.len();
            return Err(self.error(format!("`between` on `{name}` takes `[low, high]` and got {n} values")));
        };
        let (low, high) = (self.typed(low)?, self.typed(high)?);
        if is_above(&low, &high) {
            let message = format!("`between` on `{name}` has {low} above {high}; write `[{high}, {low}]`");
            return Err(self.error(message));
        }
        Ok(Value::List(vec![low, high]))
    }

    fn fragment(&self, value: &Value) -> Result<Value, PredicateError> {
        let typed = self.typed(value)?;
        if fold(&typed.to_string()).is_empty() {
            let (op, name) = (self.op.name(), &self.field.name);
            return Err(self.error(format!("`{op}` on `{name}` got an empty text; give at least one word")));
        }
        Ok(typed)
    }

    fn truth(&self, value: &Value) -> Result<Value, PredicateError> {
        truth(value).ok_or_else(|| {
            let name = &self.field.name;
            self.error(format!("`is_null` on `{name}` takes true (no value) or false (has a value)"))
        })
    }

    fn circle(&self, value: &Value) -> Result<Value, PredicateError> {
        let numbers: Option<Vec<_>> = value.each().iter().map(number).collect();
        let numbers = numbers.filter(|n| match n.iter().map(Value::as_f64).collect::<Vec<_>>().as_slice() {
            [Some(latitude), Some(longitude), Some(km)] => {
                latitude.abs() <= 90.0 && longitude.abs() <= 180.0 && *km >= 0.0
            }
            _ => false,
        });
        numbers.map(Value::List).ok_or_else(|| {
            self.error(
                "`within_km` takes `[latitude, longitude, kilometres]` with degrees north (-90 to 90), degrees \
                 east (-180 to 180) and a distance that is not negative"
                    .to_owned(),
            )
        })
    }

    fn wrong_type(&self, value: &Value) -> PredicateError {
        let remedy = match self.field.ty {
            FieldType::Integer | FieldType::Real => match &self.field.unit {
                Some(unit) => format!("write a number, in {}", unit.name()),
                None => "write a number".to_owned(),
            },
            FieldType::Date => {
                "write a year, a month or a day, as in `1999`, `1999-03`, `1999-03-31`".to_owned()
            }
            FieldType::Boolean => "write true or false".to_owned(),
            FieldType::Text => "write a text".to_owned(),
        };
        self.error(format!("`{}` holds {} and got `{value}`; {remedy}", self.field.name, holds(self.field)))
    }

    fn unread(&self, source: &StoreError) -> PredicateError {
        self.error(format!("the values of `{}` cannot be read: {source}", self.field.name))
    }

    fn error(&self, message: String) -> PredicateError {
        error(self.field, message)
    }
}

fn error(field: &Field, message: String) -> PredicateError {
    PredicateError { field: field.name.clone(), message, nearest: Vec::new() }
}

fn holds(field: &Field) -> &'static str {
    match field.ty {
        FieldType::Integer => "whole numbers",
        FieldType::Real => "numbers",
        FieldType::Date => "dates",
        FieldType::Boolean => "true or false",
        FieldType::Text => "text",
    }
}

fn number(value: &Value) -> Option<Value> {
    match value {
        Value::Integer(_) => Some(value.clone()),
        Value::Real(r) => r.is_finite().then(|| value.clone()),
        Value::Text(t) => {
            let t = t.trim();
            let real = || t.parse::<f64>().ok().filter(|r| r.is_finite()).map(Value::Real);
            t.parse().ok().map(Value::Integer).or_else(real)
        }
        _ => None,
    }
}

/// Keeps the precision that was given: `1999` equals every day of 1999, `1999-01-01` one of them.
fn date(value: &Value) -> Option<Value> {
    let text = match value {
        Value::Integer(year) => format!("{year:04}"),
        Value::Text(text) => text.trim().to_owned(),
        _ => return None,
    };
    parse_date(&text).map(|_| Value::Text(text))
}

fn truth(value: &Value) -> Option<Value> {
    let truth = match value {
        Value::Bool(truth) => *truth,
        Value::Integer(0) => false,
        Value::Integer(1) => true,
        Value::Text(text) => match fold(text).as_str() {
            "true" | "yes" => true,
            "false" | "no" => false,
            _ => return None,
        },
        _ => return None,
    };
    Some(Value::Bool(truth))
}

fn text(value: &Value) -> Option<Value> {
    match value {
        Value::Text(_) => Some(value.clone()),
        // A title or a code may look like a number.
        Value::Integer(_) | Value::Real(_) => Some(Value::Text(value.to_string())),
        _ => None,
    }
}

fn is_above(low: &Value, high: &Value) -> bool {
    match (low, high) {
        (Value::Text(low), Value::Text(high)) => match (parse_date(low), parse_date(high)) {
            // "2001-05" to "2001" is in order: May lies within the year.
            (Some(low), Some(high)) => low.start >= high.end,
            _ => false,
        },
        _ => low.as_f64() > high.as_f64(),
    }
}

fn unknown_field(name: &str, snapshot: &Snapshot) -> PredicateError {
    let folded = fold(name);
    let mut ranked: Vec<_> = snapshot
        .catalog()
        .fields
        .iter()
        .filter(|f| f.is_filterable())
        .map(|f| {
            let names = std::iter::once(&f.name).chain(&f.aliases);
            let best = names.map(|n| strsim::normalized_damerau_levenshtein(&fold(n), &folded));
            (best.fold(0.0, f64::max), f)
        })
        .collect();
    // The sort is stable: fields that are equally near stay in the catalogue's order.
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let nearest =
        ranked.into_iter().take(NEAREST).map(|(_, f)| Suggestion { value: f.name.clone(), count: 0 });
    PredicateError {
        field: name.to_owned(),
        message: format!("there is no field `{name}`"),
        nearest: nearest.collect(),
    }
}

fn filterable(snapshot: &Snapshot) -> Vec<Suggestion> {
    let fields = snapshot.catalog().fields.iter().filter(|f| f.is_filterable());
    fields.take(NEAREST).map(|f| Suggestion { value: f.name.clone(), count: 0 }).collect()
}

/// The values of one field nearest to a text, each with its number of items; where nothing is near, the most
/// frequent values of a field that has few.
fn nearest_values(snapshot: &Snapshot, field: usize, text: &str) -> Result<Vec<Suggestion>, StoreError> {
    let near = snapshot.lexicon_nearest(text, Some(field), NEAREST)?;
    if !near.is_empty() {
        return Ok(near.into_iter().map(|(e, _)| Suggestion { value: e.value, count: e.count }).collect());
    }
    let statistics = snapshot.catalog().statistics.get(field);
    let top = statistics.filter(|s| s.distinct as usize <= s.top.len()).map(|s| s.top.as_slice());
    let frequent = top.unwrap_or_default().iter().take(NEAREST);
    Ok(frequent.map(|v| Suggestion { value: v.value.to_string(), count: v.count }).collect())
}

#[cfg(test)]
mod tests;
