//! How the words of a field become terms.

use std::borrow::Cow;

use frostem::Algorithm;
use segue_catalog::Language;
use segue_catalog::text::fold;
use tantivy::tokenizer::{
    AsciiFoldingFilter, LowerCaser, RemoveLongFilter, Stemmer, TextAnalyzer, Token, TokenFilter, TokenStream,
    Tokenizer,
};

use super::words::{Purpose, Words};

const LONGEST_WORD: usize = 80;

/// The name under which an index knows the analysis of a language.
pub(crate) fn name(language: Language) -> String {
    format!("segue_{language}")
}

/// Words as terms: lower case, stemmed by the rules of the language (Snowball), without accents. No word is left out for being
/// common.
pub(crate) fn analyzer(language: Language, purpose: Purpose) -> TextAnalyzer {
    let words = TextAnalyzer::builder(Words::new(purpose))
        .filter(RemoveLongFilter::limit(LONGEST_WORD))
        .filter(LowerCaser);
    if language == Language::English {
        // What few accents English has are no part of its rules.
        let stemmer = Stemmer::new(tantivy::tokenizer::Language::English);
        return words.filter(AsciiFoldingFilter).filter(stemmer).build();
    }
    words
        .filter(Inflection { language, stemmer: algorithm(language).map(frostem::Stemmer::new), purpose })
        .build()
}

/// The rules that take the endings off; `None` where there are none.
fn algorithm(language: Language) -> Option<Algorithm> {
    Some(match language {
        Language::Arabic => Algorithm::Arabic,
        Language::Armenian => Algorithm::Armenian,
        Language::Basque => Algorithm::Basque,
        Language::Catalan => Algorithm::Catalan,
        Language::Czech => Algorithm::Czech,
        Language::Danish => Algorithm::Danish,
        Language::Dutch => Algorithm::Dutch,
        Language::English => Algorithm::English,
        Language::Esperanto => Algorithm::Esperanto,
        Language::Estonian => Algorithm::Estonian,
        Language::Finnish => Algorithm::Finnish,
        Language::French => Algorithm::French,
        Language::German => Algorithm::German,
        Language::Greek => Algorithm::Greek,
        Language::Hindi => Algorithm::Hindi,
        Language::Hungarian => Algorithm::Hungarian,
        Language::Indonesian => Algorithm::Indonesian,
        Language::Irish => Algorithm::Irish,
        Language::Italian => Algorithm::Italian,
        Language::Lithuanian => Algorithm::Lithuanian,
        Language::Nepali => Algorithm::Nepali,
        Language::Norwegian => Algorithm::Norwegian,
        Language::Persian => Algorithm::Persian,
        Language::Polish => Algorithm::Polish,
        Language::Portuguese => Algorithm::Portuguese,
        Language::Romanian => Algorithm::Romanian,
        Language::Russian => Algorithm::Russian,
        Language::Serbian => Algorithm::Serbian,
        Language::Spanish => Algorithm::Spanish,
        Language::Swedish => Algorithm::Swedish,
        Language::Tamil => Algorithm::Tamil,
        Language::Turkish => Algorithm::Turkish,
        Language::Yiddish => Algorithm::Yiddish,
        Language::Bulgarian
        | Language::Chinese
        | Language::Croatian
        | Language::Hebrew
        | Language::Japanese
        | Language::Korean
        | Language::Latvian
        | Language::Slovak
        | Language::Slovene
        | Language::Thai
        | Language::Ukrainian
        | Language::Vietnamese
        | Language::Undetermined => return None,
    })
}

/// Stems a word, then takes its accents off: the rules need them ("ação"). People leave them out in writing, so that the index
/// also has the stem of the word without accents, at the same place, where it is another.
#[derive(Clone, Copy)]
struct Inflection {
    language: Language,
    stemmer: Option<frostem::Stemmer>,
    purpose: Purpose,
}

impl Inflection {
    fn stem(&self, word: &str) -> String {
        let Some(stemmer) = self.stemmer else { return fold(word) };
        if self.language == Language::Portuguese {
            return fold(&stemmer.stem(&singular(word)));
        }
        fold(&stemmer.stem(word))
    }
}

/// A Portuguese word whose plural changes more than its ending, in the singular: the rules of Snowball leave short ones apart
/// ("estação", "estações"). After the plural reduction of Orengo and Huyck, "A stemming algorithm for the Portuguese language",
/// SPIRE 2001.
fn singular(word: &str) -> Cow<'_, str> {
    const ENDINGS: &[(&str, &str, usize)] = &[
        ("ões", "ão", 1),
        ("oes", "ão", 3),
        ("ães", "ão", 1),
        ("ãos", "ão", 1),
        ("ais", "al", 3),
        ("éis", "el", 2),
        ("óis", "ol", 2),
        ("ns", "m", 2),
    ];
    for (plural, singular, least) in ENDINGS {
        if let Some(stem) = word.strip_suffix(plural)
            && stem.chars().count() >= *least
            && !matches!(word, "mães" | "demais" | "jamais")
        {
            return Cow::Owned(format!("{stem}{singular}"));
        }
    }
    Cow::Borrowed(word)
}

impl TokenFilter for Inflection {
    type Tokenizer<T: Tokenizer> = Inflected<T>;

