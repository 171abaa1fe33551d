//! From a cell of a file to a value of a field.

use std::collections::BTreeSet;

use crate::dataset::DatasetField;
use crate::text::fold;
use crate::{FieldType, Value, parse_date};

/// Reads a cell as the field says. The error says what is wrong with the cell.
pub(crate) fn convert(cell: &Value, field: &DatasetField, missing: &[String]) -> Result<Value, String> {
    if is_missing(cell, missing) {
        return Ok(Value::Null);
    }
    if !field.field.multi {
        return match cell {
            Value::List(parts) => match parts.as_slice() {
                [] => Ok(Value::Null),
                [only] => single(only, field),
                _ => Err("a list of values in a field of one; add `multi = true`".to_owned()),
            },
            cell => single(cell, field),
        };
    }
    let mut values = Vec::new();
    match (cell, &field.separator) {
        (Value::Text(text), Some(separator)) => {
            for part in parts(text, separator, &field.suffixes) {
                let part = Value::Text(part);
                if is_missing(&part, missing) {
                    continue;
                }
                let as_it_is = field.field.ty == FieldType::Text && field.labels.is_empty();
                let plain = as_it_is && part.as_str().is_some_and(|t| !t.contains('\0'));
                values.push(if plain { part } else { single(&part, field)? });
            }
        }
        (cell, _) => {
            for part in cell.each().iter().filter(|p| !is_missing(p, missing)) {
                values.push(single(part, field)?);
            }
        }
    }
    distinct(&mut values);
    Ok(if values.is_empty() { Value::Null } else { Value::List(values) })
}

/// Splits a text at its separator; a part that only follows another ("Jr.") stays with it, after a blank.
fn parts(text: &str, separator: &str, suffixes: &[String]) -> Vec<String> {
    let mut parts: Vec<String> = Vec::new();
    for part in text.split(separator).map(str::trim) {
        match parts.last_mut() {
            Some(before) if suffixes.iter().any(|s| s == part) => {
                before.push(' ');
                before.push_str(part);
            }
            _ => parts.push(part.to_owned()),
        }
    }
    parts
}

/// Leaves out the values that equal an earlier one after folding.
pub(crate) fn distinct(values: &mut Vec<Value>) {
    if values.len() > 1 {
        let mut seen = BTreeSet::new();
        values.retain(|v| seen.insert(v.as_str().map_or_else(|| v.to_string(), fold)));
    }
}

fn is_missing(cell: &Value, missing: &[String]) -> bool {
    match cell {
        Value::Null => true,
        Value::Text(text) => {
            let text = text.trim();
            text.is_empty() || missing.iter().any(|m| m == text)
        }
        _ => false,
    }
}

fn single(cell: &Value, field: &DatasetField) -> Result<Value, String> {
    if !field.labels.is_empty() {
        let code = plain(cell);
        let label = field.labels.get(&code).ok_or_else(|| {
            let known: Vec<_> = field.labels.keys().map(String::as_str).collect();
            format!("`{code}` is none of the codes in `labels`: {}", known.join(", "))
        })?;
        return Ok(Value::Text(label.clone()));
    }
    let read = match field.field.ty {
        FieldType::Text => text(cell),
        FieldType::Integer => number(cell).and_then(|n| whole(scaled(n, field.scale))),
        FieldType::Real => number(cell).map(|n| Value::Real(scaled(n, field.scale))),
        FieldType::Date => date(cell),
        FieldType::Boolean => boolean(cell),
    };
    read.ok_or_else(|| {
        let expected = match field.field.ty {
            FieldType::Text => "a text",
            FieldType::Integer => "a whole number",
            FieldType::Real => "a number",
            FieldType::Date => "a date (1999, 1999-03, 1999-03-31)",
            FieldType::Boolean => "true or false",
        };
        format!("`{}` is not {expected}", shorten(&cell.to_string()))
    })
}

/// A cell's text with whole numbers written without a fraction, so that the codes `1`, `1.0` and `"1"` are one.
fn plain(cell: &Value) -> String {
    let text = cell.to_string();
    let text = text.trim();
    match text.parse::<f64>() {
        Ok(n) if n.is_finite() => n.to_string(),
        _ => text.to_owned(),
    }
}

fn text(cell: &Value) -> Option<Value> {
    match cell {
        // Keys are told apart by a NUL after them, so none may hold one.
        Value::Text(text) => (!text.contains('\0')).then(|| Value::Text(text.trim().to_owned())),
        Value::Bool(b) => Some(Value::Text(b.to_string())),
        Value::Integer(_) | Value::Real(_) => Some(Value::Text(cell.to_string())),
        Value::Null | Value::List(_) => None,
    }
}

