//! Items that a request points at: by title, by place among those shown, by "it".

use segue_catalog::Role;

use super::RulesError;
use super::chunks::Kind;
use super::cues::Cue;
use super::parse::Parser;
use super::tokens::{Gap, Token};

/// The most words that a title is looked up with.
const LONGEST_TITLE: usize = 12;

impl Parser<'_> {
    /// "like X": items to be like. `None` if nothing that follows is an item.
    pub(super) fn like(&mut self, i: usize) -> Result<Option<usize>, RulesError> {
        let at = self.skip(i + 1);
        match self.kind(at) {
            Some(Kind::Reference(place)) => {
                self.turn.leans = true;
                self.refer(i, at + 1, *place);
                return Ok(Some(at + 1));
            }
            Some(Kind::Cue(Cue::It | Cue::Those | Cue::Last)) if !self.shown.is_empty() => {
                self.turn.leans = true;
                let all = self.cue(at) == Some(Cue::Those);
                for place in 0..if all { self.shown.len() } else { 1 } {
                    self.refer(i, at + 1, place);
                }
                return Ok(Some(at + 1));
            }
            _ => {}
        }
        let mut next = i + 1;
        let mut found = None;
        // Titles joined by "and", "or" and commas are all meant.
        loop {
            let mut end = self.title(i, next)?;
            if end.is_none() && next == i + 1 && at != next {
                end = self.title(i, at)?;
            }
            let Some(end) = end else { break };
            found = Some(end);
            if !matches!(self.cue(end), Some(Cue::And | Cue::Or)) && self.gap(end) != Gap::Comma {
                break;
            }
            next = end + usize::from(self.cue(end).is_some());
        }
        if found.is_none() {
            return Ok(self.absent(i, at));
        }
        Ok(found)
    }

    /// The longest title that begins at this chunk; its item is liked.
    pub(super) fn title(&mut self, from: usize, at: usize) -> Result<Option<usize>, RulesError> {
        let Some(first) = self.chunks.get(at).map(|c| c.first) else { return Ok(None) };
        for end in (first + 1..=self.tokens.len().min(first + LONGEST_TITLE)).rev() {
            let run = self.tokens.get(first..end).unwrap_or_default();
            if run.iter().all(|t| super::cues::is_filling(&t.word)) {
                continue;
            }
            let Some(sense) = self.vocabulary.lexicon(self.request, run, /*titles*/ true)?.into_iter().next()
            else {
                continue;
            };
            let Some(id) = self.id_of(&sense.value)? else { continue };
            let after = self.chunks.iter().position(|c| c.first >= end).unwrap_or(self.chunks.len());
            let span = (self.span(from, from + 1).0, end);
            if self.negated {
                self.turn.dislikes.push((span, id));
                self.negated = false;
            } else {
                self.turn.likes.push((span, id));
            }
            return Ok(Some(after));
        }
        Ok(None)
    }

    /// A name in capitals or quotation marks that no title has: said to be absent rather than guessed at.
    fn absent(&mut self, from: usize, at: usize) -> Option<usize> {
        let mut end = at;
        while self.chunks.get(end).is_some_and(|c| {
            let named = |t: &Token| {
                t.capital || t.quoted || (end > at && t.word.starts_with(|c: char| c.is_ascii_digit()))
            };
            let named = self.tokens.get(c.first).is_some_and(named);
            (named || (end > at && matches!(c.kind, Kind::Filling))) && (end == at || c.gap == Gap::Blank)
        }) {
            end += 1;
        }
        if end == at || matches!(self.kind(at), Some(Kind::Value(..) | Kind::Noun)) {
            return None;
        }
        let span = self.span(at, end);
        let (first, last) = (self.tokens.get(span.0)?, self.tokens.get(span.1.checked_sub(1)?)?);
        let words = self.request.get(first.start..last.end)?.to_owned();
        self.turn.absent.push((self.span(from, end), words));
        Some(end)
    }

    fn id_of(&self, title: &str) -> Result<Option<String>, RulesError> {
        let catalog = self.vocabulary.catalog();
        let (Some(id), Some(field)) = (catalog.with_role(Role::Id), catalog.title_field()) else {
            return Ok(None);
        };
        let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
        // Of several items of one title the best is meant.
        let best =
            catalog.quality_field().map_or_else(|| quoted(&id.name), |q| format!("{} DESC", quoted(&q.name)));
        let sql = format!(
            "SELECT {} FROM {} WHERE {} = ?1 ORDER BY {best} LIMIT 1",
            quoted(&id.name),
            self.vocabulary.snapshot().table("items"),
            quoted(&field.name),
        );
        let found = self.vocabulary.snapshot().with_connection(|c| {
            let mut statement = c.prepare_cached(&sql)?;
            let mut rows = statement.query([title])?;
            rows.next()?.map(|row| row.get::<_, String>(0)).transpose()
        })?;
        Ok(found)
    }

    /// An item pointed at: liked, unless it stands in a negation.
    pub(super) fn refer(&mut self, i: usize, end: usize, place: usize) {
        if self.negated {
            self.dislike(i, end, Some(place));
            self.negated = false;
            return;
        }
        let span = self.span(i, end);
        match self.shown.get(place) {
            Some(item) => self.turn.likes.push((span, item.id.clone())),
            None => self.turn.not_understood.push(span),
        }
    }

    /// "not that one", "without the second": without a place, the only one shown or the last.
    pub(super) fn dislike(&mut self, i: usize, end: usize, place: Option<usize>) {
        let span = self.span(i, end);
        let item = match place {
            Some(place) => self.shown.get(place),
            None => self.shown.last(),
        };
        self.turn.leans = true;
        match item {
            Some(item) => self.turn.dislikes.push((span, item.id.clone())),
            None => self.turn.not_understood.push(span),
        }
    }

    /// "never mind the year", "any genre": conditions on the field no longer hold.
    pub(super) fn drop_field(&mut self, i: usize) -> usize {
        let at = self.skip(i + 1);
        let span = self.span(i, at + 1);
        match self.kind(at) {
            Some(Kind::Field(fields)) => self.turn.dropped.extend(fields.iter().map(|f| (span, *f))),
            Some(Kind::Value(senses, _)) if self.cue(i) == Some(Cue::Drop) => {
                self.turn.dropped.extend(senses.iter().map(|s| (span, s.field)));
            }
            _ => return i + 1,
        }
        self.turn.leans = true;
        at + 1
    }

    /// "tell me about the second one", "why #3?".
    pub(super) fn ask_about(&mut self, i: usize, cue: Cue) -> usize {
        let found = (i + 1..self.chunks.len()).find_map(|j| match self.kind(j) {
            Some(Kind::Reference(place)) if *place < self.shown.len() => Some((*place, j)),
            Some(Kind::Cue(Cue::It)) if !self.shown.is_empty() => Some((0, j)),
            _ => None,
        });
        let Some((place, at)) = found else { return i + 1 };
        self.turn.leans = true;
        if cue == Cue::Why {
            self.turn.why = Some(place);
        } else {
            self.turn.describe.push(place);
        }
        at + 1
    }
}