    fn transform<T: Tokenizer>(self, tokenizer: T) -> Inflected<T> {
        Inflected { inflection: self, tokenizer }
    }
}

#[derive(Clone)]
struct Inflected<T> {
    inflection: Inflection,
    tokenizer: T,
}

impl<T: Tokenizer> Tokenizer for Inflected<T> {
    type TokenStream<'a> = Stems<T::TokenStream<'a>>;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Self::TokenStream<'a> {
        Stems { inflection: self.inflection, words: self.tokenizer.token_stream(text), other: None }
    }
}

struct Stems<S> {
    inflection: Inflection,
    words: S,
    /// The stem of the word without its accents, if it is still to come.
    other: Option<String>,
}

impl<S: TokenStream> TokenStream for Stems<S> {
    fn advance(&mut self) -> bool {
        if let Some(other) = self.other.take() {
            self.words.token_mut().text = other;
            return true;
        }
        if !self.words.advance() {
            return false;
        }
        let word = &self.words.token().text;
        let stem = self.inflection.stem(word);
        if self.inflection.purpose == Purpose::Index && self.inflection.stemmer.is_some() && !word.is_ascii()
        {
            let plain = self.inflection.stem(&fold(word));
            self.other = (plain != stem).then_some(plain);
        }
        self.words.token_mut().text = stem;
        true
    }

    fn token(&self) -> &Token {
        self.words.token()
    }

    fn token_mut(&mut self) -> &mut Token {
        self.words.token_mut()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use tantivy::tokenizer::SimpleTokenizer;

    fn terms(mut analyzer: TextAnalyzer, text: &str) -> Vec<String> {
        let mut out = Vec::new();
        analyzer.token_stream(text).process(&mut |t| out.push(t.text.clone()));
        out
    }

    /// True if a query of this one word finds that one.
    fn finds(language: Language, query: &str, text: &str) -> bool {
        let index = terms(analyzer(language, Purpose::Index), text);
        terms(analyzer(language, Purpose::Query), query).iter().all(|term| index.contains(term))
    }

    #[test]
    fn a_word_finds_its_other_forms() {
        let pairs = [
            (Language::Dutch, "huis", "huizen"),
            (Language::Dutch, "bewerken", "bewerkt"),
            (Language::Dutch, "winkels", "winkel"),
            (Language::Portuguese, "administração", "administrações"),
            (Language::Portuguese, "educacao", "educação"),
            (Language::Portuguese, "jogo", "jogos"),
            (Language::Portuguese, "estação", "estações"),
            (Language::Portuguese, "estacao", "estações"),
            (Language::Portuguese, "animal", "animais"),
            (Language::Portuguese, "imagem", "imagens"),
            (Language::German, "strassen", "Straße"),
            (Language::German, "Mädchen", "madchen"),
            (Language::French, "cheval", "chevaux"),
            (Language::Spanish, "canción", "canciones"),
            (Language::Russian, "книга", "книги"),
            (Language::Greek, "βιβλίο", "βιβλιο"),
            (Language::Turkish, "kitap", "kitaplar"),
            (Language::Chinese, "编辑", "文本编辑器"),
            (Language::Chinese, "月", "明月"),
            (Language::English, "编辑", "a 文本编辑器"),
            (Language::Chinese, "Ｍarkdown", "支持markdown"),
            (Language::Japanese, "エディタ", "ﾃｷｽﾄｴﾃﾞｨﾀ"),
            (Language::Korean, "편집", "편집기"),
            (Language::Vietnamese, "da nang", "Đà Nẵng"),
        ];
        for (language, query, text) in pairs {
            assert!(finds(language, query, text), "{language}: {query} {text}");
        }
        assert!(!finds(Language::Dutch, "molen", "kamer"));
        assert!(!finds(Language::Chinese, "辑编", "编辑"));
    }

    proptest! {
        #[test]
        fn english_is_what_it_was(text in "[ -~à-öø-ÿ]{0,60}") {
            let before = TextAnalyzer::builder(SimpleTokenizer::default())
                .filter(RemoveLongFilter::limit(LONGEST_WORD))
                .filter(LowerCaser)
                .filter(AsciiFoldingFilter)
                .filter(Stemmer::new(tantivy::tokenizer::Language::English))
                .build();
            for purpose in [Purpose::Index, Purpose::Query] {
                prop_assert_eq!(terms(analyzer(Language::English, purpose), &text), terms(before.clone(), &text));
            }
        }

        #[test]
        fn a_text_finds_itself_in_any_language(text in "[a-zà-öø-ÿßıŁа-яёα-ωάς一-三ぁ-か가-간ก-า ]{0,40}", at in 0..Language::ALL.len()) {
            let language = Language::ALL[at];
            prop_assert!(finds(language, &text, &text));
            // English knows Latin accents only.
            if language != Language::English {
                prop_assert!(finds(language, &fold(&text), &text), "{}: {:?}", language, text);
            }
            // As many terms in each language, so that a query's words stay side by side.
            let query = terms(analyzer(language, Purpose::Query), &text);
            prop_assert_eq!(query.len(), terms(analyzer(Language::English, Purpose::Query), &text).len());
        }
    }
}
