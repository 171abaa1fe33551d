//! A request in another language, put into the English that the rules read: phrase by phrase, by the language's
//! [`Pack`]. Names, values and all other words stay as they are, and every token keeps the place of the words that it
//! stands for, wherever it goes.

use segue_catalog::{FieldType, Unit};

use super::RulesError;
use super::bounds::is_calendar;
use super::cues::{is_filling, is_negation};
use super::dates::MONTHS;
use super::numerals::{self, plain};
use super::segments::segments;
use super::tokens::{Gap, Token, tokenize, tokenize_numbers};
use super::vocabulary::Vocabulary;
use crate::languages::{Numerals, Pack, is_place};

/// What says nothing, in English.
const NOTHING: &str = "um";
/// Money: of fields that do not say what they are in, it is meant without being said.
const MONEY: [&str; 5] = ["euros", "dollars", "pounds", "reais", "yuan"];
/// The most tokens of a field's name or an adjective in a phrase.
const LONGEST_PLACE: usize = 3;
/// The most tokens from the first part of a frame to the second.
const WIDEST_FRAME: usize = 24;
/// The most letters of a word that is looked into: no compound or number is longer.
pub(super) const LONGEST_WORD: usize = 64;
/// The fewest letters of a part of a compound.
const SHORTEST_PART: usize = 4;
/// The fewest letters of a word that is known with a slip in it.
const SLIPS_FROM: usize = 6;

/// The tokens of a request, in English as far as they steer it.
pub(super) fn gloss(request: &str, vocabulary: &Vocabulary<'_>) -> Result<Vec<Token>, RulesError> {
    let Some(pack) = vocabulary.pack() else { return Ok(tokenize(request)) };
    let mut tokens = tokenize_numbers(request, pack.decimal_comma);
    match &pack.numerals {
        Numerals::Characters => tokens = segments(tokens, request, pack, vocabulary)?,
        Numerals::Words { .. } => tokens = numerals::read(request, tokens, pack),
    }
    let glosser = Glosser { pack, vocabulary };
    glosser.unslip(&mut tokens);
    let mut tokens = glosser.uncompound(tokens);
    glosser.frames(&mut tokens);
    let mut tokens = glosser.phrases(&tokens);
    glosser.trailing(&mut tokens);
    Ok(tokens)
}

struct Glosser<'a> {
    pack: &'static Pack,
    vocabulary: &'a Vocabulary<'a>,
}

/// A phrase that was found: how many tokens it takes, what stands in its places, and its English.
struct Found<'t> {
    used: usize,
    places: Vec<&'t [Token]>,
    /// The tokens that are no places.
    own: Vec<&'t Token>,
    english: &'static str,
}

