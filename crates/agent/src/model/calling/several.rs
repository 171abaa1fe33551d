//! One written call that stands for several: lists where one value is due, and lists of the request of which the calls have
//! only a part.

use segue_catalog::text::squash;
use segue_models::ToolDefinition;
use serde_json::{Map, Value as Json};

use super::gaps::collect;
use super::said::Said;
use super::schema;
use super::stated::choices;
use super::tokens::{lists, tokens};

/// A call as a model writes it.
pub(super) type Written = (String, Map<String, Json>);

/// Words of one of two texts that "and" joins.
const JOINED: usize = 4;
/// Words that say of joined names that each is meant by itself: "Simon and Garfunkel" are one.
const APART: [&str; 3] = ["each", "both", "respectively"];
/// Choices of values at most that pairs in order are picked from.
const CHOICES: usize = 1024;

/// The calls, with lists taken apart: a parameter of one value that is given several is one call for each; and of a list of
/// numbers or quoted texts in the request of which a call has one, and no call the rest, each gets such a call. No more than one above
/// `most`, which tells that there are more.
pub(super) fn expand(
    calls: &[Written],
    functions: &[ToolDefinition],
    said: &Said,
    most: usize,
) -> Vec<Written> {
    let text = said.request();
    let of = |name: &str| functions.iter().find(|f| f.name == name);
    let enough = most.saturating_add(1);
    let in_order = said.has_words("respectively");
    let room = if in_order { most.saturating_mul(most).clamp(enough, CHOICES.max(enough)) } else { enough };
    let apart = calls.iter().flat_map(|call| take_apart(call, calls, &of, said, room));
    let mut apart: Vec<Written> = apart.take(room).collect();
    if in_order {
        apart = one_by_one(apart);
    }
    // "Small or large" is one of them.
    let is_open = said.has_words("or");
    let stated = functions.iter().flat_map(schema::parameters).map(|(_, schema)| choices(schema, said));
    let stated = stated.filter(|list| list.len() > 1 && !is_open);
    for list in lists(&text, &tokens(&text)).into_iter().chain(stated) {
        apart.truncate(enough);
        if let Some(more) = continued(&apart, &list, &of, said) {
            apart = more;
        }
    }
    apart.truncate(enough);
    apart
}

/// One call for each of the values that a parameter of one value is given; of several such parameters, for each choice of values, up to so
/// many.
fn take_apart<'f>(
    (name, args): &Written,
    calls: &[Written],
    of: &impl Fn(&str) -> Option<&'f ToolDefinition>,
    said: &Said,
    room: usize,
) -> Vec<Written> {
    let Some(function) = of(name) else { return vec![(name.clone(), args.clone())] };
    let text = said.request();
    let is_apart = APART.iter().any(|word| said.has_words(word));
    let has_part = |parameter: &str, parts: &[Json]| {
        let others = calls.iter().filter_map(|(_, args)| args.get(parameter));
        is_apart || others.into_iter().any(|value| parts.iter().any(|part| same_value(part, value)))
    };
    let several = schema::parameters(function).filter_map(|(parameter, schema)| {
        let value = args.get(parameter)?;
        Some((parameter, values_of(value, schema, &text, |parts| has_part(parameter, parts))?))
    });
    let mut calls = vec![args.clone()];
    for (parameter, values) in several {
        let with = |args: &Map<String, Json>, value: &Json| {
            let mut args = args.clone();
            args.insert(parameter.clone(), value.clone());
            args
        };
        calls = calls.iter().flat_map(|args| values.iter().map(move |v| with(args, v))).take(room).collect();
    }
    calls.into_iter().map(|args| (name.clone(), args)).collect()
}

