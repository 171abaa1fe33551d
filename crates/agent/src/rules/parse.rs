//! Reads the chunks of a turn from left to right.

use segue_catalog::{Direction, Operator, Predicate, Role};

use super::RulesError;
use super::bounds::is_calendar;
use super::chunks::{Chunk, Kind};
use super::cues::{Cue, Limit, is_telling};
use super::descriptions::Told;
use super::morphology::Form;
use super::tokens::{Gap, Token};
use super::turn::{Said, Turn};
use super::vocabulary::Vocabulary;
use crate::{Asked, Constraints, Described, Earlier, OrderBy, ShownItem};

/// The state of reading one turn.
pub(super) struct Parser<'a> {
    pub(super) request: &'a str,
    pub(super) tokens: &'a [Token],
    pub(super) chunks: &'a [Chunk],
    pub(super) vocabulary: &'a Vocabulary<'a>,
    pub(super) shown: &'a [ShownItem],
    /// What held before this turn.
    pub(super) before: &'a Constraints,
    pub(super) earlier: &'a Earlier,
    pub(super) turn: Turn,
    /// Inside a negation.
    pub(super) negated: bool,
    /// After "preferably": what follows only ranks.
    pub(super) soft: bool,
    /// After "about": what follows are words to search for.
    pub(super) topic: bool,
    /// Fields that a word just before leads to, where the words for it begin, and whether it names them outright.
    pub(super) lead: Option<(Vec<usize>, usize, bool)>,
}

