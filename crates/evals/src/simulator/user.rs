//! What a simulated user does next.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64;
use segue_catalog::{Catalog, Predicate, Row};
use serde::Serialize;

use super::facts::{Fact, facts};
use super::phrases::{Style, reveals, templates};

/// Facts that a target must have, so that there is something to talk about.
const LEAST_FACTS: usize = 3;
/// What a vague request is made of satisfies at least this share of the catalogue.
const VAGUE: f64 = 0.02;
/// How often a user who could add something turns an item down first.
const FUSSY: f64 = 0.2;

/// What a user does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Begins.
    Ask,
    /// Says more of the target.
    Add,
    /// Says again what was said before, because items were shown that are not so, or none.
    Insist,
    /// Turns an item down.
    Reject,
}

/// Something a user says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Utterance {
    /// What it is meant to do.
    pub act: Act,
    /// The words.
    pub text: String,
    /// What is revealed by them, or said again.
    pub facts: Vec<Fact>,
    /// How the words name what is revealed or turned down: `genre Comedy`.
    pub it: String,
    /// The id of the item that is turned down.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected: Option<String>,
}

/// What a user makes of what is shown.
#[derive(Debug, Clone, PartialEq)]
pub enum Reaction {
    /// The target is there, at this place from 1.
    Accepts(usize),
    /// It is not, and the user goes on.
    Says(Utterance),
    /// The user has nothing more to say.
    Leaves,
}

/// Somebody who wants an item, or one of several, and cannot name it.
#[derive(Debug, Clone)]
pub struct User {
    targets: Vec<String>,
    /// The titles and ids of the targets.
    secrets: Vec<String>,
    noun: String,
    style: Style,
    facts: Vec<Fact>,
    /// Positions in `facts`.
    said: Vec<usize>,
    insisted: BTreeSet<usize>,
    rejected: BTreeSet<String>,
    dice: Pcg64,
}

impl User {
    /// A user who wants one of these items; `None` if too little that can be said is true of all of them. `seed` and the targets
    /// fix all that the user will do.
    pub fn new(targets: &[Row], catalog: &Catalog, style: Style, seed: u64) -> Option<Self> {
        let secret = |row: &Row| [row.title(catalog).to_owned(), row.id(catalog).to_owned()];
        let secrets: Vec<String> = targets.iter().flat_map(secret).filter(|s| !s.trim().is_empty()).collect();
        let mut facts = facts(targets.first()?, catalog);
        facts.retain_mut(|fact| {
            fact.phrases.retain(|phrase| secrets.iter().all(|secret| !reveals(phrase, secret)));
            !fact.phrases.is_empty() && targets.iter().all(|t| fact.what.matches(t, catalog))
        });
        let ids: Vec<String> = targets.iter().map(|row| row.id(catalog).to_owned()).collect();
        let seed = ids.iter().flat_map(|id| id.bytes()).fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
            // FNV-1a, so that users of different targets draw differently.
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let user = Self {
            targets: ids,
            secrets,
            noun: catalog.noun.clone(),
            style,
            facts,
            said: Vec::new(),
            insisted: BTreeSet::new(),
            rejected: BTreeSet::new(),
            dice: Pcg64::seed_from_u64(seed),
        };
        // A title that is part of what everybody says cannot be kept.
        let speakable = user.clone().begin().is_some();
        (user.facts.len() >= LEAST_FACTS && speakable).then_some(user)
    }

    /// The first request: one or two of the broader facts, of different fields. `None` if nothing can be said without giving the
    /// target away.
    pub fn begin(&mut self) -> Option<Utterance> {
        let mut broad: Vec<usize> =
            (0..self.facts.len()).filter(|i| self.facts.get(*i).is_some_and(|f| f.share >= VAGUE)).collect();
        if broad.is_empty() {
            broad = (0..self.facts.len()).collect();
        }
        let first = self.draw(&broad)?;
        let field = self.facts.get(first).map(|f| f.field.clone());
        broad.retain(|i| self.facts.get(*i).map(|f| &f.field) != field.as_ref());
        let mut chosen = vec![first];
        if self.dice.random_bool(0.5) {
            chosen.extend(self.draw(&broad));
        }
        self.say(Act::Ask, &chosen)
    }

