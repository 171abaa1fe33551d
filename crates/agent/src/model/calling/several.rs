//! Requests for several calls at once: what tells that there are several, what a list in the request or in an argument stands
//! for, and what of the request no call has used.

use segue_catalog::text::squash;
use segue_models::ToolDefinition;
use serde_json::{Map, Value as Json};

use super::proposal::parts;
use super::said::{Said, joined_words, same_stem, telling};
use super::values::number;
use super::{FunctionCall, schema};
use crate::rules::is_filling;

/// A call as a model writes it.
pub(super) type Written = (String, Map<String, Json>);

/// Words that announce more than one wish.
const ANNOUNCING: [&str; 7] = ["both", "respectively", "then", "another", "finally", "also", "additionally"];
/// Words that do so together.
const COUNTING: [&str; 2] = ["first", "second"];
/// Letters of a quoted text; longer ones are speech.
const QUOTED: usize = 60;
/// Letters of a unit between a number and the next one.
const UNIT: usize = 12;
/// Words of one of two texts that "and" joins.
const JOINED: usize = 4;

/// A number or a quoted text of a request, with the bytes that it takes.
#[derive(Debug, Clone, PartialEq)]
struct Token {
    value: Json,
    from: usize,
    to: usize,
}

/// What there is to be called for, and how many calls that takes at least.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gap {
    pub(super) why: String,
    pub(super) least: u32,
}

/// The calls, with lists taken apart: a parameter of one value that is given several is one call for each; and of a list of
/// numbers or quoted texts in the request of which a call has one, and no call the rest, each gets such a call.
pub(super) fn expand(calls: Vec<Written>, functions: &[ToolDefinition], said: &Said) -> Vec<Written> {
    let text = text_of(said);
    let of = |name: &str| functions.iter().find(|f| f.name == name);
    let is_parallel = text.to_lowercase().contains("respectively");
    let mut apart: Vec<Written> =
        calls.into_iter().flat_map(|call| take_apart(call, &of, &text, is_parallel)).collect();
    let tokens = tokens(&text);
    for (list, is_percent) in lists(&text, &tokens) {
        if let Some(more) = continued(&apart, &list, is_percent, &of, said) {
            apart = more;
        }
    }
    apart
}

/// What the calls leave out, if that can be told.
pub(super) fn gap(calls: &[FunctionCall], functions: &[ToolDefinition], said: &Said) -> Option<Gap> {
    let unused = unused(calls, functions, said);
    let joined = joined(calls, functions, said);
    let numbers = unused.iter().filter(|v| v.is_number()).count();
    let given = calls.first().map(|c| c.args.values().map(count_numbers).sum::<usize>()).unwrap_or_default();
    let more = if given >= 2 { numbers / given } else { 0 };
    let is_single = calls.len() == 1;
    if !unused.is_empty() && (!is_single || more > 0) {
        let listed: Vec<String> = unused.iter().map(Json::to_string).collect();
        let why = format!("no call has {}, and each thing that is asked for needs a call", listed.join(", "));
        return Some(Gap { why, least: u32::try_from(calls.len() + more).unwrap_or(1) });
    }
    if let Some(first) = joined.first() {
        let why = format!("no call has {first}, and each thing that is asked for needs a call");
        let least = if is_single { 2 } else { calls.len() };
        return Some(Gap { why, least: u32::try_from(least).unwrap_or(1) });
    }
    let why = "the user asks for several things, and each needs a call".to_owned();
    (is_single && announces_several(said)).then_some(Gap { why, least: 2 })
}

/// How much of the request no call has.
pub(super) fn missing(calls: &[FunctionCall], functions: &[ToolDefinition], said: &Said) -> usize {
    unused(calls, functions, said).len() + joined(calls, functions, said).len()
}

/// What the user joins with "and" to a text that a call has, and no call has itself.
fn joined(calls: &[FunctionCall], functions: &[ToolDefinition], said: &Said) -> Vec<String> {
    let text = text_of(said);
    let mut leaves = Vec::new();
    calls.iter().flat_map(|c| c.args.values()).for_each(|v| collect(v, &mut leaves));
    let leaves: Vec<&str> = leaves.into_iter().filter_map(Json::as_str).filter(|l| !l.is_empty()).collect();
    let names: Vec<String> = functions
        .iter()
        .flat_map(|f| {
            parts(&f.name).into_iter().chain(schema::parameters(f).flat_map(|(name, _)| telling(name)))
        })
        .collect();
    let is_other = |word: &str| {
        let has = |l: &&str| squash(l).contains(&squash(word));
        joined_words(word)
            .all(|w| is_filling(&w) || names.iter().any(|n| same_stem(&w, n)) || number(&w).is_some())
            || leaves.iter().any(has)
    };
    let mut found: Vec<String> = Vec::new();
    for leaf in &leaves {
        let after =
            text.match_indices(leaf).filter_map(|(at, _)| text.get(at + leaf.len()..)?.strip_prefix(" and "));
        let words = after.filter_map(|rest| rest.split_whitespace().next());
        let words = words.map(|w| w.trim_matches(|c: char| !c.is_alphanumeric()));
        found.extend(words.filter(|w| w.chars().count() > 2 && !is_other(w)).map(str::to_owned));
    }
    found.sort();
    found.dedup();
    found
}

