//! Checks what a model writes of an answer, sentence by sentence, against the rows of the items and the counts of the
//! calls.
//!
//! A sentence passes only if every word of it is accounted for: it says of which items it speaks (`#2`, "all of them",
//! "two of them"), and all the rest holds for each of these ([`Checker::holds`]) or claims nothing. There is no guessing
//! at what an unknown word may mean: it ends the sentence. Items are named by `#n` alone, and their titles come from
//! their rows.

mod facts;
mod words;

use segue_catalog::{Catalog, Direction, Predicate, Row, Value};

use crate::Language;
use crate::model::short;
use crate::rules::{Gap, Token, number, tokenize};
use facts::{Known, Spelling};
use words::{Plain, Vocabulary, is_verb_of_several, plain, separates, split};

/// The longest sentence that is looked at, in characters.
const LONGEST: usize = 400;
/// The longest title that is told, in characters.
const LONGEST_TITLE: usize = 120;
/// Signs that a sentence may have besides letters, digits and blanks. Brackets of links, markup and the like have no
/// business in one.
const SIGNS: &str = ".,;:!'’\"“”()-–—/%&#$€£+";

/// What sentences are checked against.
pub(super) struct Evidence<'a> {
    pub(super) catalog: &'a Catalog,
    /// The items, `#1` first.
    pub(super) rows: Vec<&'a Row>,
    /// Conditions that every item satisfies, in the user's words.
    pub(super) asked: Vec<(&'a str, &'a Predicate)>,
    /// How many satisfy all of them.
    pub(super) matched: Option<u64>,
    /// The field that the whole set is ordered by, and its first end.
    pub(super) ordered: Option<(&'a str, Direction)>,
    /// True if nothing that was asked for was given up or not understood.
    pub(super) fits: bool,
    /// What the sentences are in.
    pub(super) language: Language,
}

/// The words of a sentence that claim in English what they claim in this language. All others stay: they are names, values and
/// numbers, or end the sentence.
fn in_english(mut tokens: Vec<Token>, language: Language) -> Vec<Token> {
    let plain = language.pack().map(|p| p.plain).unwrap_or_default();
    for token in &mut tokens {
        if let Some((_, english)) = plain.iter().find(|p| p.0 == token.word) {
            (*english).clone_into(&mut token.word);
        }
    }
    tokens
}

/// The check. It goes with the sentences in their order, because "it" and "they" mean what the last one spoke of.
pub(super) struct Checker<'a> {
    catalog: &'a Catalog,
    items: Vec<Known<'a>>,
    /// No item: only what was asked is true of it.
    nobody: Known<'a>,
    words: Vocabulary,
    matched: Option<u64>,
    ordered: Option<(usize, Direction)>,
    fits: bool,
    language: Language,
    /// The items that the last sentence spoke of; `None` if that is not certain.
    last: Option<Vec<usize>>,
    sentences: usize,
}

/// Of which items something is said.
#[derive(Debug, Clone, PartialEq)]
enum Subject {
    /// Each of these.
    Items(Vec<usize>),
    /// So many of all, and no more.
    Count(usize),
    /// More than half of all.
    Most,
    /// Everything that matches, seen or not.
    Matched,
}

/// A subject and what is said of it.
#[derive(Debug)]
struct Part<'t> {
    subject: Subject,
    /// What stands before it: "the director of".
    before: &'t [Token],
    said: &'t [Token],
}

impl<'a> Checker<'a> {
    /// `none` is a row without values.
    pub(super) fn new(evidence: &Evidence<'a>, none: &'a Row) -> Self {
        let catalog = evidence.catalog;
        let spelling = |(text, predicate): &(&str, &Predicate)| {
            let fields =
                predicate.conditions().iter().filter_map(|c| catalog.field_index(&c.field)).collect();
            Spelling { words: split(text), fields }
        };
        // "No horror or thrillers": what stands under a negation is not said by its words alone.
        let positive = evidence.asked.iter().filter(|a| !is_negated(a.1));
        // A reference in them is to an earlier list.
        let asked: Vec<Spelling> = positive.filter(|a| !a.0.contains('#')).map(spelling).collect();
        let ordered = evidence.ordered.and_then(|(field, end)| Some((catalog.field_index(field)?, end)));
        Self {
            catalog,
            items: evidence.rows.iter().map(|row| Known::new(row, catalog, &asked)).collect(),
            nobody: Known::new(none, catalog, &asked),
            words: Vocabulary::new(catalog),
            matched: evidence.matched,
            ordered,
            fits: evidence.fits,
            language: evidence.language,
            last: None,
            sentences: 0,
        }
    }

