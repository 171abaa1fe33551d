//! Numbers as people write them, with their units: `1,234.5`, `1.234,5`, `€ 1.250,-`, `12 %`, `1h 45m`, `1:45:00`, `5'11"`, `2.5M`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Unit;

/// How a column writes its numbers, where that cannot be seen from one of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberForm {
    /// What stands before the decimals, `.` or `,`; the other groups thousands.
    pub decimal: Option<char>,
    /// What `1:45` is.
    pub clock: Option<Clock>,
}

/// What a duration of two parts with a colon is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum Clock {
    /// Hours and minutes.
    #[serde(rename = "h:mm")]
    Hours,
    /// Minutes and seconds.
    #[serde(rename = "m:ss")]
    Minutes,
}

/// A number that was read.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quantity {
    /// In the unit that was wanted if one was written, else as it stands.
    pub(crate) value: f64,
    /// The unit that was written: of several, the smallest.
    pub(crate) unit: Option<Unit>,
}

/// Why a text is not taken for a number.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum NoNumber {
    /// It is none.
    None,
    /// It can be either of these: what its point or comma means must be said.
    Decimal(f64, f64),
    /// What the parts of `1:45` mean must be said.
    Clock,
    /// It has this unit, and the field has none.
    Unwanted(String),
    /// It has this unit, which does not convert to that of the field.
    Other(String),
}

/// No number is longer.
const LONGEST: usize = 64;

const DECIMALS: [char; 2] = ['.', ','];

/// Words and signs that multiply.
const TIMES: &[(&str, f64)] = &[
    ("k", 1e3),
    ("thousand", 1e3),
    ("m", 1e6),
    ("mn", 1e6),
    ("mln", 1e6),
    ("mio", 1e6),
    ("million", 1e6),
    ("millions", 1e6),
    ("b", 1e9),
    ("bn", 1e9),
    ("mrd", 1e9),
    ("billion", 1e9),
    ("billions", 1e9),
];

/// Reads a number in the unit that is wanted. A unit that is written is converted; without one the number is as it stands.
pub(crate) fn read(text: &str, form: NumberForm, wanted: Option<&Unit>) -> Result<Quantity, NoNumber> {
    read_as(text, form, &|written| match wanted {
        None => Err(NoNumber::Unwanted(written.to_owned())),
        Some(wanted) => {
            let unit = unit_in(written, wanted.dimension());
            let factor = unit.factor_to(wanted).ok_or_else(|| NoNumber::Other(unit.name().to_owned()))?;
            Ok((unit, factor))
        }
    })
}

/// Reads a number whatever its unit is; in that unit.
pub(crate) fn read_any(text: &str, form: NumberForm) -> Result<Quantity, NoNumber> {
    // "1h 45m" is a duration, and by itself "45m" is a length.
    let dimension = if text.contains(['h', ':']) { Some("duration") } else { None };
    let first = std::cell::OnceCell::new();
    let found = read_as(text, form, &|written| {
        // "2D", "4G": not days and grams.
        if matches!(written, "D" | "G" | "H" | "M" | "S") {
            return Err(NoNumber::None);
        }
        let unit = unit_in(written, dimension);
        let factor = unit.factor_to(first.get_or_init(|| unit.clone())).ok_or(NoNumber::None)?;
        Ok((unit, factor))
    })?;
    // Of several units the value is in the first and wanted in the last.
    let factor = first.get().zip(found.unit.as_ref()).and_then(|(from, to)| from.factor_to(to));
    Ok(Quantity { value: found.value * factor.unwrap_or(1.0), unit: found.unit })
}

type UnitOf<'a> = &'a dyn Fn(&str) -> Result<(Unit, f64), NoNumber>;

