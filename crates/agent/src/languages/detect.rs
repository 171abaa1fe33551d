//! In which language a request is.

use segue_catalog::text::words;

use super::Language;
use crate::rules::{is_common, is_filling, is_han, is_steering};

/// What a word that only steers tells of its language, and what an everyday name of something does.
const FUNCTION: u32 = 2;
const CONTENT: u32 = 1;

/// Words of the request that a language knows count for it, but for function words that another has too ("over" is English
/// and Dutch); the language of the conversation so far stays unless another has more. What stands in quotation marks is a
/// title in whatever language.
pub(super) fn language(request: &str, so_far: Option<Language>, at_home: Option<Language>) -> Language {
    let said = unquoted(request);
    let words: Vec<String> = words(&said).collect();
    let is_shared = |w: &String| Language::ALL.iter().filter(|l| is_function(**l, w)).count() > 1;
    let telling: Vec<&String> = words.iter().filter(|w| !is_shared(w)).collect();
    let score = |language: Language| match language {
        Language::Chinese => chinese(&said),
        _ => telling
            .iter()
            .map(|w| {
                if is_function(language, w) { FUNCTION } else { u32::from(is_content(language, w)) * CONTENT }
            })
            .sum(),
    };
    let mut best = (so_far.unwrap_or_default(), score(so_far.unwrap_or_default()));
    for language in Language::ALL {
        let points = score(language);
        if points > best.1 {
            best = (language, points);
        }
    }
    if best.1 == 0 { so_far.or(at_home).unwrap_or_default() } else { best.0 }
}

fn is_function(language: Language, word: &str) -> bool {
    match language.pack() {
        None => is_filling(word) || is_steering(word),
        Some(pack) => pack.index().function.contains(word),
    }
}

fn is_content(language: Language, word: &str) -> bool {
    let Some(pack) = language.pack() else { return is_common(word) };
    let content = &pack.index().content;
    content.contains(word) || (word.len() > 4 && content.iter().any(|c| pack.stem(c) == pack.stem(word)))
}

/// Chinese characters speak for Chinese unless there are signs of another language that has them too.
fn chinese(said: &str) -> u32 {
    let is_kana_or_hangul = |c: char| matches!(c, '\u{3040}'..='\u{30ff}' | '\u{ac00}'..='\u{d7af}');
    if said.chars().any(is_kana_or_hangul) {
        return 0;
    }
    // A character says about as much as half a word.
    u32::try_from(said.chars().filter(|c| is_han(*c)).count()).unwrap_or(u32::MAX)
}

/// The request without what stands in quotation marks.
fn unquoted(request: &str) -> String {
    let mut out = String::with_capacity(request.len());
    let mut until = None;
    for c in request.chars() {
        match (until, c) {
            (Some(end), _) => until = (c != end).then_some(end),
            (None, '“') => until = Some('”'),
            (None, '"') => until = Some('"'),
            (None, '«') => until = Some('»'),
            (None, '《') => until = Some('》'),
            (None, '「') => until = Some('」'),
            (None, other) => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn function_words_tell_the_language() {
        use Language::{Chinese, Dutch, English, Portuguese};
        for (request, language) in [
            ("films under two hours", English),
            ("Lyon homes over 600000 euros", English),
            ("houses in Ghent with a garden", English),
            ("gemeenten met meer dan 100.000 inwoners", Dutch),
            ("huizen in Utrecht, niet te duur", Dutch),
            ("apartamento no Morumbi", Portuguese),
            ("casas com 2 quartos até 3 mil reais", Portuguese),
            ("李白的诗", Chinese),
            ("films like “霸王别姬”", English),
            ("類似《霸王别姬》的電影", Chinese),
            ("Blade Runner", English),
            ("", English),
            ("東京の映画", English),
            ("42", English),
        ] {
            assert_eq!(Language::of(request, None), language, "{request}");
        }
    }

    #[test]
    fn the_conversation_goes_on_in_its_language_until_another_is_spoken() {
        assert_eq!(Language::of("Amsterdam", Some(Language::Dutch)), Language::Dutch);
        assert_eq!(Language::of("under 500", Some(Language::Dutch)), Language::English);
        assert_eq!(Language::of("mais barato", Some(Language::Dutch)), Language::Portuguese);
    }
}
