//! Periods of time, as people write them: days, months, decades, "the last five years".

use jiff::Span;
use jiff::civil::Date;
use segue_catalog::parse_date;

use super::numbers::number;
use super::tokens::{Gap, Token};

/// A span of time: first and last day, ISO 8601.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) first: String,
    pub(crate) last: String,
}

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
pub(super) const MONTHS: [&str; 12] = [
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

/// A period counted from today at the beginning of these tokens ("last five years", "past month", "this year", "ten
/// years ago"), and how many tokens it takes. `today` is an ISO 8601 date.
pub(super) fn recent(tokens: &[Token], today: &str) -> Option<(Period, usize)> {
    if tokens.first().is_some_and(|t| t.word == "the") {
        return recent(tokens.get(1..)?, today).map(|(period, used)| (period, used + 1));
    }
    let word = |i: usize| tokens.get(i).map_or("", |t| t.word.as_str());
    let today: Date = today.parse().ok()?;
    let back = |n: f64, unit: &str| {
        let n = (n.fract() == 0.0 && (0.0..1000.0).contains(&n)).then_some(n as i64)?;
        let span = match unit.strip_suffix('s').unwrap_or(unit) {
            "day" => Span::new().days(n),
            "week" => Span::new().weeks(n),
            "month" => Span::new().months(n),
            "year" => Span::new().years(n),
            "decade" => Span::new().years(10 * n),
            _ => return None,
        };
        today.checked_sub(span).ok()
    };
    let year = i64::from(today.year());
    match (word(0), word(1)) {
        ("this", "year") => return Some((years(year, year), 2)),
        ("last", "year") => return Some((years(year - 1, year - 1), 2)),
        ("this", "decade") => return Some((years(year - year % 10, year - year % 10 + 9), 2)),
        ("this", "month") => return Some((month(today), 2)),
        ("last", "month") => return Some((month(back(1.0, "month")?), 2)),
        ("last" | "past", "decade" | "year" | "month" | "week") => {
            return Some((Period { first: back(1.0, word(1))?.to_string(), last: today.to_string() }, 2));
        }
        _ => {}
    }
    let skip = usize::from(matches!(word(0), "last" | "past"));
    let (n, used) = tokens.get(skip..).and_then(number)?;
    let then = back(n, word(skip + used))?;
    if skip == 1 {
        return Some((Period { first: then.to_string(), last: today.to_string() }, used + 2));
    }
    let whole = word(used).starts_with("year") || word(used).starts_with("decade");
    (whole && word(used + 1) == "ago").then(|| (years(then.year().into(), then.year().into()), used + 2))
}

fn month(day: Date) -> Period {
    Period { first: day.first_of_month().to_string(), last: day.last_of_month().to_string() }
}

/// A period at the beginning of these tokens, and how many tokens it takes.
pub(crate) fn period(tokens: &[Token]) -> Option<(Period, usize)> {
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
    if let Some(found) = months(tokens) {
        return Some(found);
    }
    if let Some((day, used)) = day(tokens) {
        return Some((Period { first: day.clone(), last: day }, used));
    }
    if let Some(month) =
        MONTHS.iter().position(|m| *m == word(0) || (word(0).len() == 3 && m.starts_with(word(0))))
    {
        let skip = 1 + usize::from(word(1) == "of");
        let year = year(word(skip))?;
        let text = format!("{year}-{:02}", month + 1);
        let range = parse_date(&text)?;
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
        parse_date(&day)?;
        return Some((Period { first: day.clone(), last: day }, 3));
    }
    Some((years(start, start), 1))
}

/// "June through August 2019": months of which the year is said once.
fn months(tokens: &[Token]) -> Option<(Period, usize)> {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.word.as_str());
    let month = |w: &str| MONTHS.iter().position(|m| *m == w || (w.len() == 3 && m.starts_with(w)));
    let (from, to) = (month(word(0))?, month(word(2))?);
    let year = year(word(3))?;
    let joined = matches!(word(1), "to" | "through" | "till" | "until" | "and");
    let period = Period {
        first: format!("{year}-{:02}-01", from + 1),
        last: format!("{year}-{:02}-{}", to + 1, last_day(year, to)),
    };
    (joined && from < to).then_some((period, 4))
}

