//! A small model that loses its way says one thing until its tokens are used up. This notices early.

use super::{ChatError, ChatErrorKind};

/// Characters at the end that are looked at.
const TAIL: usize = 400;
/// The longest segment whose repetition counts. Longer ones occur in honest lists and tables.
const LONGEST_PERIOD: usize = 40;
/// New characters before it is worth looking again.
const STRIDE: usize = 40;

/// Watches a text as it grows.
#[derive(Debug, Default)]
pub(crate) struct RepetitionGuard {
    tail: Vec<char>,
    since: usize,
}

impl RepetitionGuard {
    /// Takes the next piece. True if the last 400 characters are one segment of at most 40 over and over.
    pub(crate) fn is_stuck_after(&mut self, piece: &str) -> bool {
        let before = self.tail.len();
        self.tail.extend(piece.chars());
        self.since += self.tail.len() - before;
        if self.since < STRIDE || self.tail.len() < TAIL {
            return false;
        }
        self.since = 0;
        self.tail.drain(..self.tail.len() - TAIL);
        (1..=LONGEST_PERIOD)
            .any(|period| self.tail.iter().zip(self.tail.iter().skip(period)).all(|(a, b)| a == b))
    }
}

/// The error of a model that went on like this.
pub(crate) fn stuck(piece: &str) -> ChatError {
    ChatError::quoted(ChatErrorKind::Repetition, &format!("it went on with {piece:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_stuck(pieces: impl IntoIterator<Item = impl AsRef<str>>) -> bool {
        let mut guard = RepetitionGuard::default();
        pieces.into_iter().any(|piece| guard.is_stuck_after(piece.as_ref()))
    }

    #[test]
    fn the_same_thing_over_and_over_is_noticed() {
        assert!(is_stuck(vec!["I am sorry. "; 100]));
        assert!(is_stuck(["a good start, and then ", &"the sea ".repeat(100)]));
        assert!(is_stuck(vec!["\n"; 500]));
        assert!(is_stuck((0..500).map(|_| "é")));
    }

    #[test]
    fn honest_text_is_left_alone() {
        assert!(!is_stuck(vec!["no "; 100]));
        assert!(!is_stuck((0..500).map(|n| format!("{n}, "))));
        assert!(!is_stuck((0..100).map(|n| format!("| row {n} | 0.000000 | 0.000000 |\n"))));
        assert!(!is_stuck([String::new()]));
        let line_of_41: Vec<_> =
            std::iter::repeat_n("0123456789012345678901234567890123456789!", 30).collect();
        assert!(!is_stuck(line_of_41));
    }
}
