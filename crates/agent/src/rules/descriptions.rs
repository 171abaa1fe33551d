//! Phrases that describe a name, a time or a place instead of saying it: "the man who made Heat", "Bono's band", "the
//! year the Wall fell". None of their words means a value by itself. What the catalogue can tell is looked up in it;
//! the rest is for somebody with knowledge of the world.

use std::collections::BTreeSet;

use segue_catalog::{Catalog, Role, Row};

use super::RulesError;
use super::bounds::is_calendar;
use super::chunks::is_common;
use super::cues::{Cue, cue, is_filling};
use super::dates::{Period, period};
use super::numbers::number;
use super::parse::Parser;
use super::tokens::{Gap, Token, text_of};
use super::vocabulary::{LONGEST, Sense, Vocabulary};

/// What stands for somebody in a description.
const PERSONS: &str = "guy man woman lady girl boy person fellow dude bloke gentleman chap brothers sisters siblings duo \
trio pair couple team people director filmmaker actor actress singer band group rapper artist musician dj producer \
composer writer author novelist screenwriter star comedian crooner frontman vocalist fella lad lass gal chick legend genius outfit crew quartet";
/// What somebody can be to somebody else: "Bono's band".
const RELATIONS: &str = "band group husband wife ex brother brothers sister sisters son daughter father mother protege \
partner lot director singer country city boss team bandmate bandmates label homeland native language tongue hometown years reign presidency premiership";
/// What stands for a time.
const TIMES: &str = "year years decade era century period time month";
/// What ends the name of a time: "the Thatcher years".
const AGES: &str = "years era presidency reign administration";
/// What stands for a place or a tongue.
const PLACES: &str =
    "country land city nation island language continent capital birthplace homeland home tongue";
/// What people call somebody instead of a name: "King of Pop".
const TITLES: &str = "king queen prince princess godfather godmother father mother lord lady boss master duke emperor \
voice poet chairman bard";
/// What somebody did to an item.
const DEEDS: &str = "made directed wrote sang played recorded did created produced starred stars behind of";
/// What begins a part of the request of its own.
const STARTS: &str = "but about starring featuring under over without except onwards onward preferably please sorted \
ordered newest oldest best only not no nothing or though they it";
/// Words before a description's noun, at most.
const ADJECTIVES: usize = 4;
/// The longest description, in tokens.
const LONGEST_DESCRIPTION: usize = 14;

fn is_in(list: &str, word: &str) -> bool {
    list.split_whitespace().any(|w| w == word)
}

/// The tokens of each description: the first, and the one after the last.
pub(super) fn descriptions(tokens: &[Token]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut i = 0;
    while i < tokens.len() {
        match description(tokens, i) {
            Some(end) => {
                found.push((i, end));
                i = end;
            }
            None => i += 1,
        }
    }
    found
}

fn description(tokens: &[Token], i: usize) -> Option<usize> {
    let quoted = tokens.get(i).is_none_or(|t| t.quoted);
    if quoted {
        return None;
    }
    owned(tokens, i)
        .or_else(|| named_time(tokens, i))
        .or_else(|| circumstance(tokens, i))
        .or_else(|| with_clause(tokens, i))
        .or_else(|| event(tokens, i))
        .or_else(|| epithet(tokens, i))
}

fn word(tokens: &[Token], i: usize) -> &str {
    tokens.get(i).map_or("", |t| t.word.as_str())
}

/// True if nothing but a blank or a hyphen stands before this token.
fn is_joined(tokens: &[Token], i: usize) -> bool {
    tokens.get(i).is_some_and(|t| matches!(t.gap, Gap::Blank | Gap::Hyphen))
}

