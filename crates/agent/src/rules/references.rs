//! Items that a request points at: by title, by place among those shown, by "it".

use segue_catalog::{Row, Snapshot};

use super::RulesError;
use super::bounds::is_calendar;
use super::chunks::{Kind, is_common};
use super::cues::Cue;
use super::doubts::Doubt;
use super::parse::Parser;
use super::tokens::{Gap, Token, text_of};

/// The most words that a title is looked up with.
const LONGEST_TITLE: usize = 12;
/// The fewest bytes of what may be a misspelt title.
const SHORTEST_MISSPELT: usize = 6;

/// True if a capital follows, perhaps after "the".
fn leads_to_name(tokens: &[Token]) -> bool {
    let next = tokens.first().filter(|t| t.word != "the").or(tokens.get(1));
    next.is_some_and(|t| t.capital && t.gap == Gap::Blank)
}

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
                if self.cue(at) == Some(Cue::Those) {
                    for place in 0..self.shown.len() {
                        self.refer(i, at + 1, place);
                    }
                } else {
                    let place = self.earlier.focus(self.shown).unwrap_or_else(|| {
                        // The first is as good a guess as any.
                        self.turn.doubts.push(Doubt::Shown(self.text(self.span(at, at + 1))));
                        0
                    });
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
            // After a comma only what is written as a name is one more title.
            let named = self.chunks.get(end).and_then(|c| self.tokens.get(c.first));
            let named = named.is_some_and(|t| t.capital || t.quoted);
            let joined = self.gap(end) == Gap::Comma && named;
            if !matches!(self.cue(end), Some(Cue::And | Cue::Or)) && !joined {
                break;
            }
            next = end + usize::from(self.cue(end).is_some());
        }
        if found.is_none() {
            if let Some(end) = self.misspelt_title(i, at)? {
                return Ok(Some(end));
            }
            return Ok(self.absent(i, at));
        }
        Ok(found)
    }

    /// The longest title that begins at this chunk; its item is liked.
    pub(super) fn title(&mut self, from: usize, at: usize) -> Result<Option<usize>, RulesError> {
        let Some(first) = self.chunks.get(at).map(|c| c.first) else { return Ok(None) };
        for end in (first + 1..=self.tokens.len().min(first + LONGEST_TITLE)).rev() {
            let run = self.tokens.get(first..end).unwrap_or_default();
            // "like Trouble" names a title, "like it" none.
            let named = run.iter().all(|t| t.capital || t.quoted);
            if !named && run.iter().all(|t| super::cues::is_filling(&t.word)) {
                continue;
            }
            let spelt = self.vocabulary.lexicon(self.request, run, /*titles*/ true)?.into_iter().next();
            let Some(title) = spelt.map(|s| s.value).or(self.version(run)?) else { continue };
            let after = self.chunks.iter().position(|c| c.first >= end).unwrap_or(self.chunks.len());
            let Some((id, after)) = self.identify(&title, after)? else { continue };
            let end = self.span(from, after).1.max(end);
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

    /// A title all but spelt by what follows up to the end of the clause. Short ones and everyday words are left alone.
    fn misspelt_title(&mut self, from: usize, at: usize) -> Result<Option<usize>, RulesError> {
        let mut end = at;
        while self.kind(end).is_some()
            && (end == at || self.gap(end) == Gap::Blank)
            && end < at + LONGEST_TITLE
        {
            if end > at && matches!(self.cue(end), Some(Cue::But | Cue::From | Cue::By | Cue::Not)) {
                break;
            }
            end += 1;
        }
        let (first, last) = self.span(at, end);
        let run = self.tokens.get(first..last).unwrap_or_default();
        let everyday = run.iter().all(|t| is_common(&t.word) && !t.capital);
        let words = text_of(self.request, run);
        if everyday || words.len() < SHORTEST_MISSPELT {
            return Ok(None);
        }
        let Some(value) = self.vocabulary.nearest_title(words)? else { return Ok(None) };
        let Some((id, after)) = self.identify(&value, end)? else { return Ok(None) };
        let span = self.span(from, after);
        let list = if self.negated { &mut self.turn.dislikes } else { &mut self.turn.likes };
        list.push((span, id));
        self.negated = false;
        Ok(Some(after))
    }

    /// A name in capitals or quotation marks that no title has: said to be absent rather than guessed at.
    fn absent(&mut self, from: usize, at: usize) -> Option<usize> {
        let mut end = at;
        while self.chunks.get(end).is_some_and(|c| {
            let named = |t: &Token| {
                t.capital || t.quoted || (end > at && t.word.starts_with(|c: char| c.is_ascii_digit()))
            };
            let named = self.tokens.get(c.first).is_some_and(named);
            // "Zyzzyx of the Hills"
            let joins = self.word(end) == "of" && self.tokens.get(c.end..).is_some_and(leads_to_name);
            (named || (end > at && (joins || matches!(c.kind, Kind::Filling))))
                && (end == at || c.gap == Gap::Blank)
        }) {
            end += 1;
        }
        if end == at || matches!(self.kind(at), Some(Kind::Value(..) | Kind::Noun)) {
            return None;
        }
        let span = self.span(at, end);
        let words = self.text(span);
        self.turn.absent.push((self.span(from, end), words));
        Some(end)
    }

    /// A title of which these tokens are all but the addition, if they cannot be everyday words.
    fn version(&self, run: &[Token]) -> Result<Option<String>, RulesError> {
        if run.iter().all(|t| is_common(&t.word) && !t.capital) {
            return Ok(None);
        }
        self.vocabulary.version_of(text_of(self.request, run))
    }

    /// The item of this title that is meant, and the chunk after all that says so: "Heat by Michael Mann" and "Heat
    /// (1995)" name one of several and set no condition. Of those left the best is meant.
    fn identify(&mut self, title: &str, after: usize) -> Result<Option<(String, usize)>, RulesError> {
        let named = titled_items(self.vocabulary.snapshot(), title)?;
        let (said, end) = match (self.cue(after), self.kind(after)) {
            (Some(Cue::By), _) => (self.kind(self.skip(after + 1)), self.skip(after + 1) + 1),
            (_, Some(Kind::Period(_))) if self.in_brackets(after) => (self.kind(after), after + 1),
            _ => (None, after),
        };
        let catalog = self.vocabulary.catalog();
        let has = |row: &Row| match said {
            Some(Kind::Value(senses, _)) => senses.iter().any(|s| {
                let field = catalog.fields.get(s.field).map_or("", |f| f.name.as_str());
                row.get(catalog, field).each().iter().any(|v| v.as_str() == Some(&s.value))
            }),
            Some(Kind::Period(period)) => {
                let first = period.years().0;
                let calendar = catalog.fields.iter().filter(|f| is_calendar(f));
                calendar
                    .map(|f| row.get(catalog, &f.name).to_string())
                    .any(|v| v.starts_with(&first.to_string()))
            }
            _ => false,
        };
        if let Some(row) = named.iter().find(|row| has(row)) {
            return Ok(Some((row.id(catalog).to_owned(), end)));
        }
        let first = named.first().map(|row| (row.id(catalog).to_owned(), after));
        if named.len() > 1 {
            let all = named.iter().map(|row| row.ordinal).collect();
            self.turn.doubts.push(Doubt::Title(title.to_owned(), all));
        }
        Ok(first)
    }

    /// These tokens, as they are written.
    pub(super) fn text(&self, span: (usize, usize)) -> String {
        text_of(self.request, self.tokens.get(span.0..span.1).unwrap_or_default()).to_owned()
    }

    /// True if this chunk stands in round brackets.
    fn in_brackets(&self, i: usize) -> bool {
        let (first, last) = self.span(i, i + 1);
        let (Some(first), Some(last)) =
            (self.tokens.get(first), last.checked_sub(1).and_then(|l| self.tokens.get(l)))
        else {
            return false;
        };
        let before = self.request.get(..first.start).is_some_and(|text| text.ends_with('('));
        before && self.request.get(last.end..).is_some_and(|text| text.starts_with(')'))
    }

    /// An item pointed at: liked, unless it stands in a negation.
    pub(super) fn refer(&mut self, i: usize, end: usize, place: usize) {
        if self.negated {
            self.dislike(i, end, Some(place));
            self.negated = false;
            return;
        }
        let span = self.span(i, end);
        match self.earlier.item(self.shown, place) {
            Some(item) => self.turn.likes.push((span, item.id.clone())),
            None => self.turn.doubts.push(Doubt::Place(self.text(self.span(end.saturating_sub(1), end)))),
        }
    }

    /// "not that one", "without the second": without a place, the only one shown or the last.
    pub(super) fn dislike(&mut self, i: usize, end: usize, place: Option<usize>) {
        let span = self.span(i, end);
        let item = match place {
            Some(place) => self.earlier.item(self.shown, place),
            None => self.earlier.focus(self.shown).and_then(|f| self.shown.get(f)).or(self.shown.last()),
        };
        self.turn.leans = true;
        match item {
            Some(item) => self.turn.dislikes.push((span, item.id.clone())),
            None => self.turn.doubts.push(Doubt::Place(self.text(self.span(end.saturating_sub(1), end)))),
        }
    }

    /// "never mind the year", "any genre": conditions on the field no longer hold.
    pub(super) fn drop_field(&mut self, i: usize) -> usize {
        // "drop everything from before 2005".
        if self.cue(i) == Some(Cue::Drop)
            && matches!(self.word(i + 1), "everything" | "anything" | "all" | "any" | "those" | "ones")
        {
            (self.negated, self.turn.leans) = (true, true);
            return i + 2;
        }
        let at = self.skip(i + 1);
        let span = self.span(i, at + 1);
        // "remove B" of "A or B" leaves A.
        if let (Some(Kind::Value(senses, _)), Some(Cue::Drop)) = (self.kind(at), self.cue(i))
            && senses.iter().any(|s| self.is_one_of_several(s))
        {
            (self.negated, self.turn.leans) = (true, true);
            return at;
        }
        match self.kind(at) {
            Some(Kind::Field(fields)) => self.turn.dropped.extend(fields.iter().map(|f| (span, *f))),
            Some(Kind::Value(senses, _))
                if self.cue(i) == Some(Cue::Drop) && self.fields_dropped(i + 1).is_none() =>
            {
                self.turn.dropped.extend(senses.iter().map(|s| (span, s.field)));
            }
            _ => match self.fields_dropped(i + 1) {
                Some((fields, end)) => {
                    let span = self.span(i, end);
                    self.turn.dropped.extend(fields.into_iter().map(|f| (span, f)));
                    self.turn.leans = true;
                    return end;
                }
                None => return i + 1,
            },
        }
        self.turn.leans = true;
        // "drop the rap rule".
        const RULES: [&str; 9] =
            ["rule", "rules", "limit", "restriction", "requirement", "condition", "part", "bit", "thing"];
        at + 1 + usize::from(RULES.contains(&self.word(at + 1)) && self.gap(at + 1) == Gap::Blank)
    }

    /// True if a condition that holds asks for this value or for another.
    fn is_one_of_several(&self, sense: &super::vocabulary::Sense) -> bool {
        let name = self.vocabulary.catalog().fields.get(sense.field).map(|f| f.name.as_str());
        let names = |c: &segue_catalog::Condition| {
            Some(c.field.as_str()) == name && c.value.as_str() == Some(sense.value.as_str())
        };
        self.before.conditions.iter().filter(|c| c.holds()).any(|asked| match &asked.what {
            segue_catalog::Predicate::Any { any } => any.iter().flat_map(|p| p.conditions()).any(names),
            _ => false,
        })
    }

    /// "forget the time limit", "any decade": the fields of lengths of time or of dates, and the chunk after the words.
    fn fields_dropped(&self, i: usize) -> Option<(Vec<usize>, usize)> {
        let catalog = self.vocabulary.catalog();
        let word = |t: usize| self.tokens.get(t).map_or("", |t| t.word.as_str());
        let from = self.chunks.get(i)?.first;
        // "forget about the bpm".
        let of_unit = |t: &usize| {
            let of = |f: &&segue_catalog::Field| f.unit.as_ref().is_some_and(|u| u.name() == word(*t));
            (*t < self.tokens.len()).then(|| catalog.fields.iter().position(|f| of(&f))).flatten()
        };
        if let Some((at, field)) = (from..from + 3).find_map(|t| of_unit(&t).map(|f| (t, f))) {
            let end = self.chunks.iter().position(|c| c.first > at).unwrap_or(self.chunks.len());
            return Some((vec![field], end));
        }
        let at = (from..from + 3).find(|t| {
            matches!(word(*t), "time" | "length" | "decade" | "year" | "era" | "period" | "dates")
        })?;
        let limit = matches!(
            word(at + 1),
            "limit" | "limits" | "rule" | "restriction" | "thing" | "bit" | "part" | "requirement"
        );
        let is_length = matches!(word(at), "time" | "length");
        if is_length && !limit {
            return None;
        }
        let end = at + 1 + usize::from(limit);
        let end = self.chunks.iter().position(|c| c.first >= end).unwrap_or(self.chunks.len());
        let lasts = |f: &segue_catalog::Field| {
            f.unit.as_ref().and_then(segue_catalog::Unit::dimension) == Some("duration")
        };
        let fields = catalog.fields.iter().enumerate();
        let fields =
            fields.filter(|(_, f)| if is_length { lasts(f) } else { is_calendar(f) }).map(|(i, _)| i);
        Some((fields.collect(), end))
    }

    /// "tell me about the second one", "why #3?".
    pub(super) fn ask_about(&mut self, i: usize, cue: Cue) -> Result<usize, RulesError> {
        let found = (i + 1..self.chunks.len()).find_map(|j| match self.kind(j) {
            Some(Kind::Reference(place)) if self.earlier.item(self.shown, *place).is_some() => {
                Some((*place, j))
            }
            Some(Kind::Cue(Cue::It)) if !self.shown.is_empty() => {
                Some((self.earlier.focus(self.shown).unwrap_or_default(), j))
            }
            _ => None,
        });
        let Some((place, at)) = found else {
            if cue == Cue::Describe
                && let Some(end) = self.asked_by_title(i)?
            {
                return Ok(end);
            }
            let pointed = |j: &usize| {
                matches!(self.kind(*j), Some(Kind::Reference(_))) || (self.cue(*j) == Some(Cue::It))
            };
            if let Some(at) = (i + 1..self.chunks.len()).find(pointed) {
                self.turn.doubts.push(Doubt::Place(self.text(self.span(at, at + 1))));
                return Ok(at + 1);
            }
            return Ok(i + 1);
        };
        self.turn.leans = true;
        if cue == Cue::Why {
            self.turn.why = Some(place);
        } else {
            self.turn.describe.push(place);
        }
        Ok(at + 1)
    }

    /// "tell me about Red Harbour": a title that is the rest of the clause, or a name that no item has.
    fn asked_by_title(&mut self, i: usize) -> Result<Option<usize>, RulesError> {
        let (likes, doubts) = (self.turn.likes.len(), self.turn.doubts.len());
        for at in [i + 1, self.skip(i + 1)] {
            let end = self.title(i, at)?;
            let named = self.turn.likes.drain(likes..).next();
            if let (Some(end), Some((span, id))) = (end, named)
                && self.gap(end) == Gap::Stop
            {
                self.turn.named.push((span, id));
                return Ok(Some(end));
            }
            self.turn.doubts.truncate(doubts);
        }
        self.turn.asks_about = true;
        let absent = self.absent(i, self.skip(i + 1)).filter(|end| self.gap(*end) == Gap::Stop);
        if absent.is_none() {
            self.turn.absent.clear();
        }
        Ok(absent)
    }
}

/// The items of a title, the best first.
pub(crate) fn titled_items(snapshot: &Snapshot, title: &str) -> Result<Vec<Row>, RulesError> {
    let catalog = snapshot.catalog();
    let Some(field) = catalog.title_field() else { return Ok(Vec::new()) };
    let quoted = |name: &str| format!("\"{}\"", name.replace('"', "\"\""));
    let best = catalog
        .quality_field()
        .map_or("ordinal".to_owned(), |q| format!("{} DESC, ordinal", quoted(&q.name)));
    let sql = format!(
        "SELECT ordinal FROM {} WHERE fold({}) = ?1 ORDER BY {best} LIMIT 64",
        snapshot.table("items"),
        quoted(&field.name),
    );
    let title = segue_catalog::text::fold(title);
    let ordinals: Vec<u32> =
        snapshot.with_connection(|c| c.prepare_cached(&sql)?.query_map([&title], |r| r.get(0))?.collect())?;
    // Those that are left out are no rows.
    Ok(snapshot.rows(&ordinals)?)
}
