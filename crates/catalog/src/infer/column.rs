//! What a sample says of one column.

use std::collections::BTreeSet;

use crate::text::{fold, is_unspaced, words};
use crate::{FieldType, Role, Unit, Value, parse_date};

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
        let is_number = |t: &str| t.parse::<f64>().is_ok_and(f64::is_finite);
        if share(&is_number) >= MOST {
            column.number(&last, share(&|t| t.parse::<f64>().is_ok_and(|n| n.fract() == 0.0)) >= 1.0);
        } else if share(&|t| matches!(fold(t).as_str(), "true" | "false" | "yes" | "no")) >= MOST {
            column.ty = FieldType::Boolean;
        } else if share(&|t| parse_date(t).is_some()) >= MOST {
            (column.role, column.ty) = (Role::Date, FieldType::Date);
        } else if share(&|t| t.starts_with("http://") || t.starts_with("https://")) >= MOST {
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
            other => self.unit = Some(Unit::parse(other)).filter(Unit::is_known),
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
        let ending =
            |t: &String| t.rsplit('.').next().is_some_and(|e| endings.contains(&e.to_lowercase().as_str()));
        texts.iter().filter(|t| ending(t)).count() * 2 > texts.len()
    };
    if ends(&["jpg", "jpeg", "png", "webp", "gif"]) {
        Role::Image
    } else if ends(&["mp3", "ogg", "wav", "flac", "m4a"]) {
        Role::Audio
    } else {
        Role::Url
    }
}
