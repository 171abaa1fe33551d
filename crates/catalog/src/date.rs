mod written;

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan, Unit};
pub use written::DateOrder;
pub(crate) use written::{NoDate, read_date};

/// The span of time that a date of any precision names: from `start`, included, to `end`, excluded.
/// Both are ISO 8601 and compare as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DateRange {
    /// First instant.
    pub start: String,
    /// First instant after.
    pub end: String,
}

/// Reads a year, a month, a day or a second in ISO 8601 (`1999`, `1999-03`, `1999-03-31`,
/// `1999-03-31T12:00:00`); `None` for anything else.
///
/// ```
/// let may = segue_catalog::parse_date("2001-05").map(|d| (d.start, d.end));
/// assert_eq!(may, Some(("2001-05-01".into(), "2001-06-01".into())));
/// ```
pub fn parse_date(text: &str) -> Option<DateRange> {
    let text = text.trim();
    let range = |start: Date, end: Date| DateRange { start: start.to_string(), end: end.to_string() };
    match text.len() {
        4 => {
            let start = Date::new(text.parse().ok()?, 1, 1).ok()?;
            Some(range(start, start.checked_add(1.year()).ok()?))
        }
        7 => {
            let start: Date = format!("{text}-01").parse().ok()?;
            Some(range(start, start.checked_add(1.month()).ok()?))
        }
        10 => {
            let start: Date = text.parse().ok()?;
            Some(range(start, start.tomorrow().ok()?))
        }
        19.. => {
            let start: DateTime = text.trim_end_matches('Z').replacen(' ', "T", 1).parse().ok()?;
            let start = start.round(Unit::Second).ok()?;
            let end = start.checked_add(1.second()).ok()?;
            Some(DateRange { start: start.to_string(), end: end.to_string() })
        }
        _ => None,
    }
}

/// The date of a number of seconds since 1970, in ISO 8601: a day if it is midnight, else with the time.
pub(crate) fn civil(seconds: i64) -> Option<String> {
    let at = Offset::UTC.to_datetime(Timestamp::from_second(seconds).ok()?);
    Some(if at.time() == Time::midnight() { at.date().to_string() } else { at.to_string() })
}
