//! What a sample says of one column.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use crate::date::read_date;
use crate::quantity::{NoNumber, Quantity, read_any};
use crate::text::{fold, is_unspaced, words};
use crate::{DateOrder, FieldType, NumberForm, Role, Unit, Value};

/// Of a column's known values, the share that must agree for a guess.
const MOST: f64 = 0.95;

/// Values of so many letters are kept to tell the language by, and so many of them.
const PROSE: usize = 8;
const SAMPLE: usize = 200;

/// Words; where no blanks are written, about as many as there are.
fn count_words(text: &str) -> usize {
    words(text).map(|w| (w.chars().filter(|c| is_unspaced(*c)).count() / 2).max(1)).sum()
}

/// One column and what it seems to be.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) role: Role,
    pub(super) ty: FieldType,
    pub(super) separator: Option<&'static str>,
    pub(super) multi: bool,
    pub(super) unit: Option<Unit>,
    /// How its numbers or dates are written, where one of them does not tell.
    pub(super) form: Form,
    /// Different values as a share of the rows; 1 if every row has its own.
    pub(super) distinct: f64,
    /// Rows that have a value, as a share.
    pub(super) known: f64,
    /// Some of its longer values, to tell the language by.
    pub(super) prose: Vec<String>,
    /// Words in a value, on average.
    pub(super) words: f64,
    /// True if nothing can be searched or filtered by it: a key of another table.
    pub(super) key: bool,
}

/// How a column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// As programs write.
    Plain,
    Decimal(char),
    Dates(DateOrder),
    /// Points or commas that may group thousands or not: an example.
    UnclearDecimal,
    /// Days and months that cannot be told apart.
    UnclearDates,
}

impl Column {
    pub(super) fn observe(name: &str, cells: &[&Value]) -> Self {
        let multi = cells.iter().any(|c| matches!(c, Value::List(_)));
        let texts: Vec<String> = cells
            .iter()
            .flat_map(|c| c.each())
            .map(|v| v.to_string().trim().to_owned())
            .filter(|t| !t.is_empty())
            .collect();
        let rows = cells.len().max(1) as f64;
        let known =
            cells.iter().filter(|c| c.each().iter().any(|v| !v.to_string().trim().is_empty())).count();
        let distinct = texts.iter().map(|t| fold(t)).collect::<BTreeSet<_>>().len() as f64 / rows;
        let n = texts.len().max(1) as f64;
        let share = |holds: &dyn Fn(&str) -> bool| texts.iter().filter(|t| holds(t)).count() as f64 / n;
        let mut column = Self {
            name: name.to_owned(),
            role: Role::Category,
            ty: FieldType::Text,
            separator: None,
            multi,
            unit: None,
            form: Form::Plain,
            distinct,
            known: known as f64 / rows,
            prose: texts.iter().filter(|t| t.chars().count() >= PROSE).take(SAMPLE).cloned().collect(),
            words: texts.iter().map(|t| count_words(t)).sum::<usize>() as f64 / n,
            key: false,
        };
        if texts.is_empty() {
            column.key = true;
            return column;
        }
        let last = words(&name.replace('_', " ")).last().unwrap_or_default();
        if share(&|t| is_compact_date(t)) >= MOST && !matches!(last.as_str(), "id" | "code") {
            (column.role, column.ty) = (Role::Date, FieldType::Date);
            return column;
        }
        let is_number = |t: &str| t.parse::<f64>().is_ok_and(f64::is_finite);
        if share(&is_number) >= MOST {
            column.number(&last, share(&|t| t.parse::<f64>().is_ok_and(|n| n.fract() == 0.0)) >= 1.0);
        } else if share(&|t| matches!(fold(t).as_str(), "true" | "false" | "yes" | "no")) >= MOST {
            column.ty = FieldType::Boolean;
        } else if let Some(form) = dates(&texts) {
            (column.role, column.ty, column.form) = (Role::Date, FieldType::Date, form);
        } else if let Some((form, unit, whole)) = quantities(&texts) {
            column.number(&last, whole);
            (column.form, column.unit) = (form, unit.or(column.unit));
        } else if share(&is_link) >= MOST {
            column.role = link(&texts);
        } else {
            column.text(&texts, &last);
        }
        column
    }