impl Glosser<'_> {
    /// Mends slips in long words that neither the language nor the catalogue knows.
    fn unslip(&self, tokens: &mut [Token]) {
        let index = self.pack.index();
        for token in tokens.iter_mut().filter(|t| !t.quoted && !t.capital && t.said.is_none()) {
            let word = token.word.as_str();
            let known = index.function.contains(word)
                || index.content.contains(word)
                || self.vocabulary.meaning(std::slice::from_ref(token)).is_some();
            if known || word.chars().count() < SLIPS_FROM || !word.chars().all(char::is_alphabetic) {
                continue;
            }
            let meant = index.long.iter().find(|w| strsim::osa_distance(w, word) == 1);
            if let Some(meant) = meant {
                token.word = (*meant).to_owned();
            }
        }
    }

    /// "geluidssoftware": a word that nobody knows, whose end is a value or a name of the items, in its two parts. The first
    /// may be anything.
    fn uncompound(&self, tokens: Vec<Token>) -> Vec<Token> {
        if self.pack.links.is_empty() {
            return tokens;
        }
        let index = self.pack.index();
        let mut out = Vec::with_capacity(tokens.len());
        for token in tokens {
            // "systeemprogramma's" is no owner but several.
            let word = token.owner.as_ref().unwrap_or(&token.word).as_str();
            let known = word.len() > LONGEST_WORD
                || token.quoted
                || token.said.is_some()
                // Places of the parts are those of the folded word.
                || word.len() + token.owner.as_ref().map_or(0, |_| "'s".len()) != token.end - token.start
                || index.function.contains(word)
                || self.vocabulary.meaning(std::slice::from_ref(&token)).is_some();
            match self.parts(word).filter(|_| !known) {
                Some((head, tail)) => {
                    let part = |from: usize, to: usize| Token {
                        start: token.start + from,
                        end: token.start + to,
                        word: word.get(from..to).unwrap_or_default().to_owned(),
                        owner: None,
                        ..token.clone()
                    };
                    let second = Token { gap: Gap::Blank, end: token.end, ..part(tail, word.len()) };
                    out.extend([part(0, head), second]);
                }
                None => out.push(token),
            }
        }
        out
    }

    /// Where the first part of a compound ends and where the second begins.
    fn parts(&self, word: &str) -> Option<(usize, usize)> {
        let means = |part: &str| {
            let token = Token { word: part.to_owned(), ..tokenize(part).pop()? };
            let meaning = self.vocabulary.meaning(std::slice::from_ref(&token))?;
            Some((meaning.noun, !meaning.senses.is_empty()))
        };
        let splits = (SHORTEST_PART..word.len().saturating_sub(SHORTEST_PART - 1))
            .filter(|at| word.is_char_boundary(*at));
        // The longest end that says something, with a beginning that does if there is one.
        let mut best = None;
        for at in splits {
            let (head, tail) = word.split_at_checked(at)?;
            if !means(tail).is_some_and(|(noun, value)| noun || value) {
                continue;
            }
            let bare = self
                .pack
                .links
                .iter()
                .filter_map(|l| head.strip_suffix(l))
                .filter(|h| h.len() >= SHORTEST_PART);
            let value = bare.clone().find(|h| means(h).is_some_and(|m| m.1)).map(str::len);
            match value {
                Some(length) => return Some((length, at)),
                None => best = best.or(Some((head.len(), at))),
            }
        }
        best
    }

    /// "tussen … in": the first part becomes English, the second says nothing any more.
    fn frames(&self, tokens: &mut [Token]) {
        for i in 0..tokens.len() {
            let word =
                |t: usize| tokens.get(t).filter(|t| !t.quoted && t.said.is_none()).map_or("", |t| &t.word);
            let ends = |t: &usize| tokens.get(*t).is_some_and(|t| t.gap == Gap::Stop);
            let clause = || (i + 1..tokens.len().min(i + WIDEST_FRAME)).take_while(|t| !ends(t));
            let found = self.pack.frames.iter().filter(|f| f.0 == word(i)).find_map(|(_, close, english)| {
                clause().find(|t| word(*t) == *close).filter(|at| *at > i + 1).map(|at| (at, *english))
            });
            let Some((at, english)) = found else { continue };
            for (place, english) in [(i, english), (at, NOTHING)] {
                if let Some(token) = tokens.get_mut(place) {
                    token.said = Some(std::mem::replace(&mut token.word, english.to_owned()));
                }
            }
        }
    }

    fn phrases(&self, tokens: &[Token]) -> Vec<Token> {
        let mut out: Vec<Token> = Vec::with_capacity(tokens.len());
        let mut i = 0;
        while let Some(token) = tokens.get(i) {
            if token.quoted {
                out.push(token.clone());
                i += 1;
                continue;
            }
            if token.said.is_some() {
                // A frame's words, perhaps several.
                push_words(&mut out, token, &token.word, token.spelt());
                i += 1;
                continue;
            }
            let next_comma = tokens.get(i + 1).is_some_and(|t| t.gap == Gap::Comma);
            if i == 0 && next_comma && self.pack.answers_no.contains(&token.word.as_str()) {
                push_words(&mut out, token, "no", &token.word);
                i += 1;
                continue;
            }
            if self.pack.ones.contains(&token.word.as_str())
                && self.counts(tokens.get(i + 1..).unwrap_or_default())
            {
                push_words(&mut out, token, "1", &token.word);
                i += 1;
                continue;
            }
            if let Some(found) = self.phrase(tokens, i) {
                self.say(&found, token.gap, &mut out);
                i += found.used;
                continue;
            }
            match self.word(tokens, i, out.last()) {
                Some("") => {
                    // A unit that says nothing belongs to its number.
                    if let Some(last) = out.last_mut() {
                        last.end = last.end.max(token.end);
                    }
                }
                Some(english) => push_words(&mut out, token, english, &token.word),
                None => out.push(token.clone()),
            }
            i += 1;
        }
        out
    }

    /// A unit after its number, a month, or a word that says nothing.
    fn word(&self, tokens: &[Token], i: usize, last: Option<&Token>) -> Option<&'static str> {
        let token = tokens.get(i)?;
        let digits = |t: &Token| t.word.starts_with(|c: char| c.is_ascii_digit());
        if last.is_some_and(digits)
            && let Some((_, english)) = self.pack.units.iter().find(|u| u.0 == token.word)
            // "2 quartos": what the catalogue knows is no unit.
            && self.vocabulary.meaning(tokens.get(i..=i)?).is_none_or(|_| self.measures(english))
        {
            let is_money = MONEY.contains(english);
            return Some(if is_money && !self.measures(english) { "" } else { english });
        }
        if let Some(at) = self.pack.months.iter().position(|m| *m == token.word)
            && (!token.capital || last.is_some_and(digits) || tokens.get(i + 1).is_some_and(digits))
        {
            return MONTHS.get(at).copied();
        }
        self.pack.index().filling.contains(token.word.as_str()).then_some(NOTHING)
    }

    /// True if a field is measured in this unit.
    fn measures(&self, unit: &str) -> bool {
        let unit = Unit::parse(unit);
        let units = self.vocabulary.catalog().fields.iter().filter_map(|f| f.unit.as_ref());
        unit.is_known() && units.into_iter().any(|u| unit.factor_to(u).is_some())
    }

    /// The longest phrase that begins at this token.
    fn phrase<'t>(&self, tokens: &'t [Token], i: usize) -> Option<Found<'t>> {
        let index = self.pack.index();
        let first = tokens.get(i)?;
        let with = |key: &str| index.phrases.get(key).into_iter().flatten();
        let found = with(&first.word).chain(with("")).filter_map(|(words, english)| {
            let (mut at, mut places, mut own) = (i, Vec::new(), Vec::new());
            for word in words {
                let token = tokens.get(at).filter(|t| !t.quoted && t.said.is_none())?;
                if at > i && matches!(token.gap, Gap::Comma | Gap::Stop) {
                    return None;
                }
                if is_place(word) {
                    let used = self.place(word, tokens.get(at..)?)?;
                    places.push(tokens.get(at..at + used)?);
                    at += used;
                } else if token.word == word.trim_start_matches(',')
                    && (token.gap == Gap::Comma || !word.starts_with(','))
                {
                    own.push(token);
                    at += 1;
                } else {
                    return None;
                }
            }
            Some((words.len(), Found { used: at - i, places, own, english }))
        });
        // Of equally long ones the first, and one that wants a comma before one that does not.
        let best = found.reduce(|best, new| if new.0 > best.0 { new } else { best });
        best.map(|(_, found)| found)
    }

    /// How many tokens fill a place of a phrase.
    fn place(&self, place: &str, tokens: &[Token]) -> Option<usize> {
        let word = |t: usize| tokens.get(t).map_or("", |t| t.word.as_str());
        let digits = |t: usize| word(t).starts_with(|c: char| c.is_ascii_digit());
        let is_year = |t: usize| {
            word(t).len() == 4 && word(t).parse::<u32>().is_ok_and(|year| (1000..2100).contains(&year))
        };
        match place {
            "#n" => digits(0).then_some(1),
            "#y" => is_year(0).then_some(1),
            "#" => {
                let sign = match (word(0), word(1)) {
                    ("$" | "€" | "£", _) => 1,
                    ("r", "$") => 2,
                    _ => 0,
                };
                let number = digits(sign).then_some(sign + 1)?;
                let unit = self.pack.units.iter().any(|u| u.0 == word(number));
                let unit = unit || matches!(word(number), "$" | "€" | "£" | "%");
                let of_year = word(number) == "年" && is_year(number - 1);
                Some(number + usize::from(unit || of_year))
            }
            "@m" => self.pack.months.contains(&word(0)).then_some(1),
            "@f" | "@a" => (1..=LONGEST_PLACE.min(tokens.len())).rev().find(|n| {
                let run = tokens.get(..*n).unwrap_or_default();
                let meaning = self.vocabulary.meaning(run);
                meaning
                    .is_some_and(|m| if place == "@f" { !m.fields.is_empty() } else { !m.degrees.is_empty() })
            }),
            _ => None,
        }
    }

    /// Puts the English of a phrase down.
    fn say(&self, found: &Found<'_>, gap: Gap, out: &mut Vec<Token>) {
        let from = out.len();
        let said: String = found.own.iter().map(|t| t.word.as_str()).collect::<Vec<_>>().join(" ");
        let ends = |tokens: &mut dyn Iterator<Item = &Token>| {
            tokens.fold(None::<(usize, usize)>, |ends, t| {
                let (start, end) = ends.unwrap_or((t.start, t.end));
                Some((start.min(t.start), end.max(t.end)))
            })
        };
        let all = ends(&mut found.own.iter().copied().chain(found.places.iter().flat_map(|p| p.iter())));
        let Some(whole) = all else { return };
        let own = ends(&mut found.own.iter().copied()).unwrap_or(whole);
        if found.english.is_empty() {
            if let Some(last) = out.last_mut() {
                last.end = last.end.max(whole.1);
            }
            return;
        }
        let capital = found.own.first().is_some_and(|t| t.capital);
        let token = |word: String, (start, end): (usize, usize), said: Option<String>| Token {
            start,
            end,
            word,
            owner: None,
            capital,
            quoted: false,
            gap: Gap::Blank,
            said,
        };
        let mut said = Some(said);
        for word in found.english.split(' ') {
            let Some((place, month, before, after)) = place_in(word) else {
                out.push(token(word.to_owned(), own, Some(said.take().unwrap_or_default())));
                continue;
            };
            let filled = found.places.get(place).copied().unwrap_or_default();
            if before.is_empty() && after.is_empty() && !month {
                out.extend(self.phrases(filled));
                continue;
            }
            let text = filled.first().map_or("", |t| t.word.as_str());
            let named = || text.parse::<usize>().ok().and_then(|n| MONTHS.get(n.checked_sub(1)?).copied());
            let text = if month { named().unwrap_or(text) } else { text };
            out.push(token(format!("{before}{text}{after}"), whole, Some(String::new())));
        }
        if let Some(first) = out.get_mut(from) {
            first.gap = gap;
        }
    }

    /// True if a field that counts something, of which there can be one, is named here.
    fn counts(&self, tokens: &[Token]) -> bool {
        let Some(n) = self.place("@f", tokens) else { return false };
        let meaning = self.vocabulary.meaning(tokens.get(..n).unwrap_or_default());
        let catalog = self.vocabulary.catalog();
        meaning.into_iter().flat_map(|m| &m.fields).any(|f| {
            let counted = catalog.fields.get(*f).is_some_and(|field| {
                field.ty == FieldType::Integer && field.unit.is_none() && !is_calendar(field)
            });
            counted
                && catalog.statistics.get(*f).and_then(|s| s.range()).is_some_and(|r| r.0 <= 1.0 && r.1 < 1e3)
        })
    }

    /// "horror hoef ik niet": what turns round the clause that it ends goes before what it says.
    fn trailing(&self, tokens: &mut Vec<Token>) {
        let mut end = tokens.len();
        while end > 0 {
            let start = (1..end).rev().find(|t| tokens.get(*t).is_some_and(ends_clause)).unwrap_or(0);
            let but = (start..end).rev().find(|t| tokens.get(*t).is_some_and(|t| t.word == "but"));
            let from = but.map_or(start, |b| b + 1);
            self.turn_round(tokens, from, end);
            end = start;
        }
    }

    fn turn_round(&self, tokens: &mut Vec<Token>, from: usize, end: usize) {
        let spelt: Vec<&str> = tokens.get(from..end).unwrap_or_default().iter().map(Token::spelt).collect();
        let spelt: Vec<&str> = spelt.iter().flat_map(|s| s.split(' ')).filter(|s| !s.is_empty()).collect();
        let found = self.pack.trailing.iter().filter(|phrase| {
            let words: Vec<&str> = phrase.split(' ').collect();
            spelt.len() > words.len() && spelt.ends_with(&words)
        });
        let Some(phrase) = found.max_by_key(|p| p.len()) else { return };
        // As many tokens as say the phrase.
        let wanted = phrase.split(' ').count();
        let (mut at, mut said) = (end, 0);
        while at > from && said < wanted {
            at -= 1;
            said += tokens.get(at).map_or(0, |t| t.spelt().split(' ').filter(|s| !s.is_empty()).count());
        }
        let is_idle = |t: &Token| is_filling(&t.word) && !is_negation(&t.word);
        let Some(place) = (from..at).find(|t| tokens.get(*t).is_some_and(|t| !is_idle(t))) else { return };
        if said != wanted || tokens.get(from..at).unwrap_or_default().iter().any(|t| is_negation(&t.word)) {
            return;
        }
        let Some((first, last)) = tokens.get(at).zip(tokens.get(end - 1)).map(|(a, b)| (a.start, b.end))
        else {
            return;
        };
        tokens.drain(at..end);
        let Some(gap) = tokens.get_mut(place).map(|t| std::mem::replace(&mut t.gap, Gap::Blank)) else {
            return;
        };
        let no = Token {
            start: first,
            end: last,
            word: "no".to_owned(),
            owner: None,
            capital: false,
            quoted: false,
            gap,
            said: Some((*phrase).to_owned()),
        };
        tokens.insert(place, no);
    }
}

