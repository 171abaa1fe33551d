//! The numbers and the quoted texts of a request, and the lists that they stand in.

use serde_json::Value as Json;

use super::said::{joined_words, same_stem};
use super::values::of_number;

/// Letters of a quoted text; longer ones are speech.
const QUOTED: usize = 60;
/// Numbers and quoted texts that a request has at most.
const MOST: usize = 500;
/// Letters of a unit between a number and the next one.
const UNIT: usize = 12;

/// A number or a quoted text of a request, with the bytes that it takes.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) value: Json,
    from: usize,
    to: usize,
}

impl Token {
    /// The word that follows it in its text.
    pub(super) fn unit(&self, text: &str) -> Option<String> {
        first_word(text.get(self.to..)?)
    }
}

/// The first word of what follows a value; what is far away is none, so that long texts are read once.
fn first_word(after: &str) -> Option<String> {
    let far = after.char_indices().nth(QUOTED).map_or(after.len(), |(at, _)| at);
    joined_words(after.get(..far)?).next()
}

/// The lists of a text: numbers, or quoted texts, with nothing but commas, "and" and a unit between them. Of "2 or 3" one is meant.
pub(super) fn lists(text: &str, tokens: &[Token]) -> Vec<Vec<Json>> {
    let mut lists: Vec<Vec<Json>> = Vec::new();
    let mut last: Option<&Token> = None;
    for token in tokens {
        let goes_on = last.is_some_and(|l: &Token| {
            let after = text.get(token.to..).unwrap_or_default();
            l.value.is_number() == token.value.is_number()
                && text.get(l.to..token.from).is_some_and(|gap| is_between(gap, after))
        });
        match lists.last_mut().filter(|_| goes_on) {
            Some(list) => list.push(token.value.clone()),
            None => lists.push(vec![token.value.clone()]),
        }
        last = Some(token);
    }
    lists.retain(|list| list.len() > 1);
    lists
}

/// True of what joins two values of a list; a unit stands after both of them.
fn is_between(gap: &str, after: &str) -> bool {
    let gap = gap.to_lowercase();
    let next = first_word(after);
    let mut words: Vec<&str> = gap.split_whitespace().map(|w| w.trim_matches(['$', '€', '£'])).collect();
    words.retain(|w| !w.is_empty());
    let is_joint = |w: &str| matches!(w, "," | "and" | "&" | ",and");
    let is_unit = |w: &str| {
        let unit = w.trim_end_matches(',');
        unit.len() <= UNIT && next.as_ref().is_some_and(|next| same_stem(unit, next))
    };
    let ends_with_comma = |w: &str| w.ends_with(',');
    match words.as_slice() {
        [one] => is_joint(one) || (is_unit(one) && ends_with_comma(one)) || *one == "%,",
        [a, b] => is_joint(b) && (is_joint(a) || is_unit(a) || matches!(*a, "%" | "%,")),
        _ => false,
    }
}

/// The numbers and quoted texts of a text, in its order, up to [`MOST`]. Digits that belong to a word ("A1", "3D", "14th", "x^2") are no
/// numbers.
pub(super) fn tokens(text: &str) -> Vec<Token> {
    let mut found = Vec::new();
    // The two letters before this place.
    let (mut at, mut earlier, mut before) = (0, ' ', ' ');
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty() && found.len() < MOST) {
        let c = rest.chars().next().unwrap_or(' ');
        let token = match c {
            '\'' | '"' if !before.is_alphanumeric() => quoted(rest, c, at),
            '0'..='9' if !(before.is_alphanumeric() || matches!(before, '^' | '.' | '_')) => {
                digits(rest, at, before == '-' && !earlier.is_alphanumeric())
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
        let mut last = text.get(at..end).unwrap_or_default().chars().rev();
        let taken = last.next().unwrap_or(' ');
        (earlier, before) = (last.next().unwrap_or(before), taken);
        at = end;
        found.extend(token);
    }
    found
}

fn quoted(rest: &str, quote: char, at: usize) -> Option<Token> {
    let inner = rest.get(1..)?;
    // With the letter after the last quotation mark that can end it.
    let far = inner.char_indices().nth(QUOTED + 4).map_or(inner.len(), |(at, _)| at);
    let inner = inner.get(..far)?;
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
    if let Some(power) = rest.get(end..).and_then(|r| r.strip_prefix(['e', 'E'])) {
        let digits = power.strip_prefix(['-', '+']).unwrap_or(power);
        if run(digits) > 0 {
            end += 1 + power.len() - digits.len() + run(digits);
        }
    }
    let after = rest.get(end..)?;
    let letters: String = after.chars().take_while(|c| c.is_alphanumeric()).collect();
    if letters.starts_with(char::is_uppercase)
        || matches!(letters.as_str(), "st" | "nd" | "rd" | "th" | "x" | "d")
    {
        return None;
    }
    let n: f64 = rest.get(..end)?.replace(',', "").parse().ok()?;
    let value = of_number(if is_negative { -n } else { n }).map(Json::Number)?;
    Some(Token { value, from: at, to: at + end })
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
            ("grades 5-6, 7 and 8", "[5,6,7,8]"),
            ("5e-12 of 1.5E3, and -4", "[5e-12,1500,-4]"),
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
        let listed = |text: &str| Json::from(lists(text, &tokens(text)));
        for (text, expected) in [
            ("4% over 15, 20 and 30 years", "[[15,20,30]]"),
            ("for 10 years and 20 years", "[[10,20]]"),
            ("'Civil' and 'Criminal' cases, 5% and 6%", r#"[["Civil","Criminal"],[5,6]]"#),
            ("a table for 2 or 3 people, 5-6", "[]"),
            ("a base of 10 units and a height of 5 units", "[]"),
        ] {
            assert_eq!(listed(text).to_string(), expected, "{text}");
        }
    }
}
