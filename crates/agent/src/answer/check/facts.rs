//! Whether a stretch of words holds for one item. Every word must be accounted for: a value of the item's row where the
//! words before or after name its field, a number with what it is compared by, an adjective that the row bears out, or
//! a word that claims nothing. Anything else is a claim that nothing supports.

use segue_catalog::{Catalog, Direction, Field, Role, Row, Unit, Value};

use super::Checker;
use super::words::{Degree, Lead, Plain, plain, split};
use crate::rules::{Form, Gap, Token, is_calendar, number, period, plural, quantity};

/// An item, with the ways in which its values are written.
#[derive(Debug)]
pub(super) struct Known<'a> {
    pub(super) row: &'a Row,
    spellings: Vec<Spelling>,
}

/// Words that stand for something that is true of an item.
#[derive(Debug, Clone)]
pub(super) struct Spelling {
    pub(super) words: Vec<String>,
    /// The field that they are of.
    pub(super) fields: Vec<usize>,
}

impl<'a> Known<'a> {
    /// An item's values, and what was asked and holds for all items.
    pub(super) fn new(row: &'a Row, catalog: &Catalog, asked: &[Spelling]) -> Self {
        let mut spellings = asked.to_vec();
        for (i, field) in catalog.fields.iter().enumerate().filter(|(_, f)| f.role == Role::Category) {
            for value in row.values.get(i).map(Value::each).unwrap_or_default() {
                let Some(value) = value.as_str() else { continue };
                let synonyms = field.synonyms.iter().filter(|s| s.1 == value).map(|s| s.0.as_str());
                for spelling in [value].into_iter().chain(synonyms) {
                    for form in [spelling.to_owned(), plural(&spelling.to_lowercase())] {
                        spellings.push(Spelling { words: split(&form), fields: vec![i] });
                    }
                }
            }
        }
        spellings.retain(|s| !s.words.is_empty());
        spellings.sort_by_key(|s| std::cmp::Reverse(s.words.len()));
        Self { row, spellings }
    }

    /// The fields of which the longest value here is one, and its length.
    fn value(&self, tokens: &[Token]) -> Option<(Vec<usize>, usize)> {
        let begins = |s: &&Spelling| {
            let run = tokens.get(..s.words.len()).unwrap_or_default();
            let said = run.iter().map(|t| t.owner.as_ref().unwrap_or(&t.word)).eq(&s.words);
            said && run.iter().skip(1).all(|t| t.gap != Gap::Stop)
        };
        let length = self.spellings.iter().find(begins)?.words.len();
        let all = self.spellings.iter().filter(|s| s.words.len() == length).filter(begins);
        Some((all.flat_map(|s| s.fields.clone()).collect(), length))
    }
}

/// A number that is said, and how the row's is compared with it.
#[derive(Debug, Clone, PartialEq)]
struct Amount {
    low: f64,
    high: f64,
    unit: Option<Unit>,
    /// True for years and spans of years.
    calendar: bool,
    length: usize,
}

impl Amount {
    /// All that lies beyond it.
    fn beyond(self, direction: Direction) -> Self {
        const STEP: f64 = 1e-6;
        match direction {
            Direction::Ascending => Self { low: f64::NEG_INFINITY, high: self.low - STEP, ..self },
            Direction::Descending => Self { low: self.high + STEP, high: f64::INFINITY, ..self },
        }
    }
}

/// What must say of which field something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Needs {
    /// A name: the words before it may, and then they must be right.
    Nothing,
    /// A year or a quantity with its unit: the same, and words like "in" lead to it as to anything.
    NoName,
    /// A bare number: the field's name, before or after it.
    Name,
}

/// What leads to the next value.
struct Leading {
    lead: Lead,
    used: bool,
}