fn ends_clause(token: &Token) -> bool {
    matches!(token.gap, Gap::Comma | Gap::Stop)
}

/// The place in a word of an English phrase (`{2:month}`, `early {1}s`): which from 0, whether it is a month by its number,
/// and what stands before and after it.
fn place_in(word: &str) -> Option<(usize, bool, &str, &str)> {
    let (before, rest) = word.split_once('{')?;
    let (inside, after) = rest.split_once('}')?;
    let (number, month) = inside.split_once(':').map_or((inside, false), |(n, _)| (n, true));
    Some((number.parse::<usize>().ok()?.checked_sub(1)?, month, before, after))
}

/// Puts down English words for one token, all in its place.
fn push_words(out: &mut Vec<Token>, token: &Token, english: &str, said: &str) {
    for (n, word) in english.split(' ').enumerate() {
        let first = n == 0;
        out.push(Token {
            word: word.to_owned(),
            owner: None,
            gap: if first { token.gap } else { Gap::Blank },
            said: Some(if first { said.to_owned() } else { String::new() }),
            ..token.clone()
        });
    }
}

/// A number as a word of a request.
pub(super) fn number_token(tokens: &[Token], value: f64) -> Option<Token> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    Some(Token { end: last.end, word: plain(value), owner: None, ..first.clone() })
}