/// "Mick Jagger's band", "Dr. Dre's bleached blond protege".
fn owned(tokens: &[Token], i: usize) -> Option<usize> {
    if !tokens.get(i)?.capital {
        // "freddie mercurys band": written without capital and apostrophe.
        let owner = (i..=i + 1)
            .find(|j| word(tokens, *j).ends_with('s') && is_in("band husband wife", word(tokens, *j + 1)))?;
        let is_name = |j: usize| {
            let w = word(tokens, j);
            (j == i || is_joined(tokens, j)) && !is_common(w) && w.len() > 3
        };
        return ((i..=owner).all(is_name) && is_joined(tokens, owner + 1)).then_some(owner + 2);
    }
    let names = |j: &usize| {
        tokens.get(*j).is_some_and(|t| t.capital)
            && (*j == i || is_joined(tokens, *j) || word(tokens, *j - 1).len() < 3)
    };
    let owner = (i..i + 4).take_while(names).find(|j| tokens.get(*j).is_some_and(|t| t.owner.is_some()))?;
    let end = (owner + 1..=owner + ADJECTIVES)
        .take_while(|j| is_joined(tokens, *j))
        .find(|j| is_in(RELATIONS, word(tokens, *j)))?;
    if word(tokens, end) == "years" && word(tokens, end + 1) == "as" {
        return Some(clause_end(tokens, end + 2, end));
    }
    // "… from Detroit" tells more of who it is.
    let from = word(tokens, end + 1) == "from" && tokens.get(end + 2).is_some_and(|t| t.capital);
    Some(if from { end + 3 } else { end + 1 })
}

/// "the Thatcher years", "Reagan era".
fn named_time(tokens: &[Token], i: usize) -> Option<usize> {
    let from = i + usize::from(word(tokens, i) == "the");
    let end = (from..from + 3)
        .take_while(|j| tokens.get(*j).is_some_and(|t| t.capital && t.owner.is_none()))
        .last()?
        + 1;
    (is_in(AGES, word(tokens, end)) && is_joined(tokens, end)).then_some(end + 1)
}

/// "while Nixon was president", "when Obama took office", "while the Korean War was going on".
fn circumstance(tokens: &[Token], i: usize) -> Option<usize> {
    let at = i + 1 + usize::from(word(tokens, i + 1) == "the");
    if !matches!(word(tokens, i), "while" | "when") || !tokens.get(at)?.capital {
        return None;
    }
    let end = clause_end(tokens, at + 1, i);
    (end > at + 1).then_some(end)
}

/// "the guy who made Heat", "the year the Wall fell", "the band Bono sings for", "the land of the rising sun".
fn with_clause(tokens: &[Token], i: usize) -> Option<usize> {
    if !matches!(word(tokens, i), "the" | "that" | "those" | "either" | "whoever") {
        return None;
    }
    if word(tokens, i) == "whoever" {
        return Some(clause_end(tokens, i + 1, i)).filter(|end| *end > i + 1);
    }
    let is_head = |j: &usize| {
        let w = word(tokens, *j);
        // "that one where the boy sees ghosts", "the one who wrote Heat".
        let one = w == "one"
            && (matches!(word(tokens, *j + 1), "who" | "where" | "whose")
                || (matches!(word(tokens, *j + 1), "that" | "behind") && is_in(DEEDS, word(tokens, *j + 2))));
        // "that Austrian bodybuilder who", whatever somebody is.
        let who = matches!(word(tokens, *j + 1), "who" | "whose") && is_joined(tokens, *j + 1);
        one || who || is_in(PERSONS, w) || is_in(TIMES, w) || is_in(PLACES, w)
    };
    let adjectives = if word(tokens, i) == "that" { 0 } else { ADJECTIVES };
    let head = (i + 1..=i + 1 + adjectives)
        .take_while(|j| is_joined(tokens, *j) && !is_in(STARTS, word(tokens, *j)) && !leads(word(tokens, *j)))
        .find(is_head)?;
    let next = tokens.get(head + 1).filter(|t| matches!(t.gap, Gap::Blank))?;
    let who = match next.word.as_str() {
        // "the year the Wall fell", "the country the ayatollahs run".
        "who" | "whom" | "that" | "which" | "behind" | "where" | "when" | "whose" | "the" | "everyone"
        | "everybody" => true,
        "as" => is_in(TIMES, word(tokens, head)) && tokens.get(head + 2).is_some_and(|t| t.capital),
        "of" => word(tokens, head + 2) != "these" && word(tokens, head + 2) != "those",
        "from" => tokens.get(head + 2).is_some_and(|t| t.capital),
        // "the year germany won", but not "the year is no matter" nor "the year 1999".
        w if is_in(TIMES, word(tokens, head)) => {
            let limits = is_in("limit limits rule rules restriction frame span", w);
            let bare = limits || is_filling(w) || cue(&[w]).is_some() || is_in(STARTS, w);
            next.capital || !(bare || w.starts_with(|c: char| c.is_ascii_digit()))
        }
        _ => next.capital,
    };
    let mut after = clause_end(tokens, head + 2, head);
    // "the land of samurai and sushi".
    let thing = is_in(TIMES, word(tokens, head)) || is_in(PLACES, word(tokens, head));
    if thing && next.word == "of" && word(tokens, after) == "and" && is_joined(tokens, after + 1) {
        after += 2;
    }
    (who && after > head + 1).then_some(after)
}

