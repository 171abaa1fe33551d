//! A request in chunks: each the longest run of tokens that means one thing.

use segue_catalog::Direction;

use super::RulesError;
use super::cues::{Cue, cue, is_filling, unslip};
use super::dates::{Period, period, recent};
use super::descriptions::{descriptions, time_of_item};
use super::morphology::Form;
use super::numbers::{Quantity, number, quantity};
use super::tokens::{Gap, Token};
use super::vocabulary::{LONGEST, Sense, Vocabulary};
use crate::Earlier;

/// What a chunk is.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Number(f64),
    Quantity(Quantity),
    Period(Period),
    Field(Vec<usize>),
    Degree(Vec<(usize, Direction)>, Form),
    /// Values of category fields; `sure` if they mean that without a word that leads to them.
    Value(Vec<Sense>, bool),
    Noun,
    /// A phrase that describes what it means; see [`descriptions`].
    Described,
    Cue(Cue),
    /// "#2", "the second one": from 0.
    Reference(usize),
    Filling,
    Word,
}

/// A run of tokens.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Chunk {
    /// Its first token.
    pub(super) first: usize,
    /// The one after its last.
    pub(super) end: usize,
    pub(super) kind: Kind,
    /// What stands before it.
    pub(super) gap: Gap,
    /// The field whose name or alias this also is, where a steering word is one: "by", "from".
    pub(super) leads_to: Vec<usize>,
}

/// How many items make the bearer of a name known by its last word alone.
const WELL_KNOWN: u64 = 5;

/// The fewest letters of a slip that an everyday word may stand beside.
const LONG_SLIP: usize = 5;

/// What a last name may begin with: "de niro".
const PARTICLES: [&str; 12] = ["de", "di", "del", "della", "von", "van", "da", "la", "le", "du", "der", "st"];

const ORDINALS: [&str; 10] =
    ["first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth"];

/// Cuts a request into chunks. `shown` is how many items the user sees.
pub(super) fn chunks(
    request: &str,
    tokens: &[Token],
    vocabulary: &Vocabulary<'_>,
    shown: usize,
    earlier: &Earlier,
) -> Result<Vec<Chunk>, RulesError> {
    let mut chunks = Vec::new();
    let described = descriptions(tokens);
    let mut i = 0;
    while let Some(token) = tokens.get(i) {
        if let Some((_, end)) = described.iter().find(|d| d.0 == i) {
            let run = tokens.get(i..*end).unwrap_or_default();
            let kind = time_of_item(request, run, vocabulary)?.map_or(Kind::Described, Kind::Period);
            chunks.push(Chunk { first: i, end: *end, kind, gap: token.gap, leads_to: Vec::new() });
            i = *end;
            continue;
        }
        let before = chunks.last().map(|c: &Chunk| &c.kind);
        let pointed = earlier_reference(tokens.get(i..).unwrap_or_default(), shown, earlier);
        let (kind, n, leads_to) = match pointed {
            Some((place, n)) => (Kind::Reference(place), n, Vec::new()),
            None => next(request, tokens, i, before, vocabulary, shown)?,
        };
        let n = n.max(1);
        chunks.push(Chunk { first: i, end: i + n, kind, gap: token.gap, leads_to });
        i += n;
    }
    Ok(chunks)
}

