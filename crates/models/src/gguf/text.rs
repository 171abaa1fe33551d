//! Text out of the bytes of tokens, as it comes, up to a text that ends it.

/// Joins bytes to text. What may be the beginning of a stop is held back until it is known.
#[derive(Debug)]
pub(crate) struct TextStream {
    stops: Vec<String>,
    /// The beginning of a character.
    bytes: Vec<u8>,
    text: String,
    /// Bytes of `text` that were given out.
    given: usize,
    stopped: bool,
}

impl TextStream {
    pub(crate) fn new(stops: &[String]) -> Self {
        let stops = stops.iter().filter(|stop| !stop.is_empty()).cloned().collect();
        Self { stops, bytes: Vec::new(), text: String::new(), given: 0, stopped: false }
    }

    /// Adds bytes; gives the text that is certain by now and was not given before.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> &str {
        if self.stopped {
            return "";
        }
        self.bytes.extend_from_slice(bytes);
        let whole = self.whole();
        self.take(whole);
        let certain = self.text.len() - self.uncertain();
        self.give(certain)
    }

    /// The text that is left when nothing more comes.
    pub(crate) fn finish(&mut self) -> &str {
        if !self.stopped {
            self.take(self.bytes.len());
        }
        self.give(self.text.len())
    }

    /// True after a stop.
    pub(crate) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// All text, without the stop.
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// How many of the bytes are whole characters, or never will be.
    fn whole(&self) -> usize {
        let mut whole = 0;
        for chunk in self.bytes.utf8_chunks() {
            whole += chunk.valid().len() + chunk.invalid().len();
        }
        let last = self.bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
        let unfinished = std::str::from_utf8(last).is_err_and(|e| e.error_len().is_none());
        if unfinished { whole - last.len() } else { whole }
    }

    /// Moves so many bytes to the text, and cuts it off at the first stop.
    fn take(&mut self, count: usize) {
        let rest = self.bytes.split_off(count);
        self.text.push_str(&String::from_utf8_lossy(&self.bytes));
        self.bytes = rest;
        let found = |stop: &String| self.text.get(self.given..)?.find(stop.as_str());
        if let Some(at) = self.stops.iter().filter_map(found).min() {
            self.text.truncate(self.given + at);
            self.stopped = true;
        }
    }

    /// How many bytes at the end may be the beginning of a stop.
    fn uncertain(&self) -> usize {
        if self.stopped {
            return 0;
        }
        let tail = self.text.get(self.given..).unwrap_or_default();
        let begins = |suffix: &str| self.stops.iter().any(|stop| stop.starts_with(suffix));
        tail.char_indices()
            .find_map(|(at, _)| tail.get(at..).filter(|suffix| begins(suffix)))
            .map_or(0, str::len)
    }

    fn give(&mut self, end: usize) -> &str {
        let begin = std::mem::replace(&mut self.given, end);
        self.text.get(begin..end).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(stops: &[&str], pieces: &[&[u8]]) -> (Vec<String>, bool, String) {
        let stops: Vec<String> = stops.iter().map(|stop| (*stop).to_owned()).collect();
        let mut stream = TextStream::new(&stops);
        let mut given: Vec<String> = pieces.iter().map(|piece| stream.push(piece).to_owned()).collect();
        given.push(stream.finish().to_owned());
        (given, stream.is_stopped(), stream.into_text())
    }

    #[test]
    fn a_character_comes_whole() {
        let (given, _, text) = stream(&[], &[b"a\xc3", b"\xa9b", b"\xf0\x9f", b"\x8e", b"\xacc"]);
        assert_eq!(given, ["a", "éb", "", "", "🎬c", ""]);
        assert_eq!(text, "aéb🎬c");
    }

    #[test]
    fn bytes_that_are_no_text_are_marked() {
        assert_eq!(stream(&[], &[b"a\xff", b"b\xc3"]).0, ["a\u{fffd}", "b", "\u{fffd}"]);
    }

    #[test]
    fn a_stop_ends_the_text_and_is_not_given() {
        let (given, stopped, text) = stream(&["END", "}"], &[b"one E", b"N two E", b"ND three"]);
        assert_eq!(given, ["one ", "EN two ", "", ""]);
        assert_eq!((stopped, text.as_str()), (true, "one EN two "));
        assert_eq!(stream(&["END"], &[b"x EN"]).0, ["x ", "EN"]);
        assert_eq!(stream(&["", "b"], &[b"abc"]).2, "a");
    }

    proptest! {
        #[test]
        fn the_pieces_make_the_text(text in "[ab\u{e9}\u{1f3ac}]{0,30}", cut in 1_usize..5, stop in "[ab]{1,3}") {
            let pieces: Vec<&[u8]> = text.as_bytes().chunks(cut).collect();
            let (given, stopped, whole) = stream(&[&stop], &pieces);
            prop_assert_eq!(given.concat(), whole.clone());
            prop_assert_eq!(stopped, text.contains(&stop));
            prop_assert_eq!(whole, text.split(&stop).next().unwrap_or_default());
        }
    }
}