/// "14 June 2019", "June 14, 2019", "the 1st of May 2000".
fn day(tokens: &[Token]) -> Option<(String, usize)> {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.word.as_str());
    let month = |w: &str| MONTHS.iter().position(|m| *m == w || (w.len() == 3 && m.starts_with(w)));
    let of_month = |w: &str| {
        let digits = ["st", "nd", "rd", "th"].iter().find_map(|end| w.strip_suffix(end)).unwrap_or(w);
        digits.parse::<i8>().ok().filter(|d| (1..=31).contains(d))
    };
    let at = usize::from(word(0) == "the");
    let (day, month, next) = match (of_month(word(at)), month(word(at))) {
        (Some(day), _) => {
            let skip = at + 1 + usize::from(word(at + 1) == "of");
            (day, month(word(skip))?, skip + 1)
        }
        (None, Some(month)) => (of_month(word(at + 1))?, month, at + 2),
        _ => return None,
    };
    let date = Date::new(year(word(next))? as i16, month as i8 + 1, day).ok()?;
    Some((date.to_string(), next + 1))
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
    /// All of these years.
    pub(super) fn of_years(first: i64, last: i64) -> Self {
        years(first, last)
    }

    /// The years of the first and the last day.
    pub(crate) fn years(&self) -> (i64, i64) {
        let year = |date: &str| date.get(..4).and_then(|y| y.parse().ok()).unwrap_or_default();
        (year(&self.first), year(&self.last))
    }

    /// Its two ends, no more precise than need be: whole years are years, whole months are months.
    pub(super) fn ends(&self) -> (&str, &str) {
        let is_month_end = self.last.parse::<Date>().is_ok_and(|d| d == d.last_of_month());
        let precision = if self.first.ends_with("-01-01") && self.last.ends_with("-12-31") {
            4
        } else if self.first.ends_with("-01") && is_month_end {
            7
        } else {
            10
        };
        (self.first.get(..precision).unwrap_or(&self.first), self.last.get(..precision).unwrap_or(&self.last))
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

    fn shown(found: Option<(Period, usize)>) -> String {
        found.map_or_else(String::new, |(p, n)| format!("{} {} /{n}", p.first, p.last))
    }

    #[test]
    fn periods() {
        let read = |text: &str| shown(period(&tokenize(text)));
        assert_eq!(read("early 2000s"), "2000-01-01 2003-12-31 /2");
        assert_eq!(read("90s"), "1990-01-01 1999-12-31 /1");
        assert_eq!(read("feb 2012"), "2012-02-01 2012-02-29 /2");
        assert_eq!(read("20th century"), "1900-01-01 1999-12-31 /2");
        assert_eq!(read("14 June 2019"), "2019-06-14 2019-06-14 /3");
        assert_eq!(read("June 14th, 2019"), "2019-06-14 2019-06-14 /3");
        assert_eq!(read("the 1st of may 2000"), "2000-05-01 2000-05-01 /5");
        assert_eq!(read("31 february 2000"), "");
        assert_eq!(read("may we"), "");
    }

    #[test]
    fn periods_counted_from_today() {
        let read = |text: &str| shown(recent(&tokenize(text), "2020-02-29"));
        assert_eq!(read("last five years"), "2015-02-28 2020-02-29 /3");
        assert_eq!(read("the last 2 weeks"), "2020-02-15 2020-02-29 /4");
        assert_eq!(read("past decade"), "2010-02-28 2020-02-29 /2");
        assert_eq!(read("last year"), "2019-01-01 2019-12-31 /2");
        assert_eq!(read("last month"), "2020-01-01 2020-01-31 /2");
        assert_eq!(read("20 years ago"), "2000-01-01 2000-12-31 /3");
        assert_eq!(read("20 years old"), "");
        assert_eq!(read("last 100000 years"), "");
    }
}
