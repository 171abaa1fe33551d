//! The catalogue's words in the language of the turn: by their everyday names, in whatever form they are said.

use segue_catalog::Direction;
use segue_catalog::text::{squash, words};

use super::RulesError;
use super::morphology::Form;
use super::tokens::Token;
use super::vocabulary::{Meaning, Vocabulary};
use crate::languages::Pack;

/// Words that lead to a field: where the catalogue names one as an alias, every form of it does.
const LEADING: [&str; 8] = ["in", "from", "of", "by", "with", "about", "on", "for"];

impl Vocabulary<'_> {
    /// Learns everyday names from the pack, and every word by its stem.
    pub(super) fn learn(&mut self, pack: &'static Pack) {
        for (name, english) in pack.dictionary {
            let mut meaning = Meaning::default();
            for known in english.split(' ').filter_map(|w| self.words.get(&squash(w))) {
                meaning.merge(known, &|d| d.2 == Form::Positive);
            }
            if !self.words.contains_key(&squash(name)) && meaning != Meaning::default() {
                *self.entry(name) = meaning;
            }
        }
        for (phrase, english) in pack.phrases.iter().filter(|p| LEADING.contains(&p.1)) {
            let fields = self.words.get(&squash(phrase)).map(|m| m.fields.clone()).unwrap_or_default();
            let leads = self.words.entry((*english).to_owned()).or_default();
            leads.fields.extend(fields.into_iter().filter(|f| !leads.fields.contains(f)).collect::<Vec<_>>());
        }
        self.words.retain(|_, meaning| *meaning != Meaning::default());
        let mut written = std::mem::take(&mut self.written);
        written.sort_unstable();
        written.dedup();
        for phrase in &written {
            let Some(meaning) = self.words.get(&squash(phrase)).cloned() else { continue };
            let stem: String = words(phrase).map(|w| pack.stem(&w)).collect();
            let positive: Vec<_> =
                meaning.degrees.iter().filter(|d| d.2 == Form::Positive).copied().collect();
            self.inflected.entry(stem.clone()).or_default().merge(&meaning, &|d| d.2 == Form::Positive);
            if positive.is_empty() {
                continue;
            }
            for (before, form, turned) in [
                ("more", Form::Comparative, false),
                ("less", Form::Comparative, true),
                ("most", Form::Superlative, false),
                ("least", Form::Superlative, true),
            ] {
                let degrees =
                    positive.iter().map(|(f, d, _)| (*f, if turned { opposite(*d) } else { *d }, form));
                let graded = Meaning { degrees: degrees.collect(), ..Meaning::default() };
                self.inflected.entry(format!("{before}{stem}")).or_default().merge(&graded, &|_| true);
                if !turned {
                    self.inflected.entry(by_ending(&stem, form)).or_default().merge(&graded, &|_| true);
                }
            }
        }
        self.written = written;
    }

    /// True if the catalogue itself brings this word.
    pub(super) fn has_word(&self, word: &str) -> bool {
        self.words.contains_key(&squash(word))
    }

    /// True if a category of some item is this.
    pub(super) fn has_value(&self, word: &str) -> Result<bool, RulesError> {
        let is_category = |field: usize| {
            self.catalog().fields.get(field).is_some_and(|f| f.role == segue_catalog::Role::Category)
        };
        Ok(self.snapshot().lexicon_squashed(word)?.iter().any(|e| is_category(e.field)))
    }

    /// What these tokens mean by the words that the user wrote.
    pub(super) fn as_written(&self, tokens: &[Token]) -> Option<&Meaning> {
        // English words of one phrase stand together; a part of them says nothing.
        let mut before = None;
        let mut apart = false;
        for token in tokens {
            apart |= token.said.as_deref() == Some("") && before.is_none();
            before = token.said.as_deref();
        }
        if apart || tokens.iter().all(|t| t.said.is_none()) {
            return None;
        }
        let key: String = tokens.iter().map(|t| squash(t.spelt())).collect();
        self.words.get(&key)
    }

    /// What these tokens mean whatever their endings.
    pub(super) fn inflected(&self, tokens: &[Token], pack: &Pack) -> Option<&Meaning> {
        let stem = |t: &Token| if t.said.is_some() { squash(&t.word) } else { pack.stem(&squash(&t.word)) };
        let key: String = tokens.iter().map(stem).collect();
        let found = self.inflected.get(&key);
        match tokens {
            [one] if found.is_none() && one.said.is_none() => {
                let (stem, form) = pack.degree(&one.word)?;
                self.inflected.get(&by_ending(&stem, form))
            }
            _ => found,
        }
    }
}

/// The key of an adjective whose ending says how much.
fn by_ending(stem: &str, form: Form) -> String {
    let sign = match form {
        Form::Positive => "",
        Form::Comparative => ">",
        Form::Superlative => ">>",
    };
    format!("{stem}{sign}")
}

fn opposite(direction: Direction) -> Direction {
    match direction {
        Direction::Ascending => Direction::Descending,
        Direction::Descending => Direction::Ascending,
    }
}

impl Meaning {
    /// All that the other means too, of its degrees those that are wanted.
    fn merge(&mut self, other: &Self, wanted: &dyn Fn(&(usize, Direction, Form)) -> bool) {
        fn join<T: PartialEq + Clone>(all: &mut Vec<T>, more: impl Iterator<Item = T>) {
            for one in more {
                if !all.contains(&one) {
                    all.push(one);
                }
            }
        }
        join(&mut self.fields, other.fields.iter().copied());
        join(&mut self.degrees, other.degrees.iter().filter(|d| wanted(d)).copied());
        join(&mut self.senses, other.senses.iter().cloned());
        self.noun |= other.noun;
    }
}