fn next(
    request: &str,
    tokens: &[Token],
    i: usize,
    before: Option<&Kind>,
    vocabulary: &Vocabulary<'_>,
    shown: usize,
) -> Result<(Kind, usize, Vec<usize>), RulesError> {
    let rest = tokens.get(i..).unwrap_or_default();
    let words = rest.iter().take(LONGEST);
    let words: Vec<&str> = match vocabulary.pack() {
        None => words.map(|t| unslip(&t.word)).collect(),
        // Slips were mended in the language that they were made in.
        Some(_) => words.map(|t| t.word.as_str()).collect(),
    };
    let first = words.first().copied().unwrap_or_default();
    if let Some((place, n)) = reference(&words, shown) {
        return Ok((Kind::Reference(place), n, Vec::new()));
    }
    if first == "minus"
        && quantity(rest).is_none()
        && let Some((value, n)) = number(rest)
    {
        return Ok((Kind::Number(value), n, Vec::new()));
    }
    if let Some(n) = age(rest) {
        return Ok((Kind::Filling, n, Vec::new()));
    }
    if matches!(first, "leave" | "take" | "cut" | "keep") && goes_out(rest) {
        return Ok((Kind::Cue(Cue::Not), 1, Vec::new()));
    }
    // "8-10" are two numbers, "1999-03-31" is one day.
    let steering = cue(&words)
        // "and under 2 hours" limits what comes, "90 minutes and under" what was.
        .and_then(|(c, n)| {
            let goes_on = rest.get(n).is_some_and(|t| t.gap == Gap::Blank);
            if matches!(c, Cue::Tail(_)) && n == 2 && goes_on && is_amount(rest, n) {
                cue(words.get(..1)?)
            } else {
                Some((c, n))
            }
        })
        .filter(|_| !rest.first().is_some_and(|t| t.quoted));
    let steering_length = steering.map_or(0, |c| c.1);
    for n in (1..=rest.len().min(LONGEST)).rev() {
        let run = rest.get(..n).unwrap_or_default();
        // "ac/dc" is one name, "comedy/drama" are two.
        if n == 2 && run.last().is_some_and(|t| t.gap == Gap::Slash) {
            let senses = vocabulary.lexicon(request, run, /*titles*/ false)?;
            let senses: Vec<_> = senses.into_iter().filter(|s| s.value.contains('/')).collect();
            if !senses.is_empty() {
                return Ok((Kind::Value(senses, true), 2, Vec::new()));
            }
        }
        // "western < 85": a sign is no part of a name.
        let is_sign = |t: Option<&Token>| t.is_some_and(|t| !t.word.contains(char::is_alphanumeric));
        if run.iter().skip(1).any(|t| matches!(t.gap, Gap::Stop | Gap::Comma | Gap::Slash))
            || (n > 1 && (is_sign(run.first()) || is_sign(run.last())))
            || n < steering_length
        {
            continue;
        }
        let meaning = vocabulary.meaning(run);
        if n == steering_length
            && let Some((cue, n)) = steering
        {
            let leads_to = meaning.map(|m| m.fields.clone()).unwrap_or_default();
            return Ok((Kind::Cue(cue), n, leads_to));
        }
        let in_compound = n == 1
            && rest.first().zip(rest.get(1)).is_some_and(|(a, b)| [a.gap, b.gap].contains(&Gap::Hyphen));
        // "feel-good" says nothing of what is good.
        if let Some(kind) = meaning
            .and_then(|m| own(m, run, n == 1 && ends_with_value(rest, vocabulary)))
            .filter(|k| !(in_compound && matches!(k, Kind::Degree(..))))
        {
            return Ok((kind, n, Vec::new()));
        }
        let measured = quantity(rest).map(|(q, m)| (Kind::Quantity(q), m));
        let dated =
            || period(rest).or_else(|| recent(rest, vocabulary.today()?)).map(|(p, m)| (Kind::Period(p), m));
        if let Some((kind, m)) = measured.or_else(dated).filter(|(_, m)| *m >= n) {
            return Ok((kind, m, Vec::new()));
        }
        let numeric = run.iter().all(|t| t.word.chars().all(|c| c.is_ascii_digit()));
        if run.iter().all(|t| is_filling(&t.word)) || numeric || number(run).is_some_and(|(_, m)| m == n) {
            continue;
        }
        // "songs in a minor key" begins with what is asked for, not with the name of an album.
        let begins_with_noun = n > 1
            && run.first().is_some_and(|t| !t.capital && !t.quoted)
            && vocabulary.meaning(run.get(..1).unwrap_or_default()).is_some_and(|m| m.noun);
        // "90s gangster rap" begins with a time, whatever a playlist is called.
        let begins_with_time =
            n > 1 && !run.iter().any(|t| t.quoted) && period(run).is_some_and(|(_, m)| m < n);
        if begins_with_noun || (begins_with_time && !run.iter().all(|t| t.capital || t.word.len() < 4)) {
            continue;
        }
        let senses = vocabulary.lexicon(request, run, /*titles*/ false)?;
        if !senses.is_empty() {
            let named = run.iter().all(|t| t.capital || is_filling(&t.word)) && run.iter().any(|t| t.capital);
            let sure = (n > 1 && (named || run.iter().any(|t| t.word.len() > 3 && !is_common(&t.word))))
                || (n == 1 && named && i > 0 && senses.iter().any(|s| s.count > 1))
                || (n == 1
                    && (i == 0 || matches!(before, Some(Kind::Cue(Cue::Not))))
                    && is_known_name(run, &senses))
                || is_known_maker(i, run, &senses, vocabulary)
                || (n == 1 && run.iter().any(|t| mixes(&t.word)));
            return Ok((Kind::Value(senses, sure), n, Vec::new()));
        }
    }
    if let Some((value, n)) = number(rest) {
        return Ok((Kind::Number(value), n, Vec::new()));
    }
    if is_filling(first) || first == "#" {
        return Ok((Kind::Filling, 1, Vec::new()));
    }
    let led = matches!(before, Some(Kind::Field(_) | Kind::Cue(Cue::By | Cue::With)));
    if rest.first().is_some_and(|t| !t.quoted)
        && let Some((senses, n)) = misspelt(request, rest, vocabulary, led)?
    {
        return Ok((Kind::Value(senses, true), n, Vec::new()));
    }
    if let Some(token) = rest.first().filter(|t| !t.quoted && !is_common(first)) {
        // "songz" is a slip for what everybody asks for rather than half of a name.
        let slip = vocabulary.nearest(first).filter(|(_, m)| m.noun && !token.capital);
        if slip.is_some() {
            return Ok((Kind::Noun, 1, Vec::new()));
        }
        let time =
            rest.get(1).is_some_and(|t| ["years", "era", "days", "presidency"].contains(&t.word.as_str()));
        // In "Abel Tesfaye" the first word is nobody's last name.
        let goes_on = token.capital && rest.get(1).is_some_and(|t| t.capital && t.gap == Gap::Blank);
        // "de niro", "the chili peppers".
        let second = rest.get(1).filter(|t| t.gap == Gap::Blank && !t.quoted);
        if let Some(second) = second.filter(|t| PARTICLES.contains(&first) || !is_filling(&t.word)) {
            let named = vocabulary.by_last_words(&format!("{first} {}", second.word))?;
            if !named.is_empty() {
                return Ok((Kind::Value(named, true), 2, Vec::new()));
            }
        }
        // Nobody is called "the Duke" for their last name.
        let titled = i.checked_sub(1).and_then(|b| tokens.get(b)).is_some_and(|t| t.word == "the");
        let named = if time || goes_on || titled { Vec::new() } else { vocabulary.by_last_word(token)? };
        if !named.is_empty() {
            let known = named.iter().any(|s| s.count >= WELL_KNOWN);
            // A flight "to Sydney" is to no person.
            let place = i.checked_sub(1).and_then(|b| tokens.get(b));
            let place =
                place.is_some_and(|t| matches!(t.word.as_str(), "to" | "in" | "at" | "near" | "from"));
            return Ok((Kind::Value(named, !place && (known || (token.capital && i > 0))), 1, Vec::new()));
        }
        let items = rest.get(1..2).and_then(|next| vocabulary.meaning(next)).is_some_and(|m| m.noun);
        if (led || items) && first.len() > LONG_SLIP {
            let named = vocabulary.by_misspelt_last_word(first, WELL_KNOWN)?;
            if !named.is_empty() {
                return Ok((Kind::Value(named, true), 1, Vec::new()));
            }
        }
        if let Some(kind) =
            vocabulary.nearest(first).and_then(|(_, m)| own(m, rest.get(..1).unwrap_or_default(), false))
        {
            return Ok((kind, 1, Vec::new()));
        }
    }
    Ok((Kind::Word, 1, Vec::new()))
}

