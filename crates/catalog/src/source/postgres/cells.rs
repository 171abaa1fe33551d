//! From what the server writes to cells.

use postgres::types::{Kind, Type};

use crate::Value;

/// Lists in lists are one list; deeper than this they are none.
const DEEPEST: usize = 8;

pub(super) fn value(text: &str, ty: &Type) -> Result<Value, String> {
    if let Kind::Array(element) = ty.kind() {
        let parts = array(text).ok_or_else(|| "an array that cannot be read".to_owned())?;
        let values = parts.into_iter().map(|part| part.map_or(Ok(Value::Null), |p| value(&p, element)));
        return values.filter(|v| !matches!(v, Ok(Value::Null))).collect::<Result<_, _>>().map(Value::List);
    }
    if let Kind::Domain(base) = ty.kind() {
        return value(text, base);
    }
    match *ty {
        Type::BOOL => Ok(Value::Bool(text == "t")),
        Type::INT2 | Type::INT4 | Type::INT8 | Type::OID => {
            text.parse().map(Value::Integer).map_err(|_| "a whole number that is too large".to_owned())
        }
        Type::FLOAT4 | Type::FLOAT8 | Type::NUMERIC => Ok(number(text)),
        // In UTC, and said so; the values of a field are all of one zone.
        Type::TIMESTAMPTZ => Ok(Value::Text(text.strip_suffix("+00").unwrap_or(text).to_owned())),
        Type::BYTEA => Err("the column holds bytes and no text".to_owned()),
        Type::JSON | Type::JSONB => json(text),
        // pgvector.
        _ if matches!(ty.name(), "vector" | "halfvec") => json(text),
        _ => Ok(Value::Text(text.to_owned())),
    }
}

/// A number as exactly as a number or a text can hold it; NaN says that nothing is known.
fn number(text: &str) -> Value {
    match (text.parse::<i64>(), text.parse::<f64>()) {
        (Ok(whole), _) => Value::Integer(whole),
        (_, Ok(real)) if real.is_nan() => Value::Null,
        (_, Ok(real)) if text.contains(['.', 'e', 'E']) => Value::Real(real),
        _ => Value::Text(text.to_owned()),
    }
}

fn json(text: &str) -> Result<Value, String> {
    let no_value = || "an object cannot be a value; select what is in it, `column->>'key'`".to_owned();
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(serde_json::Value::Object(_)) => Err(no_value()),
        _ => serde_json::from_str(text).map_err(|_| no_value()),
    }
}

/// The elements of an array as the server writes it, `{a,"b,c",NULL,{d}}` (PostgreSQL, "Array Input and Output Syntax").
fn array(text: &str) -> Option<Vec<Option<String>>> {
    // Bounds that do not begin at one are written before it: `[0:1]={a,b}`.
    let text = if text.starts_with('[') { text.split_once('=')?.1 } else { text };
    let mut parts = Vec::new();
    let (mut part, mut depth, mut is_quoted, mut is_text, mut is_escaped) =
        (String::new(), 0_usize, false, false, false);
    for c in text.chars() {
        match c {
            c if is_escaped => {
                part.push(c);
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            '"' => (is_quoted, is_text) = (!is_quoted, true),
            c if is_quoted => part.push(c),
            '{' => depth += 1,
            ',' | '}' => {
                if is_text || !part.is_empty() {
                    let is_null = !is_text && part == "NULL";
                    parts.push(Some(std::mem::take(&mut part)).filter(|_| !is_null));
                }
                is_text = false;
                depth = if c == '}' { depth.checked_sub(1)? } else { depth };
            }
            c => part.push(c),
        }
        if depth > DEEPEST {
            return None;
        }
    }
    (depth == 0 && !is_quoted).then_some(parts)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<Vec<String>> {
        Some(array(text)?.into_iter().map(|p| p.unwrap_or_else(|| "∅".into())).collect())
    }

    #[test]
    fn arrays_are_read_as_the_server_writes_them() {
        for (text, expected) in [
            ("{}", vec![]),
            ("{a,b}", vec!["a", "b"]),
            (r#"{"a,b",NULL,"NULL","",c d}"#, vec!["a,b", "∅", "NULL", "", "c d"]),
            (r#"{"say \"x\"","\\"}"#, vec!["say \"x\"", "\\"]),
            ("{{1,2},{3,4}}", vec!["1", "2", "3", "4"]),
            ("[0:1]={a,b}", vec!["a", "b"]),
        ] {
            assert_eq!(read(text), Some(expected.into_iter().map(str::to_owned).collect()), "{text}");
        }
        assert_eq!([read("{a"), read("a}"), read("{\"a}"), read("[0")], [None, None, None, None]);
    }

    proptest! {
        #[test]
        fn any_text_in_an_array_comes_back(parts in proptest::collection::vec("\\PC{0,12}", 0..6), junk in "[{}\",\\\\a]{0,20}") {
            let quoted = |p: &String| format!("\"{}\"", p.replace('\\', "\\\\").replace('"', "\\\""));
            let text = format!("{{{}}}", parts.iter().map(quoted).collect::<Vec<_>>().join(","));
            prop_assert_eq!(read(&text), Some(parts));
            let _ = read(&junk);
        }
    }
}
