//! Rows as bytes, for the sorter: a tag for each value and what follows from it.

use crate::Value;

/// Appends the values to `out`.
pub(crate) fn encode(values: &[Value], out: &mut Vec<u8>) {
    for value in values {
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
            Value::Text(text) => {
                out.push(4);
                out.extend((text.len() as u32).to_le_bytes());
                out.extend(text.as_bytes());
            }
            Value::List(values) => {
                out.push(5);
                out.extend((values.len() as u32).to_le_bytes());
                encode(values, out);
            }
        }
    }
}

/// Reads as many values as there are; `None` if the bytes were not written by [`encode`].
pub(crate) fn decode(mut bytes: &[u8]) -> Option<Vec<Value>> {
    let mut values = Vec::with_capacity(16);
    while !bytes.is_empty() {
        values.push(read(&mut bytes)?);
    }
    Some(values)
}

fn read(bytes: &mut &[u8]) -> Option<Value> {
    Some(match take::<1>(bytes)? {
        [0] => Value::Null,
        [1] => Value::Bool(take::<1>(bytes)? == [1]),
        [2] => Value::Integer(i64::from_le_bytes(take(bytes)?)),
        [3] => Value::Real(f64::from_le_bytes(take(bytes)?)),
        [4] => {
            let len = u32::from_le_bytes(take(bytes)?) as usize;
            let (text, rest) = bytes.split_at_checked(len)?;
            *bytes = rest;
            Value::Text(std::str::from_utf8(text).ok()?.to_owned())
        }
        [5] => {
            let len = u32::from_le_bytes(take(bytes)?);
            Value::List((0..len).map(|_| read(bytes)).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (head, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*head)
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
            any::<f64>().prop_map(Value::Real),
            any::<String>().prop_map(Value::Text),
        ];
        leaf.prop_recursive(2, 8, 4, |inner| proptest::collection::vec(inner, 0..4).prop_map(Value::List))
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_decoded(values in proptest::collection::vec(value(), 0..6)) {
            let mut bytes = Vec::new();
            encode(&values, &mut bytes);
            prop_assert_eq!(decode(&bytes), Some(values));
        }

        #[test]
        fn foreign_bytes_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }
}