/// What a meaning of the catalogue's own words is in a request. Values come first, then adjectives, then names of
/// fields: "old" is an adjective wherever it is one.
fn own(meaning: &super::vocabulary::Meaning, run: &[Token], is_letter_value: bool) -> Option<Kind> {
    if meaning.noun {
        return Some(Kind::Noun);
    }
    // "a" and "I" are words before they are values: they are one only where nothing else can follow.
    let word = |t: &Token| matches!(t.word.as_str(), "a" | "i") && (!t.capital || t.word == "i");
    let letter = run.len() == 1 && run.first().is_some_and(word) && !is_letter_value;
    if !meaning.senses.is_empty() && !letter {
        return Some(Kind::Value(meaning.senses.clone(), run.iter().any(|t| t.word.len() > 1)));
    }
    if let Some((_, _, form)) = meaning.degrees.first() {
        let degrees = meaning.degrees.iter().filter(|d| d.2 == *form).map(|d| (d.0, d.1)).collect();
        return Some(Kind::Degree(degrees, *form));
    }
    (!meaning.fields.is_empty()).then(|| Kind::Field(meaning.fields.clone()))
}

/// "soul, a minor, …": a letter and one more value, and no more in the clause. "A minor hit" goes on.
fn ends_with_value(rest: &[Token], vocabulary: &Vocabulary<'_>) -> bool {
    let ends = rest.get(2).is_none_or(|t| matches!(t.gap, Gap::Comma | Gap::Stop));
    let next = rest.get(1..2).filter(|next| next.iter().all(|t| t.gap == Gap::Blank));
    ends && next.and_then(|next| vocabulary.meaning(next)).is_some_and(|m| !m.senses.is_empty())
}