impl Checker<'_> {
    /// True if all of this holds for the item.
    pub(super) fn holds(&self, item: &Known<'_>, tokens: &[Token], scoped: bool) -> bool {
        let mut at = 0;
        let mut leading: Option<Leading> = None;
        while at < tokens.len() {
            let rest = tokens.get(at..).unwrap_or_default();
            let Some(length) = self.step(item, rest, scoped, &mut leading) else { return false };
            at += length.max(1);
        }
        !leading.is_some_and(|l| is_open(&l))
    }

    /// How many tokens are accounted for; `None` if these are not.
    fn step(
        &self,
        item: &Known<'_>,
        rest: &[Token],
        scoped: bool,
        leading: &mut Option<Leading>,
    ) -> Option<usize> {
        let word = rest.first()?.word.as_str();
        if let Some((mut fields, length)) = item.value(rest) {
            if rest.get(length - 1)?.owner.is_some() {
                // "Ann Lee's drama" is one that she made.
                fields.retain(|f| self.words.is_maker(*f));
            }
            return self.leads_to(&fields, rest, length, leading, Needs::Nothing);
        }
        if let Some(length) = self.scope(rest)? {
            return Some(length);
        }
        if let Some((field, direction, length)) = self.superlative(rest) {
            return self.is_extreme(item, field, direction, scoped).then_some(length);
        }
        if let Some((field, amount)) = self.beyond(rest) {
            return self.fields_with(item, &amount).contains(&field).then_some(amount.length);
        }
        if let Some(amount) = amount(rest) {
            let fields = self.fields_with(item, &amount);
            let is_calendar = |i: &usize| self.catalog.fields.get(*i).is_some_and(is_calendar);
            let needs = match amount.unit.is_some() || (amount.calendar && fields.iter().any(is_calendar)) {
                true => Needs::NoName,
                false => Needs::Name,
            };
            let length = self.leads_to(&fields, rest, amount.length, leading, needs)?;
            // "117 minutes long" says no more than "117 minutes".
            let after = rest.get(length..).and_then(|r| self.words.degree(r));
            let idle = after.filter(|(d, _)| d.form == Form::Positive && fields.contains(&d.field));
            return Some(length + idle.map_or(0, |(_, n)| n));
        }
        if let Some((degree, length)) = self.words.degree(rest) {
            return self.bears_out(item, degree).then_some(length);
        }
        if let Some(lead) = self.words.lead(rest) {
            let length = lead.length;
            let open = leading.as_ref().is_some_and(|l| is_open(l) && l.lead.strong);
            return match (open, lead.strong) {
                // "released in 1994": what leads is said already.
                (true, strong) => (!strong || word == "by").then_some(length),
                (false, _) => {
                    *leading = Some(Leading { lead, used: false });
                    Some(length)
                }
            };
        }
        if self.words.is_noun(word) {
            return Some(1);
        }
        match plain(word) {
            Plain::Nothing => Some(1),
            Plain::Anew | Plain::AnewOfSeveral => {
                // "its director is X" goes on, "directed by X and is a drama" does not.
                *leading = leading.take().filter(is_open);
                Some(1)
            }
            Plain::Fits => self.fits.then_some(1),
            Plain::Unknown => None,
        }
    }

    /// A value or number that is one of these fields', where what stands before or after it says whose it is.
    fn leads_to(
        &self,
        fields: &[usize],
        rest: &[Token],
        length: usize,
        leading: &mut Option<Leading>,
        needs: Needs,
    ) -> Option<usize> {
        if fields.is_empty() {
            return None;
        }
        let of = |lead: &Lead| lead.fields.iter().any(|f| fields.contains(f));
        let open = leading.as_ref().is_some_and(is_open);
        let joined = rest.get(length).is_some_and(|t| matches!(t.gap, Gap::Blank | Gap::Hyphen));
        let after = rest.get(length..).and_then(|r| self.words.lead(r)).filter(|l| l.strong && of(l));
        if let Some(after) = after.filter(|_| joined && !open) {
            *leading = None;
            return Some(length + after.length);
        }
        match (leading.as_mut(), needs) {
            (Some(l), _) if of(&l.lead) => l.used = true,
            // "from 1994", "directed by X, 1994": a time or a quantity says itself what it is of.
            (Some(l), Needs::NoName) if !open => {
                if !l.lead.strong {
                    *leading = None;
                }
            }
            (None, Needs::Nothing | Needs::NoName) => {}
            _ => return None,
        }
        Some(length)
    }

    /// The fields that have this number in the item's row.
    fn fields_with(&self, item: &Known<'_>, amount: &Amount) -> Vec<usize> {
        let has = |(i, field): (usize, &Field)| {
            let value = item.row.values.get(i)?;
            if !matches!(field.role, Role::Number | Role::Date | Role::Category) {
                return None;
            }
            let n = if is_calendar(field) { year_of(value)? } else { value.as_f64()? };
            let factor = match (&amount.unit, &field.unit) {
                (None, _) => 1.0,
                (Some(said), Some(unit)) => said.factor_to(unit)?,
                (Some(_), None) => return None,
            };
            let fits = amount.calendar == is_calendar(field)
                || (!amount.calendar && amount.unit.is_none())
                || (amount.calendar && field.ty.is_number() && amount.low == amount.high);
            let (low, high) = (amount.low * factor, amount.high * factor);
            (fits && n >= low - 1e-9 && n <= high + 1e-9).then_some(i)
        };
        self.catalog.fields.iter().enumerate().filter_map(has).collect()
    }

    /// "longer than two hours": the field, and what it must lie beyond.
    fn beyond(&self, rest: &[Token]) -> Option<(usize, Amount)> {
        let (degree, n) = self.words.degree(rest).filter(|(d, _)| d.form == Form::Comparative)?;
        let said = exactly(rest.get(n + 1..).filter(|_| rest.get(n).is_some_and(|t| t.word == "than"))?)?;
        let length = said.length + n + 1;
        Some((degree.field, Amount { length, ..said.beyond(degree.direction) }))
    }

    /// "the longest", "highest rated", "most recent", "best", "lowest price": the field, the end, the length.
    fn superlative(&self, rest: &[Token]) -> Option<(usize, Direction, usize)> {
        let word = |i: usize| rest.get(i).map_or("", |t| t.word.as_str());
        let opposite = |direction| match direction {
            Direction::Ascending => Direction::Descending,
            Direction::Descending => Direction::Ascending,
        };
        if matches!(word(0), "most" | "least")
            && let Some((degree, n)) = rest.get(1..).and_then(|r| self.words.degree(r))
            && degree.form == Form::Positive
        {
            let end = if word(0) == "least" { opposite(degree.direction) } else { degree.direction };
            return Some((degree.field, end, n + 1));
        }
        let end = match word(0) {
            "best" | "highest" | "most" | "largest" | "biggest" | "greatest" | "top" => Direction::Descending,
            "worst" | "lowest" | "least" | "fewest" | "smallest" => Direction::Ascending,
            _ => {
                let (degree, n) = self.words.degree(rest).filter(|(d, _)| d.form == Form::Superlative)?;
                return Some((degree.field, degree.direction, n));
            }
        };
        let quality = || self.catalog.fields.iter().position(|f| f.quality);
        if matches!(word(1), "rated" | "reviewed") {
            return Some((quality()?, end, 2));
        }
        let of_number =
            |f: &usize| self.catalog.fields.get(*f).is_some_and(|f| f.ty.is_number() || is_calendar(f));
        if let Some(lead) = rest.get(1..).and_then(|r| self.words.lead(r)).filter(|l| l.strong)
            && let Some(field) = lead.fields.iter().copied().find(of_number)
        {
            return Some((field, end, lead.length + 1));
        }
        if matches!(word(0), "best" | "worst") {
            return Some((quality()?, end, 1));
        }
        let (degree, n) = self.words.degree(rest).filter(|(d, _)| d.form == Form::Superlative)?;
        Some((degree.field, degree.direction, n))
    }

    /// True if no other item that is shown comes near, and the sentence speaks of those or the whole set is ordered so.
    fn is_extreme(&self, item: &Known<'_>, field: usize, direction: Direction, scoped: bool) -> bool {
        let ordered = self.ordered.as_ref().is_some_and(|o| *o == (field, direction));
        let first = self.items.first().is_some_and(|first| first.row.ordinal == item.row.ordinal);
        if !(scoped || ordered && first) {
            return false;
        }
        let Some(own) = self.number(item, field) else { return false };
        let others = self.items.iter().filter(|other| other.row.ordinal != item.row.ordinal);
        others
            .map(|other| self.number(other, field))
            .all(|n| n.is_some_and(|n| if direction == Direction::Descending { own > n } else { own < n }))
            && self.items.len() > 1
    }

    /// True for an adjective that sets no limit if the value lies in that quarter of all, as requests are read.
    fn bears_out(&self, item: &Known<'_>, degree: Degree) -> bool {
        let Some(statistics) = self.catalog.statistics.get(degree.field) else { return false };
        let (Some(n), Some(middle)) = (self.number(item, degree.field), statistics.quantile(0.5)) else {
            return false;
        };
        degree.form == Form::Positive
            && match degree.direction {
                Direction::Descending => statistics.quantile(0.75).is_some_and(|q| n >= q && n > middle),
                Direction::Ascending => statistics.quantile(0.25).is_some_and(|q| n <= q && n < middle),
            }
    }

    /// True if the comparison that ends these tokens ("is longer than") holds for each pair; and how many tokens are
    /// left without it.
    pub(super) fn compares(
        &self,
        tokens: &[Token],
        these: &[&Known<'_>],
        those: &[&Known<'_>],
    ) -> Option<(bool, usize)> {
        let than = tokens.len().checked_sub(1)?;
        if tokens.get(than)?.word != "than" {
            return None;
        }
        let from = (0..than).rev().take(3).find(|i| self.comparative(tokens.get(*i..than)).is_some())?;
        let (field, direction) = self.comparative(tokens.get(from..than))?;
        let goes_beyond =
            |a: &&Known<'_>, b: &&Known<'_>| match (self.number(a, field), self.number(b, field)) {
                (Some(a), Some(b)) => {
                    if direction == Direction::Descending {
                        a > b
                    } else {
                        a < b
                    }
                }
                _ => false,
            };
        Some((these.iter().all(|a| those.iter().all(|b| goes_beyond(a, b))), from))
    }

    fn comparative(&self, tokens: Option<&[Token]>) -> Option<(usize, Direction)> {
        let tokens = tokens?;
        let word = tokens.first()?.word.as_str();
        let graded = matches!(word, "more" | "less");
        let (degree, n) = self.words.degree(tokens.get(usize::from(graded)..)?)?;
        let wanted = if graded { Form::Positive } else { Form::Comparative };
        if degree.form != wanted || n + usize::from(graded) != tokens.len() {
            return None;
        }
        let direction = match (word, degree.direction) {
            ("less", Direction::Ascending) => Direction::Descending,
            ("less", Direction::Descending) => Direction::Ascending,
            (_, direction) => direction,
        };
        Some((degree.field, direction))
    }

    fn number(&self, item: &Known<'_>, field: usize) -> Option<f64> {
        let value = item.row.values.get(field)?;
        if self.catalog.fields.get(field).is_some_and(is_calendar) && value.as_f64().is_none() {
            // Days compare as their text does.
            return value.as_str().map(|day| {
                day.chars()
                    .filter(char::is_ascii_digit)
                    .take(8)
                    .fold(0.0, |n, c| n * 10.0 + f64::from(c.to_digit(10).unwrap_or_default()))
            });
        }
        value.as_f64()
    }
}

/// True if something must still follow.
fn is_open(leading: &Leading) -> bool {
    !leading.used && leading.lead.strong
}

fn year_of(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.get(..4)?.parse().ok())
}

