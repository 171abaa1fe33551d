//! Reads the chunks of a turn from left to right.

use segue_catalog::{Direction, Operator, Predicate, Role};

use super::RulesError;
use super::bounds::{Amount, between, bound, field_of, is_calendar, limit_of};
use super::chunks::{Chunk, Kind};
use super::cues::{Cue, Limit};
use super::morphology::Form;
use super::tokens::{Gap, Token};
use super::turn::{Relative, Said, Turn};
use super::vocabulary::Vocabulary;
use crate::{OrderBy, ShownItem};

/// The state of reading one turn.
pub(super) struct Parser<'a> {
    pub(super) request: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) chunks: &'a [Chunk],
    pub(super) vocabulary: &'a Vocabulary<'a>,
    pub(super) shown: &'a [ShownItem],
    pub(super) turn: Turn,
    /// Inside a negation.
    pub(super) negated: bool,
    /// After "preferably": what follows only ranks.
    pub(super) soft: bool,
    /// After "about": what follows are words to search for.
    topic: bool,
    /// Fields that a word just before leads to, where the words for it begin, and whether it names them outright.
    pub(super) lead: Option<(Vec<usize>, usize, bool)>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(
        request: &'a str,
        tokens: &'a [Token],
        chunks: &'a [Chunk],
        vocabulary: &'a Vocabulary<'a>,
        shown: &'a [ShownItem],
    ) -> Self {
        Self {
            request,
            tokens,
            chunks,
            vocabulary,
            shown,
            turn: Turn::default(),
            negated: false,
            soft: false,
            topic: false,
            lead: None,
        }
    }

    /// Reads all of it.
    pub(super) fn run(mut self) -> Result<Turn, RulesError> {
        let mut i = 0;
        while let Some(chunk) = self.chunks.get(i) {
            match chunk.gap {
                Gap::Stop => (self.negated, self.soft, self.topic, self.lead) = (false, false, false, None),
                Gap::Comma => {
                    self.topic = false;
                    self.negated &=
                        matches!(chunk.kind, Kind::Value(..) | Kind::Cue(Cue::Or | Cue::And | Cue::Not));
                }
                _ => {}
            }
            i = self.step(i)?.max(i + 1);
        }
        Ok(self.turn)
    }

    pub(super) fn kind(&self, i: usize) -> Option<&'a Kind> {
        self.chunks.get(i).map(|c| &c.kind)
    }

    pub(super) fn cue(&self, i: usize) -> Option<Cue> {
        match self.kind(i) {
            Some(Kind::Cue(cue)) => Some(*cue),
            _ => None,
        }
    }

    pub(super) fn word(&self, i: usize) -> &'a str {
        self.chunks.get(i).and_then(|c| self.tokens.get(c.first)).map_or("", |t| t.word.as_str())
    }

    /// The next chunk from `i` on that is not filling, within the same clause.
    pub(super) fn skip(&self, mut i: usize) -> usize {
        while matches!(self.kind(i), Some(Kind::Filling)) && self.gap(i + 1) != Gap::Stop {
            i += 1;
        }
        i
    }

    pub(super) fn gap(&self, i: usize) -> Gap {
        self.chunks.get(i).map_or(Gap::Stop, |c| c.gap)
    }

    pub(super) fn span(&self, from: usize, end: usize) -> (usize, usize) {
        let first = self.chunks.get(from).map_or(0, |c| c.first);
        let last = end.checked_sub(1).and_then(|i| self.chunks.get(i)).map_or(first, |c| c.end);
        (first, last)
    }

    /// Notes a condition, turned round if it stands in a negation.
    pub(super) fn say(&mut self, span: (usize, usize), predicate: Predicate, note: Option<String>) {
        let predicate = if self.negated { predicate.negate() } else { predicate };
        let hard = !self.soft;
        self.turn.conditions.push(Said { span, predicate, hard, note });
    }

    fn step(&mut self, i: usize) -> Result<usize, RulesError> {
        if let Some(next) = self.comparison(i) {
            (self.lead, self.negated, self.topic) = (None, false, false);
            return Ok(next);
        }
        let Some(chunk) = self.chunks.get(i) else { return Ok(i + 1) };
        match &chunk.kind {
            Kind::Cue(cue) => return self.steer(i, *cue),
            Kind::Value(senses, sure) if !self.topic => {
                if let Some(next) = self.values(i, senses, *sure) {
                    return Ok(next);
                }
                self.words(i);
            }
            Kind::Degree(degrees, form) if !self.topic => {
                if let Some(next) = self.degree(i, degrees, *form) {
                    self.negated = false;
                    return Ok(next);
                }
                self.words(i);
            }
            Kind::Field(fields) => {
                if self.unnamed(i, fields) {
                    return Ok(i + 1);
                }
                self.lead = Some((fields.clone(), i, true));
                return Ok(i + 1);
            }
            Kind::Noun => {
                self.turn.names_items = true;
                self.lead = None;
                self.topic = false;
                if !matches!(self.cue(i + 1), Some(Cue::Or | Cue::And)) {
                    self.negated = false;
                }
            }
            Kind::Reference(place) => {
                self.turn.leans = true;
                self.refer(i, *place);
            }
            Kind::Number(n) => self.bare_number(i, *n),
            Kind::Word | Kind::Value(..) | Kind::Degree(..) => self.words(i),
            Kind::Quantity(_) | Kind::Period(_) => self.turn.not_understood.push(self.span(i, i + 1)),
            Kind::Filling => return Ok(i + 1),
        }
        self.lead = None;
        Ok(i + 1)
    }

    /// A field's name that a value does not follow: "most <field>", "no <field> limit", or just a word.
    fn unnamed(&mut self, i: usize, fields: &[usize]) -> bool {
        let catalog = self.vocabulary.catalog();
        if let Some(before) = i.checked_sub(1).and_then(|b| self.cue(b)) {
            let direction = match before {
                Cue::Highest | Cue::Most | Cue::Best | Cue::Top => Some(Direction::Descending),
                Cue::Lowest | Cue::Least | Cue::Worst => Some(Direction::Ascending),
                _ => None,
            };
            let number = fields
                .iter()
                .find_map(|f| catalog.fields.get(*f).filter(|f| f.ty.is_number() || is_calendar(f)));
            if let (Some(direction), Some(field)) = (direction, number) {
                let order = OrderBy { field: field.name.clone(), direction };
                self.turn.orders.push((self.span(i - 1, i + 1), order));
                return true;
            }
        }
        false
    }

    fn steer(&mut self, i: usize, cue: Cue) -> Result<usize, RulesError> {
        let span = self.span(i, i + 1);
        let leads_to = self.chunks.get(i).map(|c| c.leads_to.clone()).unwrap_or_default();
        match cue {
            Cue::Not => {
                self.negated = true;
                self.topic = false;
                self.turn.leans |= i == 0;
                if matches!(self.kind(self.skip(i + 1)), Some(Kind::Reference(_)))
                    || self.cue(i + 1) == Some(Cue::It)
                {
                    let place = match self.kind(self.skip(i + 1)) {
                        Some(Kind::Reference(place)) => Some(*place),
                        _ => None,
                    };
                    self.dislike(i, place);
                    self.negated = false;
                    return Ok(self.skip(i + 1) + 1);
                }
            }
            Cue::But | Cue::Ask => (self.negated, self.topic, self.lead) = (false, false, None),
            Cue::Only => {
                self.negated = false;
                self.turn.leans |= i <= 1;
            }
            Cue::Soft => self.soft = true,
            Cue::Topic => self.topic = true,
            Cue::Titled => return Ok(self.titled(i)),
            Cue::Like => {
                if let Some(next) = self.like(i)? {
                    return Ok(next);
                }
            }
            Cue::Love => {
                if let Some(next) = self.like(i)? {
                    return Ok(next);
                }
            }
            Cue::Hate => {
                let next = self.skip(i + 1);
                match self.kind(next) {
                    Some(Kind::Reference(place)) => {
                        self.dislike(i, Some(*place));
                        return Ok(next + 1);
                    }
                    _ => self.negated = true,
                }
            }
            Cue::Best | Cue::Worst | Cue::Top => self.best(i, cue),
            Cue::More | Cue::Most | Cue::Less | Cue::Least => return Ok(self.graded(i, cue)),
            Cue::Sort => return Ok(self.sorted(i)),
            Cue::HowMany => self.turn.how_many = true,
            Cue::Those | Cue::It | Cue::Instead => self.turn.leans = true,
            Cue::Others if !self.shown.is_empty() => {
                self.turn.others = Some(span);
                self.turn.leans = true;
            }
            Cue::Reset => self.turn.reset = Some(span),
            Cue::Drop | Cue::Any => return Ok(self.drop_field(i)),
            Cue::Describe | Cue::Why => return Ok(self.ask_about(i, cue)),
            Cue::By | Cue::With | Cue::From | Cue::In => {
                if matches!(self.cue(i + 1), Some(Cue::Not)) {
                    return Ok(i + 1);
                }
                let named = self.lead.as_ref().is_some_and(|l| l.2);
                if !named {
                    let fields = if cue == Cue::By && leads_to.is_empty() { self.makers() } else { leads_to };
                    self.topic &= cue == Cue::In;
                    self.lead = Some((fields, i, false));
                }
            }
            Cue::And if i == 0 => self.turn.leans = true,
            _ => {}
        }
        Ok(i + 1)
    }

    /// The fields whose name says who made the item: director, writer, artist.
    fn makers(&self) -> Vec<usize> {
        let catalog = self.vocabulary.catalog();
        let makes = |name: &str| ["or", "er", "ist", "brand", "maker"].iter().any(|e| name.ends_with(e));
        let fields = catalog.fields.iter().enumerate();
        fields.filter(|(_, f)| f.role == Role::Category && makes(&f.name)).map(|(i, _)| i).collect()
    }

    /// A word that is not part of anything else: something to search for.
    pub(super) fn words(&mut self, i: usize) {
        let span = self.span(i, i + 1);
        let text = self.tokens.get(span.0..span.1).unwrap_or_default();
        let (Some(first), Some(last)) = (text.first(), text.last()) else { return };
        let words = self.request.get(first.start..last.end).unwrap_or_default().to_owned();
        if self.negated {
            // Search cannot leave words out; saying so is better than searching for what is not wanted.
            self.turn.not_understood.push(span);
        } else {
            self.turn.query.push((span, words));
        }
    }

    /// A number that limits nothing: how many items to show, or a thing of its own.
    fn bare_number(&mut self, i: usize, n: f64) {
        let before = i.checked_sub(1).and_then(|b| self.cue(b));
        let counts = (i + 1..i + 6).take_while(|j| self.gap(*j) == Gap::Blank || self.gap(*j) == Gap::Hyphen);
        let of_items = counts.into_iter().find_map(|j| match self.kind(j) {
            Some(Kind::Noun) => Some(true),
            Some(Kind::Cue(Cue::Best | Cue::Most | Cue::Others)) => Some(true),
            Some(Kind::Value(..) | Kind::Degree(..) | Kind::Filling) => None,
            _ => Some(false),
        });
        let whole = n.fract() == 0.0 && (1.0..=200.0).contains(&n);
        let asked = matches!(before, Some(Cue::Top | Cue::Best | Cue::Ask)) || of_items == Some(true);
        if whole && asked {
            self.turn.count = Some(n as usize);
        } else if self.word(i).starts_with(|c: char| c.is_ascii_digit()) {
            self.turn.not_understood.push(self.span(i, i + 1));
        }
    }

    /// A limit and an amount, in any of the orders in which people put them.
    fn comparison(&mut self, i: usize) -> Option<usize> {
        let catalog = self.vocabulary.catalog();
        let from = self.lead.as_ref().map_or(i, |l| l.1.min(i));
        let mut hints = self.lead.as_ref().map(|l| l.0.clone()).unwrap_or_default();
        let mut named = self.lead.as_ref().is_some_and(|l| l.2);
        if !named {
            hints.clear();
        }
        let negated = self.negated;
        let mut j = i;
        let limit = match self.kind(i)? {
            Kind::Cue(Cue::Limit(limit)) => Some(*limit),
            Kind::Cue(Cue::Before) => Some(Limit::Under),
            Kind::Cue(Cue::After) => Some(Limit::Over),
            Kind::Cue(Cue::Since) => Some(Limit::AtLeast),
            Kind::Cue(Cue::Until) => Some(Limit::AtMost),
            Kind::Cue(Cue::Topic) if self.amount(i + 1).is_some() => Some(Limit::Around),
            Kind::Degree(degrees, Form::Comparative) if self.cue(i + 1) == Some(Cue::Than) => {
                hints = degrees.iter().map(|d| d.0).collect();
                named = true;
                j = i + 1;
                let direction = degrees.first()?.1;
                if let Some(next) = self.compared_with_item(i, i + 2, hints.first().copied()?, direction) {
                    return Some(next);
                }
                Some(limit_of(direction))
            }
            Kind::Cue(Cue::Between | Cue::From) => {
                let (low, next) = self.amount(self.skip(i + 1))?;
                let joined = matches!(self.cue(next), Some(Cue::And | Cue::To | Cue::Until | Cue::Or))
                    || self.gap(next) == Gap::Hyphen;
                let after = if self.gap(next) == Gap::Hyphen { next } else { self.skip(next + 1) };
                let is_between = self.cue(i) == Some(Cue::Between)
                    || self.cue(next) != Some(Cue::And) && self.cue(next) != Some(Cue::Or);
                match self.amount(after).filter(|_| joined && is_between) {
                    Some((high, end)) => return self.range(from.min(i), &low, &high, end, &hints),
                    None => {
                        j = i;
                        None
                    }
                }
            }
            Kind::Cue(Cue::In) => None,
            Kind::Number(_) | Kind::Quantity(_) | Kind::Period(_) | Kind::Filling => {
                j = i.checked_sub(1).unwrap_or(usize::MAX);
                None
            }
            _ => return None,
        };
        let at = self.skip(j.wrapping_add(1));
        if limit.is_none() && matches!(self.kind(i), Some(Kind::Filling)) && self.word(i) != "early" {
            return None;
        }
        let (mut amount, mut end) = self.amount(at)?;
        // "90 to 110", "1990-1999".
        let to = matches!(self.cue(end), Some(Cue::To | Cue::Until));
        if limit.is_none() && (to || self.gap(end) == Gap::Hyphen) {
            if let Some((high, next)) = self.amount(if to { end + 1 } else { end }) {
                return self.range(from, &amount, &high, next, &hints);
            }
        }
        let mut limit = limit;
        if let (None, Some(Cue::Tail(tail))) = (limit, self.cue(end)) {
            (limit, end) = (Some(tail), end + 1);
        } else if limit.is_none() && self.word(end) == "on" && matches!(amount, Amount::Period(_)) {
            (limit, end) = (Some(Limit::AtLeast), end + 1);
        }
        // "at least 80 <field>", "3 <field>".
        let mut described = false;
        let after = self.skip(end);
        let close = self.gap(end) != Gap::Comma && self.gap(end) != Gap::Stop && after <= end + 1;
        match self.kind(after) {
            Some(Kind::Field(fields)) if close && !named => {
                let number = match &amount {
                    Amount::Period(p) => Amount::Number(p.years().0 as f64),
                    other => other.clone(),
                };
                if field_of(catalog, &number, fields).is_some() {
                    (hints, amount, end, described) = (fields.clone(), number, after + 1, true);
                }
            }
            // "over 200 seconds long".
            Some(Kind::Degree(degrees, Form::Positive)) if close && !named => {
                let fields: Vec<_> = degrees.iter().map(|d| d.0).collect();
                if field_of(catalog, &amount, &fields).is_some() {
                    (hints, end) = (fields, after + 1);
                }
            }
            Some(Kind::Word) if close && limit.is_some() && matches!(amount, Amount::Number(_)) && !named => {
                return None;
            }
            _ => {}
        }
        if let (Amount::Period(p), true) = (&amount, named) {
            if field_of(catalog, &amount, &hints).is_none() {
                amount = Amount::Number(p.years().0 as f64);
            }
        }
        if limit.is_none() {
            let natural = match &amount {
                Amount::Period(_) => Some(Limit::Exactly),
                Amount::Quantity(_) => Some(Limit::Around),
                Amount::Share(..) => Some(Limit::AtLeast),
                Amount::Number(_) => (named || described).then_some(Limit::Exactly),
            };
            limit = Some(natural?);
        }
        let field = field_of(catalog, &amount, &hints)?;
        let mut limit = limit?;
        let quality = catalog.fields.get(field).is_some_and(|f| f.quality);
        if quality && limit == Limit::Exactly {
            // A score is asked for as the least that will do.
            limit = Limit::AtLeast;
        }
        let turned = negated && !matches!(limit, Limit::Exactly | Limit::Around);
        let limit = if turned { limit.opposite() } else { limit };
        let predicate = bound(catalog, field, limit, &amount)?;
        self.negated = negated && !turned;
        let span = self.span(if named { from } else { i }, end);
        self.say(span, predicate, None);
        self.also(field, end)
    }

    /// "the 70s and 80s", "1990 or 1994": further periods for the same field.
    fn also(&mut self, field: usize, end: usize) -> Option<usize> {
        let catalog = self.vocabulary.catalog();
        let joined = matches!(self.cue(end), Some(Cue::Or | Cue::And)) || self.gap(end) == Gap::Comma;
        let at = self.skip(if self.cue(end).is_some() { end + 1 } else { end });
        if !joined || !matches!(self.kind(at), Some(Kind::Period(_))) {
            return Some(end);
        }
        let Some((amount, next)) = self.amount(at) else { return Some(end) };
        let predicate = bound(catalog, field, Limit::Exactly, &amount)?;
        let negated = self.negated;
        if let Some(last) = self.turn.conditions.last_mut() {
            let predicate = if negated { predicate.negate() } else { predicate };
            let so_far = std::mem::replace(&mut last.predicate, Predicate::All { all: Vec::new() });
            last.predicate = match so_far {
                Predicate::Any { mut any } => {
                    any.push(predicate);
                    Predicate::Any { any }
                }
                one => Predicate::Any { any: vec![one, predicate] },
            };
            last.predicate = super::merge::adjoin(&last.predicate).unwrap_or_else(|| last.predicate.clone());
            last.span.1 = self.chunks.get(next - 1).map_or(last.span.1, |c| c.end);
        }
        self.also(field, next)
    }

    fn range(
        &mut self,
        from: usize,
        low: &Amount,
        high: &Amount,
        end: usize,
        hints: &[usize],
    ) -> Option<usize> {
        let catalog = self.vocabulary.catalog();
        // The unit is often said once, with the second number.
        let low = match (low, high) {
            (Amount::Number(n), Amount::Quantity(q)) => {
                Amount::Quantity(super::numbers::Quantity { value: *n, unit: q.unit.clone() })
            }
            (other, _) => other.clone(),
        };
        let (mut hints, mut end) = (hints.to_vec(), end);
        if let (true, Some(Kind::Field(fields))) = (hints.is_empty(), self.kind(end)) {
            (hints, end) = (fields.clone(), end + 1);
        }
        let field = field_of(catalog, high, &hints)?;
        let predicate = between(catalog, field, &low, high)?;
        let span = self.span(from, end);
        self.say(span, predicate, None);
        Some(end)
    }

    /// The amount at this chunk, and the chunk after it.
    fn amount(&self, i: usize) -> Option<(Amount, usize)> {
        match self.kind(i)? {
            Kind::Quantity(q) => Some((Amount::Quantity(q.clone()), i + 1)),
            Kind::Period(p) => Some((Amount::Period(p.clone()), i + 1)),
            Kind::Number(n) => match (self.cue(i + 1), self.gap(i + 1), self.kind(i + 1), self.kind(i + 2)) {
                (Some(Cue::OutOf), _, _, Some(Kind::Number(whole))) => {
                    Some((Amount::Share(*n, *whole), i + 3))
                }
                (_, Gap::Slash, Some(Kind::Number(whole)), _) => Some((Amount::Share(*n, *whole), i + 2)),
                _ if matches!(self.word(i + 1), "star" | "stars") => Some((Amount::Share(*n, 5.0), i + 2)),
                _ => Some((Amount::Number(*n), i + 1)),
            },
            _ => None,
        }
    }

    /// "newer than #2", "shorter than that one".
    fn compared_with_item(
        &mut self,
        i: usize,
        at: usize,
        field: usize,
        direction: Direction,
    ) -> Option<usize> {
        let at = self.skip(at);
        let with = match self.kind(at)? {
            Kind::Reference(place) => Some(*place),
            Kind::Cue(Cue::It) => self.shown.len().checked_sub(1).filter(|n| *n == 0),
            Kind::Cue(Cue::Those) => None,
            _ => return None,
        };
        self.turn.leans = true;
        self.turn.relative.push(Relative { span: self.span(i, at + 1), field, direction, with });
        Some(at + 1)
    }

    /// "by year", "newest first".
    fn sorted(&mut self, i: usize) -> usize {
        let at = self.skip(i + 1);
        let Some(Kind::Field(fields)) = self.kind(at) else { return i + 1 };
        let catalog = self.vocabulary.catalog();
        let Some(field) = fields.first().and_then(|f| catalog.fields.get(*f)) else { return i + 1 };
        let upwards = ["ascending", "asc", "lowest"].contains(&self.word(at + 1));
        let direction = if upwards || !(field.ty.is_number() || is_calendar(field)) {
            Direction::Ascending
        } else {
            Direction::Descending
        };
        let said =
            ["ascending", "asc", "descending", "desc", "lowest", "highest"].contains(&self.word(at + 1));
        let end = at + 1 + usize::from(said);
        self.turn.orders.push((self.span(i, end), OrderBy { field: field.name.clone(), direction }));
        end
    }

    /// "called X", "titled X": a condition on the title.
    fn titled(&mut self, i: usize) -> usize {
        let Some(title) = self.vocabulary.catalog().title_field() else { return i + 1 };
        let mut end = i + 1;
        while end < self.chunks.len() && self.gap(end) != Gap::Stop && self.gap(end) != Gap::Comma {
            end += 1;
        }
        let span = self.span(i + 1, end);
        let (Some(first), Some(last)) =
            (self.tokens.get(span.0), span.1.checked_sub(1).and_then(|l| self.tokens.get(l)))
        else {
            return i + 1;
        };
        let words = self.request.get(first.start..last.end).unwrap_or_default().to_owned();
        let predicate = Predicate::field(&title.name, Operator::Contains, words);
        let span = self.span(i, end);
        self.say(span, predicate, None);
        end
    }
}
