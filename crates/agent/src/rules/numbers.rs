//! Numbers and quantities with a unit, as people write them.

use segue_catalog::Unit;

use super::tokens::Token;

/// A number, perhaps with a unit.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quantity {
    pub(crate) value: f64,
    pub(crate) unit: Option<Unit>,
}

const WORDS: &[(&str, f64)] = &[
    ("one", 1.0),
    ("two", 2.0),
    ("three", 3.0),
    ("four", 4.0),
    ("five", 5.0),
    ("six", 6.0),
    ("seven", 7.0),
    ("eight", 8.0),
    ("nine", 9.0),
    ("ten", 10.0),
    ("eleven", 11.0),
    ("twelve", 12.0),
    ("thirteen", 13.0),
    ("fifteen", 15.0),
    ("twenty", 20.0),
    ("thirty", 30.0),
    ("forty", 40.0),
    ("fifty", 50.0),
    ("sixty", 60.0),
    ("seventy", 70.0),
    ("eighty", 80.0),
    ("ninety", 90.0),
    ("dozen", 12.0),
    ("hundred", 100.0),
    ("thousand", 1000.0),
];
/// A number at the beginning of these tokens, and how many tokens it takes.
pub(crate) fn number(tokens: &[Token]) -> Option<(f64, usize)> {
    let word = tokens.first()?.word.as_str();
    // "half a million", "a billion", "a dozen".
    let at = |i: usize| tokens.get(i).map_or("", |t| t.word.as_str());
    let large = |w: &str| match w {
        "dozen" => Some(12.0),
        "hundred" => Some(100.0),
        "thousand" => Some(1e3),
        "million" => Some(1e6),
        "billion" => Some(1e9),
        _ => None,
    };
    match (word, at(1)) {
        ("half", "a") => return large(at(2)).map(|n| (n / 2.0, 3)),
        ("a", next) => return large(next).map(|n| (n, 2)),
        _ => {}
    }
    if let ("minus", Some(n)) = (word, tokens.get(1).and_then(|t| plain(&t.word))) {
        return Some((-n, 2));
    }
    if let Some(n) = plain(word) {
        let scale = match tokens.get(1).map(|t| t.word.as_str()) {
            Some("thousand" | "grand") => 1e3,
            Some("million") => 1e6,
            Some("billion") => 1e9,
            _ => return Some((n, 1)),
        };
        return Some((n * scale, 2));
    }
    let n = WORDS.iter().find(|w| w.0 == word)?.1;
    let next = tokens.get(1).and_then(|t| WORDS.iter().find(|w| w.0 == t.word)).map(|w| w.1);
    match next {
        Some(ones) if (20.0..100.0).contains(&n) && ones < 10.0 => Some((n + ones, 2)),
        Some(scale) if scale >= 100.0 && n < 100.0 => Some((n * scale, 2)),
        _ => Some((n, 1)),
    }
}

/// "7.5", "10k", "2m"; not "90s".
fn plain(word: &str) -> Option<f64> {
    let (digits, sign) = word.strip_prefix('-').map_or((word, 1.0), |digits| (digits, -1.0));
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (digits, scale) = match digits.strip_suffix('k') {
        Some(thousands) => (thousands, sign * 1e3),
        None => (digits, sign),
    };
    if digits.chars().all(|c| c.is_ascii_digit() || c == '.') {
        Some(digits.parse::<f64>().ok()? * scale)
    } else {
        None
    }
}

/// A quantity with its unit at the beginning of these tokens, and how many tokens it takes. A duration of several
/// parts ("2 hours 15 minutes", "1h30", "an hour and a half") is one quantity in its largest unit.
pub(crate) fn quantity(tokens: &[Token]) -> Option<(Quantity, usize)> {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.word.as_str());
    if let (sign @ ("$" | "€" | "£"), Some((value, n))) = (word(0), tokens.get(1..).and_then(number)) {
        return Some((Quantity { value, unit: Some(Unit::parse(sign)) }, n + 1));
    }
    let (mut value, unit, mut used) = first_part(tokens)?;
    if word(used) == "and" && matches!(word(used + 1), "a" | "one") && word(used + 2) == "half" {
        (value, used) = (value + 0.5, used + 3);
    } else if let Some((part, n)) = quarters(tokens, used) {
        (value, used) = (value + part, used + n);
    } else if unit.dimension() == Some("duration") {
        let skip = usize::from(word(used) == "and");
        if let Some((more, smaller, n)) = tokens.get(used + skip..).and_then(first_part)
            && let (Some(factor), true) = (smaller.factor_to(&unit), smaller != unit)
        {
            (value, used) = (value + more * factor, used + skip + n);
        }
    }
    Some((Quantity { value, unit: Some(unit) }, used))
}