/// The number, quantity or time that begins these tokens, with the words that say how it limits.
fn amount(tokens: &[Token]) -> Option<Amount> {
    let word = |i: usize| tokens.get(i).map_or("", |t| t.word.as_str());
    if word(0) == "between" {
        let low = exactly(tokens.get(1..)?)?;
        let rest = tokens.get(1 + low.length..)?;
        let high = exactly(rest.get(1..).filter(|_| rest.first().is_some_and(|t| t.word == "and"))?)?;
        let unit = high.unit.clone();
        let alike = low.calendar == high.calendar && (low.unit.is_none() || low.unit == unit);
        let length = low.length + high.length + 2;
        return alike.then_some(Amount { low: low.low, high: high.high, unit, length, ..low });
    }
    let (limit, skip) = match (word(0), word(1)) {
        ("less" | "fewer" | "lower", "than") => (Some(Direction::Ascending), 2),
        ("more" | "higher" | "greater", "than") => (Some(Direction::Descending), 2),
        ("under" | "below" | "before", _) => (Some(Direction::Ascending), 1),
        ("over" | "above" | "after", _) => (Some(Direction::Descending), 1),
        _ => (None, 0),
    };
    if let Some(limit) = limit {
        let said = exactly(tokens.get(skip..)?)?;
        let length = said.length + skip;
        return Some(Amount { length, ..said.beyond(limit) });
    }
    match (word(0), word(1)) {
        ("at", "least") => {
            let said = exactly(tokens.get(2..)?)?;
            Some(Amount { high: f64::INFINITY, length: said.length + 2, ..said })
        }
        ("at", "most") | ("up", "to") => {
            let said = exactly(tokens.get(2..)?)?;
            Some(Amount { low: f64::NEG_INFINITY, length: said.length + 2, ..said })
        }
        ("since", _) => {
            let said = exactly(tokens.get(1..)?).filter(|s| s.calendar)?;
            Some(Amount { high: f64::INFINITY, length: said.length + 1, ..said })
        }
        _ => exactly(tokens),
    }
}

fn exactly(tokens: &[Token]) -> Option<Amount> {
    if let Some((said, length)) = quantity(tokens) {
        let unit = said.unit?;
        return Some(Amount { low: said.value, high: said.value, unit: Some(unit), calendar: false, length });
    }
    let skip = usize::from(tokens.first().is_some_and(|t| t.word == "the"));
    if let Some((time, length)) = tokens.get(skip..).and_then(period) {
        let whole = time.first.ends_with("-01-01") && time.last.ends_with("-12-31");
        let (first, last) = time.years();
        return whole.then_some(Amount {
            low: first as f64,
            high: last as f64,
            unit: None,
            calendar: true,
            length: length + skip,
        });
    }
    let (n, length) = number(tokens)?;
    Some(Amount { low: n, high: n, unit: None, calendar: false, length })
}