fn announces_several(said: &Said) -> bool {
    let is_said =
        |word: &&str| said.turns.iter().filter(|t| t.by_user).any(|t| t.words.iter().any(|w| w == word));
    ANNOUNCING.iter().any(|w| is_said(&w)) || COUNTING.iter().all(|w| is_said(&w))
}

/// The numbers and quoted texts of the request that no call has. What names a function or a parameter is none.
fn unused(calls: &[FunctionCall], functions: &[ToolDefinition], said: &Said) -> Vec<Json> {
    let mut leaves = Vec::new();
    for value in calls.iter().flat_map(|c| c.args.values()) {
        collect(value, &mut leaves);
    }
    let is_name = |text: &str| {
        let text = squash(text);
        functions.iter().any(|f| {
            squash(&f.name).contains(&text) || schema::parameters(f).any(|(name, _)| squash(name) == text)
        })
    };
    let mut unused: Vec<Json> = Vec::new();
    for Token { value, .. } in tokens(&text_of(said)) {
        let is_used = match &value {
            Json::String(text) => {
                let key = squash(text);
                is_name(text) || leaves.iter().any(|l| l.as_str().is_some_and(|l| squash(l).contains(&key)))
            }
            other => {
                let n = other.as_f64().unwrap_or_default();
                leaves.iter().any(|l| has_number(l, n))
            }
        };
        if !is_used && !unused.contains(&value) {
            unused.push(value);
        }
    }
    unused
}

fn has_number(leaf: &Json, n: f64) -> bool {
    let is_it = |x: f64| {
        let near = |a: f64| (a - x.abs()).abs() <= 1e-9 * a.abs().max(1.0);
        near(n.abs()) || near(n.abs() / 100.0)
    };
    match leaf {
        Json::Number(x) => x.as_f64().is_some_and(is_it),
        Json::String(text) => {
            text.split(|c: char| !(c.is_ascii_digit() || c == '.')).filter_map(number).any(is_it)
        }
        _ => false,
    }
}

fn collect<'a>(value: &'a Json, leaves: &mut Vec<&'a Json>) {
    match value {
        Json::Array(values) => values.iter().for_each(|v| collect(v, leaves)),
        Json::Object(members) => members.values().for_each(|v| collect(v, leaves)),
        leaf => leaves.push(leaf),
    }
}

fn count_numbers(value: &Json) -> usize {
    let mut leaves = Vec::new();
    collect(value, &mut leaves);
    leaves.iter().filter(|l| l.is_number()).count()
}

/// One call for each of the values that a parameter of one value is given; of two such parameters all pairs, or one by one where the
/// user says "respectively".
fn take_apart<'f>(
    (name, args): Written,
    of: &impl Fn(&str) -> Option<&'f ToolDefinition>,
    text: &str,
    is_parallel: bool,
) -> Vec<Written> {
    let Some(function) = of(&name) else { return vec![(name, args)] };
    let mut several: Vec<(String, Vec<Json>)> = schema::parameters(function)
        .filter_map(|(parameter, schema)| {
            let values = values_of(args.get(parameter)?, schema, text)?;
            Some((parameter.clone(), values))
        })
        .collect();
    if let Some((_, values)) = several.first().filter(|_| is_parallel) {
        // What is paired with them is due to each alone.
        let length = values.len();
        let alone = |v: &Json| Json::from(vec![v.clone()]);
        let lists = args.iter().filter(|(name, _)| !several.iter().any(|(other, _)| other == *name));
        let lists = lists.filter_map(|(name, value)| Some((name, value.as_array()?)));
        let paired = lists.filter(|(_, list)| list.len() == length);
        let paired: Vec<_> =
            paired.map(|(name, list)| (name.clone(), list.iter().map(alone).collect())).collect();
        several.extend(paired);
    }
    let mut calls = vec![args];
    let same_length = |pair: &[(String, Vec<Json>)]| matches!(pair, [a, b] if a.1.len() == b.1.len());
    if is_parallel && several.len() > 1 && several.windows(2).all(same_length) {
        let length = several.first().map_or(0, |(_, values)| values.len());
        calls = (0..length)
            .filter_map(|at| {
                let mut args = calls.first()?.clone();
                for (parameter, values) in &several {
                    args.insert(parameter.clone(), values.get(at)?.clone());
                }
                Some(args)
            })
            .collect();
    } else {
        for (parameter, values) in several {
            let with = |args: &Map<String, Json>, value: &Json| {
                let mut args = args.clone();
                args.insert(parameter.clone(), value.clone());
                args
            };
            calls = calls.iter().flat_map(|args| values.iter().map(move |v| with(args, v))).collect();
        }
    }
    calls.into_iter().map(|args| (name.clone(), args)).collect()
}