/// "8 years old": how many tokens it takes.
fn age(rest: &[Token]) -> Option<usize> {
    let word = |i: usize| rest.get(i).map_or("", |t| t.word.as_str());
    let (_, n) = number(rest)?;
    let aged = matches!(word(n), "year" | "years" | "yr" | "yrs" | "month" | "months");
    (aged && matches!(word(n + 1), "old" | "olds")).then_some(n + 2)
}

/// "leave the sad ones out".
fn goes_out(rest: &[Token]) -> bool {
    let clause = rest.iter().skip(1).take_while(|t| !matches!(t.gap, Gap::Comma | Gap::Stop));
    clause.take(LONGEST).skip(1).any(|t| t.word == "out")
}

/// True if a number stands here.
fn is_amount(tokens: &[Token], at: usize) -> bool {
    tokens.get(at..).is_some_and(|rest| number(rest).is_some() || period(rest).is_some())
}

/// One word at the beginning of a request, where a capital says nothing, that is a whole name and no everyday word.
fn is_known_name(run: &[Token], senses: &[Sense]) -> bool {
    let count = senses.iter().map(|s| s.count).max().unwrap_or_default();
    run.iter()
        .all(|t| t.word.len() > 3 && !is_common(&t.word) && count >= if t.capital { 2 } else { WELL_KNOWN })
}

/// Somebody well known by a name of everyday words: "new order", or "Prince" where a request begins.
fn is_known_maker(i: usize, run: &[Token], senses: &[Sense], vocabulary: &Vocabulary<'_>) -> bool {
    let known = senses.iter().any(|s| s.count >= WELL_KNOWN && vocabulary.is_maker(s.field));
    known && (run.len() > 1 || (i == 0 && run.iter().all(|t| t.capital && t.word.len() > 3)))
}

/// "#2", "number 2", "the second one", "the last one".
fn reference(words: &[&str], shown: usize) -> Option<(usize, usize)> {
    let skip = usize::from(words.first() == Some(&"the"));
    let rest = words.get(skip..)?;
    let place = |word: &str| word.parse::<usize>().ok().filter(|n| *n > 0).map(|n| n - 1);
    match rest {
        ["#", n, ..] => Some((place(n)?, skip + 2)),
        ["number", n, ..] if shown > 0 => Some((place(n)?, skip + 2)),
        ["last", "one", ..] if shown > 0 => Some((shown - 1, skip + 2)),
        [ordinal, "one", ..] => Some((ORDINALS.iter().position(|o| o == ordinal)?, skip + 2)),
        [ordinal, ..] if skip == 1 && shown > 0 && rest.get(1).is_none_or(|w| is_filling(w)) => {
            Some((ORDINALS.iter().position(|o| o == ordinal)?, 2))
        }
        _ => None,
    }
}

