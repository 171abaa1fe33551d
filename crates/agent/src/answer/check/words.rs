//! The words that a written answer may use: a closed list of those that claim nothing, and those that the catalogue
//! brings for its fields.

use std::collections::{HashMap, HashSet};

use segue_catalog::{Catalog, Direction, Role};

use crate::rules::{Form, Token, degrees, participle, plural, tokenize};

/// What a word that names no value does in a sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    /// Nothing.
    Nothing,
    /// It begins something new: what was said before of a field no longer leads to what follows.
    Anew,
    /// The same, and it speaks of several items: "are".
    AnewOfSeveral,
    /// It says that the item is what was asked for.
    Fits,
    /// A word of comparison or of a shape that only its own rule reads.
    Unknown,
}

/// Words that claim nothing by themselves. Whatever is on none of these lists and is no value ends a sentence.
const NOTHING: &str = "the this that these those there here i we you your my our to for on at of and or both all each also well with in from by while whereas but though item items option options choice choices recommend suggest list \
result results";
const ANEW: &str = "a an is was has it its they their which";
const OF_SEVERAL: &str = "are were have";
/// Verbs that agree with several: an item alone before one of them shares its sentence with another.
const VERBS_OF_SEVERAL: &str = "are were have star run last come feature share fit match meet satisfy";
const FITS: &str = "fit fits match matches matching meet meets satisfy satisfies request requested asked wanted criteria \
condition conditions requirement requirements";
/// Words after which something else begins: what stands after the last of them may belong to the next item.
const SEPARATES: [&str; 7] = ["and", "or", "but", "while", "whereas", "though", "also"];
/// Words that lead to values of fields and are also just words.
const WEAK: [&str; 8] = ["in", "from", "with", "of", "on", "at", "for", "to"];

pub(super) fn plain(word: &str) -> Plain {
    let is_of = |list: &str| list.split_whitespace().any(|w| w == word);
    if is_of(OF_SEVERAL) {
        Plain::AnewOfSeveral
    } else if is_of(ANEW) {
        Plain::Anew
    } else if is_of(FITS) {
        Plain::Fits
    } else if is_of(NOTHING) {
        Plain::Nothing
    } else {
        Plain::Unknown
    }
}

pub(super) fn separates(word: &str) -> bool {
    SEPARATES.contains(&word)
}

pub(super) fn is_verb_of_several(word: &str) -> bool {
    VERBS_OF_SEVERAL.split_whitespace().any(|w| w == word)
}

/// The words of a phrase, as sentences are split.
pub(super) fn split(phrase: &str) -> Vec<String> {
    tokenize(phrase).into_iter().map(|t| t.owner.unwrap_or(t.word)).collect()
}

/// What leads to a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Lead {
    /// The fields that it leads to.
    pub(super) fields: Vec<usize>,
    /// False for a word like "in", which need not lead anywhere.
    pub(super) strong: bool,
    /// How many tokens it takes.
    pub(super) length: usize,
}

/// An adjective of a field.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Degree {
    pub(super) field: usize,
    pub(super) direction: Direction,
    pub(super) form: Form,
}

/// The words for fields.
#[derive(Debug)]
pub(super) struct Vocabulary {
    leads: HashMap<String, Vec<usize>>,
    degrees: HashMap<String, Vec<Degree>>,
    nouns: HashSet<String>,
    makers: Vec<usize>,
}

/// The most words of a phrase for a field.
const LONGEST: usize = 4;

impl Vocabulary {
    pub(super) fn new(catalog: &Catalog) -> Self {
        let key = |phrase: &str| split(phrase).join(" ");
        let mut vocabulary = Self {
            leads: HashMap::new(),
            degrees: HashMap::new(),
            nouns: HashSet::new(),
            makers: Vec::new(),
        };
        for noun in [&catalog.noun, &catalog.name] {
            vocabulary.nouns.extend([key(noun), key(&plural(noun))]);
        }
        for (i, field) in catalog.fields.iter().enumerate() {
            if !matches!(field.role, Role::Category | Role::Number | Role::Date) {
                continue;
            }
            let name = field.name.replace('_', " ");
            let deed = participle(&name);
            if field.role == Role::Category && (deed.is_some() || name.ends_with("ist")) {
                vocabulary.makers.push(i);
            }
            let by = deed.map(|deed| format!("{deed} by"));
            for phrase in field.aliases.iter().chain([&name]).chain(&by) {
                let singular = phrase.strip_suffix('s').filter(|s| s.len() > 3 && !s.ends_with('s'));
                for form in [Some(phrase.clone()), Some(plural(phrase)), singular.map(str::to_owned)]
                    .into_iter()
                    .flatten()
                {
                    let fields = vocabulary.leads.entry(key(&form)).or_default();
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
                        // "latest" is an adjective of a data set, and a superlative.
                        let form = if word.ends_with("est") { Form::Superlative } else { form };
                        let degree = Degree { field: i, direction, form };
                        vocabulary.degrees.entry(key(&word)).or_default().push(degree);
                    }
                }
            }
        }
        vocabulary
    }

    pub(super) fn is_noun(&self, word: &str) -> bool {
        self.nouns.contains(word)
    }

    /// The longest phrase for fields that begins these tokens. A preposition leads to no field but one that the catalogue
    /// says: "for Tom Berg" is nothing that a row can show.
    pub(super) fn lead(&self, tokens: &[Token]) -> Option<Lead> {
        let word = tokens.first()?.word.as_str();
        let is_weak = WEAK.contains(&word);
        let found = longest(tokens, |phrase| self.leads.get(phrase).cloned());
        let (fields, length) = match found {
            Some(found) => found,
            None if word == "by" => (self.makers.clone(), 1),
            None if is_weak => (Vec::new(), 1),
            None => return None,
        };
        Some(Lead { fields, strong: length > 1 || !is_weak, length })
    }

    /// True if it says who made an item: "director".
    pub(super) fn is_maker(&self, field: usize) -> bool {
        self.makers.contains(&field)
    }

    /// The longest adjective that begins these tokens; a superlative where it can be one.
    pub(super) fn degree(&self, tokens: &[Token]) -> Option<(Degree, usize)> {
        longest(tokens, |phrase| {
            let all = self.degrees.get(phrase)?;
            all.iter().find(|d| d.form == Form::Superlative).or_else(|| all.first()).copied()
        })
    }
}

/// What the longest run of words at the beginning of these tokens stands for.
fn longest<T>(tokens: &[Token], meaning: impl Fn(&str) -> Option<T>) -> Option<(T, usize)> {
    (1..=tokens.len().min(LONGEST)).rev().find_map(|n| {
        let words: Vec<&str> = tokens.get(..n)?.iter().map(|t| t.word.as_str()).collect();
        meaning(&words.join(" ")).map(|found| (found, n))
    })
}
