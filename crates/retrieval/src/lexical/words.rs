//! Where a word begins and ends.

use segue_catalog::text::is_unspaced;
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};
use unicode_normalization::char::is_combining_mark;

/// What the words are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// To be found.
    Index,
    /// To find by.
    Query,
}

/// Splits text at whatever is neither letter nor digit, and where writing changes between one with blanks and one without.
///
/// What is written without blanks (see [`is_unspaced`]) becomes overlapping pairs of letters, which need no dictionary, are the
/// same for every field and language, and find as well as words out of one (`evals/languages` has the figures). The index
/// also has each letter by itself, for queries of one. Nie, Savoy and others: "On the use of words and n-grams for Chinese
/// information retrieval", IRAL 2000.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    purpose: Purpose,
    token: Token,
}

impl Words {
    pub(crate) fn new(purpose: Purpose) -> Self {
        Self { purpose, token: Token::default() }
    }
}

impl Tokenizer for Words {
    type TokenStream<'a> = WordStream<'a>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> WordStream<'a> {
        self.token.reset();
        WordStream { purpose: self.purpose, text, at: 0, pair: None, alone: true, token: &mut self.token }
    }
}

pub(crate) struct WordStream<'a> {
    purpose: Purpose,
    text: &'a str,
    /// The byte where the rest begins.
    at: usize,
    /// The pair that comes next, at the position of the letter that came before it.
    pair: Option<(usize, usize)>,
    /// True unless the letter before was of the same run.
    alone: bool,
    token: &'a mut Token,
}

impl WordStream<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The byte after the letter at the beginning of the rest and the marks on it.
    fn end_of_letter(&self, from: usize) -> usize {
        let rest = self.text.get(from..).unwrap_or_default();
        let mut chars = rest.char_indices().skip(1).skip_while(|(_, c)| is_mark(*c));
        from + chars.next().map_or(rest.len(), |(end, _)| end)
    }

    fn starts_unspaced(&self, at: usize) -> bool {
        self.text.get(at..).and_then(|rest| rest.chars().next()).is_some_and(is_unspaced)
    }

    fn emit(&mut self, from: usize, to: usize, is_new_place: bool) -> bool {
        if is_new_place {
            self.token.position = self.token.position.wrapping_add(1);
        }
        self.token.text.clear();
        self.token.text.push_str(self.text.get(from..to).unwrap_or_default());
        (self.token.offset_from, self.token.offset_to) = (from, to);
        true
    }

    /// The letter here, its pair with the next, or, for a query, only what is needed.
    fn unspaced(&mut self) -> bool {
        let from = self.at;
        let to = self.end_of_letter(from);
        self.at = to;
        let next = self.starts_unspaced(to).then(|| (from, self.end_of_letter(to)));
        let was_alone = std::mem::replace(&mut self.alone, next.is_none());
        match (self.purpose, next) {
            (Purpose::Index, next) => {
                self.pair = next;
                self.emit(from, to, true)
            }
            (Purpose::Query, Some((from, to))) => self.emit(from, to, true),
            (Purpose::Query, None) if was_alone => self.emit(from, to, true),
            // The last letter of a run stands in the pair before it; its place counts.
            (Purpose::Query, None) => {
                self.token.position = self.token.position.wrapping_add(1);
                self.advance()
            }
        }
    }
}

impl TokenStream for WordStream<'_> {
    fn advance(&mut self) -> bool {
        if let Some((from, to)) = self.pair.take() {
            return self.emit(from, to, false);
        }
        let Some((skipped, first)) = self.rest().char_indices().find(|(_, c)| c.is_alphanumeric()) else {
            self.at = self.text.len();
            return false;
        };
        if skipped > 0 {
            self.alone = true;
        }
        self.at += skipped;
        if is_unspaced(first) {
            return self.unspaced();
        }
        let from = self.at;
        let is_in = |c: char| (c.is_alphanumeric() && !is_unspaced(c)) || is_combining_mark(c);
        let length =
            self.rest().char_indices().find(|(_, c)| !is_in(*c)).map_or(self.rest().len(), |(at, _)| at);
        self.at += length;
        self.alone = true;
        self.emit(from, self.at, true)
    }

    fn token(&self) -> &Token {
        self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        self.token
    }
}

/// True of what stands on the letter before it; half-width Japanese writes voicing as a letter.
fn is_mark(c: char) -> bool {
    is_combining_mark(c) || matches!(c, '\u{ff9e}' | '\u{ff9f}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tantivy::tokenizer::SimpleTokenizer;

    fn words(mut tokenizer: impl Tokenizer, text: &str) -> Vec<(usize, String)> {
        let mut out = Vec::new();
        tokenizer.token_stream(text).process(&mut |t| out.push((t.position, t.text.clone())));
        out
    }

    fn texts(purpose: Purpose, text: &str) -> String {
        words(Words::new(purpose), text).into_iter().map(|(_, t)| t).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn runs_without_blanks_become_pairs_and_the_rest_words() {
        assert_eq!(texts(Purpose::Query, "明月几时有"), "明月 月几 几时 时有");
        assert_eq!(texts(Purpose::Query, "月"), "月");
        assert_eq!(texts(Purpose::Query, "支持Markdown的编辑器，v2.0"), "支持 Markdown 的编 编辑 辑器 v2 0");
        assert_eq!(texts(Purpose::Query, "a月b，日"), "a 月 b 日");
        assert_eq!(texts(Purpose::Query, "I ♥ 东京!"), "I 东京");
        let index = words(Words::new(Purpose::Index), "明月x");
        let expected = [(0, "明"), (0, "明月"), (1, "月"), (2, "x")];
        assert_eq!(index, expected.map(|(at, t)| (at, t.to_owned())));
    }

    #[test]
    fn marks_stay_with_their_letter() {
        assert_eq!(texts(Purpose::Index, "cafe\u{301}s हिन्दी"), "cafe\u{301}s हिन्दी");
        assert_eq!(texts(Purpose::Query, "ที่นี่"), "ที่นี่");
    }

    proptest! {
        #[test]
        fn what_has_blanks_is_split_as_it_was(text in "[ -~à-öø-ÿа-яα-ω]{0,60}") {
            prop_assert_eq!(words(Words::new(Purpose::Index), &text), words(SimpleTokenizer::default(), &text));
        }

        #[test]
        fn what_is_asked_for_is_in_the_index(text in "[a-c月日明ひカ한\u{e17}\u{e35} ,。]{0,30}") {
            let index = words(Words::new(Purpose::Index), &text);
            for (_, word) in words(Words::new(Purpose::Query), &text) {
                prop_assert!(index.iter().any(|(_, w)| *w == word), "{} {:?}", word, index);
            }
        }
    }
}