    fn number(&mut self, last: &str, whole: bool) {
        self.role = Role::Number;
        self.ty = if whole { FieldType::Integer } else { FieldType::Real };
        match last {
            "lat" | "latitude" => (self.role, self.ty) = (Role::Latitude, FieldType::Real),
            "lon" | "lng" | "long" | "longitude" => (self.role, self.ty) = (Role::Longitude, FieldType::Real),
            "id" | "code" | "zip" | "postcode" | "isbn" | "ean" => {
                (self.role, self.ty, self.key) = (Role::Category, FieldType::Text, true);
            }
            // A column called `d` counts anything.
            other => self.unit = Some(Unit::parse(other)).filter(|u| u.is_known() && other.len() > 1),
        }
    }

    fn text(&mut self, texts: &[String], last: &str) {
        self.separator = if self.multi { None } else { separator(texts) };
        self.multi |= self.separator.is_some();
        if matches!(last, "id" | "uuid" | "guid") {
            self.key = true;
        } else if !self.multi && (self.words > 8.0 || (self.words > 4.0 && self.distinct > 0.9)) {
            self.role = Role::Text;
        }
    }

    /// How well the column would do as the id: higher is better; `None` if it cannot.
    pub(super) fn as_id(&self) -> Option<u32> {
        if self.known < 1.0
            || self.multi
            || self.distinct < 1.0
            || self.words > 8.0
            || self.ty == FieldType::Real
        {
            return None;
        }
        let name = fold(&self.name);
        let by_name = match name.as_str() {
            "id" | "uuid" | "key" => 40,
            _ if self.key => 30,
            "isbn" | "doi" | "sku" | "ean" | "asin" | "slug" | "code" => 30,
            _ => 0,
        };
        Some(by_name + u32::from(self.words <= 1.5) * 5)
    }

    /// How well the column would do as the title.
    pub(super) fn as_title(&self) -> Option<u32> {
        if self.multi
            || self.key
            || !matches!(self.role, Role::Category | Role::Text)
            || self.ty != FieldType::Text
        {
            return None;
        }
        let words: Vec<_> = words(&self.name.replace('_', " ")).collect();
        let by_name = match words.last().map(String::as_str) {
            Some("title" | "headline") => 40,
            Some("name" | "label" | "caption") => 30,
            _ => 0,
        };
        let plain = if words.len() == 1 { 5 } else { 0 };
        let many = if self.distinct > 0.5 { 10 } else { 0 };
        let short = if self.words <= 12.0 { 5 } else { 0 };
        Some(by_name + plain + many + short)
    }

    /// True if larger is plainly better, by the name.
    pub(super) fn is_quality(&self) -> bool {
        self.role == Role::Number
            && words(&self.name.replace('_', " "))
                .any(|w| matches!(w.as_str(), "rating" | "score" | "stars" | "popularity" | "quality"))
    }
}

/// How dates are written, if they are dates: by the whole sample, of which one may show the order of all.
fn dates(texts: &[String]) -> Option<Form> {
    let count = |order: Option<DateOrder>| texts.iter().filter(|t| read_date(t, order).is_ok()).count();
    let enough = |n: usize| n as f64 >= MOST * texts.len() as f64;
    if enough(count(None)) {
        return Some(Form::Plain);
    }
    let (day, month) = (count(Some(DateOrder::DayFirst)), count(Some(DateOrder::MonthFirst)));
    enough(day.max(month)).then_some(match day.cmp(&month) {
        Ordering::Greater => Form::Dates(DateOrder::DayFirst),
        Ordering::Less => Form::Dates(DateOrder::MonthFirst),
        Ordering::Equal => Form::UnclearDates,
    })
}

/// A day of the last two centuries as eight digits.
fn is_compact_date(text: &str) -> bool {
    text.len() == 8 && matches!(text.get(..2), Some("18" | "19" | "20")) && read_date(text, None).is_ok()
}