/// Of calls for each choice of values those that take the first of each, the second of each, and so on; of a list that all of them
/// have, each gets its own.
fn one_by_one(calls: Vec<Written>) -> Vec<Written> {
    let mut values: Vec<(&String, Vec<&Json>)> = Vec::new();
    for (name, value) in calls.iter().flat_map(|(_, args)| args) {
        match values.iter_mut().find(|(other, _)| *other == name) {
            Some((_, known)) if known.contains(&value) => {}
            Some((_, known)) => known.push(value),
            None => values.push((name, vec![value])),
        }
    }
    let lists: Vec<(&String, &Vec<Json>)> = values
        .iter()
        .filter_map(|(name, known)| Some((*name, known.first().filter(|_| known.len() == 1)?.as_array()?)))
        .collect();
    values.retain(|(_, known)| known.len() > 1);
    let length = values.first().map_or(0, |(_, known)| known.len());
    let is_even = values.iter().all(|(_, known)| known.len() == length);
    let all = u32::try_from(values.len()).ok().and_then(|n| length.checked_pow(n));
    if values.is_empty() || !is_even || all != Some(calls.len()) {
        return calls;
    }
    let place = |args: &Map<String, Json>, (name, known): &(&String, Vec<&Json>)| {
        args.get(*name).and_then(|value| known.iter().position(|k| *k == value))
    };
    let is_paired = |args: &Map<String, Json>| {
        let mut places = values.iter().map(|v| place(args, v));
        let first = places.next();
        places.all(|p| Some(p) == first)
    };
    let paired = calls.iter().filter(|(_, args)| is_paired(args)).enumerate();
    let alone = |(at, (name, args)): (usize, &Written)| {
        let lists = lists.iter().filter(|(_, list)| list.len() == length);
        let of = |(name, list): &(&String, &Vec<Json>)| {
            Some(((*name).clone(), Json::from(vec![list.get(at)?.clone()])))
        };
        let mut args = args.clone();
        args.extend(lists.filter_map(of));
        (name.clone(), args)
    };
    paired.map(alone).collect()
}

/// The several values that one is made of, if it is: a list where one value is due, codes with commas between, or names that "and" joins
/// where these can stand apart.
fn values_of(
    value: &Json,
    schema: &Json,
    text: &str,
    can_stand: impl Fn(&[Json]) -> bool,
) -> Option<Vec<Json>> {
    let kind = |schema: &Json| schema.get("type").and_then(Json::as_str).unwrap_or_default().to_owned();
    let is_single = |kind: &str| matches!(kind, "string" | "integer" | "number" | "boolean");
    match value {
        Json::Array(values) if values.len() > 1 && is_single(&kind(schema)) => Some(values.clone()),
        Json::Array(values) if values.len() > 1 && values.iter().all(Json::is_array) => {
            schema.get("items").is_some_and(|of| is_single(&kind(of))).then(|| values.clone())
        }
        Json::String(joined) if kind(schema) == "string" => {
            let is_quoted = ["'", "\""].iter().any(|q| text.contains(&format!("{q}{joined}{q}")));
            let is_choice = schema.get("enum").and_then(Json::as_array).is_some_and(|a| a.contains(value));
            if is_quoted || is_choice {
                return None;
            }
            codes_in(joined).or_else(|| names_in(&as_said(joined, text)).filter(|names| can_stand(names)))
        }
        _ => None,
    }
}

/// "A, B" and "A; B" as "A and B" where that is what the user says.
fn as_said(joined: &str, text: &str) -> String {
    let with = |(sign, and): (&str, &str)| {
        let (before, last) = joined.rsplit_once(sign)?;
        Some(format!("{before}{and}{last}")).filter(|said| text.contains(said))
    };
    let found = [("; ", " and "), (", ", " and "), (", ", ", and ")].into_iter().find_map(with);
    found.unwrap_or_else(|| joined.to_owned())
}

/// "AAPL,MSFT", which nobody says.
fn codes_in(joined: &str) -> Option<Vec<Json>> {
    let is_code = |code: &str| code.chars().all(char::is_uppercase) && !code.is_empty();
    (joined.contains(',') && joined.split(',').all(is_code))
        .then(|| joined.split(',').map(Json::from).collect())
}

/// "Egypt and Turkey", "A, B and C".
fn names_in(joined: &str) -> Option<Vec<Json>> {
    let (before, last) = joined.rsplit_once(" and ")?;
    let before = before.trim_end_matches(',');
    let parts: Vec<&str> = match last.contains(',') {
        true => vec![before, last],
        false => before.split(',').chain([last]).collect(),
    };
    let parts: Vec<&str> = parts.into_iter().map(str::trim).collect();
    let is_word = |p: &&str| !p.contains(' ') && !p.is_empty();
    let is_name = |p: &&str| p.starts_with(char::is_uppercase) && p.split(' ').count() <= JOINED;
    (parts.iter().all(is_word) || parts.iter().all(is_name))
        .then(|| parts.into_iter().map(Json::from).collect())
}

