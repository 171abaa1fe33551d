//! Rows as bytes, for the sorter: a tag for each value and what follows from it. They are read where they lie.

use rusqlite::ToSql;
use rusqlite::types::{ToSqlOutput, Value as SqlValue, ValueRef};
use serde::ser::{Serialize, SerializeSeq, Serializer};

use crate::Value;

/// A value that lies in an encoded row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Real(f64),
    Text(&'a str),
    List(Cells<'a>),
}

/// The values that lie in a row, or in a list of it. Ends at what [`encode`] did not write.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cells<'a>(pub(crate) &'a [u8]);

/// Appends the values to `out`.
pub(crate) fn encode(values: &[Value], out: &mut Vec<u8>) {
    values.iter().for_each(|value| encode_one(value, out));
}

/// Appends one value to `out`.
pub(crate) fn encode_one(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Null => out.push(0),
        Value::Bool(b) => out.extend([1, u8::from(*b)]),
        Value::Integer(i) => {
            out.push(2);
            out.extend(i.to_le_bytes());
        }
        Value::Real(r) => {
            out.push(3);
            out.extend(r.to_le_bytes());
        }
        Value::Text(text) => encode_text(text, out),
        Value::List(values) => {
            out.push(5);
            let at = out.len();
            out.extend([0; 4]);
            encode(values, out);
            let len = (out.len() - at - 4) as u32;
            if let Some(place) = out.get_mut(at..at + 4) {
                place.copy_from_slice(&len.to_le_bytes());
            }
        }
    }
}

/// Appends a text to `out`.
pub(crate) fn encode_text(text: &str, out: &mut Vec<u8>) {
    out.push(4);
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

/// Reads as many values as there are.
pub(crate) fn decode(bytes: &[u8]) -> Vec<Value> {
    Cells(bytes).map(Cell::into_value).collect()
}

impl<'a> Iterator for Cells<'a> {
    type Item = Cell<'a>;

    fn next(&mut self) -> Option<Cell<'a>> {
        let bytes = &mut self.0;
        Some(match take::<1>(bytes)? {
            [0] => Cell::Null,
            [1] => Cell::Bool(take::<1>(bytes)? == [1]),
            [2] => Cell::Integer(i64::from_le_bytes(take(bytes)?)),
            [3] => Cell::Real(f64::from_le_bytes(take(bytes)?)),
            [4] => Cell::Text(std::str::from_utf8(part(bytes)?).ok()?),
            [5] => Cell::List(Cells(part(bytes)?)),
            _ => return None,
        })
    }
}

fn part<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = u32::from_le_bytes(take(bytes)?) as usize;
    let (part, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(part)
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
}

impl Cell<'_> {
    pub(crate) fn into_value(self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(b),
            Self::Integer(i) => Value::Integer(i),
            Self::Real(r) => Value::Real(r),
            Self::Text(text) => Value::Text(text.to_owned()),
            Self::List(cells) => Value::List(cells.map(Cell::into_value).collect()),
        }
    }
}

/// As JSON, as [`Value`] is.
impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Bool(b) => serializer.serialize_bool(*b),
            Self::Integer(i) => serializer.serialize_i64(*i),
            Self::Real(r) => serializer.serialize_f64(*r),
            Self::Text(text) => serializer.serialize_str(text),
            Self::List(cells) => cells.serialize(serializer),
        }
    }
}

impl Serialize for Cells<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        self.clone().try_for_each(|cell| list.serialize_element(&cell))?;
        list.end()
    }
}

/// As it stands in the items' table.
impl ToSql for Cell<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Bool(b) => ToSqlOutput::Borrowed(ValueRef::Integer(i64::from(*b))),
            Self::Integer(i) => ToSqlOutput::Borrowed(ValueRef::Integer(*i)),
            Self::Real(r) => ToSqlOutput::Borrowed(ValueRef::Real(*r)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::List(cells) => {
                let json = serde_json::to_string(cells)
                    .map_err(|e| rusqlite::Error::ToSqlConversionFailure(Box::new(e)))?;
                ToSqlOutput::Owned(SqlValue::Text(json))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Integer),
            any::<f64>().prop_filter("equal to itself", |n| !n.is_nan()).prop_map(Value::Real),
            any::<String>().prop_map(Value::Text),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::List))
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(values in proptest::collection::vec(value(), 0..6)) {
            let mut bytes = Vec::new();
            encode(&values, &mut bytes);
            prop_assert_eq!(decode(&bytes), values.clone());
            let json = serde_json::to_string(&Cells(&bytes)).unwrap();
            prop_assert_eq!(json, serde_json::to_string(&values).unwrap());
        }

        #[test]
        fn foreign_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }
}
