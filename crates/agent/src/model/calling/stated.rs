//! Choices that the user states outright: of an enumeration the value whose words he says, of a yes or no its name. A model's own choice
//! gives way to them, and no other text of a call repeats them.

use segue_catalog::text::{fold, squash};
use segue_models::ToolDefinition;
use serde_json::{Map, Value as Json};

use super::gaps::collect;
use super::residue::flag;
use super::said::{Said, is_flag, telling};
use super::schema;
use super::values::number;

/// Gives a call the one value of each enumeration that is stated, a list of such values all that are, and a yes or no to what is spoken
/// of by its whole name.
pub(super) fn settle(args: &mut Map<String, Json>, function: &ToolDefinition, said: &Said) {
    for (parameter, schema) in schema::parameters(function) {
        if let (Some(Json::Array(list)), Some(of)) = (args.get_mut(parameter), schema.get("items")) {
            let known = list.clone();
            let is_word = |choice: &Json| choice.as_str().is_some_and(|text| text.chars().count() > 1);
            list.extend(choices(of, said).into_iter().filter(|c| is_word(c) && !known.contains(c)));
            continue;
        }
        let stated = if is_flag(schema) {
            let is_named = telling(parameter).iter().all(|word| said.has_stem(word));
            flag(parameter, schema, said).filter(|_| is_named)
        } else {
            match choices(schema, said).as_slice() {
                [one] => Some(one.clone()),
                _ => None,
            }
        };
        if let Some(value) = stated {
            args.insert(parameter.clone(), value);
        }
    }
}

/// "Vegan salad" as "salad" in a call that has the choice "Vegan": what is said once belongs to one argument.
pub(super) fn without_choices(args: &mut Map<String, Json>, function: &ToolDefinition) {
    let enumeration = |schema: &Json| schema.get("enum").or_else(|| schema.pointer("/items/enum")).is_some();
    let (chosen, free): (Vec<_>, Vec<_>) = schema::parameters(function).partition(|(_, s)| enumeration(s));
    let mut choices = Vec::new();
    chosen.iter().filter_map(|(name, _)| args.get(*name)).for_each(|value| collect(value, &mut choices));
    let choices: Vec<String> = choices.into_iter().filter_map(Json::as_str).map(str::to_owned).collect();
    for (name, _) in free {
        let texts = match args.get_mut(name) {
            Some(Json::Array(values)) => values.iter_mut().collect(),
            Some(value) => vec![value],
            None => Vec::new(),
        };
        for value in texts {
            let rest = value.as_str().and_then(|text| choices.iter().find_map(|choice| after(text, choice)));
            if let Some(rest) = rest {
                *value = Json::String(rest);
            }
        }
    }
}

/// What stands after a choice that a text begins with.
fn after(text: &str, choice: &str) -> Option<String> {
    let written: Vec<&str> = text.split_whitespace().collect();
    let is_choice =
        |at: &usize| written.get(..*at).is_some_and(|begin| squash(&begin.concat()) == squash(choice));
    let at = (1..written.len()).find(is_choice)?;
    Some(written.get(at..)?.join(" "))
}

/// The texts of an enumeration that the user says, word for word and without a negation, but those that are part of
/// another.
pub(super) fn choices(schema: &Json, said: &Said) -> Vec<Json> {
    let allowed = schema.get("enum").and_then(Json::as_array).into_iter().flatten();
    let texts = allowed.filter_map(Json::as_str).filter(|text| number(text).is_none());
    let stated: Vec<&str> = texts.filter(|text| said.has_wish(text)).collect();
    let is_part = |text: &str| {
        stated.iter().any(|other| {
            *other != text && format!(" {} ", fold(other)).contains(&format!(" {} ", fold(text)))
        })
    };
    stated.iter().filter(|text| !is_part(text)).map(|text| Json::from(*text)).collect()
}
