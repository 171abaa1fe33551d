//! Conditions on the title: "called X", "X in the title".

use segue_catalog::{Operator, Predicate};

use super::cues::Cue;
use super::parse::Parser;
use super::tokens::Gap;

impl Parser<'_> {
    /// "called X", "whose title starts with X": a condition on the title. X is what stands in quotation marks, or the
    /// rest of the clause.
    pub(super) fn titled(&mut self, i: usize, operator: Operator) -> usize {
        let Some(title) = self.vocabulary.catalog().title_field() else { return i + 1 };
        let mut end = i + 1;
        let quoted =
            |at: usize| self.chunks.get(at).and_then(|c| self.tokens.get(c.first)).is_some_and(|t| t.quoted);
        let in_quotes = quoted(end);
        while end < self.chunks.len()
            && (end == i + 1 || !matches!(self.gap(end), Gap::Stop | Gap::Comma))
            && (!in_quotes || quoted(end))
        {
            end += 1;
        }
        let span = self.span(i + 1, end);
        let words = self.text(span);
        if words.is_empty() {
            return i + 1;
        }
        let predicate = Predicate::field(&title.name, operator, words);
        let span = self.span(i, end);
        self.say(span, predicate, None);
        end
    }

    /// "love in the title": the words just before are in the title.
    pub(super) fn in_the_title(&mut self, i: usize, cue: Cue) -> Option<usize> {
        let at = self.skip(i + 1);
        if cue != Cue::In || !matches!(self.word(at), "title" | "titles" | "name" | "names") {
            return None;
        }
        let title = self.vocabulary.catalog().title_field()?.name.clone();
        let before = self.span(i.checked_sub(1)?, i);
        self.turn.query.pop_if(|q| q.0 == before);
        let words = self.text(before);
        let span = (before.0, self.span(i, at + 1).1);
        self.say(span, Predicate::field(&title, Operator::Contains, words), None);
        Some(at + 1)
    }
}
