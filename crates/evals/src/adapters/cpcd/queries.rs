//! What of a conversation is searched for, where no agent reads it.

use super::protocol::seeds;
use super::{Dialogue, Track, Tracks};
use crate::suite::QueryText;

/// The stop words of Lucene's `EnglishAnalyzer`. The index knows none, so that titles made of them can be found; baselines leave
/// them out, with words of one letter, and so do queries here.
const STOP_WORDS: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no",
    "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to",
    "was", "will", "with",
];

/// The words to search for at a turn, from 0.
pub(super) fn words(query: QueryText, dialogue: &Dialogue, turn: usize, tracks: &Tracks) -> String {
    let before = dialogue.turns.get(..turn).unwrap_or_default();
    let current = dialogue.turns.get(turn);
    let said = current.map(|t| t.user_query.as_str()).unwrap_or_default();
    let history = || before.iter().map(|t| t.user_query.as_str()).chain([said]).collect::<Vec<_>>().join(" ");
    let liked = || before.iter().flat_map(|t| seeds(&t.liked_results)).filter_map(|id| tracks.get(id));
    let joined = |first: String, of: &dyn Fn(&Track) -> String| {
        liked().map(of).fold(first, |all, one| format!("{all} {one}"))
    };
    let text = match query {
        QueryText::Current => said.to_owned(),
        QueryText::History => history(),
        QueryText::HistoryAndLiked => joined(history(), &Track::contents),
        QueryText::CurrentAndMakers => joined(said.to_owned(), &|track| track.artists.join(" ")),
        QueryText::Recorded => {
            let searched = current.map(|t| t.search_queries.join(" ")).unwrap_or_default();
            if searched.trim().is_empty() { said.to_owned() } else { searched }
        }
    };
    let counts =
        |word: &&str| word.chars().nth(1).is_some() && !STOP_WORDS.contains(&word.to_lowercase().as_str());
    text.split(|c: char| !c.is_alphanumeric()).filter(counts).collect::<Vec<_>>().join(" ")
}
