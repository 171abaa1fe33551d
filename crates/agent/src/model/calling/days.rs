//! Single days, as people name them in a conversation: "next Friday", "the 4th", "March 4th".

use jiff::civil::{Date, Weekday};
use jiff::{Span, ToSpan};
use segue_catalog::text::words;

use super::said::sentences;
use crate::rules::is_filling;

const WEEKDAYS: [(&str, Weekday); 7] = [
    ("monday", Weekday::Monday),
    ("tuesday", Weekday::Tuesday),
    ("wednesday", Weekday::Wednesday),
    ("thursday", Weekday::Thursday),
    ("friday", Weekday::Friday),
    ("saturday", Weekday::Saturday),
    ("sunday", Weekday::Sunday),
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

/// The days that a text names, in its order. A day without a year or a month is the first such day from today on; "next
/// Friday" is Friday of the week that begins next Monday.
pub(super) fn days(text: &str, today: Date) -> Vec<Date> {
    sentences(text).flat_map(|sentence| days_of(sentence, today)).collect()
}

fn days_of(sentence: &str, today: Date) -> Vec<Date> {
    let words: Vec<String> = words(sentence).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = words.get(at..).filter(|rest| !rest.is_empty()) {
        let before = at.checked_sub(1).and_then(|i| words.get(i)).copied().unwrap_or_default();
        match day(before, rest, today) {
            Some((day, used)) => {
                found.push(day);
                at += used;
            }
            None => at += 1,
        }
    }
    found
}

/// True of a word that names a day or a month, or counts one ("14th"); "may" is left out, which is more often a verb.
pub(super) fn is_calendar(word: &str) -> bool {
    let word = word.to_lowercase();
    let is_counted = word.ends_with(|c: char| c.is_ascii_alphabetic()) && day_of(&word).is_some();
    let is_named = matches!(word.as_str(), "today" | "tonight" | "tomorrow")
        || WEEKDAYS.iter().any(|(name, _)| *name == word);
    is_counted || is_named || MONTHS.contains(&word.as_str()) && word != "may"
}

/// The day at the beginning of these words, and how many of them name it.
fn day(before: &str, rest: &[&str], today: Date) -> Option<(Date, usize)> {
    let after = |span: Span| today.checked_add(span).ok();
    match *rest {
        ["today" | "tonight", ..] => return Some((today, 1)),
        ["day", "after", "tomorrow", ..] => return Some((after(2.days())?, 3)),
        ["tomorrow", ..] => return Some((after(1.day())?, 1)),
        [year, month, day, ..] if year.len() == 4 => {
            if let (Ok(year), Ok(month), Ok(day)) = (year.parse(), month.parse(), day.parse())
                && let Ok(date) = Date::new(year, month, day)
            {
                return Some((date, 3));
            }
        }
        _ => {}
    }
    if let Some(weekday) = rest.first().and_then(|w| WEEKDAYS.iter().find(|(name, _)| name == w)) {
        let next_week = before == "next" || rest.starts_with(&[weekday.0, "next", "week"]);
        return Some((weekday_from(weekday.1, next_week, today)?, 1));
    }
    match *rest {
        [month, day, ..] if month_of(month).is_some() && day_of(day).is_some() => {
            let year = rest.get(2).and_then(|y| year_of(y));
            Some((date(year, month_of(month)?, day_of(day)?, today)?, 2 + usize::from(year.is_some())))
        }
        [day, "of", month, ..] if month_of(month).is_some() => {
            let year = rest.get(3).and_then(|y| year_of(y));
            Some((date(year, month_of(month)?, day_of(day)?, today)?, 3 + usize::from(year.is_some())))
        }
        [day, month, ..] if month_of(month).is_some() && day_of(day).is_some() => {
            let year = rest.get(2).and_then(|y| year_of(y));
            Some((date(year, month_of(month)?, day_of(day)?, today)?, 2 + usize::from(year.is_some())))
        }
        // "The 3rd floor" and "4th avenue" are no days.
        [day, ref next @ ..]
            if day.ends_with(|c: char| c.is_ascii_alphabetic())
                && next.first().is_none_or(|word| is_filling(word)) =>
        {
            let day = day_of(day)?;
            let this_month = Date::new(today.year(), today.month(), day).ok().filter(|d| *d >= today);
            Some((this_month.or_else(|| in_month_after(today, day))?, 1))
        }
        _ => None,
    }
}

fn weekday_from(weekday: Weekday, next_week: bool, today: Date) -> Option<Date> {
    let monday = i64::from(today.weekday().to_monday_zero_offset());
    let wanted = i64::from(weekday.to_monday_zero_offset());
    let ahead = if next_week { 7 - monday + wanted } else { (wanted - monday).rem_euclid(7) };
    today.checked_add(ahead.days()).ok()
}

/// In the next month that has such a day.
fn in_month_after(today: Date, day: i8) -> Option<Date> {
    let in_month = |months: i64| {
        let month = today.first_of_month().checked_add(months.months()).ok()?;
        Date::new(month.year(), month.month(), day).ok()
    };
    (1..=2).find_map(in_month)
}

fn date(year: Option<i16>, month: i8, day: i8, today: Date) -> Option<Date> {
    if let Some(year) = year {
        return Date::new(year, month, day).ok();
    }
    let this_year = Date::new(today.year(), month, day).ok().filter(|d| *d >= today);
    this_year.or_else(|| Date::new(today.year() + 1, month, day).ok())
}

fn month_of(word: &str) -> Option<i8> {
    let is = |name: &&str| *name == word || (word.len() == 3 && name.starts_with(word));
    MONTHS.iter().position(is).and_then(|at| i8::try_from(at + 1).ok())
}

/// "4", "4th".
fn day_of(word: &str) -> Option<i8> {
    let digits = ["st", "nd", "rd", "th"].iter().find_map(|end| word.strip_suffix(end)).unwrap_or(word);
    digits.parse().ok().filter(|day| (1..=31).contains(day))
}

fn year_of(word: &str) -> Option<i16> {
    word.parse().ok().filter(|year| (1000..=9999).contains(year))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(text: &str) -> String {
        named_on(Date::constant(2019, 3, 1), text)
    }

    fn named_on(today: Date, text: &str) -> String {
        days(text, today).iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn days_are_counted_from_today() {
        for (text, expected) in [
            ("next Friday would be fine", "2019-03-08"),
            ("Monday next week", "2019-03-04"),
            ("this Sunday", "2019-03-03"),
            ("on Saturday", "2019-03-02"),
            ("on Friday", "2019-03-01"),
            ("the day after tomorrow", "2019-03-03"),
            ("tomorrow or later today", "2019-03-02 2019-03-01"),
            ("the 14th", "2019-03-14"),
            ("4th of this month", "2019-03-04"),
            ("March 11th", "2019-03-11"),
            ("13th of march", "2019-03-13"),
            ("Feb 2", "2020-02-02"),
            ("5 May 2021 is May 5, 2021", "2021-05-05 2021-05-05"),
            ("from 16 August 2022 on", "2022-08-16"),
            ("Feb. 2, please", "2020-02-02"),
            ("see it on the 4th. Blue House, that is", "2019-03-04"),
            ("2019-03-09", "2019-03-09"),
            ("I may have 2 of them, the 1 in 4th avenue 123, on the 3rd floor", ""),
            ("nothing of it, 31 June, 99th", ""),
        ] {
            assert_eq!(named(text), expected, "{text}");
        }
        assert_eq!(named_on(Date::constant(2019, 1, 31), "the 30th"), "2019-03-30");
    }
}
