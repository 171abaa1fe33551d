//! What somebody says of himself beside a request: "no horror, I get nightmares".
//!
//! People wrap a request in where they are, for whom they ask, and why. Words of that are not searched for, and names in it
//! are no conditions.

use super::chunks::{Chunk, Kind};
use super::cues::Cue;
use super::tokens::{Gap, Token};
use super::turn::Turn;

/// Who speaks.
const SPEAKERS: &str = "i im ive ill id we were weve well he hes she shes they theyre theyve my our its";
/// What a reason begins with.
const REASONS: &str = "because cuz cos coz";
/// What somebody has behind himself: what is told after it is over.
const BEHIND: &str = "ive weve know had grew";
/// What turns a tale into a request.
const WANTING: &str = "so need needs want wants looking after search searching fancy find";

/// What speaks again of what was named.
const AGAIN: &str = "him her them his hers their theirs";

fn is_in(list: &str, word: &str) -> bool {
    list.split(' ').any(|w| w == word)
}

/// True for a word that somebody begins to tell of himself with.
pub(super) fn is_speaker(word: &str) -> bool {
    is_in(SPEAKERS, word)
}

type Span = (usize, usize);

/// Takes out of a turn what its asides seem to say, if it says something besides.
///
/// An aside begins with somebody, or with a reason, and lasts to the end of the clause or to the words that ask ("… so", "…
/// and need"). One that names a topic or asks for something is none. Before a reason's "so", and in what the speaker has
/// behind himself, names too are part of the tale.
pub(super) fn leave_out(turn: &mut Turn, tokens: &[Token], chunks: &[Chunk]) {
    let reading = Reading { tokens, chunks };
    for (from, end) in reading.clauses() {
        let Some(aside) = reading.aside((from, end)) else { continue };
        let tale = reading.is_tale(aside, from);
        if reading.asks(aside, tale) || !says_something_outside(turn, aside) {
            continue;
        }
        if tale {
            let outside = |span: Span| span.1 <= aside.0 || span.0 >= aside.1;
            turn.conditions.retain(|c| outside(c.span));
        }
        if !is_said_in(turn, aside) {
            forget(turn, aside);
        }
    }
    // A sentence before the first that says something only sets the scene.
    for (from, end) in reading.sentences() {
        if is_said_in(turn, (from, end)) || reading.asks((from, end), false) {
            break;
        }
        if says_something_outside(turn, (from, end)) {
            forget(turn, (from, end));
        }
    }
}

fn spans(turn: &Turn) -> impl Iterator<Item = Span> {
    (turn.conditions.iter().map(|s| s.span))
        .chain(turn.orders.iter().map(|o| o.0))
        .chain(turn.likes.iter().chain(&turn.dislikes).chain(&turn.absent).map(|l| l.0))
        .chain(turn.described.iter().map(|d| d.0))
        .chain(turn.dropped.iter().map(|d| d.0))
        .chain(turn.relative.iter().map(|r| r.span))
}

fn is_said_in(turn: &Turn, within: Span) -> bool {
    spans(turn).any(|span| span.0 < within.1 && within.0 < span.1)
}

fn says_something_outside(turn: &Turn, aside: Span) -> bool {
    spans(turn).any(|span| span.1 <= aside.0 || span.0 >= aside.1)
}

/// Searches for none of these words.
fn forget(turn: &mut Turn, aside: Span) {
    let outside = |span: Span| span.1 <= aside.0 || span.0 >= aside.1;
    turn.query.retain(|q| outside(q.0));
    turn.not_understood.retain(|s| outside(*s));
}

struct Reading<'a> {
    tokens: &'a [Token],
    chunks: &'a [Chunk],
}

impl Reading<'_> {
    fn word(&self, i: usize) -> &str {
        self.tokens.get(i).map_or("", |t| t.word.as_str())
    }

    fn parts(&self, ends: impl Fn(Gap) -> bool) -> Vec<Span> {
        let inner = (1..self.tokens.len()).filter(|i| self.tokens.get(*i).is_some_and(|t| ends(t.gap)));
        let starts: Vec<_> = std::iter::once(0).chain(inner).collect();
        let after = starts.iter().copied().skip(1).chain([self.tokens.len()]);
        starts.iter().copied().zip(after).filter(|(from, end)| from < end).collect()
    }

    fn clauses(&self) -> Vec<Span> {
        self.parts(|gap| matches!(gap, Gap::Comma | Gap::Stop))
    }

    fn sentences(&self) -> Vec<Span> {
        self.parts(|gap| gap == Gap::Stop)
    }

    /// The aside in a clause. A reason begins anywhere, a speaker at the beginning or after "and".
    fn aside(&self, (from, end): Span) -> Option<Span> {
        let start = from + usize::from(matches!(self.word(from), "and" | "but" | "as" | "since"));
        let speaks = is_in(SPEAKERS, self.word(start));
        let start = if speaks { Some(start) } else { (from..end).find(|i| is_in(REASONS, self.word(*i))) }?;
        // "I really need" asks at once, "I am putting a mix together and need" at the end of a tale.
        let wants = (start + 1..end).find(|i| is_in(WANTING, self.word(*i)));
        match wants {
            Some(at) if speaks && at <= start + 2 && self.word(at) != "so" => None,
            Some(at) => Some((start, at)),
            None => Some((start, end)),
        }
    }

    /// True if names in the aside are part of the tale: "I'm learning Danish so …", "…, I've done Korea to death". One that is
    /// spoken of again is not: "we love Pacino so anything with him".
    fn is_tale(&self, aside: Span, from: usize) -> bool {
        if (aside.1..self.tokens.len()).any(|i| is_in(AGAIN, self.word(i))) {
            return false;
        }
        let behind = from > 0 && (aside.0..aside.0 + 2).any(|i| is_in(BEHIND, self.word(i)));
        self.word(aside.1) == "so" || behind
    }

    /// True if it asks for something, forbids something, or says what the items are about. What is loved in a tale is
    /// part of it.
    fn asks(&self, within: Span, tale: bool) -> bool {
        let asks = |c: &Chunk| {
            let asking = match c.kind {
                Kind::Cue(
                    Cue::Ask | Cue::Topic | Cue::Like | Cue::Not | Cue::Hate | Cue::Titled | Cue::Describe,
                )
                | Kind::Noun => true,
                Kind::Cue(Cue::Love) => !tale,
                _ => false,
            };
            asking && c.first < within.1 && within.0 < c.end
        };
        self.chunks.iter().any(asks)
    }
}
