//! From the cells of a record to an encoded row. What most cells are is written at once; all else goes by [`convert`].

use jiff::civil::Date;

use super::codec::{encode_one, encode_text};
use super::convert::convert;
use crate::dataset::DatasetField;
use crate::{FieldType, Value};

/// Appends a cell, read as its field says, to an encoded row; gives whether there is a value. The error says what is wrong
/// with the cell.
pub(super) fn encode_cell(
    cell: &Value,
    field: &DatasetField,
    missing: &[String],
    out: &mut Vec<u8>,
) -> Result<bool, String> {
    if let Value::Text(text) = cell {
        let text = text.trim();
        if text.is_empty() || missing.iter().any(|m| m == text) {
            out.push(0);
            return Ok(false);
        }
        if !field.field.multi && field.labels.is_empty() && plain(text, field, out) {
            return Ok(true);
        }
    }
    let value = convert(cell, field, missing)?;
    encode_one(&value, out);
    Ok(!value.is_null())
}

/// Writes what needs no thought: text, a plain number, a day in ISO 8601.
fn plain(text: &str, field: &DatasetField, out: &mut Vec<u8>) -> bool {
    match field.field.ty {
        FieldType::Text if !text.contains('\0') => encode_text(text, out),
        // With a decimal comma, `1.234` is no plain number.
        _ if field.numbers.decimal == Some(',') && field.field.ty.is_number() => return false,
        FieldType::Real if field.scale == 1.0 => match text.parse::<f64>() {
            Ok(number) if number.is_finite() => encode_one(&Value::Real(number), out),
            _ => return false,
        },
        FieldType::Integer if field.scale == 1.0 && text.len() < 16 => match text.parse::<i64>() {
            Ok(number) => encode_one(&Value::Integer(number), out),
            Err(_) => return false,
        },
        FieldType::Date if is_day(text) => encode_text(text, out),
        _ => return false,
    }
    true
}

fn is_day(text: &str) -> bool {
    let &[a, b, c, d, b'-', m, n, b'-', x, y] = text.as_bytes() else { return false };
    let digits = [a, b, c, d, m, n, x, y].map(|b| b.wrapping_sub(b'0'));
    let [a, b, c, d, m, n, x, y] = digits.map(i16::from);
    digits.iter().all(|d| *d < 10)
        && Date::new(a * 1000 + b * 100 + c * 10 + d, (m * 10 + n) as i8, (x * 10 + y) as i8).is_ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::codec::encode;
    use super::*;
    use crate::{Field, NumberForm, Role};

    proptest! {
        /// The short way gives what the long way gives.
        #[test]
        fn shortcuts_change_nothing(
            text in prop_oneof![
                any::<String>(),
                " ?-?[0-9]{0,18}(\\.[0-9]{0,8})?(e[0-9])? ?",
                "[0-9]{4}-[0-9]{2}-[0-9]{2}",
                "(inf|NaN|N/A|null|1,234|1[.]234,5|3 km)",
            ],
            ty in prop_oneof![
                Just(FieldType::Text), Just(FieldType::Real), Just(FieldType::Integer), Just(FieldType::Date),
                Just(FieldType::Boolean),
            ],
            multi: bool,
            comma: bool,
        ) {
            let mut field = Field::new("f", Role::Category);
            (field.ty, field.multi) = (ty, multi);
            let field = DatasetField {
                field,
                column: String::new(),
                separator: None,
                suffixes: Vec::new(),
                labels: [].into(),
                scale: 1.0,
                numbers: NumberForm { decimal: comma.then_some(','), clock: None },
                dates: None,
            };
            let (missing, cell) = (["N/A".to_owned()], Value::Text(text));
            let mut row = Vec::new();
            let done = encode_cell(&cell, &field, &missing, &mut row);
            match convert(&cell, &field, &missing) {
                Ok(value) => {
                    let mut expected = Vec::new();
                    encode(std::slice::from_ref(&value), &mut expected);
                    prop_assert_eq!(done, Ok(!value.is_null()));
                    prop_assert_eq!(row, expected);
                }
                Err(reason) => prop_assert_eq!(done, Err(reason)),
            }
        }
    }
}