/// True for what leads to something else: in "the 80s with the woman …" the time is no adjective of hers.
fn leads(word: &str) -> bool {
    matches!(cue(&[word]), Some((Cue::With | Cue::From | Cue::By | Cue::In, _)))
}

/// "King of Pop", "the Godfather of Soul".
fn epithet(tokens: &[Token], i: usize) -> Option<usize> {
    let at = i + usize::from(word(tokens, i) == "the");
    let of = word(tokens, at + 1) == "of" && tokens.get(at)?.capital && is_in(TITLES, word(tokens, at));
    let name = at + 2 + usize::from(word(tokens, at + 2) == "the");
    (of && tokens.get(name)?.capital).then_some(name + 1)
}

/// What a time is told by after "before" or "during": "the moon landing", "World War II".
fn event(tokens: &[Token], i: usize) -> Option<usize> {
    let lead = tokens.get(i.checked_sub(1)?).filter(|t| !t.capital || i == 1)?;
    if !matches!(lead.word.as_str(), "before" | "after" | "since" | "until" | "during")
        || !is_joined(tokens, i)
    {
        return None;
    }
    let at = i + usize::from(word(tokens, i) == "the");
    let first = tokens.get(at)?;
    let rest = tokens.get(at..).unwrap_or_default();
    let counted = period(rest).is_some()
        || number(rest).is_some()
        || first.word.starts_with(|c: char| c.is_ascii_digit());
    let is_war = word(tokens, at + 1) == "world" && word(tokens, at + 2) == "war";
    let relative = !is_war
        && matches!(
            first.word.as_str(),
            "last" | "first" | "second" | "third" | "turn" | "one" | "early" | "mid" | "late"
        );
    if counted || relative || (at == i && !first.capital) {
        return None;
    }
    Some(clause_end(tokens, at + 1, at))
}

/// The token after the clause that goes on at `from`. A limit, an aside and a new condition end it.
fn clause_end(tokens: &[Token], from: usize, head: usize) -> usize {
    let mut end = from;
    while let Some(token) = tokens.get(end) {
        if !matches!(token.gap, Gap::Blank | Gap::Hyphen) || end >= head + LONGEST_DESCRIPTION {
            break;
        }
        let here: Vec<&str> =
            tokens.get(end..).unwrap_or_default().iter().take(4).map(|t| t.word.as_str()).collect();
        let joins_name = token.word == "and" && tokens.get(end + 1).is_some_and(|t| t.capital);
        let steers = match cue(&here) {
            Some((Cue::And | Cue::Or, _)) => !joins_name,
            Some((Cue::With, _)) => tokens.get(end + 1).is_none_or(|t| !t.capital),
            Some((
                Cue::Limit(_) | Cue::Tail(_) | Cue::Topic | Cue::But | Cue::Sort | Cue::Soft | Cue::Aside,
                _,
            )) => true,
            _ => false,
        };
        if steers || (is_in(STARTS, &token.word) && !token.capital) {
            break;
        }
        end += 1;
    }
    end
}

/// The time that a description tells by an item: "the year Heat came out", "the same decade as Heat".
pub(super) fn time_of_item(
    request: &str,
    run: &[Token],
    vocabulary: &Vocabulary<'_>,
) -> Result<Option<Period>, RulesError> {
    let Some(head) = run.iter().take(3).position(|t| matches!(t.word.as_str(), "year" | "decade")) else {
        return Ok(None);
    };
    let came = |t: &Token| matches!(t.word.as_str(), "came" | "was" | "is" | "appeared");
    let from = head + 1 + usize::from(matches!(word(run, head + 1), "as" | "that" | "of" | "when"));
    let end = run.iter().rposition(came).unwrap_or(run.len());
    let title = run.get(from..end).unwrap_or_default();
    let whole = matches!(word(run, end + 1), "out" | "released" | "made" | "from" | "") || end == run.len();
    if title.is_empty() || !whole || !title.iter().any(|t| t.capital || t.quoted) {
        return Ok(None);
    }
    let Some(found) = vocabulary.lexicon(request, title, /*titles*/ true)?.into_iter().next() else {
        return Ok(None);
    };
    let catalog = vocabulary.catalog();
    let rows = super::references::titled_items(vocabulary.snapshot(), &found.value)?;
    let field = catalog.fields.iter().find(|f| is_calendar(f));
    let (Some(row), Some(field)) = (rows.first(), field) else { return Ok(None) };
    let year = row.get(catalog, &field.name).to_string().get(..4).and_then(|y| y.parse::<i64>().ok());
    Ok(year.map(|year| match word(run, head) {
        "decade" => Period::of_years(year - year % 10, year - year % 10 + 9),
        _ => Period::of_years(year, year),
    }))
}

