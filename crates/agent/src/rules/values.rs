//! Values and adjectives in a request: which field a value is of, what a list of values asks for, which end of a
//! number an adjective wants.

use segue_catalog::{Catalog, Direction, Operator, Predicate, Value};

use super::RulesError;
use super::bounds::{is_calendar, value};
use super::chunks::{Kind, is_common};
use super::cues::Cue;
use super::doubts::Doubt;
use super::morphology::Form;
use super::parse::Parser;
use super::tokens::Gap;
use super::turn::Relative;
use super::vocabulary::Sense;
use crate::OrderBy;

impl Parser<'_> {
    /// A value and those joined to it. `None` if it is no value here.
    pub(super) fn values(
        &mut self,
        i: usize,
        senses: &[Sense],
        sure: bool,
    ) -> Result<Option<usize>, RulesError> {
        // "French language", "Woody Allen as the writer": the field after its value.
        let at_field = if self.word(i + 1) == "as" { self.skip(i + 1) } else { i + 1 };
        let after = match self.kind(at_field) {
            Some(Kind::Field(fields)) if (i + 1..=at_field).all(|j| self.gap(j) == Gap::Blank) => {
                Some(fields.clone()).filter(|f| senses.iter().any(|s| f.contains(&s.field)))
            }
            _ => self.deed_after(i, senses),
        };
        let lead = self.lead.clone();
        let is_led = lead.is_some() || after.is_some();
        let before_noun = matches!(self.kind(i + 1), Some(Kind::Noun));
        // "C major": a letter beside another value is one. "Queen or ABBA": so is what stands beside a sure name.
        let beside = matches!(self.kind(i + 1), Some(Kind::Value(..)));
        let spoken_of = self.fields_spoken_of();
        let sure = sure
            || senses.iter().any(|s| spoken_of.contains(&s.field))
            || (beside && self.word(i).len() == 1)
            || self.is_joined_to_sure(i, senses);
        if !is_led && !((sure || before_noun) && self.is_distinctive(i, senses)?) {
            return Ok(None);
        }
        let fields = after.clone().or_else(|| lead.as_ref().map(|l| l.0.clone()));
        let fields = fields.unwrap_or(spoken_of);
        let strict = after.is_some() || lead.as_ref().is_some_and(|l| l.2);
        let catalog = self.vocabulary.catalog();
        // "Bond films": one bearer of one name is not what comes to mind.
        let statistics = &self.vocabulary.catalog().statistics;
        let is_open = |f: usize| statistics.get(f).is_some_and(|s| s.distinct > s.top.len() as u64);
        let (from, to) = self.span(i, i + 1);
        if !is_led && from + 1 == to && senses.iter().all(|s| s.count < 2 && s.literal && is_open(s.field)) {
            return Ok(None);
        }
        // "Astaire and Rogers": both are of a field that both can be of.
        let shared: Vec<Sense> = match self.joined_values(i + 1) {
            Some(more) if fields.is_empty() => {
                senses.iter().filter(|s| more.iter().any(|m| m.field == s.field)).cloned().collect()
            }
            _ => Vec::new(),
        };
        let senses = if shared.is_empty() { senses } else { &shared };
        let (first, lead) = match choose(catalog, senses, &fields, strict) {
            Some(first) => (first, lead),
            // "worst rated horror": the name of a field need not lead to what follows it. "Directed by" does.
            None if sure && !(strict && self.is_after_by(i)) => {
                match choose(catalog, senses, &[], /*strict*/ false) {
                    Some(first) => (first, None),
                    None => return Ok(None),
                }
            }
            None => return Ok(None),
        };
        if !sure && !before_noun && !beside && !fields.contains(&first.field) {
            return Ok(None);
        }
        let from = lead.as_ref().map_or(i, |l| l.1);
        let mut end = i + 1;
        if after.is_some_and(|a| a.contains(&first.field)) {
            end = at_field + 1;
        }
        let (mut list, mut or, mut at) = (vec![first.clone()], false, end);
        // Values joined by "or", "and", commas and slashes, as long as they are of one field.
        loop {
            let (mut next, mut joined) = (at, self.gap(at) == Gap::Slash);
            while let Some(cue @ (Cue::Or | Cue::And)) = self.cue(next) {
                or |= cue == Cue::Or;
                (next, joined) = (next + 1, true);
            }
            joined |= self.gap(at) == Gap::Comma && self.gap(next) != Gap::Stop;
            if matches!(self.cue(next), Some(Cue::By | Cue::With | Cue::From | Cue::In)) && joined {
                next += 1;
            }
            if joined && self.cue(next) == Some(Cue::Soft) {
                next += 1;
            }
            // "drop A and put B in": a verb begins something new.
            let between = |j: usize| is_verb(self.word(j)) || super::asides::is_speaker(self.word(j));
            if (next..self.skip(next)).any(between) {
                break;
            }
            let Some(Kind::Value(more, _)) = self.kind(self.skip(next)).filter(|_| joined) else { break };
            let Some(sense) = choose(self.vocabulary.catalog(), more, &[first.field], true) else { break };
            list.push(sense);
            at = self.skip(next) + 1;
            end = at;
        }
        let span = self.span(from, end);
        if fields.is_empty() && list.len() == 1 {
            let others = rivals(catalog, senses, &first);
            if !others.is_empty() {
                self.turn.doubts.push(Doubt::Field([vec![first], others].concat()));
            }
        }
        self.conclude(span, &list, or);
        self.lead = None;
        self.negated &= matches!(self.cue(end), Some(Cue::Or | Cue::And)) || self.gap(end) == Gap::Comma;
        Ok(Some(end))
    }

    /// "Scorsese directing": the field of what somebody does, by its name's beginning.
    fn deed_after(&self, i: usize, senses: &[Sense]) -> Option<Vec<usize>> {
        let stem = self.word(i + 1).strip_suffix("ing").filter(|s| s.len() > 4)?;
        let catalog = self.vocabulary.catalog();
        let named = |f: usize| catalog.fields.get(f).is_some_and(|f| f.name.starts_with(stem));
        let fields: Vec<_> = senses.iter().map(|s| s.field).filter(|f| named(*f)).collect();
        (!fields.is_empty()).then_some(fields)
    }

    /// True if the last word before this that is no filling is "by".
    fn is_after_by(&self, i: usize) -> bool {
        let before = (0..i).rev().find(|j| !matches!(self.kind(*j), Some(Kind::Filling)));
        before.and_then(|j| self.cue(j)) == Some(Cue::By)
    }

    /// The fields on which there are conditions, where this turn adds to them or replaces them: "Danish would be fine
    /// too", "make that Danish".
    fn fields_spoken_of(&self) -> Vec<usize> {
        let speaks =
            |c: &super::chunks::Chunk| matches!(c.kind, Kind::Cue(Cue::Add | Cue::Instead | Cue::InPlaceOf));
        if !self.turn.adds && !self.chunks.iter().any(speaks) {
            return Vec::new();
        }
        let holding = self.before.conditions.iter().filter(|c| c.holds());
        let names = holding.flat_map(|c| c.what.conditions()).map(|c| c.field.as_str());
        names.filter_map(|name| self.vocabulary.catalog().field_index(name)).collect()
    }

    /// What "and" or "or" joins at this place.
    fn joined_values(&self, i: usize) -> Option<&[Sense]> {
        let joined = matches!(self.cue(i), Some(Cue::And | Cue::Or));
        match self.kind(self.skip(i + 1)) {
            Some(Kind::Value(senses, _)) if joined => Some(senses),
            _ => None,
        }
    }

    /// True if "or", "and" or a slash joins this to a sure value of the same field.
    fn is_joined_to_sure(&self, i: usize, senses: &[Sense]) -> bool {
        let at = match self.cue(i + 1) {
            Some(Cue::Or | Cue::And) => self.skip(i + 2),
            _ if self.gap(i + 1) == Gap::Slash => i + 1,
            _ => return false,
        };
        match self.kind(at) {
            Some(Kind::Value(more, true)) => more.iter().any(|m| senses.iter().any(|s| s.field == m.field)),
            _ => false,
        }
    }

    /// True if the words of this chunk are a name rather than everyday words: capitals say so, or that fewer titles
    /// use the words than items have the value.
    fn is_distinctive(&self, i: usize, senses: &[Sense]) -> Result<bool, RulesError> {
        let catalog = self.vocabulary.catalog();
        let few =
            |s: &Sense| catalog.statistics.get(s.field).is_some_and(|st| st.distinct <= st.top.len() as u64);
        if senses.iter().any(few) {
            return Ok(true);
        }
        let span = self.span(i, i + 1);
        let tokens = self.tokens.get(span.0..span.1).unwrap_or_default();
        let words: Vec<_> = tokens.iter().map(|t| t.owner.as_deref().unwrap_or(t.spelt())).collect();
        let titles = self.vocabulary.titles_with(&words.join(" "))?;
        let count = senses.iter().map(|s| s.count).max().unwrap_or_default();
        let named = tokens.iter().all(|t| t.capital || is_common(&t.word));
        Ok(titles <= if named && tokens.iter().any(|t| t.capital) { 4 * count } else { count })
    }

    pub(super) fn conclude(&mut self, span: (usize, usize), list: &[Sense], or: bool) {
        let catalog = self.vocabulary.catalog();
        let equals: Vec<_> = list.iter().filter_map(|s| equal(catalog, s)).collect();
        let single = list.first().and_then(|s| catalog.fields.get(s.field)).is_some_and(|f| !f.multi);
        if equals.len() > 1 && (or || single) && !self.negated {
            // No item has two values of a field that has one, so "and" means "or" there.
            self.say(span, Predicate::Any { any: equals }, None);
        } else {
            for predicate in equals {
                self.say(span, predicate, None);
            }
        }
    }

    /// An adjective: an order ("longest"), a comparison with what is shown ("longer"), a wish ("long").
    pub(super) fn degree(&mut self, i: usize, degrees: &[(usize, Direction)], form: Form) -> Option<usize> {
        let (field, direction) = *degrees.first()?;
        let span = self.span(i, i + 1);
        match form {
            Form::Superlative => {
                self.order(span, field, direction);
                Some(i + 1)
            }
            Form::Comparative => {
                // "longer is fine" takes a limit back.
                if self.cue(i + 1) == Some(Cue::Any) {
                    self.turn.dropped.push((self.span(i, i + 2), field));
                    self.turn.leans = true;
                    return Some(i + 2);
                }
                self.compare(span, field, direction);
                Some(i + 1)
            }
            Form::Positive => {
                if i.checked_sub(1).is_some_and(|b| self.word(b) == "too") && !self.negated {
                    self.compare(span, field, opposite(direction));
                    return Some(i + 1);
                }
                let next = self.kind(i + 1);
                let apart = self.gap(i + 1) != Gap::Blank;
                // Where adjectives come after what they are of, anything can follow.
                let last = self.vocabulary.pack().is_some() && self.cue(i + 1).is_some();
                let fits = apart
                    || last
                    || matches!(
                        next,
                        None | Some(
                            Kind::Noun | Kind::Filling | Kind::Value(..) | Kind::Degree(..) | Kind::Period(_)
                        )
                    )
                    || matches!(
                        self.cue(i + 1),
                        Some(
                            Cue::And
                                | Cue::Or
                                | Cue::But
                                | Cue::With
                                | Cue::From
                                | Cue::By
                                | Cue::Those
                                | Cue::Not
                        )
                    )
                    || matches!(next, Some(Kind::Field(f)) if f.contains(&field));
                if !fits {
                    return None;
                }
                self.wish(span, field, direction);
                Some(i + 1)
            }
        }
    }

    fn compare(&mut self, span: (usize, usize), field: usize, direction: Direction) {
        let direction = if self.negated { opposite(direction) } else { direction };
        let with = self.turn.referred.or(if self.shown.len() == 1 { Some(0) } else { None });
        self.turn.leans = true;
        self.turn.relative.push(Relative { span, field, direction, with });
    }

    pub(super) fn order(&mut self, span: (usize, usize), field: usize, direction: Direction) {
        let Some(field) = self.vocabulary.catalog().fields.get(field) else { return };
        self.turn.orders.push((span, OrderBy { field: field.name.clone(), direction }));
    }

    /// "long", "recent": the upper or lower quarter of what is known, preferred and never required, because such a
    /// word sets no limit.
    fn wish(&mut self, span: (usize, usize), field: usize, direction: Direction) {
        let catalog = self.vocabulary.catalog();
        let direction = if self.negated { opposite(direction) } else { direction };
        self.negated = false;
        let (Some(description), Some(statistics)) =
            (catalog.fields.get(field), catalog.statistics.get(field))
        else {
            return;
        };
        let (p, operator, note) = match direction {
            Direction::Descending => (0.75, Operator::Ge, "{predicate} (the highest quarter is preferred)"),
            Direction::Ascending => (0.25, Operator::Le, "{predicate} (the lowest quarter is preferred)"),
        };
        let Some(limit) = statistics.quantile(p) else {
            // Dates have no quantiles: which end comes first can still be said.
            self.order(span, field, direction);
            return;
        };
        let predicate = Predicate::field(&description.name, operator, value(limit));
        let soft = std::mem::replace(&mut self.soft, true);
        self.say(span, predicate, Some(note));
        self.soft = soft;
    }

    /// "high energy", "low prices": a wish for one end of a field that is named.
    pub(super) fn much(&mut self, i: usize) -> Option<usize> {
        let direction = match self.word(i) {
            "high" | "strong" | "big" => Direction::Descending,
            "low" | "weak" | "little" => Direction::Ascending,
            _ => return None,
        };
        let Some(Kind::Field(fields)) = self.kind(i + 1) else { return None };
        let catalog = self.vocabulary.catalog();
        let field = fields.iter().find(|f| catalog.fields.get(**f).is_some_and(|f| f.ty.is_number()))?;
        self.wish(self.span(i, i + 2), *field, direction);
        Some(i + 2)
    }

    /// "and newer" with nothing that it could be a limit of.
    pub(super) fn tail(&mut self, i: usize) {
        let span = self.span(i, i + 1);
        let Some(token) = span.1.checked_sub(1).and_then(|l| self.tokens.get(l)) else { return };
        let degree =
            self.vocabulary.meaning(std::slice::from_ref(token)).and_then(|m| m.degrees.first().copied());
        if let Some((field, direction, Form::Comparative)) = degree {
            self.compare(span, field, direction);
        }
    }

    /// "best", "worst", "top".
    pub(super) fn best(&mut self, i: usize, cue: Cue) {
        let catalog = self.vocabulary.catalog();
        let is_number =
            |f: &usize| catalog.fields.get(*f).is_some_and(|f| f.ty.is_number() || is_calendar(f));
        let named = matches!(self.kind(i + 1), Some(Kind::Field(f)) if f.iter().any(is_number));
        let Some(field) = catalog.fields.iter().position(|f| f.quality).filter(|_| !named) else { return };
        let direction = if cue == Cue::Worst { Direction::Ascending } else { Direction::Descending };
        // "top 5 longest" is ordered by length.
        let next = (i + 1..i + 4).find_map(|j| match self.kind(j) {
            Some(Kind::Degree(_, Form::Superlative) | Kind::Cue(Cue::Most | Cue::Least)) => Some(()),
            _ => None,
        });
        if next.is_none() {
            self.order(self.span(i, i + 1), field, direction);
        }
    }

    /// "more recent", "most popular", "least known".
    pub(super) fn graded(&mut self, i: usize, cue: Cue) -> usize {
        let at = i + 1;
        if let Some(Kind::Degree(degrees, Form::Positive)) = self.kind(at) {
            let Some((field, direction)) = degrees.first().copied() else { return i + 1 };
            let direction =
                if matches!(cue, Cue::Less | Cue::Least) { opposite(direction) } else { direction };
            let span = self.span(i, at + 1);
            if matches!(cue, Cue::Most | Cue::Least) {
                self.order(span, field, direction);
            } else {
                self.compare(span, field, direction);
            }
            return at + 1;
        }
        // "less violent": search cannot want less of a word.
        if matches!(cue, Cue::Less | Cue::Least) && matches!(self.kind(at), Some(Kind::Word)) {
            self.turn.not_understood.push(self.span(i, at + 1));
            return at + 1;
        }
        // "more", "more please", "two more": others than those shown.
        let alone = self.kind(at).is_none() || matches!(self.kind(at), Some(Kind::Noun | Kind::Filling));
        if cue == Cue::More && alone && !self.shown.is_empty() {
            self.turn.others = Some(self.span(i, i + 1));
            self.turn.leans = true;
        }
        i + 1
    }
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Ascending => Direction::Descending,
        Direction::Descending => Direction::Ascending,
    }
}