    /// The sentence with titles in place of `#n`; `None` if it is not borne out.
    pub(super) fn check(&mut self, sentence: &str) -> Option<String> {
        self.sentences += 1;
        let spoken_of = self.spoken_of(sentence);
        self.last = spoken_of.clone().filter(|items| !items.is_empty());
        spoken_of.map(|_| self.with_titles(sentence))
    }

    /// The items that a sentence which holds speaks of: none if that is not certain or no item in particular.
    fn spoken_of(&self, sentence: &str) -> Option<Vec<usize>> {
        let is_plain = |c: char| c.is_alphanumeric() || c == ' ' || SIGNS.contains(c);
        if sentence.chars().count() > LONGEST || !sentence.chars().all(is_plain) {
            return None;
        }
        let tokens = in_english(tokenize(sentence), self.language);
        let parts = self.parts(&tokens)?;
        let scoped = (0..tokens.len())
            .any(|i| matches!(self.scope(tokens.get(i..).unwrap_or_default()), Some(Some(_))));
        let mut follows: Vec<usize> = Vec::new();
        for (at, part) in parts.iter().enumerate() {
            let next = parts.get(at + 1).map(|p| &p.subject);
            if !self.part_holds(part, next, &follows, scoped)? {
                return None;
            }
            follows = self.compared_with(part, next).unwrap_or_default();
        }
        Some(match parts.as_slice() {
            [Part { subject: Subject::Items(items), .. }] => items.clone(),
            _ => Vec::new(),
        })
    }

    /// Whether what is said of a subject holds. `also` are items that may be meant as well.
    fn part_holds(
        &self,
        part: &Part<'_>,
        next: Option<&Subject>,
        also: &[usize],
        scoped: bool,
    ) -> Option<bool> {
        let said = part.said;
        let is_true_with =
            |said: &[Token]| self.is_true(&part.subject, &[part.before, said].concat(), scoped);
        if let (Subject::Items(these), Some(Subject::Items(those))) = (&part.subject, next)
            && let Some((holds, left)) = self.compares(said, &self.known(these), &self.known(those))
        {
            let rest = said.get(..left)?;
            return Some(holds && is_true_with(rest));
        }
        if let Some(next) = next {
            // Between two items must stand something said of the first. What may belong to the second must hold for it.
            if said.iter().all(|t| plain(&t.word) != Plain::Unknown || self.words.is_noun(&t.word)) {
                return Some(false);
            }
            let from =
                said.iter().rposition(|t| t.gap == Gap::Comma || separates(&t.word)).unwrap_or_default();
            if !self.is_true(next, said.get(from..)?, scoped) {
                return Some(false);
            }
        }
        if let Subject::Items(items) = &part.subject
            && items.len() == 1
            && said.iter().any(|t| is_verb_of_several(&t.word))
        {
            return Some(false);
        }
        let of_those = also.is_empty() || self.is_true(&Subject::Items(also.to_vec()), said, scoped);
        Some(of_those && is_true_with(said))
    }

    /// The items that this part compares its own with: what follows may be said of either.
    fn compared_with(&self, part: &Part<'_>, next: Option<&Subject>) -> Option<Vec<usize>> {
        let (Subject::Items(these), Some(Subject::Items(those))) = (&part.subject, next) else { return None };
        self.compares(part.said, &self.known(these), &self.known(those)).map(|_| these.clone())
    }

