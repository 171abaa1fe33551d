//! Folding: the one rule by which text is compared for equality.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Folds text for comparison: compatibility forms (full-width, ligatures) as the plain ones, no accents, lower case, and
/// every run of white space one blank. "  Amélie\u{a0}POULAIN" and "amelie poulain" are then the same.
///
/// Accents are what can be left out in writing: those of Latin and Greek letters, Cyrillic stress and `ё`, the points of
/// Hebrew, the vowels of Arabic. Marks that make another letter or syllable stay: Cyrillic `й`, `ї` and `ў`, Japanese voicing,
/// the vowels of Indic and Thai writing. Letters that have no accent to lose become those they are written as without a
/// keyboard of the language: `ß` `ss`, `æ` `ae`, `ø` `o`, `ł` `l`, `đ` `d`, the Turkish `ı` `i`; a final `ς` is a `σ`.
/// Simplified and traditional Chinese stay apart.
///
/// ```
/// use segue_catalog::text::fold;
/// assert_eq!(fold("  Éric  Toledano "), "eric toledano");
/// assert_eq!(fold("ＦＵＬＬ Straße Łódź İstanbul Đà Nẵng"), "full strasse lodz istanbul da nang");
/// assert_eq!(fold("ΟΔΟΣ ὁδός"), "οδοσ οδοσ");
/// assert_eq!(fold("Ёлка Йод"), "елка йод");
/// ```
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        let bytes = text.as_bytes();
        let blanks =
            |pair: &[u8]| matches!(pair, [a, b] if a.is_ascii_whitespace() && b.is_ascii_whitespace());
        let at_an_end = |end: Option<&u8>| end.is_some_and(u8::is_ascii_whitespace);
        let only_blanks = !bytes.iter().any(|b| b.is_ascii_control());
        // Most texts have nothing to collapse, and rows are read and imported by the hundred thousand.
        if only_blanks
            && !at_an_end(bytes.first())
            && !at_an_end(bytes.last())
            && !bytes.windows(2).any(blanks)
        {
            return text.to_ascii_lowercase();
        }
        return collapse(text.chars().map(|c| c.to_ascii_lowercase()), text.len());
    }
    let mut base = ' ';
    let kept = text.nfkd().filter(move |&c| {
        if is_combining_mark(c) {
            return is_part_of_letter(base, c);
        }
        base = c;
        true
    });
    // What was taken apart and kept (syllables of Hangul, voiced kana) is put together again.
    let folded = kept.nfc().flat_map(char::to_lowercase).flat_map(Spelt::of);
    collapse(folded, text.len())
}

/// True if the mark makes another letter of what it stands on, rather than an accent of it.
fn is_part_of_letter(base: char, mark: char) -> bool {
    match mark {
        '\u{306}' => matches!(base, 'и' | 'И' | 'у' | 'У'),
        '\u{308}' => matches!(base, 'і' | 'І'),
        // Accents of any writing; of Hebrew; of Arabic.
        '\u{300}'..='\u{36f}'
        | '\u{483}'..='\u{489}'
        | '\u{1ab0}'..='\u{1aff}'
        | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe2f}'
        | '\u{591}'..='\u{5c7}'
        | '\u{610}'..='\u{61a}'
        | '\u{64b}'..='\u{65f}'
        | '\u{670}'
        | '\u{6d6}'..='\u{6ed}' => false,
        _ => true,
    }
}

/// A letter as it is written where the language's keyboard is missing.
enum Spelt {
    One(std::option::IntoIter<char>),
    Two(std::str::Chars<'static>),
}

impl Spelt {
    fn of(letter: char) -> Self {
        let two = match letter {
            'ß' => "ss",
            'æ' => "ae",
            'œ' => "oe",
            'þ' => "th",
            'ø' => "o",
            'ð' | 'đ' => "d",
            'ł' => "l",
            'ħ' => "h",
            'ı' => "i",
            'ŋ' => "n",
            'ς' => "σ",
            other => return Self::One(Some(other).into_iter()),
        };
        Self::Two(two.chars())
    }
}

impl Iterator for Spelt {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        match self {
            Self::One(letter) => letter.next(),
            Self::Two(letters) => letters.next(),
        }
    }
}

/// True of the letters of writings that put no blanks between words (Chinese, Japanese, Thai, Lao, Khmer, Burmese), and of
/// Korean, where a word with its endings is one.
///
/// ```
/// use segue_catalog::text::is_unspaced;
/// assert!("明月ひらカナ한글ไทย".chars().all(is_unspaced));
/// assert!(!"abcé，。、 Ж1".chars().any(is_unspaced));
/// ```
pub fn is_unspaced(c: char) -> bool {
    matches!(c,
        '\u{2e80}'..='\u{2fdf}' | '\u{3005}'..='\u{3007}' | '\u{3021}'..='\u{3029}' | '\u{3038}'..='\u{303b}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}'
        | '\u{3041}'..='\u{309f}' | '\u{30a1}'..='\u{30fa}' | '\u{30fc}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}' | '\u{ff66}'..='\u{ff9f}'
        | '\u{1100}'..='\u{11ff}' | '\u{3131}'..='\u{318e}' | '\u{a960}'..='\u{a97f}' | '\u{ac00}'..='\u{d7ff}' | '\u{ffa0}'..='\u{ffdc}'
        | '\u{e00}'..='\u{e4e}' | '\u{e80}'..='\u{ece}' | '\u{1000}'..='\u{1049}' | '\u{1780}'..='\u{17d3}')
}

