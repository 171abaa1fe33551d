//! What a model says of a request counts only if the request says it and the catalogue has it.

use segue_catalog::text::{fold, squash, words};
use segue_catalog::{Catalog, Field, FieldType, Operator, Predicate, Snapshot, Value, resolve};
use serde::Deserialize;

use super::brief::is_readable;
use crate::Reading;
use crate::rules::is_filling;

/// A condition as a model puts it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(super) struct Proposal {
    /// The words of the request that say it.
    pub(super) words: String,
    pub(super) field: String,
    pub(super) is: String,
    pub(super) value: String,
    #[serde(default)]
    pub(super) to: String,
}

/// The ways to compare that a model can choose from.
pub(super) const COMPARISONS: [&str; 5] = ["=", "not", "at least", "at most", "between"];

/// How similar a value must be to the catalogue's to be read as it.
const NEAR: f64 = 0.8;

/// The predicate of a proposal, with the catalogue's spelling of its value; or why it does not count.
pub(super) fn check(
    proposal: &Proposal,
    reading: &Reading,
    snapshot: &Snapshot,
) -> Result<Predicate, String> {
    let catalog = snapshot.catalog();
    if !is_said(&proposal.words, &reading.open) {
        return Err(format!("the request does not say “{}”", proposal.words));
    }
    let Some(field) = catalog.field(&proposal.field).filter(|f| is_readable(f)) else {
        return Err(format!("there is no field `{}`", proposal.field));
    };
    if is_settled(field, reading) {
        return Err(format!("the request settles `{}` by other words", field.name));
    }
    let predicate = predicate(proposal, field)?;
    in_range(&predicate, catalog)?;
    let found = match resolve(&predicate, snapshot) {
        Ok(found) => found,
        Err(error) => {
            let near = error.nearest.iter().find(|s| is_near(&s.value, &proposal.value));
            let Some(near) = near else { return Err(error.message) };
            let respelt = Proposal { value: near.value.clone(), ..proposal.clone() };
            resolve(&self::predicate(&respelt, field)?, snapshot).map_err(|e| e.message)?
        }
    };
    let is_known = reading.understood.iter().any(|u| u.predicate.as_ref() == Some(&found));
    if is_known { Err("it is known already".to_owned()) } else { Ok(found) }
}

/// True if the words stand in what is left of the request, and are more than filling.
pub(super) fn is_said(said: &str, left: &[String]) -> bool {
    let telling = words(said).any(|w| !is_filling(&w));
    let key = squash(said);
    telling && left.iter().any(|l| squash(l).contains(&key))
}

/// True if every word of a query that says something stands in the request, in any of its forms.
pub(super) fn is_from(query: &str, request: &str) -> bool {
    let known: Vec<String> = words(request).collect();
    let stem = |w: &str| w.chars().take(4).collect::<String>();
    let mut telling = words(query).filter(|w| !is_filling(w)).peekable();
    telling.peek().is_some() && telling.all(|w| known.iter().any(|k| stem(k) == stem(&w)))
}

/// A field of one value that has a hard condition of this turn needs no other.
fn is_settled(field: &Field, reading: &Reading) -> bool {
    let of_field = |p: &Predicate| p.conditions().iter().any(|c| c.field == field.name);
    let mut this_turn = reading.understood.iter().filter(|u| u.hard).filter_map(|u| u.predicate.as_ref());
    !field.multi && this_turn.any(of_field)
}

pub(super) fn predicate(proposal: &Proposal, field: &Field) -> Result<Predicate, String> {
    let value = |text: &str| match field.ty {
        FieldType::Integer | FieldType::Real => {
            let digits: String =
                text.chars().filter(|c| c.is_ascii_digit() || matches!(c, '.' | '-')).collect();
            let number: f64 = digits.parse().map_err(|_| format!("`{text}` is not a number"))?;
            Ok(if number.fract() == 0.0 { Value::Integer(number as i64) } else { Value::Real(number) })
        }
        FieldType::Boolean => Ok(Value::Bool(fold(text) == "true")),
        FieldType::Text | FieldType::Date => Ok::<_, String>(Value::from(text.trim())),
    };
    let ordered = field.ty.is_number() || field.ty == FieldType::Date;
    let one = |op| Ok(Predicate::field(&field.name, op, value(&proposal.value)?));
    match proposal.is.as_str() {
        "=" => one(Operator::Eq),
        "not" => one(Operator::Eq).map(Predicate::negate),
        "at least" if ordered => one(Operator::Ge),
        "at most" if ordered => one(Operator::Le),
        "between" if ordered => {
            let range = Value::List(vec![value(&proposal.value)?, value(&proposal.to)?]);
            Ok(Predicate::field(&field.name, Operator::Between, range))
        }
        other => Err(format!("`{other}` does not fit `{}`", field.name)),
    }
}

/// A number outside what the catalogue has is a slip of the model, not a wish of the user.
fn in_range(predicate: &Predicate, catalog: &Catalog) -> Result<(), String> {
    for condition in predicate.conditions() {
        let Some(index) = catalog.field_index(&condition.field) else { continue };
        let Some((low, high)) = catalog.statistics.get(index).and_then(|s| s.range()) else { continue };
        for number in condition.value.each().iter().filter_map(Value::as_f64) {
            if number < low || number > high {
                return Err(format!("`{}` goes from {low} to {high}, not to {number}", condition.field));
            }
        }
    }
    Ok(())
}

fn is_near(known: &str, said: &str) -> bool {
    strsim::normalized_damerau_levenshtein(&fold(known), &fold(said)) >= NEAR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_only_if_they_are_said_and_say_something() {
        let left = ["from the Reagan years".to_owned(), "heist gone wrong".to_owned()];
        assert!(is_said("the Reagan years", &left));
        assert!(is_said("heist", &left));
        assert!(!is_said("from the", &left));
        assert!(!is_said("bank robbery", &left));
        assert!(!is_said("", &left));
    }

    #[test]
    fn a_query_comes_from_the_request() {
        let request = "my wife wants films about robbing banks";
        assert!(is_from("robbing banks", request));
        assert!(is_from("bank robbers", request));
        assert!(!is_from("heist", request));
        assert!(!is_from("", request));
    }
}
