//! Comparisons: a limit and an amount, ranges, and comparisons with what the user sees.

use segue_catalog::{Direction, Operator, Predicate};

use super::bounds::{Amount, between, bound, field_of, limit_of};
use super::chunks::Kind;
use super::cues::{Cue, Limit};
use super::morphology::Form;
use super::parse::Parser;
use super::tokens::Gap;
use super::turn::Relative;

impl Parser<'_> {
    /// A limit and an amount, in any of the orders in which people put them.
    pub(super) fn comparison(&mut self, i: usize) -> Option<usize> {
        let catalog = self.vocabulary.catalog();
        let from = self.lead.as_ref().map_or(i, |l| l.1.min(i));
        let mut hints = self.lead.as_ref().map(|l| l.0.clone()).unwrap_or_default();
        let mut named = self.lead.as_ref().is_some_and(|l| l.2);
        if !named {
            hints.clear();
        }
        let negated = self.negated;
        let graded = matches!(self.kind(i), Some(Kind::Degree(..)));
        let mut j = i;
        let limit = match self.kind(i)? {
            Kind::Cue(Cue::Limit(limit)) => Some(*limit),
            Kind::Cue(Cue::Before) => Some(Limit::Under),
            Kind::Cue(Cue::After) => Some(Limit::Over),
            Kind::Cue(Cue::Since) => Some(Limit::AtLeast),
            Kind::Cue(Cue::Until) => Some(Limit::AtMost),
            Kind::Cue(Cue::Topic) if self.amount(i + 1).is_some() => Some(Limit::Around),
            // "longer as" is said too.
            Kind::Degree(degrees, Form::Comparative)
                if self.cue(i + 1) == Some(Cue::Than) || self.word(i + 1) == "as" =>
            {
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
                let joined = matches!(
                    self.cue(next),
                    Some(Cue::And | Cue::To | Cue::Until | Cue::Or | Cue::Limit(Limit::AtMost))
                ) || self.gap(next) == Gap::Hyphen;
                let after = if self.gap(next) == Gap::Hyphen { next } else { self.skip(next + 1) };
                let is_between = self.cue(i) == Some(Cue::Between)
                    || self.cue(next) != Some(Cue::And) && self.cue(next) != Some(Cue::Or);
                if let Some((high, end)) = self.amount(after).filter(|_| joined && is_between) {
                    return self.range(from.min(i), &low, &high, end, &hints);
                }
                j = i;
                None
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
        if limit.is_none()
            && (to || self.gap(end) == Gap::Hyphen)
            && let Some((high, next)) = self.amount(if to { end + 1 } else { end })
        {
            return self.range(from, &amount, &high, next, &hints);
        }
        let mut limit = limit;
        if let (None, Some(Cue::Tail(tail))) = (limit, self.cue(end)) {
            (limit, end) = (Some(tail), end + 1);
        } else if let (None, Some((tail, fields, next))) = (limit, self.open_end(&amount, end)) {
            (limit, end) = (Some(tail), next);
            if let Some(fields) = fields {
                (hints, named) = (fields, true);
            }
        } else if let (Some(_), Some((tail, Some(_), next))) = (limit, self.open_end(&amount, end)) {
            // "at two hours at most, nothing longer" says it twice.
            if Some(tail) == limit {
                end = next;
            }
        } else if limit.is_none() && self.word(end) == "on" && matches!(amount, Amount::Period(_)) {
            (limit, end) = (Some(Limit::AtLeast), end + 1);
        }
        // "five or more of the statues" counts something that is no field.
        if matches!(amount, Amount::Number(_)) && !named && self.word(end) == "of" {
            return None;
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
                    // "three prizes or more".
                    if let (None, Some(Cue::Tail(tail))) = (limit, self.cue(end)) {
                        (limit, end) = (Some(tail), end + 1);
                    }
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
        if let (Amount::Period(p), true) = (&amount, named)
            && field_of(catalog, &amount, &hints).is_none()
        {
            amount = Amount::Number(p.years().0 as f64);
        }
        // "make it 90 minutes" moves the limit that was set.
        if limit.is_none()
            && !negated
            && let Some((field, before)) = self.limit_before(&amount, &hints)
        {
            let predicate = bound(catalog, field, before, &amount)?;
            self.say(self.span(if named { from } else { i }, end), predicate, None);
            return Some(end);
        }
        if limit.is_none() {
            let natural = match &amount {
                Amount::Period(_) => Some(Limit::Exactly),
                // "arguing for an hour now".
                Amount::Quantity(_) if self.word(end) == "now" => None,
                Amount::Quantity(_) => Some(Limit::Around),
                Amount::Share(..) => Some(Limit::AtLeast),
                Amount::Number(_) => (named || described).then_some(Limit::Exactly),
            };
            limit = Some(natural?);
        }
        // "rated above 7" names a field of ratings, whichever of them it is.
        let field = field_of(catalog, &amount, &hints).or_else(|| {
            field_of(catalog, &amount, &[]).filter(|_| limit != Some(Limit::Exactly) && !graded)
        })?;
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

    /// The limit that the turn puts another amount to, where it says that it replaces something.
    fn limit_before(&self, amount: &Amount, hints: &[usize]) -> Option<(usize, Limit)> {
        if !self.turn.replaces || matches!(amount, Amount::Period(_)) {
            return None;
        }
        let catalog = self.vocabulary.catalog();
        self.before.conditions.iter().rev().filter(|c| c.holds()).find_map(|asked| {
            let Predicate::Field(condition) = &asked.what else { return None };
            let limit = match condition.op {
                Operator::Lt => Limit::Under,
                Operator::Le => Limit::AtMost,
                Operator::Gt => Limit::Over,
                Operator::Ge => Limit::AtLeast,
                _ => return None,
            };
            let field = catalog.field_index(&condition.field)?;
            let meant = hints.is_empty() || hints.contains(&field);
            (meant && field_of(catalog, amount, &[field]).is_some()).then_some((field, limit))
        })
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
        if field_of(catalog, &amount, &[field]).is_none() {
            return Some(end);
        }
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
        let close = hints.is_empty() && self.gap(end) == Gap::Blank;
        if let (true, Some(Kind::Field(fields))) = (close, self.kind(end))
            && field_of(catalog, high, fields).is_some()
        {
            (hints, end) = (fields.clone(), end + 1);
        }
        let field = field_of(catalog, high, &hints)?;
        let predicate = between(catalog, field, &low, high)?;
        let span = self.span(from, end);
        self.say(span, predicate, None);
        Some(end)
    }

    /// What after an amount makes a limit of it: "128 bpm or faster", "two hours, nothing longer", "90 minutes at
    /// most". The limit, the fields that it is of if it says so, and the chunk after it.
    fn open_end(&self, amount: &Amount, end: usize) -> Option<(Limit, Option<Vec<usize>>, usize)> {
        let (joined, at) = match self.cue(end)? {
            Cue::Or | Cue::And if self.cue(end + 1) == Some(Cue::Not) => (false, self.skip(end + 2)),
            Cue::Or | Cue::And => (true, end + 1),
            Cue::Not => (false, self.skip(end + 1)),
            Cue::Limit(limit @ (Limit::AtMost | Limit::AtLeast))
                if self.amount(self.skip(end + 1)).is_none() =>
            {
                return Some((limit, None, end + 1));
            }
            _ => return None,
        };
        let Some(Kind::Degree(degrees, Form::Comparative)) = self.kind(at) else { return None };
        if self.cue(at + 1) == Some(Cue::Than) {
            return None;
        }
        let fields: Vec<_> = degrees.iter().map(|d| d.0).collect();
        field_of(self.vocabulary.catalog(), amount, &fields)?;
        let limit = match (degrees.first()?.1, joined) {
            (Direction::Descending, true) | (Direction::Ascending, false) => Limit::AtLeast,
            (Direction::Ascending, true) | (Direction::Descending, false) => Limit::AtMost,
        };
        Some((limit, Some(fields), at + 1))
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
}