/// "#2 of the first list", "the third one from before": an item of an earlier list.
fn earlier_reference(tokens: &[Token], shown: usize, earlier: &Earlier) -> Option<(usize, usize)> {
    let words: Vec<&str> = tokens.iter().take(12).map(|t| t.word.as_str()).collect();
    let (place, n) = reference(&words, shown)?;
    let last = earlier.lists.len().checked_sub(1)?;
    let (list, used) = match words.get(n..)? {
        ["from" | "you" | "we", "before" | "earlier" | "previously", ..] => (last.checked_sub(1)?, 2),
        ["before" | "earlier" | "previously"] => (last.checked_sub(1)?, 1),
        ["of" | "from" | "in" | "on", rest @ ..] => {
            let the = usize::from(matches!(rest.first(), Some(&"the" | &"your" | &"that")));
            let (which, noun) = (rest.get(the)?, rest.get(the + 1)?);
            if !matches!(
                noun.strip_suffix('s').unwrap_or(noun),
                "list" | "answer" | "result" | "reply" | "search"
            ) {
                return None;
            }
            let list = match *which {
                "last" | "current" => last,
                "previous" | "earlier" | "other" => last.checked_sub(1)?,
                "original" => 0,
                ordinal => ORDINALS.iter().position(|o| *o == ordinal)?,
            };
            (list, the + 3)
        }
        _ => return None,
    };
    let length = earlier.lists.get(list)?.len();
    // "The last one" is the last of that list.
    let is_last = words.get(..n)?.contains(&"last");
    let index = if is_last { length.checked_sub(1)? } else { place };
    (index < length).then(|| (earlier.place(list, index), n + used))
}

/// The values that the next words spell with a slip: names of two words, or after a word that leads to a value also
/// of one.
fn misspelt(
    request: &str,
    rest: &[Token],
    vocabulary: &Vocabulary<'_>,
    led: bool,
) -> Result<Option<(Vec<Sense>, usize)>, RulesError> {
    for n in [2, 1] {
        let Some(run) = rest.get(..n) else { continue };
        // Of two words one may be an everyday one: "led zepelin".
        let strange = run.iter().filter(|t| !is_common(&t.word)).map(|t| t.word.len());
        let strange: Vec<_> = strange.collect();
        let named = strange.len() == n || strange.iter().any(|length| *length >= LONG_SLIP);
        let joined = run.iter().skip(1).all(|t| t.gap == Gap::Blank) && named;
        let long = run.iter().map(|t| t.word.len()).sum::<usize>() > 5;
        if !joined || !long {
            continue;
        }
        let mut senses = vocabulary.nearest_values(request, run)?;
        // One word that nothing leads to is a slip of a name only if everybody knows that.
        if n == 1 && !led {
            senses.retain(|s| s.count >= WELL_KNOWN && vocabulary.is_maker(s.field));
        }
        if !senses.is_empty() {
            return Ok(Some((senses, n)));
        }
    }
    Ok(None)
}

/// True for letters and digits in one word: "2pac", "u2".
fn mixes(word: &str) -> bool {
    word.contains(|c: char| c.is_ascii_digit()) && word.contains(char::is_alphabetic)
}

/// True for a word of everyday English, which is then not taken for a slip or for somebody's name.
pub(crate) fn is_common(word: &str) -> bool {
    static WORDS: std::sync::LazyLock<std::collections::HashSet<&'static str>> =
        std::sync::LazyLock::new(|| include_str!("english.txt").split_whitespace().collect());
    is_filling(word)
        || WORDS.contains(word)
        || word.strip_suffix('s').is_some_and(|w| WORDS.contains(w))
        || word.strip_suffix("ing").or_else(|| word.strip_suffix("ed")).is_some_and(|w| WORDS.contains(w))
}