/// The several values that one is made of, if it is: a list where one value is due, or names that "and" joins.
fn values_of(value: &Json, schema: &Json, text: &str) -> Option<Vec<Json>> {
    let kind = schema.get("type").and_then(Json::as_str).unwrap_or_default();
    if !matches!(kind, "string" | "integer" | "number" | "boolean") {
        return None;
    }
    match value {
        Json::Array(values) if values.len() > 1 => Some(values.clone()),
        Json::String(joined) if kind == "string" => {
            let is_quoted = ["'", "\""].iter().any(|q| text.contains(&format!("{q}{joined}{q}")));
            let is_choice = schema.get("enum").and_then(Json::as_array).is_some_and(|a| a.contains(value));
            if is_quoted || is_choice { None } else { names_in(joined) }
        }
        _ => None,
    }
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
    is_percent: bool,
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
        for scale in [1.0, 100.0].into_iter().take(1 + usize::from(is_percent)) {
            let member = |m: &Json| m.as_f64().map_or_else(|| Some(m.clone()), |n| of_number(n / scale));
            let members: Vec<Json> = list.iter().filter_map(member).collect();
            let is_member = |v: &Json| members.iter().any(|m| same_value(m, v));
            let is_strange = |v: &Json| v.as_f64().is_some_and(|n| !said.has_number(n));
            let is_begun = values.iter().any(|v| is_member(v))
                && values.iter().all(|v| is_member(v) || (is_strange(v) && rests.len() == 1));
            let mut missing = members.iter().filter(|m| !values.iter().any(|v| same_value(m, v))).peekable();
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
                let all = rests.iter().flat_map(|rest| members.iter().map(move |m| (rest, m)));
                return Some(all.map(with).collect());
            }
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

/// What the user says.
fn text_of(said: &Said) -> String {
    let users = said.turns.iter().filter(|t| t.by_user).map(|t| t.text.as_str());
    users.collect::<Vec<_>>().join("\n")
}

/// The lists of a text: numbers, or quoted texts, with nothing but commas, "and", "or" and a unit between them; and whether the numbers
/// are per cent.
fn lists(text: &str, tokens: &[Token]) -> Vec<(Vec<Json>, bool)> {
    let mut lists: Vec<(Vec<Json>, bool)> = Vec::new();
    let mut last: Option<&Token> = None;
    let is_percent = |token: &Token| text.get(token.to..).is_some_and(|after| after.starts_with('%'));
    for token in tokens {
        let goes_on = last.is_some_and(|l: &Token| {
            let after = text.get(token.to..).unwrap_or_default();
            l.value.is_number() == token.value.is_number()
                && text.get(l.to..token.from).is_some_and(|gap| is_between(gap, after))
        });
        match lists.last_mut().filter(|_| goes_on) {
            Some((list, percent)) => {
                list.push(token.value.clone());
                *percent |= is_percent(token);
            }
            None => lists.push((vec![token.value.clone()], is_percent(token))),
        }
        last = Some(token);
    }
    lists.retain(|(list, _)| list.len() > 1);
    lists
}

/// True of what joins two values of a list; a unit stands after both of them.
fn is_between(gap: &str, after: &str) -> bool {
    let gap = gap.to_lowercase();
    let next = joined_words(after).next();
    let mut words: Vec<&str> = gap.split_whitespace().map(|w| w.trim_matches(['$', '€', '£'])).collect();
    words.retain(|w| !w.is_empty());
    let is_joint = |w: &str| matches!(w, "," | "and" | "or" | "&" | ",and");
    let is_unit = |w: &str| {
        let unit = w.trim_end_matches(',');
        unit.len() <= UNIT && next.as_ref().is_some_and(|next| same_stem(unit, next))
    };
    let ends_with_comma = |w: &str| w.ends_with(',');
    match words.as_slice() {
        [] => false,
        [one] => is_joint(one) || (is_unit(one) && ends_with_comma(one)) || *one == "%,",
        [a, b] => is_joint(b) && (is_joint(a) || is_unit(a) || matches!(*a, "%" | "%,")),
        _ => false,
    }
}

/// The numbers and quoted texts of a text, in its order. Digits that belong to a word ("A1", "3D", "14th", "x^2") are no numbers.
fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    let (mut at, mut before) = (0, ' ');
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let c = rest.chars().next().unwrap_or(' ');
        let token = match c {
            '\'' | '"' if !before.is_alphanumeric() => quoted(rest, c, at),
            '0'..='9' if !(before.is_alphanumeric() || matches!(before, '^' | '.' | '_')) => {
                digits(rest, at, before == '-')
            }
            _ => None,
        };
        let end = match &token {
            Some(token) => token.to,
            // Past all of a run of digits that is no number.
            None if c.is_ascii_digit() => {
                at + rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len()
            }
            None => at + c.len_utf8(),
        };
        before = text.get(at..end).and_then(|t| t.chars().last()).unwrap_or(' ');
        at = end;
        found.extend(token);
    }
    found
}

