//! Text from a server is untrusted: it may hold terminal commands, be endless, or repeat the key.

/// Characters of a server's words that are shown.
pub(crate) const SERVER_TEXT: usize = 300;

/// One line of at most `max` characters, without control or invisible formatting characters.
pub(crate) fn clean(text: &str, max: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || is_unprintable(c)).filter(|w| !w.is_empty());
    let spaced =
        words.enumerate().flat_map(|(i, word)| (i > 0).then_some(' ').into_iter().chain(word.chars()));
    let mut line: Vec<char> = spaced.take(max + 1).collect();
    if line.len() > max {
        line.truncate(max.saturating_sub(1));
        line.push('…');
    }
    line.into_iter().collect()
}

/// Control characters, and those that change the direction of the text around them.
fn is_unprintable(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_becomes_one_short_printable_line() {
        assert_eq!(clean("a\u{1b}[2Jb\r\n\tc\u{202e}d", 300), "a [2Jb c d");
        assert_eq!(clean("  ", 300), "");
        assert_eq!(clean("abcd", 4), "abcd");
        assert_eq!(clean("abcde", 4), "abc…");
        assert_eq!(clean(&"ä".repeat(1000), SERVER_TEXT).chars().count(), SERVER_TEXT);
        assert!(clean(&"ab ".repeat(1000), SERVER_TEXT).chars().count() <= SERVER_TEXT);
    }
}
