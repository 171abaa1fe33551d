//! What encoding a text is in that is not UTF-8: a guess, told to the user and never acted upon.

use std::cell::OnceCell;
use std::io::{BufRead, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::Encoding;

use super::text;
use crate::dataset::TableSource;

/// How many bytes are looked at.
const SAMPLE: u64 = 4 << 20;

/// The encoding that a text file seems to be in; `None` if what is not ASCII in its first few megabytes is mostly UTF-8.
pub(crate) fn guess(source: &TableSource) -> Option<&'static Encoding> {
    let mut bytes = text::unpack(source).ok()?.into_bytes().take(SAMPLE);
    let mut head = [0; 3];
    bytes.read_exact(&mut head).ok()?;
    if Encoding::for_bom(&head).is_some() {
        return None;
    }
    let mut detector = detector();
    let (mut line, mut valid, mut invalid) = (head.to_vec(), 0_u64, 0_u64);
    loop {
        let read = bytes.read_until(b'\n', &mut line).ok()?;
        match std::str::from_utf8(&line) {
            _ if line.is_ascii() => {}
            Ok(_) => valid += 1,
            // The sample ends where it ends, also within a character.
            Err(e) if e.error_len().is_none() && line.last() != Some(&b'\n') => {}
            Err(_) => {
                invalid += 1;
                detector.feed(&line, false);
            }
        }
        if read == 0 {
            break;
        }
        line.clear();
    }
    detector.feed(&[], true);
    (invalid > valid).then(|| detector.guess(None, Utf8Detection::Deny))
}

fn detector() -> EncodingDetector {
    EncodingDetector::new(Iso2022JpDetection::Allow)
}

/// What to say of a text that does not decode.
#[derive(Debug)]
pub(super) struct Undecodable {
    source: TableSource,
    from: Option<&'static Encoding>,
    guess: OnceCell<Option<&'static Encoding>>,
}

impl Undecodable {
    /// For a text that is decoded from this encoding, if it is decoded.
    pub(super) fn new(source: &TableSource, from: Option<&'static Encoding>) -> Self {
        Self { source: source.clone(), from, guess: OnceCell::new() }
    }

    /// What is wrong with a text, if it is not what it should be.
    pub(super) fn fault(&self, text: &[u8]) -> Option<String> {
        std::str::from_utf8(text).map_or_else(|_| Some(self.not_utf_8(text)), |text| self.fault_of(text))
    }

    /// What is wrong with a text that is UTF-8 now: where something did not decode there is U+FFFD.
    pub(super) fn fault_of(&self, text: &str) -> Option<String> {
        self.from.filter(|_| text.contains('\u{fffd}')).map(|from| format!("is not {}", from.name()))
    }

    pub(super) fn not_utf_8(&self, text: &[u8]) -> String {
        if let Some(guess) = self.guess.get_or_init(|| guess(&self.source)) {
            let name = guess.name();
            return format!(
                "is not UTF-8; the file seems to be {name}: add `encoding = \"{name}\"` beside `file` in dataset.toml"
            );
        }
        let mut detector = detector();
        detector.feed(text, true);
        let name = detector.guess(None, Utf8Detection::Deny).name();
        format!("is not UTF-8, as other rows are, and seems to be {name}; write the file in one encoding")
    }
}