/// The calls with one for each of the list, if they are one function's, a parameter of theirs has members of the list (or nothing that is
/// said), and the others of the list stand nowhere. Where the calls differ in more than this parameter, all have one value of it.
fn continued<'f>(
    calls: &[Written],
    list: &[Json],
    of: &impl Fn(&str) -> Option<&'f ToolDefinition>,
    said: &Said,
) -> Option<Vec<Written>> {
    let (name, _) = calls.first()?;
    if calls.iter().any(|(n, _)| n != name) {
        return None;
    }
    let is_number = list.iter().all(Json::is_number);
    for (parameter, schema) in schema::parameters(of(name)?) {
        let kind = schema.get("type").and_then(Json::as_str).unwrap_or_default();
        let fits = if is_number { matches!(kind, "integer" | "number") } else { kind == "string" };
        let values: Vec<&Json> = calls.iter().filter_map(|(_, args)| args.get(parameter)).collect();
        if !fits || values.len() < calls.len() {
            continue;
        }
        let mut rests: Vec<Map<String, Json>> = Vec::new();
        for (_, args) in calls {
            let rest: Map<String, Json> =
                args.iter().filter(|(k, _)| *k != parameter).map(|(k, v)| (k.clone(), v.clone())).collect();
            if !rests.contains(&rest) {
                rests.push(rest);
            }
        }
        let is_one = values.windows(2).all(|pair| matches!(pair, [a, b] if same_value(a, b)));
        let mut elsewhere = Vec::new();
        rests.iter().flat_map(|r| r.values()).for_each(|v| collect(v, &mut elsewhere));
        let is_member = |v: &Json| list.iter().any(|m| same_value(m, v));
        let is_strange = |v: &Json| v.as_f64().is_some_and(|n| !said.has_number(n));
        let is_begun = values.iter().any(|v| is_member(v))
            && values.iter().all(|v| is_member(v) || (is_strange(v) && rests.len() == 1));
        let mut missing = list.iter().filter(|m| !values.iter().any(|v| same_value(m, v))).peekable();
        let is_due = is_begun && (is_one || rests.len() == 1) && missing.peek().is_some();
        if is_due && missing.all(|m| !elsewhere.iter().any(|e| same_value(m, e))) {
            let first = calls.first().map(|(_, args)| args.clone()).unwrap_or_default();
            let with = |(rest, member): (&Map<String, Json>, &Json)| {
                // In the order in which the parameters were written.
                let value = |key: &String| if key == parameter { Some(member) } else { rest.get(key) };
                let mut args: Map<String, Json> =
                    first.keys().filter_map(|k| Some((k.clone(), value(k)?.clone()))).collect();
                args.extend(rest.clone());
                (name.clone(), args)
            };
            let all = rests.iter().flat_map(|rest| list.iter().map(move |m| (rest, m)));
            return Some(all.map(with).collect());
        }
    }
    None
}

fn same_value(a: &Json, b: &Json) -> bool {
    match (a.as_f64(), b.as_f64()) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        _ => matches!((a.as_str(), b.as_str()), (Some(a), Some(b)) if squash(a) == squash(b)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_names_are_taken_apart() {
        for (text, expected) in [
            ("Egypt and Turkey", Some(r#"["Egypt","Turkey"]"#)),
            ("New York, Boston, and Los Angeles", Some(r#"["New York","Boston","Los Angeles"]"#)),
            ("New York, NY and Boston, MA", Some(r#"["New York, NY","Boston, MA"]"#)),
            ("buy milk and call my mother", None),
            ("AAPL,MSFT", Some(r#"["AAPL","MSFT"]"#)),
            ("Paris,France", None),
            ("Doe,Jane", None),
            ("Egypt", None),
        ] {
            let values = values_of(&text.into(), &serde_json::json!({"type": "string"}), text, |_| true);
            assert_eq!(values.map(|n| Json::from(n).to_string()).as_deref(), expected, "{text}");
        }
    }
}