    /// What the user makes of these items, which are shown in this order.
    pub fn look(&mut self, shown: &[Row], catalog: &Catalog) -> Reaction {
        let is_target = |row: &Row| self.targets.iter().any(|id| id == row.id(catalog));
        if let Some(at) = shown.iter().position(is_target) {
            return Reaction::Accepts(at + 1);
        }
        let violates = |fact: &Fact| shown.iter().filter(|row| !fact.what.matches(row, catalog)).count();
        let violated: Vec<usize> = self.facts.iter().map(violates).collect();
        let count = |i: &usize| violated.get(*i).copied().unwrap_or_default();
        // What was said and not heeded, or came to nothing, is said again, once.
        let heeded = |i: &usize| count(i) == 0 && !shown.is_empty();
        let ignored = self.said.iter().copied().filter(|i| !heeded(i) && !self.insisted.contains(i));
        if let Some(fact) = ignored.max_by_key(|i| (count(i), usize::MAX - i)) {
            self.insisted.insert(fact);
            if let Some(words) = self.say(Act::Insist, &[fact]) {
                return Reaction::Says(words);
            }
        }
        let mut left: Vec<usize> = (0..self.facts.len()).filter(|i| !self.said.contains(i)).collect();
        let fussy = left.is_empty() || self.dice.random_bool(FUSSY);
        if fussy && let Some(words) = self.reject(shown, catalog) {
            return Reaction::Says(words);
        }
        while !left.is_empty() {
            let fact = self.next_fact(&left, &count);
            if let Some(words) = self.say(Act::Add, &[fact]) {
                return Reaction::Says(words);
            }
            left.retain(|i| *i != fact);
        }
        self.reject(shown, catalog).map_or(Reaction::Leaves, Reaction::Says)
    }

    /// The conditions that were said so far, in order.
    pub fn conditions(&self) -> Vec<Predicate> {
        self.said.iter().filter_map(|i| self.facts.get(*i)).map(|f| f.what.clone()).collect()
    }

    /// What the user may not say: titles and ids of the targets.
    pub fn secrets(&self) -> &[String] {
        &self.secrets
    }

    /// What an item is called.
    pub fn noun(&self) -> &str {
        &self.noun
    }

    /// Of the facts left, one that most shown items violate, drawn where there are several; the one that narrows most where none
    /// is violated.
    fn next_fact(&mut self, left: &[usize], violated: &impl Fn(&usize) -> usize) -> usize {
        let most = left.iter().map(violated).max().unwrap_or_default();
        let share = |i: &usize| self.facts.get(*i).map_or(1.0, |f| f.share);
        if most == 0 {
            let narrowest = left.iter().copied().min_by(|a, b| share(a).total_cmp(&share(b)));
            return narrowest.unwrap_or_default();
        }
        let worst: Vec<usize> = left.iter().copied().filter(|i| violated(i) == most).collect();
        self.draw(&worst).unwrap_or_default()
    }

    /// Turns down the first item that was not turned down before.
    fn reject(&mut self, shown: &[Row], catalog: &Catalog) -> Option<Utterance> {
        let new = |(_, row): &(usize, &Row)| !self.rejected.contains(row.id(catalog));
        let (at, row) = shown.iter().enumerate().find(new)?;
        let (title, place) = (row.title(catalog).to_owned(), format!("#{}", at + 1));
        let id = row.id(catalog).to_owned();
        // Another item's title may hold the target's, or say nothing.
        let by_title = !title.trim().is_empty() && self.secrets.iter().all(|s| !reveals(&title, s));
        let it = if by_title && self.dice.random_bool(0.5) { title } else { place };
        let text = self.template(Act::Reject, &it)?;
        self.rejected.insert(id.clone());
        Some(Utterance { act: Act::Reject, text, facts: Vec::new(), it, rejected: Some(id) })
    }

    fn say(&mut self, act: Act, chosen: &[usize]) -> Option<Utterance> {
        let mut parts = Vec::new();
        for i in chosen {
            let phrases = self.facts.get(*i).map(|f| f.phrases.clone()).unwrap_or_default();
            let one = self.dice.random_range(0..u32::try_from(phrases.len()).ok()?.max(1));
            parts.push(phrases.get(one as usize)?.clone());
        }
        let it = parts.join(if self.style == Style::Terse { ", " } else { " and " });
        let text = self.template(act, &it)?;
        for i in chosen {
            if !self.said.contains(i) {
                self.said.push(*i);
            }
        }
        let facts = chosen.iter().filter_map(|i| self.facts.get(*i)).cloned().collect();
        Some(Utterance { act, text, facts, it, rejected: None })
    }

    /// The words of an act; `None` if each way to say it gives the target away.
    fn template(&mut self, act: Act, it: &str) -> Option<String> {
        let filled = |t: &&str| t.replace("{noun}", &self.noun).replace("{it}", it);
        let kept = |text: &String| self.secrets.iter().all(|secret| !reveals(text, secret));
        let ways: Vec<String> = templates(self.style, act).iter().map(filled).filter(kept).collect();
        let count = u32::try_from(ways.len()).ok().filter(|n| *n > 0)?;
        ways.into_iter().nth(self.dice.random_range(0..count) as usize)
    }

    fn draw(&mut self, from: &[usize]) -> Option<usize> {
        let count = u32::try_from(from.len()).ok().filter(|n| *n > 0)?;
        from.get(self.dice.random_range(0..count) as usize).copied()
    }
}
