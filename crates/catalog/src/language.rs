//! Languages: what a data set's texts are written in.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

macro_rules! languages {
    ($($language:ident $code:literal $iso3:literal,)*) => {
        /// The language of a field's text, by its ISO 639-1 code.
        ///
        /// ```
        /// use segue_catalog::Language;
        /// assert_eq!("nl".parse(), Ok(Language::Dutch));
        /// assert_eq!(Language::Dutch.code(), "nl");
        /// assert!("klingon".parse::<Language>().unwrap_err().to_string().contains("nl (Dutch)"));
        /// ```
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Language {
            $(#[doc = stringify!($language)] $language,)*
            /// Several, or none: names, numbers of parts. `und` is its code in ISO 639-2.
            Undetermined,
        }

        impl Language {
            /// Every language that a data set can be said to be in.
            pub const ALL: &[Self] = &[$(Self::$language,)* Self::Undetermined];

            /// Its code: `nl`.
            pub fn code(self) -> &'static str {
                match self { $(Self::$language => $code,)* Self::Undetermined => "und" }
            }

            /// Its code of three letters (ISO 639-3): `nld`.
            fn iso3(self) -> &'static str {
                match self { $(Self::$language => $iso3,)* Self::Undetermined => "und" }
            }

            /// Its name in English: `Dutch`.
            pub fn name(self) -> &'static str {
                match self { $(Self::$language => stringify!($language),)* Self::Undetermined => "none or several" }
            }
        }
    };
}

languages! {
    Arabic "ar" "ara", Armenian "hy" "hye", Basque "eu" "eus", Bulgarian "bg" "bul", Catalan "ca" "cat", Chinese "zh" "cmn",
    Croatian "hr" "hrv", Czech "cs" "ces", Danish "da" "dan", Dutch "nl" "nld", English "en" "eng", Esperanto "eo" "epo",
    Estonian "et" "est", Finnish "fi" "fin", French "fr" "fra", German "de" "deu", Greek "el" "ell", Hebrew "he" "heb",
    Hindi "hi" "hin", Hungarian "hu" "hun", Indonesian "id" "ind", Irish "ga" "gle", Italian "it" "ita", Japanese "ja" "jpn",
    Korean "ko" "kor", Latvian "lv" "lav", Lithuanian "lt" "lit", Nepali "ne" "nep", Norwegian "no" "nob", Persian "fa" "pes",
    Polish "pl" "pol", Portuguese "pt" "por", Romanian "ro" "ron", Russian "ru" "rus", Serbian "sr" "srp", Slovak "sk" "slk",
    Slovene "sl" "slv", Spanish "es" "spa", Swedish "sv" "swe", Tamil "ta" "tam", Thai "th" "tha", Turkish "tr" "tur",
    Ukrainian "uk" "ukr", Vietnamese "vi" "vie", Yiddish "yi" "yid",
}

/// Texts shorter than this say too little to tell a language by; in letters.
const SHORTEST: usize = 24;
/// Texts that must agree, and the share of all that were told apart.
const FEWEST: usize = 3;
const MOST: f64 = 0.7;

impl Language {
    /// The language that most of these texts are written in; `None` if they are too few or too short to tell, or
    /// disagree. By trigrams and scripts (`whatlang`).
    ///
    /// ```
    /// use segue_catalog::Language;
    /// let texts = [
    ///     "De kamers zijn licht en kijken uit over het water",
    ///     "Een oude molen, die met zijn tuin te koop staat",
    ///     "Het huis ligt vlak bij de haven en heeft een eigen steiger",
    /// ];
    /// assert_eq!(Language::of(texts), Some(Language::Dutch));
    /// assert_eq!(Language::of(["Rue des Lilas 7"]), None);
    /// ```
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        // Others are not told from their neighbours: what looks like Afrikaans is Dutch.
        let known = whatlang::Lang::all().iter().filter(|lang| Self::of_iso3(lang.code()).is_some());
        let detector = whatlang::Detector::with_allowlist(known.copied().collect());
        let mut votes: Vec<(Self, usize)> = Vec::new();
        let mut told = 0_u32;
        for text in texts {
            // What is written without blanks says more in a letter.
            let letters = |c: char| 1 + 3 * usize::from(crate::text::is_unspaced(c));
            if text.chars().filter(|c| c.is_alphabetic()).map(letters).sum::<usize>() < SHORTEST {
                continue;
            }
            let Some(mut language) = detector.detect_lang(text).and_then(|l| Self::of_iso3(l.code())) else {
                continue;
            };
            if language == Self::Japanese && !text.chars().any(is_kana) {
                language = Self::Chinese;
            }
            told += 1;
            match votes.iter_mut().find(|(l, _)| *l == language) {
                Some((_, count)) => *count += 1,
                None => votes.push((language, 1)),
            }
        }
        let (language, count) = votes.into_iter().max_by_key(|(_, count)| *count)?;
        (count >= FEWEST && count as f64 >= MOST * f64::from(told)).then_some(language)
    }

    fn of_iso3(code: &str) -> Option<Self> {
        Self::ALL.iter().find(|l| l.iso3() == code).copied()
    }
}

/// Japanese is not written without these.
fn is_kana(c: char) -> bool {
    matches!(c, '\u{3041}'..='\u{30ff}')
}

/// A code that stands for no language that Segue knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no language `{0}`; those there are: {list}", list = list())]
pub struct UnknownLanguage(String);

fn list() -> String {
    let each: Vec<_> = Language::ALL.iter().map(|l| format!("{} ({})", l.code(), l.name())).collect();
    each.join(", ")
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(code: &str) -> Result<Self, UnknownLanguage> {
        // "pt-BR" is Portuguese.
        let main = code.split(['-', '_']).next().unwrap_or(code);
        let found = Self::ALL.iter().find(|l| main.eq_ignore_ascii_case(l.code()));
        found.copied().ok_or_else(|| UnknownLanguage(code.to_owned()))
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl Serialize for Language {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.code())
    }
}

impl<'de> Deserialize<'de> for Language {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_and_regions_set_aside() {
        for language in Language::ALL {
            assert_eq!(language.code().parse(), Ok(*language));
        }
        assert_eq!("pt-BR".parse(), Ok(Language::Portuguese));
        assert_eq!("ZH_Hans".parse(), Ok(Language::Chinese));
        assert!("english".parse::<Language>().is_err());
    }

    #[test]
    fn a_language_is_told_by_texts_that_agree() {
        let chinese =
            ["庭院深深深几许，杨柳堆烟", "明月几时有，把酒问青天", "大江东去，浪淘尽，千古风流人物"];
        assert_eq!(Language::of(chinese), Some(Language::Chinese));
        let mixed =
            ["A quiet garden behind the house", "Een stille tuin achter het huis", "Um jardim atrás da casa"];
        assert_eq!(Language::of(mixed), None);
        assert_eq!(Language::of(["Bohemian Rhapsody"; 9]), None);
        assert_eq!(Language::of([]), None);
    }
}