/// The sense that is meant: of one of `fields` if any is (and only then if `strict`), a value's own words before a
/// synonym, and of several fields the one in which the value is least by chance: the count of the value in
/// proportion to all values of the field.
fn choose(catalog: &Catalog, senses: &[Sense], fields: &[usize], strict: bool) -> Option<Sense> {
    let led: Vec<_> = senses.iter().filter(|s| fields.contains(&s.field)).collect();
    if strict && led.is_empty() {
        return None;
    }
    let led_by_name = !led.is_empty();
    let all: Vec<_> = if led_by_name { led } else { senses.iter().collect() };
    let share = |s: &Sense| share(catalog, s);
    let yields = |s: &Sense| yields(catalog, s);
    let all: Vec<_> = if led_by_name || all.iter().all(|s| yields(s)) {
        all
    } else {
        all.into_iter().filter(|s| !yields(s)).collect()
    };
    let literal = all.iter().any(|s| s.literal);
    let all: Vec<_> = all.into_iter().filter(|s| s.literal == literal).collect();
    let most = all.iter().map(|s| share(s)).fold(0.0, f64::max);
    // Where it is close, the field that the data set names first is meant.
    all.into_iter().filter(|s| share(s) >= CLOSE * most).min_by_key(|s| s.field).cloned()
}

