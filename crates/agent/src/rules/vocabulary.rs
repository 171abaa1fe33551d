//! The words that the catalogue itself brings: fields by name and alias, adjectives, small sets of values, and, by
//! asking the lexicon, every value there is.

use std::collections::HashMap;

use segue_catalog::text::{fold, squash};
use segue_catalog::{Catalog, Direction, Field, LexiconEntry, Role, Snapshot};

use super::RulesError;
use super::chunks::is_common;
use super::morphology::{Form, degrees, participle, plural};
use super::tokens::{Token, text_of};
use crate::Language;
use crate::languages::Pack;

/// One value that words can mean.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sense {
    /// The field's index.
    pub(super) field: usize,
    /// The value as the catalogue spells it.
    pub(super) value: String,
    /// Items that have it.
    pub(super) count: u64,
    /// True if these are the value's own words, false if a synonym.
    pub(super) literal: bool,
}

/// What some words can mean.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Meaning {
    pub(super) fields: Vec<usize>,
    pub(super) degrees: Vec<(usize, Direction, Form)>,
    pub(super) senses: Vec<Sense>,
    pub(super) noun: bool,
}

/// The catalogue's words.
pub(super) struct Vocabulary<'a> {
    snapshot: &'a Snapshot,
    pub(super) words: HashMap<String, Meaning>,
    today: Option<&'a str>,
    /// What is known of the language of the turn, if it is not English.
    pack: Option<&'static Pack>,
    /// All that is in `words` as it was written, if the turn is not English.
    pub(super) written: Vec<String>,
    /// What words mean whatever their ending, by stems.
    pub(super) inflected: HashMap<String, Meaning>,
}

fn sense(entry: LexiconEntry) -> Sense {
    Sense { field: entry.field, value: entry.value, count: entry.count, literal: true }
}

fn catalog_role(catalog: &Catalog, field: usize) -> Option<Role> {
    catalog.fields.get(field).map(|f| f.role)
}

/// True if a field says who made an item: director, writer, artist; not playlist.
pub(crate) fn is_maker(field: &Field) -> bool {
    const ENDINGS: [&str; 5] = ["or", "er", "ist", "brand", "maker"];
    field.role == Role::Category
        && !field.name.ends_with("list")
        && ENDINGS.iter().any(|ending| field.name.ends_with(ending))
}

/// How similar a misspelt name must be to what it is read as.
const NEAR: f64 = 0.82;

/// How many items make a name known without its punctuation.
const KNOWN: u64 = 5;

/// "bedroom" for "bedrooms"; a name that is no plural stays.
fn singular(name: &str) -> String {
    name.strip_suffix('s').filter(|n| n.len() > 3 && !n.ends_with('s')).unwrap_or(name).to_owned()
}

/// The most words that a name or value is looked up with.
pub(super) const LONGEST: usize = 6;

impl<'a> Vocabulary<'a> {
    pub(super) fn new(snapshot: &'a Snapshot, today: Option<&'a str>, language: Language) -> Self {
        let (words, inflected, written) = (HashMap::new(), HashMap::new(), Vec::new());
        let pack = language.pack();
        let mut vocabulary = Self { snapshot, words, today, pack, written, inflected };
        let catalog = snapshot.catalog();
        for noun in [&catalog.noun, &catalog.name] {
            vocabulary.entry(noun).noun = true;
            vocabulary.entry(&plural(noun)).noun = true;
        }
        for (i, field) in catalog.fields.iter().enumerate() {
            vocabulary.add_field(catalog, i);
            if matches!(field.role, Role::Category) {
                vocabulary.add_values(catalog, i);
            }
        }
        if let Some(pack) = pack {
            vocabulary.learn(pack);
        }
        vocabulary
    }