/// "and a quarter", "and three quarters": the part of the unit before it, and how many tokens it takes.
fn quarters(tokens: &[Token], at: usize) -> Option<(f64, usize)> {
    let word = |i: usize| tokens.get(at + i).map_or("", |t| t.word.as_str());
    match (word(0), word(1), word(2)) {
        ("and", "a", "quarter") => Some((0.25, 3)),
        ("and", "three", "quarters") => Some((0.75, 3)),
        _ => None,
    }
}

fn first_part(tokens: &[Token]) -> Option<(f64, Unit, usize)> {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.word.as_str());
    // "2h", "90min", "2h30", "1h30m".
    let first = word(0);
    if let Some(split) = first.find(|c: char| c.is_alphabetic()).filter(|s| *s > 0) {
        let (digits, rest) = first.split_at_checked(split)?;
        let minutes = rest
            .strip_prefix('h')
            .and_then(|r| r.trim_end_matches("min").trim_end_matches('m').parse::<f64>().ok());
        let value: f64 = digits.parse().ok()?;
        if let Some(minutes) = minutes {
            return Some((value + minutes / 60.0, Unit::parse("hours"), 1));
        }
        let unit = Unit::parse(rest);
        return (unit.is_known() && rest != "s").then_some((value, unit, 1));
    }
    if (first == "an" || first == "a") && matches!(word(1), "hour" | "minute" | "day") {
        return Some((1.0, Unit::parse(word(1)), 2));
    }
    // "three quarters of an hour", "a quarter of an hour".
    let of = |n: usize| word(n) == "of" && matches!(word(n + 1), "an" | "a" | "one");
    let quarters = match (first, word(1)) {
        ("three" | "3", "quarters") if of(2) => Some((0.75, 4)),
        ("a", "quarter") if of(2) => Some((0.25, 4)),
        ("3/4", _) if of(1) => Some((0.75, 3)),
        _ => None,
    };
    if let Some((value, n)) = quarters {
        return unit_at(tokens.get(n..)?).map(|(unit, m)| (value, unit, n + m));
    }
    if first == "half" && matches!(word(1), "an" | "a") {
        return unit_at(tokens.get(2..)?).map(|(unit, n)| (0.5, unit, n + 2));
    }
    let (mut value, mut used) = number(tokens)?;
    if word(used) == "and" && word(used + 1) == "a" && word(used + 2) == "half" {
        (value, used) = (value + 0.5, used + 3);
    }
    let (unit, n) = unit_at(tokens.get(used..)?)?;
    Some((value, unit, used + n))
}

/// A unit's name. One-letter spellings need to stand with their number and are read there.
fn unit_at(tokens: &[Token]) -> Option<(Unit, usize)> {
    let first = tokens.first()?;
    let word = |i: usize| tokens.get(i).map_or("", |t| t.word.as_str());
    if word(0) == "beats" && matches!((word(1), word(2)), ("a" | "per", "minute" | "min")) {
        return Some((Unit::parse("bpm"), 3));
    }
    if let Some(second) = tokens.get(1) {
        let unit = Unit::parse(&format!("{} {}", first.word, second.word));
        if unit.is_known() {
            return Some((unit, 2));
        }
    }
    let unit = Unit::parse(&first.word);
    let spelt_out = first.word.len() > 1 || first.word == "%";
    (spelt_out && first.word != "in" && unit.is_known() && unit.dimension() != Some("calendar"))
        .then_some((unit, 1))
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokenize;
    use super::*;

    #[test]
    fn quantities() {
        let read = |text: &str| {
            let (q, n) = quantity(&tokenize(text)).unwrap();
            format!("{} {} /{n}", q.value, q.unit.unwrap().name())
        };
        assert_eq!(read("2 hours 15 minutes long"), "2.25 hours /4");
        assert_eq!(read("1h30"), "1.5 hours /1");
        assert_eq!(read("90-minute film"), "90 minutes /2");
        assert_eq!(read("an hour and a half"), "1.5 hours /5");
        assert_eq!(read("two and a half hours"), "2.5 hours /5");
        assert_eq!(read("half an hour"), "0.5 hours /3");
        assert_eq!(read("$1.5 million"), "1500000 usd /3");
        assert_eq!(read("128bpm"), "128 bpm /1");
        assert_eq!(read("150 beats a minute"), "150 bpm /4");
        assert_eq!(read("three quarters of an hour"), "0.75 hours /5");
        assert_eq!(quantity(&tokenize("5 films")), None);
    }
}