/// What the catalogue says that a description means.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    /// These values: any of them will do.
    Values(Vec<Sense>),
    /// One of these, and the catalogue does not say which.
    OneOf(Vec<String>),
    /// Nothing.
    Nothing,
}

impl Parser<'_> {
    /// What a description of somebody by an item means: the values of the item's row.
    pub(super) fn told(&self, span: (usize, usize), led: &[usize]) -> Result<Told, RulesError> {
        let run = self.tokens.get(span.0..span.1).unwrap_or_default();
        let Some(Deed { verb, titles, whole }) = deed(self.request, run, self.vocabulary)? else {
            return Ok(Told::Nothing);
        };
        let catalog = self.vocabulary.catalog();
        let Some(field) = self.field_of_deed(run, verb, led) else { return Ok(Told::Nothing) };
        let Some(description) = catalog.fields.get(field) else { return Ok(Told::Nothing) };
        let mut common: Option<BTreeSet<String>> = None;
        for title in &titles {
            // What several items of one name have in their different ways is not told by the name.
            let rows = super::references::titled_items(self.vocabulary.snapshot(), title)?;
            let of_each = rows.iter().map(|row| values_of(row, catalog, &description.name));
            let values: BTreeSet<String> = of_each.flatten().collect();
            common = Some(match common {
                None => values,
                Some(before) => before.into_iter().filter(|v| values.contains(v)).collect(),
            });
        }
        let values = common.unwrap_or_default();
        let several = run
            .iter()
            .any(|t| matches!(t.word.as_str(), "brothers" | "sisters" | "duo" | "either" | "siblings"));
        // Of a whole cast nobody is meant more than the others.
        Ok(match values.len() {
            0 => Told::Nothing,
            n if n == 1 || (whole && several && n <= 3) => {
                let sense = |value: String| Sense { field, value, count: 1, literal: true };
                Told::Values(values.into_iter().map(sense).collect())
            }
            _ => Told::OneOf(values.into_iter().collect()),
        })
    }

    /// The fields that the noun of a description names: `language` in "the language of Lisbon".
    pub(super) fn fields_of_head(&self, span: (usize, usize)) -> Vec<String> {
        let catalog = self.vocabulary.catalog();
        let run = self.tokens.get(span.0..span.1).unwrap_or_default();
        let is_head = |t: &&Token| is_in(PERSONS, &t.word) || is_in(PLACES, &t.word);
        let Some(head) = run.iter().find(is_head) else { return Vec::new() };
        let meant = self.vocabulary.meaning(std::slice::from_ref(head)).map(|m| m.fields.as_slice());
        let names = meant.unwrap_or_default().iter().filter_map(|f| catalog.fields.get(*f));
        names.filter(|f| f.role == Role::Category).map(|f| f.name.clone()).collect()
    }

    /// The field that a deed or a calling is of: `directed`, `director`; otherwise the one that leads to the description,
    /// or that of the makers.
    fn field_of_deed(&self, run: &[Token], deed: &str, led: &[usize]) -> Option<usize> {
        let catalog = self.vocabulary.catalog();
        let is_category = |f: &usize| catalog.fields.get(*f).is_some_and(|f| f.role == Role::Category);
        let named = |word: &Token| {
            let meaning = self.vocabulary.meaning(std::slice::from_ref(word))?;
            meaning.fields.iter().copied().find(is_category)
        };
        let by_deed = run.iter().filter(|t| t.word == deed).find_map(named);
        let by_calling = run.iter().filter(|t| is_in(PERSONS, &t.word)).find_map(named);
        let acted = matches!(deed, "played" | "starred" | "stars");
        let makers = self.makers();
        by_deed
            .or(by_calling)
            .or_else(|| led.iter().copied().find(|f| makers.contains(f) || acted))
            .or_else(|| makers.first().copied().filter(|_| !acted))
    }
}