impl<'a> Parser<'a> {
    pub(super) fn new(
        request: &'a str,
        tokens: &'a [Token],
        chunks: &'a [Chunk],
        vocabulary: &'a Vocabulary<'a>,
        (shown, before): (&'a [ShownItem], &'a Constraints),
        earlier: &'a Earlier,
    ) -> Self {
        Self {
            request,
            tokens,
            chunks,
            vocabulary,
            shown,
            before,
            earlier,
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
                    // "no A, B or C"; but in "no A, and they should be …" something new begins.
                    let next = if matches!(chunk.kind, Kind::Cue(Cue::Or | Cue::And)) { i + 1 } else { i };
                    let next = self.skip(next);
                    self.negated &= next <= i + 2
                        && matches!(self.kind(next), Some(Kind::Value(..) | Kind::Cue(Cue::Not)));
                    self.soft &= !matches!(chunk.kind, Kind::Cue(_) | Kind::Filling);
                }
                _ => {}
            }
            i = self.step(i)?.max(i + 1);
        }
        self.turn.correct();
        super::asides::leave_out(&mut self.turn, self.tokens, self.chunks);
        self.turn.unite(self.vocabulary.catalog());
        self.either();
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
    pub(super) fn say(&mut self, span: (usize, usize), predicate: Predicate, note: Option<&'static str>) {
        let predicate = if self.negated { predicate.negate() } else { predicate };
        let hard = !self.soft;
        self.turn.conditions.push(Said { span, predicate, hard, note });
    }

    fn step(&mut self, i: usize) -> Result<usize, RulesError> {
        if let Some(next) = self.comparison(i) {
            (self.lead, self.negated, self.topic) = (None, false, false);
            return Ok(next);
        }
        if let Some(next) = self.much(i) {
            return Ok(next);
        }
        let Some(chunk) = self.chunks.get(i) else { return Ok(i + 1) };
        match &chunk.kind {
            Kind::Cue(cue) => return self.steer(i, *cue),
            Kind::Value(senses, sure) if !self.topic => {
                if let Some(next) = self.values(i, senses, *sure)? {
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
                if let Some(next) = self.at_least_one(i, fields) {
                    return Ok(next);
                }
                // "the year doesn't matter".
                if self.cue(i + 1) == Some(Cue::Any) && self.word(i + 1) != "any" {
                    let span = self.span(i, i + 2);
                    self.turn.dropped.extend(fields.iter().map(|f| (span, *f)));
                    self.turn.leans = true;
                    return Ok(i + 2);
                }
                // "not directed by her".
                if matches!(self.word(i + 1), "him" | "her" | "them") && self.gap(i + 1) == Gap::Blank {
                    self.turn.makers = Some((self.span(i, i + 2), (fields.clone(), self.negated)));
                    (self.turn.leans, self.negated) = (true, false);
                    return Ok(i + 2);
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
                let next = self.skip(i + 1);
                if next.checked_sub(1).is_some_and(|b| self.word(b) == "too") {
                    self.turn.referred = Some(*place);
                } else {
                    let negated = self.negated;
                    self.refer(i, i + 1, *place);
                    let joined =
                        matches!(self.cue(i + 1), Some(Cue::And | Cue::Or)) || self.gap(i + 1) == Gap::Comma;
                    self.negated = negated && joined;
                }
            }
            Kind::Described => return self.described(i),
            Kind::Number(n) => self.bare_number(i, *n),
            Kind::Word | Kind::Value(..) | Kind::Degree(..) => self.words(i),
            Kind::Quantity(_) | Kind::Period(_) => self.turn.not_understood.push(self.span(i, i + 1)),
            Kind::Filling if self.topic && is_telling(self.word(i)) => self.words(i),
            Kind::Filling => return Ok(i + 1),
        }
        self.lead = None;
        Ok(i + 1)
    }

    /// A description: what the catalogue says that it means, or words for somebody who knows.
    fn described(&mut self, i: usize) -> Result<usize, RulesError> {
        let span = self.span(i, i + 1);
        let led = self.lead.as_ref().map(|l| l.0.clone()).unwrap_or_default();
        let from = self.lead.as_ref().map_or(span.0, |l| self.span(l.1, i).0);
        let told = if self.topic { Told::Nothing } else { self.told(span, &led)? };
        match told {
            Told::Values(senses) => {
                self.conclude((from, span.1), &senses, /*or*/ true);
                self.negated = false;
            }
            Told::OneOf(_) | Told::Nothing => {
                let among = if let Told::OneOf(values) = told { values } else { Vec::new() };
                if !self.topic {
                    let fields = self.fields_of_head(span);
                    self.turn.described.push((span, Described { text: String::new(), among, fields }));
                }
                self.words(i);
            }
        }
        self.lead = None;
        Ok(i + 1)
    }

    /// "won an Oscar": at least one of what the field counts.
    fn at_least_one(&mut self, i: usize, fields: &[usize]) -> Option<usize> {
        let before = |n: usize| i.checked_sub(n).map_or("", |b| self.word(b));
        let got =
            matches!(before(2), "won" | "win" | "winning" | "with" | "has" | "have" | "got" | "received");
        if !got || !matches!(before(1), "a" | "an" | "any" | "some") {
            return None;
        }
        // "with a metascore of 70" names a number.
        let ends = self.kind(i + 1).is_none()
            || matches!(self.gap(i + 1), Gap::Comma | Gap::Stop)
            || matches!(self.cue(i + 1), Some(Cue::And | Cue::Or | Cue::But | Cue::From | Cue::Not));
        if !ends {
            return None;
        }
        let catalog = self.vocabulary.catalog();
        let counts = |f: &&usize| {
            catalog.fields.get(**f).is_some_and(|f| {
                f.ty == segue_catalog::FieldType::Integer && f.unit.is_none() && !is_calendar(f)
            })
        };
        let field = catalog.fields.get(*fields.iter().find(counts)?)?;
        self.say(self.span(i - 2, i + 1), Predicate::field(&field.name, Operator::Ge, 1_i64), None);
        self.lead = None;
        Some(i + 1)
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
            // "No, …" and "actually no, …" answer what was said before.
            Cue::Not if self.word(i) == "no" && self.gap(i + 1) == Gap::Comma => self.turn.leans = true,
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
                    self.dislike(i, self.skip(i + 1) + 1, place);
                    self.negated = false;
                    return Ok(self.skip(i + 1) + 1);
                }
            }
            Cue::But | Cue::Ask => {
                self.turn.asks |= cue == Cue::Ask;
                (self.negated, self.topic, self.lead) = (false, false, None);
            }
            Cue::Only => {
                self.negated = false;
                self.turn.leans |= i <= 1;
            }
            Cue::Soft => self.soft = true,
            Cue::Topic => self.topic = true,
            // "an album called Hits" names the album.
            Cue::Titled if self.follows_category(i) => {
                let next = i + 1 + usize::from(self.cue(i + 1) == Some(Cue::Limit(Limit::Exactly)));
                return Ok(next);
            }
            Cue::Titled => return Ok(self.titled(i, Operator::Contains)),
            // "start with the quietest" is an order.
            Cue::TitleStarts
                if matches!(
                    self.kind(self.skip(i + 1)),
                    Some(Kind::Degree(_, Form::Superlative) | Kind::Cue(Cue::Most | Cue::Best))
                ) => {}
            Cue::TitleStarts => return Ok(self.titled(i, Operator::StartsWith)),
            Cue::Like | Cue::Love => {
                if let Some(next) = self.like(i)? {
                    return Ok(next);
                }
            }
            Cue::Hate => {
                let next = self.skip(i + 1);
                // A title after it is an item; anything else that is hated is a condition.
                if !matches!(self.kind(next), Some(Kind::Reference(_))) {
                    self.negated = true;
                    if let Some(next) = self.title(i, i + 1)? {
                        return Ok(next);
                    }
                }
                self.negated = true;
            }
            Cue::Best | Cue::Worst | Cue::Top => self.best(i, cue),
            Cue::More | Cue::Most | Cue::Less | Cue::Least => return Ok(self.graded(i, cue)),
            Cue::Sort => return Ok(self.sorted(i)),
            Cue::HowMany => self.turn.how_many = true,
            Cue::Those | Cue::It => self.turn.leans = true,
            // "this instead of that"; without anything that was asked for before it is a mere negation.
            Cue::InPlaceOf => {
                (self.negated, self.topic, self.turn.leans) = (true, false, true);
                self.turn.replaces |= self.before.conditions.iter().any(Asked::holds);
            }
            // "the 60s, no wait, make that the 70s".
            Cue::Instead if !self.turn.conditions.is_empty() => {
                self.turn.corrected = Some(self.turn.conditions.len());
            }
            Cue::Instead => (self.turn.leans, self.turn.replaces) = (true, true),
            Cue::Add => (self.turn.leans, self.turn.adds) = (true, true),
            // "and newer" without a number before it compares with what is shown.
            Cue::Tail(_) => self.tail(i),
            Cue::Others if !self.shown.is_empty() => {
                self.turn.others = Some(span);
                self.turn.leans = true;
            }
            Cue::Reset => self.turn.reset = Some(span),
            Cue::Drop | Cue::Any => return Ok(self.drop_field(i)),
            Cue::Describe | Cue::Why => return self.ask_about(i, cue),
            Cue::By | Cue::With | Cue::From | Cue::In => {
                if matches!(self.cue(i + 1), Some(Cue::Not)) {
                    return Ok(i + 1);
                }
                if let Some(next) = self.in_the_title(i, cue) {
                    return Ok(next);
                }
                if let (Cue::By, Some(end)) = (cue, self.pronoun(i + 1)) {
                    let fields = if leads_to.is_empty() { self.makers() } else { leads_to };
                    self.turn.makers = Some((self.span(i, end), (fields, self.negated)));
                    (self.turn.leans, self.negated) = (true, false);
                    return Ok(end);
                }
                // "recordings by": what they are does not say by whom.
                let makes = |l: &(Vec<usize>, usize, bool)| l.0.iter().any(|f| self.vocabulary.is_maker(*f));
                let by_whom = cue == Cue::By && matches!(self.kind(self.skip(i + 1)), Some(Kind::Value(..)));
                let named = self.lead.as_ref().is_some_and(|l| l.2 && (!by_whom || makes(l)));
                if !named {
                    let fields = if cue == Cue::By && leads_to.is_empty() { self.makers() } else { leads_to };
                    // "about rain in a minor key": what one of few values says is no topic.
                    self.topic &= cue == Cue::In && !self.is_one_of_few(self.skip(i + 1));
                    self.lead = Some((fields, i, false));
                }
            }
            // "drop A and put B in".
            Cue::And if super::values::is_verb(self.word(i + 1)) => self.negated = false,
            Cue::And if i == 0 => self.turn.leans = true,
            Cue::Too => self.turn.also = true,
            // "or Danish": one more that will do.
            Cue::Or if i == 0 => (self.turn.leans, self.turn.adds) = (true, true),
            _ => {}
        }
        Ok(i + 1)
    }

    /// "either by A or anything B": two conditions of different fields, one of which will do.
    fn either(&mut self) {
        let Some(at) = self.tokens.iter().position(|t| t.word == "either") else { return };
        let or = |from: usize, to: usize| {
            self.tokens.get(from..to).is_some_and(|between| {
                between.iter().all(|t| !matches!(t.gap, Gap::Stop)) && between.iter().any(|t| t.word == "or")
            })
        };
        let pair = self.turn.conditions.windows(2).position(|w| {
            matches!(w, [a, b] if a.hard && b.hard && a.span.0 >= at && or(a.span.1, b.span.0)
                && a.predicate.conditions().len() == 1 && b.predicate.conditions().len() == 1)
        });
        let Some(first) = pair else { return };
        let second = self.turn.conditions.remove(first + 1);
        if let Some(first) = self.turn.conditions.get_mut(first) {
            let one = std::mem::replace(&mut first.predicate, Predicate::All { all: Vec::new() });
            first.predicate = Predicate::Any { any: vec![one, second.predicate] };
            first.span.1 = second.span.1;
        }
    }

    /// "him", "the man himself": the chunk after what stands for the makers of what was spoken of.
    fn pronoun(&self, i: usize) -> Option<usize> {
        const MAKERS: [&str; 9] =
            ["man", "woman", "band", "group", "artist", "singer", "director", "lady", "guy"];
        let at = i + usize::from(self.word(i) == "the");
        let itself = matches!(self.word(at + 1), "himself" | "herself" | "itself" | "themselves");
        match self.word(i) {
            "him" | "her" | "them" => Some(i + 1),
            "the" if MAKERS.contains(&self.word(at)) && itself => Some(at + 2),
            "the" if self.word(at) == "same" && MAKERS.contains(&self.word(at + 1)) => Some(at + 2),
            _ => None,
        }
    }

    /// True if the name of a field of categories leads to this.
    fn follows_category(&self, i: usize) -> bool {
        let catalog = self.vocabulary.catalog();
        let Some((fields, from, true)) = &self.lead else { return false };
        let is_category = |f: &usize| catalog.fields.get(*f).is_some_and(|f| f.role == Role::Category);
        from + 1 == i && fields.iter().any(is_category)
    }

    /// True if a value of a field that has few stands here.
    fn is_one_of_few(&self, i: usize) -> bool {
        let statistics = &self.vocabulary.catalog().statistics;
        let few = |field: usize| statistics.get(field).is_some_and(|s| s.distinct <= s.top.len() as u64);
        matches!(self.kind(i), Some(Kind::Value(senses, _)) if senses.iter().any(|s| few(s.field)))
    }

    /// The fields that say who made the item.
    pub(super) fn makers(&self) -> Vec<usize> {
        (0..self.vocabulary.catalog().fields.len()).filter(|f| self.vocabulary.is_maker(*f)).collect()
    }

    /// A word that is not part of anything else: something to search for.
    pub(super) fn words(&mut self, i: usize) {
        let span = self.span(i, i + 1);
        let words = self.text(span);
        if words.is_empty() {
            return;
        }
        if self.negated {
            // Search cannot leave words out; saying so is better than searching for what is not wanted.
            self.turn.not_understood.push(span);
        } else {
            self.turn.query.push((span, words));
        }
    }

    /// A number that limits nothing: how many items to show, or a thing of its own.
    fn bare_number(&mut self, i: usize, n: f64) {
        // "I meant 95, not 85".
        if self.negated && self.turn.replaces {
            return;
        }
        let before = i.checked_sub(1).and_then(|b| self.cue(b));
        let counts = (i + 1..i + 6).take_while(|j| self.gap(*j) == Gap::Blank || self.gap(*j) == Gap::Hyphen);
        let of_items = counts.into_iter().find_map(|j| match self.kind(j) {
            Some(Kind::Noun | Kind::Cue(Cue::Best | Cue::Most | Cue::Others | Cue::Those)) => Some(true),
            Some(Kind::Cue(Cue::In) | Kind::Value(..) | Kind::Degree(..) | Kind::Filling) => None,
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
}