    pub(super) fn catalog(&self) -> &'a Catalog {
        self.snapshot.catalog()
    }

    pub(super) fn snapshot(&self) -> &'a Snapshot {
        self.snapshot
    }

    /// The day it is, if that is known.
    pub(super) fn today(&self) -> Option<&'a str> {
        self.today
    }

    /// What is known of the language of the turn; `None` for English.
    pub(super) fn pack(&self) -> Option<&'static Pack> {
        self.pack
    }

    pub(super) fn entry(&mut self, words: &str) -> &mut Meaning {
        if self.pack.is_some() {
            self.written.push(words.to_owned());
        }
        self.words.entry(squash(words)).or_default()
    }

    fn add_field(&mut self, catalog: &Catalog, i: usize) {
        let Some(field) = catalog.fields.get(i) else { return };
        if matches!(field.role, Role::Id | Role::Title) {
            // What people call an item besides its noun stands where items are named.
            for alias in &field.aliases {
                self.entry(alias).noun = true;
                self.entry(&plural(alias)).noun = true;
            }
            return;
        }
        let name = field.name.replace('_', " ");
        let made_by = participle(&name).map(|deed| format!("{deed} by"));
        for alias in field.aliases.iter().chain([&name]).chain(&made_by) {
            for form in [alias.clone(), plural(alias), format!("{alias}ing"), singular(alias)] {
                let fields = &mut self.entry(&form).fields;
                if !fields.contains(&i) {
                    fields.push(i);
                }
            }
        }
        for (adjectives, direction) in
            [(&field.high, Direction::Descending), (&field.low, Direction::Ascending)]
        {
            for adjective in adjectives {
                for (word, form) in degrees(adjective) {
                    self.entry(&word).degrees.push((i, direction, form));
                }
            }
        }
    }

    fn add_values(&mut self, catalog: &Catalog, i: usize) {
        let (Some(field), Some(statistics)) = (catalog.fields.get(i), catalog.statistics.get(i)) else {
            return;
        };
        let count_of = |value: &str| {
            let key = squash(value);
            statistics.top.iter().find(|t| squash(&t.value.to_string()) == key).map_or(0, |t| t.count)
        };
        for (synonym, value) in &field.synonyms {
            let sense = Sense { field: i, value: value.clone(), count: count_of(value), literal: false };
            for form in [synonym.clone(), plural(synonym)] {
                self.entry(&form).senses.push(sense.clone());
            }
        }
        // The most frequent values are all there are when they are few; of the others the lexicon knows.
        if statistics.distinct > statistics.top.len() as u64 {
            return;
        }
        for known in &statistics.top {
            let value = known.value.to_string();
            let sense = Sense { field: i, value: value.clone(), count: known.count, literal: true };
            // A letter has no plural: "as" is a word.
            let many = if value.len() > 1 { plural(&value) } else { value.clone() };
            for form in [value.clone(), many] {
                let senses = &mut self.entry(&form).senses;
                senses.retain(|s| s.field != i);
                senses.push(sense.clone());
            }
        }
    }

    /// What exactly these tokens mean, without the lexicon.
    pub(super) fn meaning(&self, tokens: &[Token]) -> Option<&Meaning> {
        let key: String = tokens.iter().map(|t| squash(&t.word)).collect();
        let owner = || tokens.last().and_then(|t| t.owner.as_deref());
        let in_english = || {
            self.words.get(&key).or_else(|| match (tokens, owner()) {
                ([_], Some(owner)) => self.words.get(&squash(owner)),
                _ => None,
            })
        };
        match self.pack {
            None => in_english(),
            Some(pack) => {
                self.as_written(tokens).or_else(in_english).or_else(|| self.inflected(tokens, pack))
            }
        }
    }

    /// The values of category fields (`titles` false) or the titles that these tokens spell.
    pub(super) fn lexicon(
        &self,
        request: &str,
        tokens: &[Token],
        titles: bool,
    ) -> Result<Vec<Sense>, RulesError> {
        let Some(last) = tokens.last() else { return Ok(Vec::new()) };
        let raw = text_of(request, tokens);
        let mut spellings = vec![raw.trim_end_matches('\'').to_owned()];
        let joined: Vec<_> = tokens.iter().map(Token::spelt).collect();
        spellings.push(joined.join(" "));
        if let Some(owner) = &last.owner {
            let mut words = joined.clone();
            words.pop();
            words.push(owner);
            spellings.push(words.join(" "));
        }
        spellings.dedup();
        for spelling in spellings {
            // One word is somebody's name without its punctuation ("acdc") only if the name is well known: "Summer" is not
            // an album called "SUM(ME:R)".
            let mut found = self.snapshot.lexicon_squashed(&spelling)?;
            let folded = fold(&spelling);
            found.retain(|e| tokens.len() > 1 || e.folded == folded || e.count >= KNOWN);
            let wanted = |field: usize| {
                let role = self.catalog().fields.get(field).map(|f| f.role);
                if titles { role == Some(Role::Title) } else { role == Some(Role::Category) }
            };
            let senses: Vec<_> = found.into_iter().filter(|e| wanted(e.field)).map(sense).collect();
            if !senses.is_empty() {
                return Ok(senses);
            }
        }
        // "Lauryn Hill" is known as "Ms. Lauryn Hill", "the Notorious B.I.G." without his article.
        let named = tokens.iter().all(|t| t.capital || !is_common(&t.word));
        if titles || tokens.len() < 2 || !named {
            return Ok(Vec::new());
        }
        let is_category = |field: usize| catalog_role(self.catalog(), field) == Some(Role::Category);
        let styled = self.snapshot.lexicon_styled(raw.trim_end_matches('\''))?;
        Ok(styled.into_iter().filter(|e| is_category(e.field)).map(sense).collect())
    }

    /// True if a field says who made an item.
    pub(super) fn is_maker(&self, field: usize) -> bool {
        self.catalog().fields.get(field).is_some_and(is_maker)
    }

    /// How many titles use all of these words; of very many, at least so many.
    pub(super) fn titles_with(&self, words: &str) -> Result<u64, RulesError> {
        let found = self.snapshot.lexicon_with_words(words, /*limit*/ 256)?;
        let is_title = |field: usize| self.catalog().fields.get(field).is_some_and(|f| f.role == Role::Title);
        Ok(found.iter().filter(|e| is_title(e.field)).map(|e| e.count).sum())
    }

    /// The people and things that are known by this one word of their name ("Kubrick"): of each field the values that
    /// have it, if one of them is clearly meant.
    pub(super) fn by_last_word(&self, token: &Token) -> Result<Vec<Sense>, RulesError> {
        self.by_last_words(token.owner.as_deref().unwrap_or(&token.word))
    }

    /// The same for a last name of several words: "de niro".
    pub(super) fn by_last_words(&self, words: &str) -> Result<Vec<Sense>, RulesError> {
        let found = self.snapshot.lexicon_with_words(words, /*limit*/ 64)?;
        let ends = format!(" {words}");
        let mut senses: Vec<Sense> = Vec::new();
        let mut rivals: HashMap<usize, u64> = HashMap::new();
        for entry in found.into_iter().filter(|e| e.folded.ends_with(&ends)) {
            if self.catalog().fields.get(entry.field).map(|f| f.role) != Some(Role::Category) {
                continue;
            }
            match senses.iter().find(|s| s.field == entry.field) {
                Some(_) => *rivals.entry(entry.field).or_default() += entry.count,
                None => senses.push(Sense {
                    field: entry.field,
                    value: entry.value,
                    count: entry.count,
                    literal: true,
                }),
            }
        }
        // One of several of the same name is meant only if it is the one that comes to mind.
        senses.retain(|s| s.count >= 2 && s.count >= 2 * rivals.get(&s.field).copied().unwrap_or(0));
        Ok(senses)
    }

    /// Those whose last name this all but is ("hitchcok"), if they are well known.
    pub(super) fn by_misspelt_last_word(&self, word: &str, known: u64) -> Result<Vec<Sense>, RulesError> {
        let is_category = |field: usize| catalog_role(self.catalog(), field) == Some(Role::Category);
        let found = self.snapshot.lexicon_nearest(word, None, /*limit*/ 12)?;
        let slip = |folded: &str| {
            let last = folded.rsplit(' ').next().unwrap_or_default();
            last.len() < folded.len() && strsim::osa_distance(last, word) == 1
        };
        let meant = found.into_iter().map(|f| f.0);
        let mut senses: Vec<_> = meant
            .filter(|e| is_category(e.field) && e.count >= known && slip(&e.folded))
            .map(sense)
            .collect();
        senses.sort_by_key(|s| std::cmp::Reverse(s.count));
        let first = senses.first().map(|s| s.value.clone());
        senses.retain(|s| Some(&s.value) == first.as_ref());
        Ok(senses)
    }

    /// The category values that are all but spelt by these words.
    pub(super) fn nearest_values(&self, request: &str, tokens: &[Token]) -> Result<Vec<Sense>, RulesError> {
        let raw = text_of(request, tokens);
        let is_category =
            |field: usize| self.catalog().fields.get(field).is_some_and(|f| f.role == Role::Category);
        let words = tokens.len();
        let found = self.snapshot.lexicon_nearest(raw, None, /*limit*/ 6)?;
        let best = found.iter().map(|f| f.1).fold(0.0, f64::max);
        let close = found.into_iter().filter(|(e, similarity)| {
            *similarity >= NEAR
                && *similarity >= best
                && is_category(e.field)
                && e.folded.split(' ').count() == words
        });
        Ok(close.map(|(e, _)| sense(e)).collect())
    }

    /// The title that is these words and an addition, if there is one.
    pub(super) fn version_of(&self, words: &str) -> Result<Option<String>, RulesError> {
        Ok(self.versions_of(words)?.into_iter().next())
    }

    /// The titles that are these words and an addition.
    pub(super) fn versions_of(&self, words: &str) -> Result<Vec<String>, RulesError> {
        let is_title = |field: usize| self.catalog().fields.get(field).is_some_and(|f| f.role == Role::Title);
        let found = self.snapshot.lexicon_versions(words)?;
        Ok(found.into_iter().filter(|e| is_title(e.field)).map(|e| e.value).collect())
    }

    /// The title that is all but spelt by these words, if one is.
    pub(super) fn nearest_title(&self, words: &str) -> Result<Option<String>, RulesError> {
        let Some(title) = self.catalog().fields.iter().position(|f| f.role == Role::Title) else {
            return Ok(None);
        };
        let length = fold(words).split(' ').count();
        let found = self.snapshot.lexicon_nearest(words, Some(title), /*limit*/ 4)?;
        // A word of a title is not the title.
        let whole = found.into_iter().find(|(e, _)| e.folded.split(' ').count() == length);
        Ok(whole.filter(|(_, similarity)| *similarity >= NEAR).map(|(e, _)| e.value))
    }

    /// The one word of this vocabulary that differs from `word` by a slip of the fingers, if there is just one.
    pub(super) fn nearest(&self, word: &str) -> Option<(&str, &Meaning)> {
        let slips = match word.chars().count() {
            0..=4 => return None,
            5..=7 => 1,
            _ => 2,
        };
        let mut best: Option<(usize, &str, &Meaning)> = None;
        let mut tied = false;
        let mut keys: Vec<_> =
            self.words.iter().filter(|(k, _)| k.len().abs_diff(word.len()) <= slips).collect();
        keys.sort_by_key(|(key, _)| key.as_str());
        for (key, meaning) in keys {
            if key.chars().next() != word.chars().next() {
                continue;
            }
            let distance = strsim::osa_distance(word, key);
            match best {
                Some((least, _, of)) if distance == least => tied |= of != meaning,
                Some((least, ..)) if distance > least => {}
                _ if distance <= slips => (best, tied) = (Some((distance, key.as_str(), meaning)), false),
                _ => {}
            }
        }
        best.filter(|_| !tied).map(|(_, key, meaning)| (key, meaning))
    }
}
