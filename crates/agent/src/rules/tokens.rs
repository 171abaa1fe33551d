//! A request in tokens, each with its place in the text, so that everything understood can quote its words.

use segue_catalog::text::fold;

/// What stands before a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Gap {
    /// Nothing, or blanks.
    Blank,
    /// A hyphen or dash without blanks: "sci-fi", "1990-1999".
    Hyphen,
    /// A slash: "comedy/drama".
    Slash,
    /// A comma, a semicolon, a bracket, a dash with blanks.
    Comma,
    /// The end of a sentence.
    Stop,
}

/// One word, number or sign.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Token {
    /// Where it begins in the request, in bytes.
    pub(crate) start: usize,
    /// Where it ends.
    pub(crate) end: usize,
    /// Folded; apostrophes, and commas within numbers, are left out: "don't" is `dont`, "1,500" is `1500`.
    pub(crate) word: String,
    /// Where it ends in a possessive, the word without it: `kubrick` for "Kubrick's".
    pub(crate) owner: Option<String>,
    /// True if it begins with a capital letter, or is written in Chinese characters.
    pub(crate) capital: bool,
    /// True if it stands in quotation marks.
    pub(crate) quoted: bool,
    /// What stands before it.
    pub(crate) gap: Gap,
    /// What the user wrote, folded, where `word` is the English for it; empty where that is said by the token before.
    pub(crate) said: Option<String>,
}

impl Token {
    /// The word as the user wrote it, folded.
    pub(super) fn spelt(&self) -> &str {
        self.said.as_deref().unwrap_or(&self.word)
    }
}

/// The request from the first to the last of these tokens, in whatever order they are; nothing for none.
pub(super) fn text_of<'a>(request: &'a str, tokens: &[Token]) -> &'a str {
    let ends = tokens.iter().map(|t| t.start).min().zip(tokens.iter().map(|t| t.end).max());
    ends.and_then(|(start, end)| request.get(start..end)).unwrap_or_default()
}