fn read_as(text: &str, form: NumberForm, unit_of: UnitOf<'_>) -> Result<Quantity, NoNumber> {
    if text.len() > LONGEST || !text.contains(|c: char| c.is_ascii_digit()) {
        return Err(NoNumber::None);
    }
    let plain: String = text
        .chars()
        .map(|c| match c {
            '\u{a0}' | '\u{2007}' | '\u{2009}' | '\u{202f}' => ' ',
            '\u{2212}' => '-',
            '’' | '′' => '\'',
            '″' | '”' => '"',
            c => c,
        })
        .collect();
    let (sign, rest) = match plain.trim().strip_prefix('-') {
        Some(rest) => (-1.0, rest.trim_start()),
        None => (1.0, plain.trim()),
    };
    if rest.contains(':') {
        let (value, unit) = clock(rest, form.clock)?;
        let (unit, factor) = unit_of(unit)?;
        return Ok(Quantity { value: sign * value * factor, unit: Some(unit) });
    }
    let digit = |c: char| c.is_ascii_digit();
    let start = rest.find(digit).ok_or(NoNumber::None)?;
    // ".5" begins at its point.
    let start = if rest.get(..start).is_some_and(|b| b.ends_with(DECIMALS)) { start - 1 } else { start };
    let (prefix, mut rest) = rest.split_at_checked(start).ok_or(NoNumber::None)?;
    let (sign, prefix) = match prefix.trim().strip_suffix('-') {
        Some(prefix) => (-1.0, prefix.trim()),
        None => (sign, prefix.trim()),
    };
    let (mut value, mut unit, mut parts) = (0.0, None, 0_usize);
    while !rest.is_empty() {
        let (number, after) = literal(rest, form.decimal)?;
        let end = after.find(digit).unwrap_or(after.len());
        let (run, next) = after.split_at_checked(end).ok_or(NoNumber::None)?;
        let (times, written) = times(run.trim_end_matches(" and ").trim().trim_end_matches(['.', ',']));
        let written = match (written, prefix, &unit) {
            ("", "", Some(before)) => below(before).ok_or(NoNumber::None)?,
            ("", prefix, None) => prefix,
            (written, "", _) => written,
            (written, prefix, _) if Unit::parse(written) == Unit::parse(prefix) => written,
            _ => return Err(NoNumber::None),
        };
        let (is_one, is_more) = (parts == 0 && next.is_empty(), parts > 0);
        let factor = match written {
            "" if is_one => 1.0,
            "" => return Err(NoNumber::None),
            written => {
                let (read, factor) = unit_of(written)?;
                let is_smaller =
                    unit.as_ref().is_none_or(|b: &Unit| b.factor_to(&read).is_some_and(|f| f > 1.0));
                if (is_more && !is_smaller) || (!is_one && !read.is_known()) {
                    return Err(NoNumber::None);
                }
                unit = Some(read);
                factor
            }
        };
        value += number * times * factor;
        parts += 1;
        rest = next;
    }
    Ok(Quantity { value: sign * value, unit })
}

/// The unit that is written so where something of this dimension is measured.
fn unit_in(written: &str, dimension: Option<&str>) -> Unit {
    match (dimension, written) {
        (Some("duration"), "m" | "'") => Unit::parse("minutes"),
        (Some("duration"), "\"" | "''") => Unit::parse("seconds"),
        (_, "''") => Unit::parse("inches"),
        (_, written) => Unit::parse(written),
    }
}

/// What a number without a unit after one with a unit counts: `5'11`, `1h45`.
fn below(unit: &Unit) -> Option<&'static str> {
    match unit.name() {
        "feet" => Some("inches"),
        "hours" => Some("minutes"),
        "minutes" => Some("seconds"),
        _ => None,
    }
}

/// What multiplies, and the unit after it.
fn times(run: &str) -> (f64, &str) {
    let end = run.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(run.len());
    let (word, rest) = run.split_at_checked(end).unwrap_or_default();
    let folded = word.to_ascii_lowercase();
    // A small m is a metre or a minute.
    let found = TIMES.iter().find(|(name, _)| *name == folded && word != "m" && word != "b");
    found.map_or((1.0, run), |(_, times)| (*times, rest.trim()))
}

/// `1:45:00` in hours, or `1:45` as the column has it.
fn clock(text: &str, form: Option<Clock>) -> Result<(f64, &'static str), NoNumber> {
    let parts: Option<Vec<f64>> = text
        .split(':')
        .map(|p| p.parse().ok().filter(|_| p.starts_with(|c: char| c.is_ascii_digit()) && p.len() <= 6))
        .collect();
    let is_sixtieth = |n: f64| n < 60.0;
    match (parts.as_deref(), form) {
        (Some([hours, minutes, seconds]), _) if is_sixtieth(*minutes) && is_sixtieth(*seconds) => {
            Ok((hours * 3600.0 + minutes * 60.0 + seconds, "seconds"))
        }
        (Some([_, rest]), None) if is_sixtieth(*rest) => Err(NoNumber::Clock),
        (Some([hours, minutes]), Some(Clock::Hours)) if is_sixtieth(*minutes) => {
            Ok((hours * 60.0 + minutes, "minutes"))
        }
        (Some([minutes, seconds]), Some(Clock::Minutes)) if is_sixtieth(*seconds) => {
            Ok((minutes * 60.0 + seconds, "seconds"))
        }
        _ => Err(NoNumber::None),
    }
}

