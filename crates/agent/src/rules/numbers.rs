//! Numbers, quantities with a unit, and periods of time, as people write them.

use segue_catalog::Unit;

use super::tokens::{Gap, Token};

/// A number, perhaps with a unit.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Quantity {
    pub(super) value: f64,
    pub(super) unit: Option<Unit>,
}

/// A span of time: first and last day, ISO 8601.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Period {
    pub(super) first: String,
    pub(super) last: String,
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
const DECADES: &[(&str, i64)] = &[
    ("twenties", 1920),
    ("thirties", 1930),
    ("forties", 1940),
    ("fifties", 1950),
    ("sixties", 1960),
    ("seventies", 1970),
    ("eighties", 1980),
    ("nineties", 1990),
    ("noughties", 2000),
    ("aughts", 2000),
];
const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const SEASONS: &[(&str, &str, &str)] = &[
    ("spring", "03-01", "05-31"),
    ("summer", "06-01", "08-31"),
    ("autumn", "09-01", "11-30"),
    ("fall", "09-01", "11-30"),
];

/// A number at the beginning of these tokens, and how many tokens it takes.
pub(super) fn number(tokens: &[Token]) -> Option<(f64, usize)> {
    let word = tokens.first()?.word.as_str();
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
    if !word.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let (digits, scale) = match word.strip_suffix('k') {
        Some(thousands) => (thousands, 1e3),
        None => (word, 1.0),
    };
    if digits.chars().all(|c| c.is_ascii_digit() || c == '.') {
        Some(digits.parse::<f64>().ok()? * scale)
    } else {
        None
    }
}

/// A quantity with its unit at the beginning of these tokens, and how many tokens it takes. A duration of several
/// parts ("2 hours 15 minutes", "1h30", "an hour and a half") is one quantity in its largest unit.
pub(super) fn quantity(tokens: &[Token]) -> Option<(Quantity, usize)> {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.word.as_str());
    if let (sign @ ("$" | "€" | "£"), Some((value, n))) = (word(0), tokens.get(1..).and_then(number)) {
        return Some((Quantity { value, unit: Some(Unit::parse(sign)) }, n + 1));
    }
    let (mut value, unit, mut used) = first_part(tokens)?;
    if word(used) == "and" && matches!(word(used + 1), "a" | "one") && word(used + 2) == "half" {
        (value, used) = (value + 0.5, used + 3);
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

/// A period at the beginning of these tokens, and how many tokens it takes.
pub(super) fn period(tokens: &[Token]) -> Option<(Period, usize)> {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.word.as_str());
    let part = match word(0) {
        "early" => Some((0, 3)),
        "mid" => Some((4, 6)),
        "late" => Some((7, 9)),
        _ => None,
    };
    if let Some((low, high)) = part {
        let skip = 1 + usize::from(word(1) == "the");
        let start = decade(word(skip))?;
        return Some((years(start + low, start + high), skip + 1));
    }
    if let Some(start) = decade(word(0)) {
        return Some((years(start, start + 9), 1));
    }
    if let (Some(century), "century") = (word(0).get(..2).and_then(|c| c.parse::<i64>().ok()), word(1)) {
        return Some((years((century - 1) * 100, century * 100 - 1), 2));
    }
    if let Some(month) =
        MONTHS.iter().position(|m| *m == word(0) || (word(0).len() == 3 && m.starts_with(word(0))))
    {
        let skip = 1 + usize::from(word(1) == "of");
        let year = year(word(skip))?;
        let text = format!("{year}-{:02}", month + 1);
        let range = segue_catalog::parse_date(&text)?;
        let last = format!("{text}-{}", last_day(year, month));
        return Some((Period { first: range.start, last }, skip + 1));
    }
    if let Some((_, first, last)) = SEASONS.iter().find(|s| s.0 == word(0)) {
        let skip = 1 + usize::from(word(1) == "of");
        let year = year(word(skip))?;
        return Some((Period { first: format!("{year}-{first}"), last: format!("{year}-{last}") }, skip + 1));
    }
    let start = year(word(0))?;
    let hyphen = |i: usize| tokens.get(i).is_some_and(|t| t.gap == Gap::Hyphen && t.word.len() == 2);
    if hyphen(1) && hyphen(2) {
        let day = format!("{start}-{}-{}", word(1), word(2));
        segue_catalog::parse_date(&day)?;
        return Some((Period { first: day.clone(), last: day }, 3));
    }
    Some((years(start, start), 1))
}

fn years(first: i64, last: i64) -> Period {
    Period { first: format!("{first:04}-01-01"), last: format!("{last:04}-12-31") }
}

fn last_day(year: i64, month: usize) -> u8 {
    match month {
        1 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Four digits that can be a year.
fn year(word: &str) -> Option<i64> {
    let year: i64 = if word.len() == 4 { word.parse().ok()? } else { return None };
    (1000..2100).contains(&year).then_some(year)
}

/// "1980s", "80s", "eighties".
fn decade(word: &str) -> Option<i64> {
    if let Some((_, start)) = DECADES.iter().find(|d| d.0 == word) {
        return Some(*start);
    }
    let digits = word.strip_suffix('s')?;
    let start: i64 = digits.parse().ok()?;
    match digits.len() {
        4 if start % 10 == 0 && (1000..2100).contains(&start) => Some(start),
        2 if start % 10 == 0 => Some(if start >= 20 { 1900 + start } else { 2000 + start }),
        _ => None,
    }
}

impl Period {
    /// The years of the first and the last day.
    pub(super) fn years(&self) -> (i64, i64) {
        let year = |date: &str| date.get(..4).and_then(|y| y.parse().ok()).unwrap_or_default();
        (year(&self.first), year(&self.last))
    }

    /// From the first day of this to the last of the other.
    pub(super) fn to(&self, other: &Self) -> Self {
        Self { first: self.first.clone(), last: other.last.clone() }
    }
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
        assert_eq!(quantity(&tokenize("5 films")), None);
    }

    #[test]
    fn periods() {
        let read = |text: &str| period(&tokenize(text)).map(|(p, n)| format!("{} {} /{n}", p.first, p.last));
        assert_eq!(read("early 2000s").as_deref(), Some("2000-01-01 2003-12-31 /2"));
        assert_eq!(read("90s").as_deref(), Some("1990-01-01 1999-12-31 /1"));
        assert_eq!(read("feb 2012").as_deref(), Some("2012-02-01 2012-02-29 /2"));
        assert_eq!(read("20th century").as_deref(), Some("1900-01-01 1999-12-31 /2"));
        assert_eq!(read("may we"), None);
    }
}