/// A verb by which somebody asks, where it joins two parts of a request.
pub(super) fn is_verb(word: &str) -> bool {
    matches!(word, "put" | "give" | "show" | "add" | "play" | "have" | "get" | "keep" | "bring" | "include")
}

/// How much of its field a value is.
fn share(catalog: &Catalog, sense: &Sense) -> f64 {
    let known = catalog.statistics.get(sense.field).map_or(1.0, |st| {
        // What the most frequent values do not cover counts as one item each.
        let top: u64 = st.top.iter().map(|t| t.count).sum();
        top.max(st.known).max(st.distinct).max(1) as f64
    });
    sense.count as f64 / known
}

fn yields(catalog: &Catalog, sense: &Sense) -> bool {
    catalog.fields.get(sense.field).is_some_and(|f| f.yields)
}

/// The senses in other fields that are as likely as the one that was chosen.
fn rivals(catalog: &Catalog, senses: &[Sense], chosen: &Sense) -> Vec<Sense> {
    let close = |s: &&Sense| {
        s.field != chosen.field
            && s.literal == chosen.literal
            && !yields(catalog, s)
            && share(catalog, s) >= CLOSE * share(catalog, chosen)
    };
    senses.iter().filter(close).cloned().collect()
}

/// How close to the largest share a share must be to count as equal.
const CLOSE: f64 = 0.4;

fn equal(catalog: &Catalog, sense: &Sense) -> Option<Predicate> {
    let field = catalog.fields.get(sense.field)?;
    Some(Predicate::field(&field.name, Operator::Eq, Value::from(sense.value.as_str())))
}