fn number(cell: &Value) -> Option<f64> {
    let number = match cell {
        Value::Text(text) => text.trim().parse().ok()?,
        cell => cell.as_f64()?,
    };
    number.is_finite().then_some(number)
}

/// A scale that is one over a whole number divides, so that 235,440 milliseconds are 3.924 minutes exactly.
fn scaled(number: f64, scale: f64) -> f64 {
    let inverse = scale.recip().round();
    if inverse > 1.0 && (inverse * scale - 1.0).abs() < 1e-12 { number / inverse } else { number * scale }
}

/// Whole numbers beyond 2^53 are refused rather than rounded.
fn whole(number: f64) -> Option<Value> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let rounded = number.round();
    ((number - rounded).abs() < 1e-9 && rounded.abs() <= EXACT).then_some(Value::Integer(rounded as i64))
}

fn date(cell: &Value) -> Option<Value> {
    parse_date(&plain_date(cell)).map(|d| Value::Text(d.start))
}

fn plain_date(cell: &Value) -> String {
    match cell {
        Value::Text(text) => text.trim().to_owned(),
        number => plain(number),
    }
}

fn boolean(cell: &Value) -> Option<Value> {
    let truth = match fold(&plain(cell)).as_str() {
        "1" | "true" | "t" | "yes" | "y" => true,
        "0" | "false" | "f" | "no" | "n" => false,
        _ => return None,
    };
    Some(Value::Bool(truth))
}

/// The beginning of a text, for a message.
fn shorten(text: &str) -> String {
    const MOST: usize = 60;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain("…".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Field, Role};

    fn field(role: Role, ty: FieldType) -> DatasetField {
        let mut field = Field::new("f", role);
        field.ty = ty;
        DatasetField {
            field,
            column: "f".into(),
            separator: None,
            suffixes: Vec::new(),
            labels: [].into(),
            scale: 1.0,
        }
    }

    #[test]
    fn cells_become_values_or_say_why_not() {
        let number = |ty| field(Role::Number, ty);
        let (separator, suffixes) = (Some(",".into()), vec!["Jr.".into()]);
        let category = DatasetField { separator, suffixes, ..field(Role::Category, FieldType::Text) };
        let category = DatasetField { field: Field { multi: true, ..category.field.clone() }, ..category };
        let labels = [("0".to_owned(), "minor".to_owned()), ("1".to_owned(), "major".to_owned())];
        let coded = DatasetField { labels: labels.into(), ..field(Role::Category, FieldType::Text) };
        let millis = DatasetField { scale: 1.0 / 60_000.0, ..number(FieldType::Real) };
        let list = |parts: &[&str]| Value::List(parts.iter().map(|&p| p.into()).collect());
        let cases = [
            (&category, " Drama ,, drama, Sci-Fi".into(), Ok(list(&["Drama", "Sci-Fi"]))),
            (&category, "A B, Jr., C".into(), Ok(list(&["A B Jr.", "C"]))),
            (&category, " , ".into(), Ok(Value::Null)),
            (&coded, Value::from("1.0"), Ok("major".into())),
            (&coded, Value::from(0_i64), Ok("minor".into())),
            (&coded, Value::from(7_i64), Err("`7` is none of the codes in `labels`: 0, 1".into())),
            (&millis, Value::from(90_000_i64), Ok(Value::Real(1.5))),
            (&number(FieldType::Integer), "12.0".into(), Ok(Value::Integer(12))),
            (&number(FieldType::Integer), "12.5".into(), Err("`12.5` is not a whole number".into())),
            (&number(FieldType::Real), "NaN".into(), Err("`NaN` is not a number".into())),
            (&number(FieldType::Real), "N/A".into(), Ok(Value::Null)),
            (&field(Role::Date, FieldType::Date), Value::from(1999_i64), Ok("1999-01-01".into())),
            (
                &field(Role::Date, FieldType::Date),
                "soon".into(),
                Err("`soon` is not a date (1999, 1999-03, 1999-03-31)".into()),
            ),
            (&field(Role::Category, FieldType::Boolean), "Yes".into(), Ok(Value::Bool(true))),
            (
                &field(Role::Title, FieldType::Text),
                list(&["a", "b"]),
                Err("a list of values in a field of one; add `multi = true`".into()),
            ),
        ];
        for (field, cell, expected) in cases {
            assert_eq!(convert(&cell, field, &["N/A".to_owned()]), expected, "{cell:?}");
        }
    }
}
