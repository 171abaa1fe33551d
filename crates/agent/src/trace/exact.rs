//! Numbers as they were written. `serde_json` reads them fast and to within a unit in the last place; a turn that is to
//! come out byte for byte needs them exactly.

use serde_json::{Number, Value as Json};

/// The document, with every fraction exactly as it stands in the text.
pub(super) fn parse(text: &str) -> serde_json::Result<Json> {
    let mut document: Json = serde_json::from_str(text)?;
    correct(&mut document, &mut Numbers { rest: text });
    Ok(document)
}

/// Objects keep the order of their keys, so the numbers of the text are those of the document, one after the other. Of a
/// key that stands twice one value is lost; then the rest stays as it was read.
fn correct(document: &mut Json, numbers: &mut Numbers<'_>) {
    match document {
        Json::Number(number) => {
            let exact = numbers.next().and_then(|text| text.parse::<f64>().ok());
            let is_near = |exact: f64| {
                number
                    .as_f64()
                    .is_some_and(|read| (read - exact).abs() <= exact.abs() * 1e-12 + f64::MIN_POSITIVE)
            };
            if let (true, Some(exact)) =
                (number.is_f64(), exact.filter(|e| is_near(*e)).and_then(Number::from_f64))
            {
                *number = exact;
            }
        }
        Json::Array(values) => values.iter_mut().for_each(|value| correct(value, numbers)),
        Json::Object(fields) => fields.values_mut().for_each(|value| correct(value, numbers)),
        Json::Null | Json::Bool(_) | Json::String(_) => {}
    }
}

/// The numbers of a text that is JSON.
struct Numbers<'a> {
    rest: &'a str,
}

impl<'a> Iterator for Numbers<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        loop {
            let begins = |c: char| c == '"' || c == '-' || c.is_ascii_digit();
            self.rest = self.rest.get(self.rest.find(begins)?..)?;
            if !self.rest.starts_with('"') {
                let is_part = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
                let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
                let (number, rest) = self.rest.split_at_checked(end)?;
                self.rest = rest;
                return Some(number);
            }
            self.rest = after_string(self.rest)?;
        }
    }
}

/// What follows the string that the text begins with.
fn after_string(text: &str) -> Option<&str> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return text.get(at + 1..),
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_was_written_is_read(bits in prop::collection::vec(any::<u64>(), 0..20), text in "\\PC*") {
            let numbers: Vec<_> = bits.iter().map(|b| f64::from_bits(*b)).filter(|f| f.is_finite()).collect();
            let written = serde_json::json!({ text.clone(): [text, -3, numbers], "a": {"1.5": numbers} }).to_string();
            prop_assert_eq!(parse(&written).unwrap().to_string(), written);
        }
    }

    #[test]
    fn a_key_that_stands_twice_moves_no_number() {
        assert_eq!(
            parse(r#"{"a": 1.5, "a": 2.5, "b": 3.5}"#).unwrap(),
            serde_json::json!({"a": 2.5, "b": 3.5})
        );
        assert!(parse("[1.5").is_err());
    }
}