/// How quantities are written, if they are quantities of one dimension: their form, their unit, and whether they are whole.
fn quantities(texts: &[String]) -> Option<(Form, Option<Unit>, bool)> {
    let with = |decimal: Option<char>| {
        let form = NumberForm { decimal, clock: None };
        texts.iter().map(move |t| read_any(t, form))
    };
    let (mut comma, mut point, mut unclear) = (0, 0, 0);
    for ((plain, as_comma), as_point) in with(None).zip(with(Some(','))).zip(with(Some('.'))) {
        match (plain, as_comma.is_ok(), as_point.is_ok()) {
            (Err(NoNumber::Decimal(..)), ..) => unclear += 1,
            (Ok(_), true, false) => comma += 1,
            (Ok(_), false, true) => point += 1,
            _ => {}
        }
    }
    let (form, decimal) = match (comma > 0, point > 0) {
        (true, false) => (Form::Decimal(','), Some(',')),
        (false, true) if unclear > 0 => (Form::Decimal('.'), Some('.')),
        _ if unclear > 0 => (Form::UnclearDecimal, Some('.')),
        _ => (Form::Plain, None),
    };
    let read: Vec<Quantity> = with(decimal).filter_map(Result::ok).collect();
    if (read.len() as f64) < MOST * texts.len() as f64 {
        return None;
    }
    // A few commas among plain numbers are lists: "4,6".
    if decimal == Some(',') && comma * 5 < texts.len() {
        return None;
    }
    let units: Vec<&Unit> = read.iter().filter_map(|q| q.unit.as_ref()).collect();
    let first = units.first().copied();
    if units.iter().any(|u| !u.is_known() || first.is_some_and(|f| f.factor_to(u).is_none())) {
        return None;
    }
    let mut count: BTreeMap<&str, usize> = BTreeMap::new();
    units.iter().for_each(|u| *count.entry(u.name()).or_default() += 1);
    let most = count.into_iter().max_by_key(|(_, n)| *n).map(|(name, _)| Unit::parse(name));
    let unit = if texts.iter().all(|t| t.contains(':')) { Some(Unit::parse("minutes")) } else { most };
    let is_whole = |q: &Quantity| {
        let factor =
            q.unit.as_ref().zip(unit.as_ref()).and_then(|(from, to)| from.factor_to(to)).unwrap_or(1.0);
        (q.value * factor - (q.value * factor).round()).abs() < 1e-9
    };
    let whole = read.iter().all(is_whole);
    Some((form, unit, whole))
}

const PICTURES: &[&str] = &["jpg", "jpeg", "png", "webp", "gif", "avif", "svg", "bmp", "tif", "tiff"];
const SOUNDS: &[&str] = &["mp3", "ogg", "oga", "opus", "wav", "flac", "m4a", "aac", "aif", "aiff"];

/// True of an address, and of a path with the ending of a picture or a sound.
fn is_link(text: &str) -> bool {
    let has_scheme = ["http://", "https://", "file://", "s3://", "gs://"].iter().any(|s| text.starts_with(s));
    let ending = || ending(text);
    has_scheme
        || (!text.contains(['\n', '|', ';'])
            && ending().is_some_and(|e| PICTURES.contains(&e.as_str()) || SOUNDS.contains(&e.as_str())))
}

/// What stands after the last point of a path or an address, without its query.
fn ending(text: &str) -> Option<String> {
    let path = text.split(['?', '#']).next()?;
    path.rsplit('/').next()?.rsplit_once('.').map(|(_, ending)| ending.to_lowercase())
}

/// What separates the values of a multi-valued text, if anything does: something that many values have,
/// that leaves short parts, and parts that come again.
fn separator(texts: &[String]) -> Option<&'static str> {
    ["|", ";", ","].into_iter().find(|separator| {
        let with = texts.iter().filter(|t| t.contains(separator)).count() as f64 / texts.len() as f64;
        let parts: Vec<&str> =
            texts.iter().flat_map(|t| t.split(separator)).map(str::trim).filter(|p| !p.is_empty()).collect();
        let n = parts.len().max(1) as f64;
        let distinct = parts.iter().collect::<BTreeSet<_>>().len() as f64;
        let words = parts.iter().map(|p| p.split_whitespace().count()).sum::<usize>() as f64 / n;
        with >= 0.1 && words <= 3.5 && distinct / n < 0.85
    })
}

fn link(texts: &[String]) -> Role {
    let ends = |endings: &[&str]| {
        let has = |t: &&String| ending(t).is_some_and(|e| endings.contains(&e.as_str()));
        texts.iter().filter(has).count() * 2 > texts.len()
    };
    if ends(PICTURES) {
        Role::Image
    } else if ends(SOUNDS) {
        Role::Audio
    } else {
        Role::Url
    }
}