/// True for a Chinese character.
pub(crate) fn is_han(c: char) -> bool {
    matches!(c, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{323af}' | '〇')
}

const SIGNS: &str = "$€£%#<>=+≤≥";

/// Splits a request.
pub(crate) fn tokenize(request: &str) -> Vec<Token> {
    tokenize_numbers(request, /*decimal_comma*/ false)
}

/// Splits a request in which a comma may stand before a fraction: "7,5" is one number then.
pub(super) fn tokenize_numbers(request: &str, decimal_comma: bool) -> Vec<Token> {
    let chars: Vec<(usize, char)> = request.char_indices().collect();
    let at = |i: usize| chars.get(i).map(|c| c.1);
    let place = |i: usize| chars.get(i).map_or(request.len(), |c| c.0);
    let (mut tokens, mut gap, mut quoted, mut i) = (Vec::new(), Gap::Blank, false, 0);
    while let Some(c) = at(i) {
        let from = i;
        let fraction = c == '.' && at(i + 1).is_some_and(|d| d.is_ascii_digit());
        if c.is_alphanumeric() || fraction {
            i += 1;
            while let Some(c) = at(i) {
                let before = i.checked_sub(1).and_then(at);
                let fraction = decimal_comma && c == ',' && is_digit(before) && is_digit(at(i + 1));
                if !(c.is_alphanumeric() || fraction || joins(before, c, at(i + 1), at(i + 2))) {
                    break;
                }
                i += 1;
            }
            let raw = request.get(place(from)..place(i)).unwrap_or_default();
            let mut word = token(raw, place(from), gap, quoted);
            if raw == "w" && at(i) == Some('/') {
                (word.word, i) = ("with".to_owned(), i + 1);
            }
            tokens.push(word);
            gap = Gap::Blank;
            continue;
        }
        i += 1;
        match c {
            '"' | '“' | '”' | '«' | '»' | '《' | '》' | '「' | '」' | '『' | '』' => {
                quoted = !quoted;
            }
            _ if SIGNS.contains(c) => {
                while (c == '<' || c == '>') && at(i) == Some('=') {
                    i += 1;
                }
                let raw = request.get(place(from)..place(i)).unwrap_or_default();
                tokens.push(token(raw, place(from), gap, quoted));
                gap = Gap::Blank;
            }
            '&' => {
                tokens.push(Token { word: "and".to_owned(), ..token("&", place(from), gap, quoted) });
                gap = Gap::Blank;
            }
            '-' | '−' if is_minus(from.checked_sub(1).and_then(at), at(i), tokens.last()) => {
                while at(i).is_some_and(|c| c.is_alphanumeric() || c == '.') {
                    i += 1;
                }
                let digits = request.get(place(from + 1)..place(i)).unwrap_or_default();
                let negative =
                    Token { end: place(i), ..token(digits.trim_end_matches('.'), place(from), gap, quoted) };
                tokens.push(Token { word: format!("-{}", negative.word), ..negative });
                gap = Gap::Blank;
            }
            '-' | '–' | '—' => {
                let tight = at(i).is_some_and(char::is_alphanumeric)
                    && from.checked_sub(1).and_then(at).is_some_and(char::is_alphanumeric);
                gap = if tight { Gap::Hyphen } else { Gap::Comma };
            }
            '/' => gap = Gap::Slash,
            ',' | ';' | ':' | '(' | ')' | '，' | '、' | '；' | '：' | '（' | '）' => {
                gap = if gap == Gap::Stop { gap } else { Gap::Comma };
            }
            // The full stop of an initial ends nothing.
            '.' if tokens.last().is_some_and(|t| {
                t.end == place(from)
                    && t.word.chars().all(char::is_alphabetic)
                    && (t.word.chars().count() == 1
                        || ["dr", "mr", "mrs", "ms", "st", "jr", "sr", "ft"].contains(&t.word.as_str()))
            }) => {}
            '.' | '!' | '?' | '\n' | '。' | '！' | '？' => gap = Gap::Stop,
            _ => {}
        }
    }
    tokens
}

/// Whether a dash is the sign of the number after it: "louder than -4 db", but not "songs - 4 of them", nor the range
/// "8 -10".
fn is_minus(before: Option<char>, after: Option<char>, last: Option<&Token>) -> bool {
    let apart = before.is_none_or(|c| !c.is_alphanumeric());
    let after_number = last.is_some_and(|t| t.word.starts_with(|c: char| c.is_ascii_digit()));
    apart && after.is_some_and(|c| c.is_ascii_digit()) && !after_number
}

/// Whether a sign between `before` and `after` is part of a word: "don't", "1.5", "1,500", "J.J.", "R&B".
fn joins(before: Option<char>, sign: char, after: Option<char>, second: Option<char>) -> bool {
    let (Some(before), Some(after)) = (before, after) else { return false };
    match sign {
        '\'' | '’' | '&' => before.is_alphanumeric() && after.is_alphanumeric(),
        '.' if before.is_ascii_digit() => after.is_ascii_digit(),
        '.' => after.is_alphabetic() && second.is_none_or(|c| !c.is_alphanumeric()),
        ',' => {
            before.is_ascii_digit() && after.is_ascii_digit() && second.is_some_and(|c| c.is_ascii_digit())
        }
        _ => false,
    }
}

fn token(raw: &str, start: usize, gap: Gap, quoted: bool) -> Token {
    // ".7" is a number too.
    let folded = if raw.starts_with('.') { format!("0{raw}") } else { fold(raw) };
    let numeric = folded.starts_with(|c: char| c.is_ascii_digit());
    let dropped = |c: &char| matches!(c, '\'' | '’') || (numeric && *c == ',') || (!numeric && *c == '.');
    let word: String = folded.chars().filter(|c| !dropped(c)).collect();
    let word = decade(&word).map_or(word, str::to_owned);
    let owner = folded.strip_suffix("'s").or_else(|| folded.strip_suffix("’s")).map(str::to_owned);
    Token {
        start,
        end: start + raw.len(),
        word,
        owner,
        // Where there are no capitals anything may be a name.
        capital: raw.starts_with(|c: char| c.is_uppercase() || is_han(c)),
        quoted,
        gap,
        said: None,
    }
}

fn is_digit(c: Option<char>) -> bool {
    c.is_some_and(|c| c.is_ascii_digit())
}

/// The decade that a word all but spells: "eigthies".
fn decade(word: &str) -> Option<&'static str> {
    const DECADES: [&str; 7] =
        ["twenties", "thirties", "forties", "sixties", "seventies", "eighties", "nineties"];
    let slip = |d: &&&str| strsim::osa_distance(d, word) == 1 && !DECADES.contains(&word);
    DECADES.iter().find(slip).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_keep_their_place() {
        let seen: Vec<_> = tokenize("Don't: R&B, J.J. Abrams' 1,500 films ≥ 7.5 – sci-fi/drama?")
            .into_iter()
            .map(|t| (t.word, t.start, t.gap))
            .collect();
        let expected = [
            ("dont", 0, Gap::Blank),
            ("r&b", 7, Gap::Comma),
            ("jj", 12, Gap::Comma),
            ("abrams", 17, Gap::Stop),
            ("1500", 25, Gap::Blank),
            ("films", 31, Gap::Blank),
            ("≥", 37, Gap::Blank),
            ("7.5", 41, Gap::Blank),
            ("sci", 49, Gap::Comma),
            ("fi", 53, Gap::Hyphen),
            ("drama", 56, Gap::Slash),
        ];
        assert_eq!(seen, expected.map(|(w, s, g)| (w.to_owned(), s, g)));
    }

    #[test]
    fn a_dash_before_a_number_is_its_sign_only_where_it_can_be() {
        let words = |text: &str| tokenize(text).into_iter().map(|t| t.word).collect::<Vec<_>>().join(" ");
        assert_eq!(words("louder than -4 db, -6.5"), "louder than -4 db -6.5");
        assert_eq!(words("songs - 4 of them, 8 -10, sci-fi"), "songs 4 of them 8 10 sci fi");
    }
}