fn collapse(chars: impl Iterator<Item = char>, capacity: usize) -> String {
    let mut out = String::with_capacity(capacity);
    let mut blank = false;
    for c in chars {
        if c.is_whitespace() {
            blank = true;
        } else {
            if blank && !out.is_empty() {
                out.push(' ');
            }
            blank = false;
            out.push(c);
        }
    }
    out
}

/// Letters, digits, `#` and `+` of the folded text: "Jay-Z", "jay z" and "Jay Z." are then the same.
///
/// ```
/// assert_eq!(segue_catalog::text::squash("Guns N' Roses"), "gunsnroses");
/// ```
pub fn squash(text: &str) -> String {
    fold(text).chars().filter(|c| c.is_alphanumeric() || matches!(c, '#' | '+')).collect()
}

/// The words of a text: folded, split at everything that is neither letter nor digit.
///
/// ```
/// let words: Vec<_> = segue_catalog::text::words("Ocean's Eleven (2001)").collect();
/// assert_eq!(words, ["ocean", "s", "eleven", "2001"]);
/// ```
pub fn words(text: &str) -> impl Iterator<Item = String> {
    fold(text)
        .split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
        .map(str::to_owned)
        .collect::<Vec<_>>()
        .into_iter()
}

/// True if all words of `wanted` are words of `text`; both folded. A word that is written without blanks around it (see
/// [`is_unspaced`]) need only stand in one.
pub fn has_words(text: &str, wanted: &str) -> bool {
    let there: Vec<_> = words(text).collect();
    words(wanted).all(|w| there.contains(&w) || (w.chars().all(is_unspaced) && text.contains(&w)))
}

/// The one of these names that was probably meant: the nearest by Damerau-Levenshtein distance after
/// folding, if it is near at all.
///
/// ```
/// let near = segue_catalog::text::nearest_name("colum", ["name", "column"].into_iter());
/// assert_eq!(near, Some("column"));
/// ```
pub fn nearest_name<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let name = fold(name);
    known
        .map(|k| (strsim::normalized_damerau_levenshtein(&name, &fold(k)), k))
        .filter(|(similarity, _)| *similarity >= 0.5)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, k)| k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_can_be_left_out_in_writing_is_folded() {
        let same = [
            ("Amélie", "AMELIE"),
            ("Amélie", "Ame\u{301}lie"),
            ("ＡＢＣ１２３", "abc123"),
            ("ｱｲｽ", "アイス"),
            ("ﬁlm", "film"),
            ("Straße", "STRASSE"),
            ("Ærø Brønd", "aero brond"),
            ("Łódź", "lodz"),
            ("Đà Nẵng", "da nang"),
            ("ISPARTA ışık", "isparta isik"),
            ("İSTANBUL", "istanbul"),
            ("Σίσυφος", "ΣΙΣΥΦΟΣ"),
            ("Ёлка", "елка"),
            ("за\u{301}мок", "замок"),
            ("שָׁלוֹם", "שלום"),
            ("مُحَمَّد", "محمد"),
            ("한국", "\u{1112}\u{1161}\u{11ab}\u{1100}\u{116e}\u{11a8}"),
        ];
        for (a, b) in same {
            assert_eq!(fold(a), fold(b));
        }
    }

    #[test]
    fn other_letters_stay_other_letters() {
        let apart = [
            ("カス", "ガス"),
            ("ハハ", "パパ"),
            ("мой", "мои"),
            ("їжа", "іжа"),
            ("किताब", "कतब"),
            ("ไทย", "ไทยา"),
            ("한국", "한구"),
            ("詩", "诗"),
        ];
        for (a, b) in apart {
            assert_ne!(fold(a), fold(b), "{a} {b}");
        }
        assert_eq!(fold("한국 가다"), "한국 가다");
        assert_eq!(fold("ガパ"), "ガパ");
        assert_eq!(fold("Київ"), "київ");
        assert_eq!(fold("हिन्दी"), "हिन्दी");
    }

    proptest! {
        #[test]
        fn folding_again_changes_nothing(text in any::<String>()) {
            let once = fold(&text);
            prop_assert_eq!(fold(&once), once);
        }

        #[test]
        fn case_does_not_matter(text in "[a-zA-Zéèüçñãõøßłđıżабвгйёіїαβγςάέ一-龥が-ごア-ゴ가-힣 ]{0,24}") {
            let upper: String = text.chars().filter(|c| *c != 'ı').collect::<String>().to_uppercase();
            let lower: String = text.chars().filter(|c| *c != 'ı').collect::<String>().to_lowercase();
            prop_assert_eq!(fold(&upper), fold(&lower));
        }

        #[test]
        fn ascii_only_loses_case_and_blanks(text in "[ -~\t\n]{0,40}") {
            let plain = text.split_ascii_whitespace().collect::<Vec<_>>().join(" ").to_ascii_lowercase();
            prop_assert_eq!(fold(&text), plain);
        }
    }
}
