//! Dates as people write them.

use jiff::civil::{Date, DateTime, Time};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{DateRange, civil, parse_date};
use crate::text::fold;

/// How a column writes its dates, where that cannot be seen from one of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DateOrder {
    /// 31/12/1999.
    DayFirst,
    /// 12/31/1999.
    MonthFirst,
    /// Seconds since 1970, in UTC.
    Seconds,
    /// Milliseconds since 1970, in UTC.
    Milliseconds,
}

/// Why a text is not taken for a date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NoDate {
    /// It is none.
    None,
    /// Day and month cannot be told apart without a [`DateOrder`].
    Order,
}

/// Names of the months in English, Dutch, German, French, Spanish, Portuguese and Italian, folded; of each, three letters and
/// more are enough where they begin those of one month only.
const MONTHS: [&str; 12] = [
    "january januari januar janvier enero janeiro gennaio",
    "february februari februar fevrier febrero fevereiro febbraio",
    "march maart marz maerz mars marzo marco mrz",
    "april avril abril aprile",
    "may mei mai mayo maio maggio",
    "june juni juin junio junho giugno",
    "july juli juillet julio julho luglio",
    "august augustus aout agosto",
    "september septembre septiembre setembro settembre",
    "october oktober octobre octubre outubro ottobre",
    "november novembre noviembre novembro",
    "december dezember decembre diciembre dezembro dicembre",
];

/// What stands between the parts of a date and says nothing.
const FILLERS: &[&str] =
    &["of", "de", "del", "den", "der", "le", "the", "at", "om", "um", "t", "utc", "gmt", "z"];

/// Days of the week, folded and cut to their first two letters in the languages of [`MONTHS`], are left out where they stand first.
const WEEKDAYS: &[&str] = &[
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "mon",
    "tue",
    "tues",
    "wed",
    "thu",
    "thur",
    "thurs",
    "fri",
    "sat",
    "sun",
    "maandag",
    "dinsdag",
    "woensdag",
    "donderdag",
    "vrijdag",
    "zaterdag",
    "zondag",
    "montag",
    "dienstag",
    "mittwoch",
    "donnerstag",
    "freitag",
    "samstag",
    "sonntag",
    "lundi",
    "mardi",
    "mercredi",
    "jeudi",
    "vendredi",
    "samedi",
    "dimanche",
    "lunes",
    "martes",
    "miercoles",
    "jueves",
    "viernes",
    "sabado",
    "domingo",
];

/// Reads a date in ISO 8601 and in the ways of many countries: `31 December 1999`, `Dec 31, 1999`, `déc. 1999`, `19991231`,
/// `1999年12月31日`, each also with a time after it. `31/12/1999`, `31.12.99` and so on need the order that the column has:
/// it is not guessed from one value. Years of two digits are 1969–2068 (POSIX, `strptime`).
pub(crate) fn read_date(text: &str, order: Option<DateOrder>) -> Result<DateRange, NoDate> {
    if let Some(DateOrder::Seconds | DateOrder::Milliseconds) = order {
        let a_second = if order == Some(DateOrder::Seconds) { 1.0 } else { 1000.0 };
        let number: f64 = text.trim().parse().map_err(|_| NoDate::None)?;
        let seconds = (number / a_second).floor();
        let instant = (seconds.abs() < 1e15).then(|| civil(seconds as i64)).flatten();
        return instant.and_then(|t| parse_date(&t)).ok_or(NoDate::None);
    }
    match parse_date(text) {
        Some(range) => Ok(range),
        None => written(text, order),
    }
}

/// One part of a date as it is written.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    /// A number and how many digits it has.
    Number(i32, usize),
    Month(i8),
    Sign(char),
}

fn written(text: &str, order: Option<DateOrder>) -> Result<DateRange, NoDate> {
    /// No date is longer: the month and the weekday spelt out, and a time.
    const LONGEST: usize = 64;
    if text.len() > LONGEST || !text.contains(|c: char| c.is_ascii_digit()) {
        return Err(NoDate::None);
    }
    let (date, time) = cut_time(text.trim());
    let time = match time {
        Some(time) => Some(clock(time).ok_or(NoDate::None)?),
        None => None,
    };
    let parts = parts(date).ok_or(NoDate::None)?;
    let range = |date: Option<Date>| {
        let date = date.ok_or(NoDate::None)?;
        let text = match time {
            Some(time) => DateTime::from_parts(date, time).to_string(),
            None => date.to_string(),
        };
        parse_date(&text).ok_or(NoDate::None)
    };
    use Part::{Month, Number, Sign};
    let numbers: Vec<Part> = parts.iter().filter(|p| !matches!(p, Sign(_))).cloned().collect();
    let signs: Vec<char> =
        parts.iter().filter_map(|p| if let Sign(c) = p { Some(*c) } else { None }).collect();
    match *numbers.as_slice() {
        [Number(whole, 8)] if signs.is_empty() => {
            range(date_of(whole / 10_000, (whole / 100 % 100) as i8, whole % 100))
        }
        [Number(year, 4), Number(month, 1 | 2), Number(day, 1 | 2)] => range(date_of(year, month as i8, day)),
        [Number(day, 1 | 2), Month(month), Number(year, digits @ (2 | 4))]
        | [Month(month), Number(day, 1 | 2), Number(year, digits @ (2 | 4))] => {
            range(date_of(whole_year(year, digits), month, day))
        }
        [Number(year, 4), Month(month), Number(day, 1 | 2)] => range(date_of(year, month, day)),
        [Month(month), Number(year, 4)] | [Number(year, 4), Month(month)] if time.is_none() => {
            parse_date(&format!("{year:04}-{month:02}")).ok_or(NoDate::None)
        }
        [Number(first, 1 | 2), Number(second, 1 | 2), Number(year, digits @ (2 | 4))] if matches!(signs.as_slice(), [a, b] if a == b) =>
        {
            let year = whole_year(year, digits);
            let (day_first, month_first) =
                (date_of(year, second as i8, first), date_of(year, first as i8, second));
            match order {
                Some(DateOrder::DayFirst) => range(day_first),
                Some(DateOrder::MonthFirst) => range(month_first),
                _ if day_first.is_none() && month_first.is_none() => Err(NoDate::None),
                _ => Err(NoDate::Order),
            }
        }
        _ => Err(NoDate::None),
    }
}