/// The number at the beginning of a text, and what follows.
fn literal(text: &str, decimal: Option<char>) -> Result<(f64, &str), NoNumber> {
    let bytes = text.as_bytes();
    let is_digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    // A blank or an apostrophe groups thousands if three digits follow, and no more.
    let groups = |i: usize| (1..=3).all(|d| is_digit(i + d)) && !is_digit(i + 4) && i > 0;
    let mut end = 0;
    let mut digits = String::new();
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'0'..=b'9' => digits.push(char::from(*byte)),
            b'.' | b',' if is_digit(end + 1) => digits.push(char::from(*byte)),
            b' ' | b'\'' if groups(end) => {}
            _ => break,
        }
        end += 1;
    }
    let mut rest = text.get(end..).unwrap_or_default();
    let mut decimal = decimal;
    // "1.250,-": no cents.
    for (sign, tail) in [(',', ",-"), (',', ",\u{2013}"), ('.', ".-")] {
        if let Some(after) = rest.strip_prefix(tail) {
            rest = after.trim_start_matches('-');
            decimal = decimal.or(Some(sign));
        }
    }
    Ok((number(&digits, decimal)?, rest))
}

/// A number of digits, points and commas.
fn number(digits: &str, decimal: Option<char>) -> Result<f64, NoNumber> {
    let is_grouped = |whole: &str, by: char| {
        let mut groups = whole.split(by);
        let first = groups.next().unwrap_or_default();
        let mut rest = groups.peekable();
        rest.peek().is_none() || ((1..=3).contains(&first.len()) && rest.all(|g| g.len() == 3))
    };
    let with = |decimal: char| -> Result<f64, NoNumber> {
        let by = if decimal == ',' { '.' } else { ',' };
        let (whole, fraction) = digits.split_once(decimal).unwrap_or((digits, ""));
        if fraction.contains(DECIMALS) || !is_grouped(whole, by) {
            return Err(NoNumber::None);
        }
        let plain = format!("{}.{fraction}", whole.replace(by, ""));
        plain.parse().ok().filter(|n: &f64| n.is_finite()).ok_or(NoNumber::None)
    };
    if let Some(decimal) = decimal {
        return with(decimal);
    }
    let count = |c: char| digits.matches(c).count();
    match (count('.'), count(',')) {
        (0, 1) | (1, 0) => {
            let sign = if count(',') == 1 { ',' } else { '.' };
            let (before, after) = digits.split_once(sign).unwrap_or_default();
            let may_group = after.len() == 3 && (1..=3).contains(&before.len()) && !before.starts_with('0');
            match may_group {
                true => Err(NoNumber::Decimal(with(if sign == ',' { '.' } else { ',' })?, with(sign)?)),
                false => with(sign),
            }
        }
        (0, _) => with('.'),
        (_, 0) => with(','),
        _ => with(if digits.rfind('.') > digits.rfind(',') { '.' } else { ',' }),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_unit(text: &str, unit: &str) -> Result<f64, NoNumber> {
        let unit = Some(Unit::parse(unit)).filter(|u| !u.name().is_empty());
        read(text, NumberForm::default(), unit.as_ref()).map(|q| q.value)
    }

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for (text, unit, value) in [
            ("1,234.5", "", 1234.5),
            ("1.234,5", "", 1234.5),
            ("1,234,567", "", 1_234_567.0),
            ("1 234 567,89", "", 1_234_567.89),
            ("1\u{202f}234,5", "", 1234.5),
            ("1'234.50", "", 1234.5),
            ("12,5", "", 12.5),
            ("0,125", "", 0.125),
            ("-3,75", "", -3.75),
            ("−3.5 %", "percent", -3.5),
            ("€ 1.250,-", "eur", 1250.0),
            ("€ 99,-", "eur", 99.0),
            ("$3.99", "usd", 3.99),
            ("-$3.99", "usd", -3.99),
            ("$-3.99", "usd", -3.99),
            ("3,99 EUR", "eur", 3.99),
            ("12 %", "percent", 12.0),
            ("2.5M", "", 2_500_000.0),
            ("$2.5 million", "usd", 2_500_000.0),
            ("1,2 mln", "", 1_200_000.0),
            ("3.5k", "", 3500.0),
            ("3.5 km", "metres", 3500.0),
            ("1h 45m", "minutes", 105.0),
            ("1 hr 45 min", "minutes", 105.0),
            ("1 hour and 45 minutes", "hours", 1.75),
            ("1h45", "minutes", 105.0),
            ("45m", "minutes", 45.0),
            ("45m", "metres", 45.0),
            ("1:45:00", "minutes", 105.0),
            ("3'45\"", "seconds", 225.0),
            ("5'11\"", "inches", 71.0),
            ("5’11”", "inches", 71.0),
            ("5 ft 11 in", "inches", 71.0),
            ("5'11", "inches", 71.0),
            ("2 lb 8 oz", "ounces", 40.0),
            (".5 kg", "grams", 500.0),
            ("1200 views", "views", 1200.0),
        ] {
            let found = in_unit(text, unit);
            assert!(
                found.as_ref().is_ok_and(|n| (n - value).abs() < 1e-9 * value.abs()),
                "{text}: {found:?}"
            );
        }
        for text in [
            "",
            "about",
            "1,23,4",
            "1.2.3,4",
            "12-13",
            "3 apples 4",
            "4/5",
            "1.5 2.5",
            "1:99:00",
            "€ 5 $",
            "5 in 11 ft",
        ] {
            assert_eq!(
                in_unit(text, "inches").err().filter(|e| matches!(e, NoNumber::Clock)),
                None,
                "{text}"
            );
            assert!(in_unit(text, "inches").is_err(), "{text}: {:?}", in_unit(text, "inches"));
        }
    }

    #[test]
    fn what_may_be_two_things_is_neither_unless_it_is_said() {
        assert_eq!(in_unit("1,234", ""), Err(NoNumber::Decimal(1234.0, 1.234)));
        assert_eq!(in_unit("€ 1.250", "eur"), Err(NoNumber::Decimal(1250.0, 1.25)));
        assert_eq!(in_unit("1:45", "minutes"), Err(NoNumber::Clock));
        assert_eq!(in_unit("12 %", ""), Err(NoNumber::Unwanted("%".into())));
        assert_eq!(in_unit("3 kg", "minutes"), Err(NoNumber::Other("kilograms".into())));
        let said =
            |text: &str, form: NumberForm| read(text, form, Some(&Unit::parse("minutes"))).map(|q| q.value);
        let decimal = |decimal: char| NumberForm { decimal: Some(decimal), clock: None };
        assert_eq!(said("1,234", decimal(',')), Ok(1.234));
        assert_eq!(said("1,234", decimal('.')), Ok(1234.0));
        assert_eq!(said("1.234", decimal(',')), Ok(1234.0));
        assert_eq!(said("1.5", decimal(',')), Err(NoNumber::None));
        let clock = |clock: Clock| NumberForm { decimal: None, clock: Some(clock) };
        assert_eq!(said("1:45", clock(Clock::Hours)), Ok(105.0));
        assert_eq!(said("1:45", clock(Clock::Minutes)), Ok(1.75));
    }

    #[test]
    fn any_unit_is_found() {
        let found = |text: &str| {
            let q = read_any(text, NumberForm::default()).ok()?;
            Some((q.value, q.unit.map(|u| u.name().to_owned())))
        };
        assert_eq!(found("1h 45m"), Some((105.0, Some("minutes".into()))));
        assert_eq!(found("5'11\""), Some((71.0, Some("inches".into()))));
        assert_eq!(found("12,5"), Some((12.5, None)));
        assert_eq!(found("2 kg 5 m"), None);
    }

    proptest! {
        /// Any number is itself again, however its thousands are grouped and its decimals are marked.
        #[test]
        fn every_number_is_read_as_it_was_written(cents in -99_999_999_999_i64..99_999_999_999, group in 0..4_usize, comma: bool) {
            let (decimal, other) = if comma { (',', ".") } else { ('.', ",") };
            let group = ["", other, " ", "'"][group];
            let whole = (cents.unsigned_abs() / 100).to_string();
            let grouped: Vec<String> =
                whole.as_bytes().rchunks(3).rev().map(|c| String::from_utf8(c.to_vec()).unwrap()).collect();
            let sign = if cents < 0 { "-" } else { "" };
            let text = format!("{sign}{}{decimal}{:02}", grouped.join(group), cents.unsigned_abs() % 100);
            let expected = cents as f64 / 100.0;
            let form = NumberForm { decimal: Some(decimal), clock: None };
            prop_assert_eq!(read(&text, form, None).map(|q| q.value), Ok(expected), "{}", &text);
            // Two decimals are never thousands, so that no key is needed.
            prop_assert_eq!(read(&text, NumberForm::default(), None).map(|q| q.value), Ok(expected), "{}", &text);
            let eur = Unit::parse("eur");
            prop_assert_eq!(read(&format!("€ {text}"), form, Some(&eur)).map(|q| q.value), Ok(expected), "{}", &text);
        }

        #[test]
        fn no_text_is_a_panic(text in "\\PC{0,40}", number in "[0-9.,:' \"hmk€%-]{0,20}") {
            for text in [text, number] {
                let _ = (read_any(&text, NumberForm::default()), read(&text, NumberForm::default(), Some(&Unit::parse("m"))));
            }
        }
    }
}