/// The values of a field of one row.
pub(super) fn values_of(row: &Row, catalog: &Catalog, field: &str) -> Vec<String> {
    row.get(catalog, field).each().iter().filter_map(|v| v.as_str().map(str::to_owned)).collect()
}

/// What is done in a description, and to which items.
struct Deed<'a> {
    verb: &'a str,
    titles: Vec<String>,
    /// True if nothing else is said there.
    whole: bool,
}

fn deed<'a>(
    request: &str,
    run: &'a [Token],
    vocabulary: &Vocabulary<'_>,
) -> Result<Option<Deed<'a>>, RulesError> {
    let person = run.iter().position(|t| is_in(PERSONS, &t.word)).unwrap_or(0);
    let Some(at) = (person..run.len()).find(|i| is_in(DEEDS, word(run, *i))) else { return Ok(None) };
    let (mut titles, mut next, mut whole) = (Vec::new(), at + 1, true);
    while next < run.len() {
        if matches!(word(run, next), "and" | "or" | "in") {
            next += 1;
            continue;
        }
        let longest = (next + 1..=run.len().min(next + 2 * LONGEST)).rev();
        let mut found = None;
        for end in longest {
            let part = run.get(next..end).unwrap_or_default();
            if !part.iter().any(|t| t.capital || t.quoted) {
                continue;
            }
            let text = text_of(request, part);
            let spelt = vocabulary.lexicon(request, part, /*titles*/ true)?.into_iter().next();
            // "Ace Ventura" is in every title that begins with it.
            let meant = spelt.map_or_else(|| vocabulary.versions_of(text), |s| Ok(vec![s.value]))?;
            if !meant.is_empty() {
                found = Some((meant, end));
                break;
            }
        }
        let Some((meant, end)) = found else {
            whole = false;
            break;
        };
        titles.extend(meant);
        next = end;
    }
    Ok((!titles.is_empty()).then(|| Deed { verb: word(run, at), titles, whole }))
}

#[cfg(test)]
mod tests {
    use super::super::tokens::tokenize;
    use super::*;

    fn found(request: &str) -> Vec<String> {
        let tokens = tokenize(request);
        let text = |(first, end): (usize, usize)| {
            let run = tokens.get(first..end).unwrap_or_default();
            request.get(run.first().unwrap().start..run.last().unwrap().end).unwrap().to_owned()
        };
        descriptions(&tokens).into_iter().map(text).collect()
    }

    #[test]
    fn what_is_described_instead_of_said() {
        assert_eq!(
            found("horror by the guy who made Tremors, under two hours"),
            ["the guy who made Tremors"]
        );
        assert_eq!(found("songs by Debbie Harry's band from before 1980"), ["Debbie Harry's band"]);
        assert_eq!(found("comedies from the Carter years about a farm"), ["the Carter years"]);
        assert_eq!(found("made while Truman was president and set in Rome"), ["while Truman was president"]);
        assert_eq!(found("from the year the Titanic sank onwards"), ["the year the Titanic sank"]);
        assert_eq!(found("from the land of kangaroos and koalas"), ["the land of kangaroos and koalas"]);
        assert_eq!(found("the band Sting sings for but not from the 90s"), ["the band Sting sings for"]);
        assert_eq!(found("anything by the Queen of Soul, live"), ["the Queen of Soul"]);
        assert_eq!(found("westerns from before the moon landing"), ["the moon landing"]);
        assert_eq!(
            found("by the director of Brazil and Time Bandits"),
            ["the director of Brazil and Time Bandits"]
        );
    }

    #[test]
    fn what_is_said_is_no_description() {
        for plain in [
            "the best films of the year",
            "a man who lives alone",
            "the ones from the 80s",
            "the year doesn't matter",
            "the one that is shorter",
            "Kubrick's films",
            "that one",
            "before the eighties",
            "after 1990",
        ] {
            assert_eq!(found(plain), [""; 0], "{plain}");
        }
    }
}