fn date_of(year: i32, month: i8, day: i32) -> Option<Date> {
    Date::new(i16::try_from(year).ok()?, month, i8::try_from(day).ok()?).ok()
}

fn whole_year(year: i32, digits: usize) -> i32 {
    match year {
        _ if digits > 2 => year,
        69.. => 1900 + year,
        _ => 2000 + year,
    }
}

/// A date and the time after it, if there is one.
fn cut_time(text: &str) -> (&str, Option<&str>) {
    let Some(colon) = text.find(':') else { return (text, None) };
    let before = text.get(..colon).unwrap_or_default();
    let digits = before.chars().rev().take_while(char::is_ascii_digit).count();
    let (date, hour) = before.split_at_checked(before.len() - digits).unwrap_or_default();
    let date = date.strip_suffix('T').unwrap_or(date).trim_end().trim_end_matches(',');
    (date, text.get(colon - hour.len()..))
}

/// `20:30`, `8:30:15 pm`, `20:30:15.25`; what follows (an offset, a zone) must be UTC.
fn clock(text: &str) -> Option<Time> {
    let folded = fold(text);
    let end = folded.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.')).unwrap_or(folded.len());
    let (digits, rest) = folded.split_at_checked(end)?;
    let rest: String = rest.chars().filter(|c| !c.is_whitespace() && *c != '.').collect();
    let mut parts = digits.split(':');
    let hour: i8 = parts.next()?.parse().ok()?;
    let minute: i8 = parts.next()?.parse().ok()?;
    let second: i8 = parts.next().map_or(Some(0), |s| s.split('.').next()?.parse().ok())?;
    let hour = match rest.as_str() {
        "" | "z" | "utc" | "gmt" | "+00:00" | "+0000" | "+00" => hour,
        "am" if (1..=12).contains(&hour) => hour % 12,
        "pm" if (1..=12).contains(&hour) => hour % 12 + 12,
        _ => return None,
    };
    Time::new(hour, minute, second, 0).ok().filter(|_| parts.next().is_none())
}

/// Numbers, months and signs; `None` if anything else is there.
fn parts(text: &str) -> Option<Vec<Part>> {
    let folded = fold(text);
    let mut parts = Vec::new();
    let mut rest = folded.as_str();
    while let Some(first) = rest.chars().next() {
        let same = |c: char| match first {
            f if f.is_ascii_digit() => c.is_ascii_digit(),
            f if is_cjk(f) => is_cjk(c),
            f if f.is_alphabetic() => c.is_alphabetic() && !is_cjk(c),
            _ => false,
        };
        let end = rest.find(|c: char| !same(c)).unwrap_or(rest.len()).max(first.len_utf8());
        let (token, after) = rest.split_at_checked(end)?;
        rest = after;
        if first.is_ascii_digit() {
            parts.push(Part::Number(token.parse().ok()?, token.len()));
            // "1st", "2nd"; in French "1er".
            for suffix in ["st", "nd", "rd", "th", "er"] {
                let after = rest.strip_prefix(suffix);
                if let Some(after) = after.filter(|a| !a.starts_with(char::is_alphabetic)) {
                    rest = after;
                }
            }
        } else if first.is_alphabetic() {
            let is_first = parts.is_empty() && WEEKDAYS.contains(&token);
            match month(token) {
                Some(month) => parts.push(Part::Month(month)),
                None if is_first || FILLERS.contains(&token) || matches!(token, "年" | "月" | "日") => {}
                None => return None,
            }
        } else if matches!(first, '/' | '-' | '.') {
            parts.push(Part::Sign(first));
        } else if !first.is_whitespace() && !matches!(first, ',' | '\'' | '’') {
            return None;
        }
    }
    Some(parts)
}

fn is_cjk(c: char) -> bool {
    matches!(c, '年' | '月' | '日')
}

fn month(word: &str) -> Option<i8> {
    if word.chars().count() < 3 {
        return None;
    }
    let is_it = |names: &&str| names.split(' ').any(|name| name.starts_with(word));
    let mut found = MONTHS.iter().enumerate().filter(|(_, names)| is_it(names)).map(|(i, _)| i as i8 + 1);
    let month = found.next()?;
    found.next().is_none().then_some(month)
}

#[cfg(test)]
mod tests;
