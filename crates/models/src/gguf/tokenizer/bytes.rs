//! Byte-level vocabularies write every byte as one printable character: Radford et al., "Language models are
//! unsupervised multitask learners", 2019, and the `bytes_to_unicode` of its code.

/// The byte that a character of the vocabulary stands for.
fn byte(c: char) -> Option<u8> {
    let code = u32::from(c);
    match code {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => u8::try_from(code).ok(),
        // The bytes that are not printable, in order, from U+0100 on.
        0x100..=0x120 => u8::try_from(code - 0x100).ok(),
        0x121..=0x142 => u8::try_from(code - 0x121 + 0x7f).ok(),
        0x143 => Some(0xad),
        _ => None,
    }
}

/// The bytes that an entry of the vocabulary stands for; its own UTF-8 if it is not in byte-level writing.
pub(crate) fn bytes_of(entry: &str) -> Vec<u8> {
    entry.chars().map(byte).collect::<Option<_>>().unwrap_or_else(|| entry.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn every_byte_has_one_character() {
        let bytes: BTreeSet<u8> = ('\0'..='\u{200}').filter_map(byte).collect();
        assert_eq!(bytes.len(), 256);
        assert_eq!(('\0'..='\u{200}').filter_map(byte).count(), 256);
    }

    #[test]
    fn the_usual_ones() {
        assert_eq!(bytes_of("Ġthe"), b" the");
        assert_eq!(bytes_of("Ċ"), b"\n");
        assert_eq!(bytes_of("Ã©"), "é".as_bytes());
        assert_eq!(bytes_of("東"), "東".as_bytes());
    }
}