    fn known(&self, items: &[usize]) -> Vec<&Known<'a>> {
        items.iter().filter_map(|i| self.items.get(*i)).collect()
    }

    fn is_true(&self, subject: &Subject, said: &[Token], scoped: bool) -> bool {
        // What fits is what was asked for, and not whatever else is true of it.
        let is_fit = |t: &Token| plain(&t.word) == Plain::Fits;
        if said.iter().any(is_fit) && !self.holds(&self.nobody, said, /*scoped*/ false) {
            return false;
        }
        let holding = || self.items.iter().filter(|item| self.holds(item, said, scoped)).count();
        match subject {
            Subject::Items(items) => {
                !items.is_empty() && self.known(items).iter().all(|item| self.holds(item, said, scoped))
            }
            Subject::Count(n) => holding() == *n,
            Subject::Most => 2 * holding() > self.items.len(),
            Subject::Matched => self.holds(&self.nobody, said, /*scoped*/ false),
        }
    }

    /// Every subject with what is said of it.
    fn parts<'t>(&self, tokens: &'t [Token]) -> Option<Vec<Part<'t>>> {
        let mut found: Vec<(usize, usize, Subject)> = Vec::new();
        let mut at = 0;
        if let Some(opening) = self.opening(tokens) {
            let (subject, length) = opening?;
            found.push((0, length, subject));
            at = length;
        }
        while at < tokens.len() {
            match self.references(tokens.get(at..)?) {
                None => at += 1,
                Some(references) => {
                    let (items, length) = references?;
                    found.push((at, at + length, Subject::Items(items)));
                    at += length;
                }
            }
        }
        let mut before = tokens.get(..found.first()?.0)?;
        let ends: Vec<usize> = found.iter().skip(1).map(|f| f.0).chain([tokens.len()]).collect();
        let parts = found.into_iter().zip(ends).map(|((_, from, subject), end)| {
            Some(Part { subject, before: std::mem::take(&mut before), said: tokens.get(from..end)? })
        });
        parts.collect()
    }

    /// `#1`, "#1, #2 and #3". The outer `None` if none begin here, the inner if one of them does not exist.
    #[expect(clippy::option_option, reason = "not there and not allowed are two things")]
    fn references(&self, tokens: &[Token]) -> Option<Option<(Vec<usize>, usize)>> {
        let one = |at: usize| {
            let sign = tokens.get(at).filter(|t| t.word == "#")?;
            let digits = tokens.get(at + 1).filter(|t| t.start == sign.end)?;
            let digits = digits.owner.as_ref().unwrap_or(&digits.word);
            Some(
                digits.parse::<usize>().ok().and_then(|n| n.checked_sub(1)).filter(|n| *n < self.items.len()),
            )
        };
        let word = |at: usize| tokens.get(at).map_or("", |t| t.word.as_str());
        one(0)?;
        let (mut items, mut at) = (Vec::new(), 0);
        loop {
            let Some(item) = one(at)? else { return Some(None) };
            items.push(item);
            at += 2;
            let mut next = at;
            while matches!(word(next), "and" | "or" | "also") {
                next += 1;
            }
            let joined = next > at || tokens.get(next).is_some_and(|t| t.gap == Gap::Comma);
            if !joined || one(next).is_none() {
                break;
            }
            at = next;
        }
        Some(Some((items, at)))
    }

    /// How a sentence begins that does not begin with an item: "all of them", "both", "it", "two of these", "there are
    /// 12". The outer `None` if it does not, the inner if what is meant is not certain or not so.
    #[expect(clippy::option_option, reason = "not there and not allowed are two things")]
    fn opening(&self, tokens: &[Token]) -> Option<Option<(Subject, usize)>> {
        let word = |at: usize| tokens.get(at).map_or("", |t| t.word.as_str());
        let several = |at: usize| self.group(tokens, at);
        let all = || Subject::Items((0..self.items.len()).collect());
        let last = || self.last.clone().unwrap_or_default();
        let counted =
            |at: usize| number(tokens.get(at..).unwrap_or_default()).map(|(n, used)| (n, at + used));
        match (word(0), word(1)) {
            ("all" | "each" | "every", _) => {
                // "each is", "every film", "all of the three films".
                let (at, n) = several(1);
                Some(n.is_none_or(|n| n == self.items.len()).then(|| (all(), at)))
            }
            ("both", "#") => {
                let pair = self.references(tokens.get(1..).unwrap_or_default()).flatten();
                Some(
                    pair.filter(|(items, _)| items.len() == 2)
                        .map(|(items, n)| (Subject::Items(items), n + 1)),
                )
            }
            ("both", _) => {
                let meant = if last().len() == 2 { last() } else { (0..self.items.len()).collect() };
                Some((meant.len() == 2).then(|| (Subject::Items(meant), several(1).0)))
            }
            ("they", _) => {
                let meant = match last() {
                    some if some.len() > 1 => some,
                    _ if self.sentences == 1 => (0..self.items.len()).collect(),
                    _ => Vec::new(),
                };
                Some((meant.len() > 1).then_some((Subject::Items(meant), 1)))
            }
            ("it" | "its", _) => Some((last().len() == 1).then(|| (Subject::Items(last()), 1))),
            ("these" | "those", _) => {
                let (at, n) = several(0);
                Some(n.is_none_or(|n| n == self.items.len()).then(|| (all(), at)))
            }
            ("here", "are") => {
                let (at, n) = several(2);
                Some(n.is_none_or(|n| n == self.items.len()).then(|| (all(), at)))
            }
            ("most", "of") => Some(Some((Subject::Most, several(1).0))),
            ("there", "are" | "is") | ("i" | "we", "found") => {
                let (n, at) = counted(2)?;
                Some(self.is_matched(n).then_some((Subject::Matched, at)))
            }
            _ => {
                let (n, at) = counted(0)?;
                if word(at) == "of" && several(at).0 > at + 1 && counted(at + 1).is_none() {
                    let whole = (n.fract() == 0.0 && n > 0.0).then_some(Subject::Count(n as usize));
                    return Some(whole.map(|subject| (subject, several(at).0)));
                }
                if let Some((total, end)) = counted(at + 1).filter(|_| word(at) == "of") {
                    let right = self.is_matched(n) && total == self.catalog.items as f64;
                    return Some(right.then_some((Subject::Matched, end)));
                }
                self.words.is_noun(word(at)).then(|| self.is_matched(n).then_some((Subject::Matched, at)))
            }
        }
    }

    fn is_matched(&self, n: f64) -> bool {
        self.matched.is_some_and(|matched| matched as f64 == n)
    }

    /// "of the three films": where it ends, and how many it says there are.
    fn group(&self, tokens: &[Token], from: usize) -> (usize, Option<usize>) {
        let word = |at: usize| tokens.get(at).map_or("", |t| t.word.as_str());
        let mut at = from;
        while matches!(word(at), "of" | "among" | "all" | "the" | "these" | "those" | "them" | "here") {
            at += 1;
        }
        let counted = number(tokens.get(at..).unwrap_or_default()).filter(|(_, n)| {
            self.words.is_noun(word(at + n))
                || plain(word(at + n)) == Plain::AnewOfSeveral
                || tokens.len() == at + n
        });
        if let Some((_, used)) = counted {
            at += used;
        }
        if self.words.is_noun(word(at)) || matches!(word(at), "items" | "options" | "choices" | "picks") {
            at += 1;
        }
        (at, counted.map(|(n, _)| n as usize))
    }

    /// "of these", "among the three films": that a comparison is with the items shown. The outer `None` if it says
    /// another number of them.
    #[expect(clippy::option_option, reason = "not there and not so are two things")]
    pub(super) fn scope(&self, tokens: &[Token]) -> Option<Option<usize>> {
        let word = |at: usize| tokens.get(at).map_or("", |t| t.word.as_str());
        let of = usize::from(word(1) == "all") + 1;
        let begins = matches!(word(0), "of" | "among")
            && (matches!(word(of), "these" | "those" | "them")
                || (word(of) == "the" && self.group(tokens, of).1.is_some()));
        if !begins {
            return Some(None);
        }
        let (end, n) = self.group(tokens, 0);
        n.is_none_or(|n| n == self.items.len()).then_some(Some(end))
    }

    /// Titles in place of references, from the rows.
    fn with_titles(&self, sentence: &str) -> String {
        let mut out = String::with_capacity(sentence.len() + 32);
        let mut rest = sentence;
        while let Some((before, after)) = rest.split_once('#') {
            out.push_str(before);
            let end = after.find(|c: char| !c.is_ascii_digit()).unwrap_or(after.len());
            let (digits, left) = after.split_at_checked(end).unwrap_or((after, ""));
            let item = digits.parse::<usize>().ok().and_then(|n| self.items.get(n.checked_sub(1)?));
            match item {
                Some(item) => out.push_str(&self.title(item, digits)),
                None => out.push('#'),
            }
            rest = left;
        }
        out.push_str(rest);
        out
    }

    /// The title, with its number where another item has the same.
    fn title(&self, item: &Known<'_>, number: &str) -> String {
        let title = item.row.title(self.catalog);
        let shown = short(title, LONGEST_TITLE);
        match self.items.iter().filter(|other| other.row.title(self.catalog) == title).count() {
            1 => format!("“{shown}”"),
            _ => format!("“{shown}” (#{number})"),
        }
    }
}

fn is_negated(predicate: &Predicate) -> bool {
    match predicate {
        Predicate::Not { .. } => true,
        Predicate::All { all } => all.iter().any(is_negated),
        Predicate::Any { any } => any.iter().any(is_negated),
        Predicate::Field(_) => false,
    }
}

/// A row without values.
pub(super) fn nothing(catalog: &Catalog) -> Row {
    Row { ordinal: u32::MAX, hash: String::new(), values: vec![Value::Null; catalog.fields.len()] }
}

#[cfg(test)]
mod tests;