fn quoted(rest: &str, quote: char, at: usize) -> Option<Token> {
    let inner = rest.get(1..)?;
    let ends = |(end, _): &(usize, &str)| {
        !inner.get(end + 1..).is_some_and(|after| after.starts_with(char::is_alphanumeric))
    };
    let (end, _) = inner.match_indices(quote).find(ends)?;
    let text = inner.get(..end)?.trim_end_matches(['.', ',']);
    let is_text = !text.is_empty() && text.chars().count() <= QUOTED;
    is_text.then(|| Token { value: text.into(), from: at, to: at + end + 2 })
}

fn digits(rest: &str, at: usize, is_negative: bool) -> Option<Token> {
    let run = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut end = run(rest);
    if end <= 3 {
        // Thousands: "400,000", and not "1,5".
        while rest.get(end..).is_some_and(|r| r.starts_with(',') && run(r.get(1..).unwrap_or_default()) == 3)
        {
            end += 4;
        }
    }
    if let Some(fraction) = rest.get(end..).and_then(|r| r.strip_prefix('.')).map(run).filter(|n| *n > 0) {
        end += 1 + fraction;
    }
    let after = rest.get(end..)?;
    let letters: String = after.chars().take_while(|c| c.is_alphanumeric()).collect();
    if letters.starts_with(char::is_uppercase)
        || matches!(letters.as_str(), "st" | "nd" | "rd" | "th" | "x" | "d")
    {
        return None;
    }
    let n: f64 = rest.get(..end)?.replace(',', "").parse().ok()?;
    let value = of_number(if is_negative { -n } else { n })?;
    Some(Token { value, from: at, to: at + end })
}

/// Whole numbers as whole numbers.
fn of_number(n: f64) -> Option<Json> {
    super::values::of_number(n).map(Json::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Json {
        tokens(text).into_iter().map(|t| t.value).collect()
    }

    #[test]
    fn numbers_and_quoted_texts_are_read() {
        for (text, expected) in [
            ("a loan of $400,000 at 4% for 15, 20 and 30 years", r#"[400000,4,15,20,30]"#),
            ("for 1,5 and 10 years", "[1,5,10]"),
            ("between -3 and 2.5, HbA1c in 3D on the 14th, x^2, 5m", "[-3,2.5,5]"),
            (
                "cases '67813', '71249' of \"Smith's sons\"; it's John's",
                r#"["67813","71249","Smith's sons"]"#,
            ),
        ] {
            assert_eq!(values(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn lists_are_read() {
        let listed = |text: &str| {
            let lists = lists(text, &tokens(text)).into_iter().map(|(list, _)| Json::from(list));
            Json::from(lists.collect::<Vec<_>>())
        };
        for (text, expected) in [
            ("4% over 15, 20 and 30 years", "[[15,20,30]]"),
            ("for 10 years and 20 years", "[[10,20]]"),
            ("'Civil' and 'Criminal' cases, 5% or 6%", r#"[["Civil","Criminal"],[5,6]]"#),
            ("a base of 10 units and a height of 5 units", "[]"),
        ] {
            assert_eq!(listed(text).to_string(), expected, "{text}");
        }
    }

    #[test]
    fn joined_names_are_taken_apart() {
        for (text, expected) in [
            ("Egypt and Turkey", Some(r#"["Egypt","Turkey"]"#)),
            ("New York, Boston, and Los Angeles", Some(r#"["New York","Boston","Los Angeles"]"#)),
            ("New York, NY and Boston, MA", Some(r#"["New York, NY","Boston, MA"]"#)),
            ("buy milk and call my mother", None),
            ("Egypt", None),
        ] {
            assert_eq!(names_in(text).map(|n| Json::from(n).to_string()).as_deref(), expected, "{text}");
        }
    }
}
