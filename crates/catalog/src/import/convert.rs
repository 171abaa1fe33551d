//! From a cell of a file to a value of a field.

use std::collections::BTreeSet;

use crate::dataset::DatasetField;
use crate::date::{NoDate, read_date};
use crate::quantity::{self, NoNumber, Quantity};
use crate::text::fold;
use crate::{DateOrder, FieldType, Value};

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
        FieldType::Integer => whole(number(cell, field)?),
        FieldType::Real => Some(Value::Real(number(cell, field)?)),
        FieldType::Date => Some(date(cell, field.dates)?),
        FieldType::Boolean => boolean(cell),
    };
    read.ok_or_else(|| {
        let expected = match field.field.ty {
            FieldType::Boolean => "true or false",
            FieldType::Integer => "a whole number",
            _ => "a text",
        };
        is_not(cell, expected)
    })
}

fn is_not(cell: &Value, expected: &str) -> String {
    format!("`{}` is not {expected}", shorten(&cell.to_string()))
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

fn number(cell: &Value, field: &DatasetField) -> Result<f64, String> {
    let plain = match cell {
        // With a decimal comma, `1.234` is no plain number.
        Value::Text(text) if field.numbers.decimal != Some(',') => text.trim().parse().ok(),
        cell => cell.as_f64(),
    };
    if let Some(number) = plain.filter(|n: &f64| n.is_finite()) {
        return Ok(scaled(number, field.scale));
    }
    let expected = if field.field.ty == FieldType::Integer { "a whole number" } else { "a number" };
    let Value::Text(text) = cell else { return Err(is_not(cell, expected)) };
    let wanted = field.field.unit.as_ref();
    let shown = || shorten(text.trim());
    match quantity::read(text, field.numbers, wanted) {
        Ok(Quantity { value, unit: Some(_) }) => Ok(value),
        Ok(Quantity { value, unit: None }) => Ok(scaled(value, field.scale)),
        Err(NoNumber::None) => Err(is_not(cell, expected)),
        Err(NoNumber::Decimal(grouped, fraction)) => Err(format!(
            "`{}` may be {grouped} or {fraction}; add `decimal = \".\"` or `decimal = \",\"` to the field",
            shown()
        )),
        Err(NoNumber::Clock) => Err(format!(
            "`{}` may be hours or minutes; add `clock = \"h:mm\"` or `clock = \"m:ss\"` to the field",
            shown()
        )),
        Err(NoNumber::Unwanted(unit)) => Err(format!(
            "`{}` has the unit `{}` and the field none; add `unit` to the field",
            shown(),
            shorten(&unit)
        )),
        Err(NoNumber::Other(unit)) => Err(format!(
            "`{}`: {} do not convert to {}",
            shown(),
            shorten(&unit),
            wanted.map_or("", |u| u.name())
        )),
    }
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

fn date(cell: &Value, order: Option<DateOrder>) -> Result<Value, String> {
    read_date(&plain_date(cell), order).map(|d| Value::Text(d.start)).map_err(|why| match why {
        NoDate::None => is_not(cell, "a date (1999, 1999-03, 1999-03-31, 31 March 1999)"),
        NoDate::Order => format!(
            "`{}` may have its day or its month first; add `dates = \"day_first\"` or `dates = \"month_first\"` to the field",
            shorten(&cell.to_string())
        ),
    })
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
    use crate::{Clock, Field, NumberForm, Role, Unit};

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
            numbers: NumberForm::default(),
            dates: None,
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
                Err("`soon` is not a date (1999, 1999-03, 1999-03-31, 31 March 1999)".into()),
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

    #[test]
    fn numbers_and_dates_are_read_as_people_write_them() {
        let in_unit = |unit: &str, ty: FieldType| {
            let field = field(Role::Number, ty);
            DatasetField { field: Field { unit: Some(Unit::parse(unit)), ..field.field.clone() }, ..field }
        };
        let euros = in_unit("eur", FieldType::Real);
        let minutes = DatasetField { scale: 1.0 / 60.0, ..in_unit("minutes", FieldType::Integer) };
        let comma = NumberForm { decimal: Some(','), clock: Some(Clock::Minutes) };
        let dutch = DatasetField { numbers: comma, ..in_unit("minutes", FieldType::Real) };
        let date = field(Role::Date, FieldType::Date);
        let british = DatasetField { dates: Some(DateOrder::DayFirst), ..date.clone() };
        let seconds = DatasetField { dates: Some(DateOrder::Seconds), ..date.clone() };
        let cases: [(&DatasetField, &str, Result<Value, &str>); 14] = [
            (&euros, "€ 1.250,-", Ok(Value::Real(1250.0))),
            (&euros, "1.234", Ok(Value::Real(1.234))),
            (
                &euros,
                "1,234",
                Err("`1,234` may be 1234 or 1.234; add `decimal = \".\"` or `decimal = \",\"` to the field"),
            ),
            (&euros, "$3.99", Err("`$3.99`: usd do not convert to eur")),
            (&minutes, "120", Ok(Value::Integer(2))),
            (&minutes, "1h 45m", Ok(Value::Integer(105))),
            (
                &minutes,
                "1:45",
                Err(
                    "`1:45` may be hours or minutes; add `clock = \"h:mm\"` or `clock = \"m:ss\"` to the field",
                ),
            ),
            (&dutch, "1.234", Ok(Value::Real(1234.0))),
            (&dutch, "1:30", Ok(Value::Real(1.5))),
            (
                &field(Role::Number, FieldType::Integer),
                "3 kg",
                Err("`3 kg` has the unit `kg` and the field none; add `unit` to the field"),
            ),
            (&date, "31 December 1999", Ok("1999-12-31".into())),
            (
                &date,
                "3/4/99",
                Err(
                    "`3/4/99` may have its day or its month first; add `dates = \"day_first\"` or `dates = \"month_first\"` to the field",
                ),
            ),
            (&british, "3/4/99", Ok("1999-04-03".into())),
            (&seconds, "946684799", Ok("1999-12-31T23:59:59".into())),
        ];
        for (field, cell, expected) in cases {
            assert_eq!(convert(&cell.into(), field, &[]), expected.map_err(str::to_owned), "{cell:?}");
        }
    }
}
