//! The languages of requests and answers.
//!
//! English is what the rules read. Of every other language a [`Pack`] holds, as data, what the rules know of English: the
//! phrases that steer a request, each with the English ones that say the same, numbers, endings, everyday names of what
//! catalogues hold, and the sentences of answers. A request is put into English word for word before it is read
//! ([`gloss`](crate::rules)), and every word keeps its place, so that what was understood quotes what was said. Names and
//! values are the catalogue's, in whatever language it is.

mod chinese;
mod detect;
mod dutch;
mod pack;
mod portuguese;
mod sentences;

use std::fmt;
use std::str::FromStr;

use segue_catalog::Catalog;
use serde::{Deserialize, Serialize};

pub(crate) use pack::{Numerals, Pack, is_place};
pub(crate) use sentences::{fill, grouped_in, is_none_of};

/// A language that requests are read in and answers are given in, by its code in ISO 639-1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// English, also where nobody knows.
    #[default]
    #[serde(rename = "en")]
    English,
    /// Dutch.
    #[serde(rename = "nl")]
    Dutch,
    /// Portuguese.
    #[serde(rename = "pt")]
    Portuguese,
    /// Chinese, in simplified or traditional characters.
    #[serde(rename = "zh")]
    Chinese,
}

/// A language that there is no pack for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no language that requests are read in; there are en (English), nl (Dutch), pt (Portuguese) and zh (Chinese)"
)]
pub struct UnknownLanguage(String);

impl Language {
    /// Every one.
    pub const ALL: [Self; 4] = [Self::English, Self::Dutch, Self::Portuguese, Self::Chinese];

    /// Its code in ISO 639-1.
    pub fn code(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Dutch => "nl",
            Self::Portuguese => "pt",
            Self::Chinese => "zh",
        }
    }

    /// Its name in English.
    pub fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Dutch => "Dutch",
            Self::Portuguese => "Portuguese",
            Self::Chinese => "Chinese",
        }
    }

    /// The language of a request, by its script and by the words that it shares with no other. Where that leaves it open, it
    /// is that of the conversation so far, and else English.
    ///
    /// ```
    /// use segue_agent::Language;
    /// assert_eq!(Language::of("een huis met een tuin", None), Language::Dutch);
    /// assert_eq!(Language::of("uma casa com jardim", None), Language::Portuguese);
    /// assert_eq!(Language::of("三室以上的公寓", None), Language::Chinese);
    /// assert_eq!(Language::of("Utrecht", Some(Language::Dutch)), Language::Dutch);
    /// ```
    pub fn of(request: &str, so_far: Option<Self>) -> Self {
        detect::language(request, so_far, None)
    }

    /// The same for a request about a catalogue. Where no word of a first request tells anything, it is taken to be in the
    /// language that the catalogue is in.
    pub fn of_turn(request: &str, so_far: Option<Self>, catalog: &Catalog) -> Self {
        let at_home =
            catalog.language().and_then(|l| Self::ALL.into_iter().find(|own| own.code() == l.code()));
        detect::language(request, so_far, at_home)
    }

    /// What is known of it; `None` for English, which the rules know themselves.
    pub(crate) fn pack(self) -> Option<&'static Pack> {
        match self {
            Self::English => None,
            Self::Dutch => Some(&dutch::PACK),
            Self::Portuguese => Some(&portuguese::PACK),
            Self::Chinese => Some(&chinese::PACK),
        }
    }
}

impl fmt::Display for Language {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

impl FromStr for Language {
    type Err = UnknownLanguage;

    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let named = |l: &Self| l.code().eq_ignore_ascii_case(code) || l.name().eq_ignore_ascii_case(code);
        Self::ALL.into_iter().find(named).ok_or_else(|| UnknownLanguage(code.to_owned()))
    }
}
