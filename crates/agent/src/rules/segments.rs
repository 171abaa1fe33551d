//! Words of text without blanks: cut where the pack's words, the catalogue's and numbers say, so that as little as possible
//! is left unknown, in as few pieces as possible. A shortest path over the characters, as dictionary segmenters have it.

use super::RulesError;
use super::numerals::{chinese, is_numeral, plain};
use super::tokens::{Gap, Token, is_han};
use super::vocabulary::Vocabulary;
use crate::languages::Pack;

/// The most characters of a value that is looked up in the catalogue.
const LONGEST_VALUE: usize = 12;
/// The most characters of a number.
const LONGEST_NUMBER: usize = 20;
/// The most Chinese characters of a request whose parts are all looked up: beyond, what the catalogue's small sets hold is known.
const MOST_LOOKED_UP: usize = 200;

// What a piece costs. Known words cost the same; a value of the catalogue yields to them, an unknown character costs more
// than any two words.
const WORD: u32 = 10;
const VALUE: u32 = 11;
const NUMBER: u32 = 11;
const UNKNOWN: u32 = 25;

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Piece {
    Word,
    Value,
    Number(f64),
    Unknown,
}

/// Cuts every token that has Chinese characters.
pub(super) fn segments(
    tokens: Vec<Token>,
    request: &str,
    pack: &Pack,
    vocabulary: &Vocabulary<'_>,
) -> Result<Vec<Token>, RulesError> {
    let look_up = request.chars().filter(|c| is_han(*c)).count() <= MOST_LOOKED_UP;
    let mut out = Vec::with_capacity(tokens.len());
    for token in tokens {
        let raw = request.get(token.start..token.end).unwrap_or_default();
        if token.quoted || !raw.chars().any(is_han) {
            out.push(token);
            continue;
        }
        let mut gap = token.gap;
        let mut start = token.start;
        for run in runs(raw) {
            for (length, piece) in cut(run, pack, vocabulary, look_up)? {
                let raw = request.get(start..start + length).unwrap_or_default();
                let word = match piece {
                    Piece::Number(value) => plain(value),
                    _ => segue_catalog::text::fold(raw),
                };
                // What is a name in other scripts has a capital.
                let capital = piece == Piece::Value;
                out.push(Token {
                    start,
                    end: start + length,
                    word,
                    owner: None,
                    capital,
                    gap,
                    ..token.clone()
                });
                (start, gap) = (start + length, Gap::Blank);
            }
        }
    }
    Ok(out)
}

/// Stretches of Chinese characters and numbers, and stretches of anything else.
fn runs(text: &str) -> Vec<&str> {
    let ours = |c: char| is_han(c) || c.is_ascii_digit() || c == '.';
    let mut runs = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| ours(c) != ours(first)).unwrap_or(rest.len());
        let (run, after) = rest.split_at_checked(end).unwrap_or((rest, ""));
        runs.push(run);
        rest = after;
    }
    runs
}

/// The pieces of a stretch, each with its length in bytes.
fn cut(
    run: &str,
    pack: &Pack,
    vocabulary: &Vocabulary<'_>,
    look_up: bool,
) -> Result<Vec<(usize, Piece)>, RulesError> {
    if !run.chars().any(is_han) {
        return Ok(vec![(run.len(), if run.parse::<f64>().is_ok() { Piece::Word } else { Piece::Unknown })]);
    }
    let index = pack.index();
    let starts: Vec<usize> = run.char_indices().map(|c| c.0).chain([run.len()]).collect();
    let count = starts.len() - 1;
    // The cheapest way to each place: its cost, the place before and the piece between.
    let mut best: Vec<Option<(u32, usize, Piece)>> = vec![None; starts.len()];
    if let Some(first) = best.first_mut() {
        *first = Some((0, 0, Piece::Unknown));
    }
    for from in 0..count {
        let Some((cost, ..)) = best.get(from).copied().flatten() else { continue };
        let text = |end: usize| starts.get(from).zip(starts.get(end)).and_then(|(a, b)| run.get(*a..*b));
        let mut reach = |end: usize, price: u32, piece: Piece| {
            if let Some(slot) = best.get_mut(end)
                && slot.is_none_or(|(known, ..)| cost + price < known)
            {
                *slot = Some((cost + price, from, piece));
            }
        };
        reach(from + 1, UNKNOWN, Piece::Unknown);
        let longest = LONGEST_VALUE.max(index.longest);
        for end in from + 1..=count.min(from + longest) {
            let Some(part) = text(end) else { continue };
            if index.function.contains(part) || vocabulary.has_word(part) {
                reach(end, WORD, Piece::Word);
            } else if look_up
                && end > from + 1
                && end <= from + LONGEST_VALUE
                && vocabulary.has_value(part)?
            {
                reach(end, VALUE, Piece::Value);
            } else if index.content.contains(part) {
                reach(end, WORD, Piece::Word);
            }
        }
        let numerals = text(count).unwrap_or_default().chars().take(LONGEST_NUMBER);
        let numerals = numerals.take_while(|c| is_numeral(*c)).count();
        for end in from + 1..=from + numerals {
            if let Some(value) = text(end).and_then(chinese) {
                reach(end, NUMBER, Piece::Number(value));
            }
        }
    }
    let mut pieces: Vec<(usize, Piece)> = Vec::new();
    let mut at = count;
    while at > 0 {
        let Some((_, from, piece)) = best.get(at).copied().flatten() else { break };
        let length = starts.get(at).zip(starts.get(from)).map_or(0, |(b, a)| b - a);
        match pieces.last_mut() {
            Some((so_far, Piece::Unknown)) if piece == Piece::Unknown => *so_far += length,
            _ => pieces.push((length, piece)),
        }
        at = from;
    }
    pieces.reverse();
    Ok(pieces)
}
