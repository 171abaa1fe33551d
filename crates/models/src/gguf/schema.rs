//! Text that keeps to a JSON Schema: which tokens may come next, by `llguidance`.

use std::sync::{Arc, OnceLock};

use llguidance::api::TopLevelGrammar;
use llguidance::earley::SlicedBiasComputer;
use llguidance::{JsonCompileOptions, Matcher, ParserFactory};
use serde_json::Value as Json;
use toktrie::{InferenceCapabilities, SimpleVob, TokEnv, TokRxInfo, TokTrie, TokenizerEnv};

use super::GgufError;
use super::tokenizer::GgufTokenizer;

/// Compiles schemas for one vocabulary. What it knows of the vocabulary it finds out at the first schema.
pub(crate) struct SchemaCompiler {
    tokenizer: Arc<GgufTokenizer>,
    factory: OnceLock<Result<ParserFactory, String>>,
}

/// What is left of a schema while text comes.
pub(crate) struct Constraint {
    matcher: Matcher,
    tokenizer: Arc<GgufTokenizer>,
    place: Place,
}

/// Digits in a row that tell any number of double precision. A schema allows more without end, and small models
/// write them.
const DIGITS: usize = 17;

/// Where in JSON the text has got to.
#[derive(Debug, Default)]
struct Place {
    in_text: bool,
    escaped: bool,
    /// Digits in a row, of a number.
    digits: usize,
}

struct Environment {
    trie: TokTrie,
    tokenizer: Arc<GgufTokenizer>,
}

impl SchemaCompiler {
    pub(crate) fn new(tokenizer: Arc<GgufTokenizer>) -> Self {
        Self { tokenizer, factory: OnceLock::new() }
    }

    /// A constraint to JSON of this schema, on one line, keys in the order of the schema. A keyword that cannot be
    /// enforced is an error: what comes out is what was asked for.
    pub(crate) fn compile(&self, schema: &Json) -> Result<Constraint, GgufError> {
        let factory = self.factory.get_or_init(|| factory(&self.tokenizer)).as_ref();
        let factory = factory.map_err(|reason| GgufError::Schema(reason.clone()))?;
        let mut schema = schema.clone();
        if !schema.is_object() {
            return Err(GgufError::Schema("it is no JSON object".to_owned()));
        }
        let layout = JsonCompileOptions {
            item_separator: ", ".to_owned(),
            key_separator: ": ".to_owned(),
            whitespace_flexible: false,
            ..JsonCompileOptions::default()
        };
        layout.apply_to(&mut schema);
        let parser = factory.create_parser(TopLevelGrammar::from_json_schema(schema));
        let matcher = Matcher::new(parser);
        match matcher.is_error().then(|| matcher.get_error()).flatten() {
            Some(reason) => Err(GgufError::Schema(reason)),
            None => Ok(Constraint { matcher, tokenizer: self.tokenizer.clone(), place: Place::default() }),
        }
    }
}

impl Constraint {
    /// The tokens that must come next whatever the model says; mostly none.
    pub(crate) fn forced(&mut self) -> Vec<u32> {
        self.matcher.compute_ff_tokens()
    }

    /// The tokens that may come next.
    pub(crate) fn allowed(&mut self) -> Result<SimpleVob, GgufError> {
        let allowed = self.matcher.compute_mask_or_eos().map_err(failed)?;
        if self.place.digits < DIGITS {
            return Ok(allowed);
        }
        let mut ending = allowed.clone();
        for token in allowed.iter() {
            if self.tokenizer.bytes(token).first().is_some_and(u8::is_ascii_digit) {
                ending.disallow_token(token);
            }
        }
        Ok(if ending.is_zero() { allowed } else { ending })
    }

    /// Takes a token.
    pub(crate) fn accept(&mut self, token: u32) -> Result<(), GgufError> {
        self.place.read(self.tokenizer.bytes(token));
        self.matcher.consume_token(token).map_err(failed)
    }

    /// True if nothing more may come.
    pub(crate) fn is_complete(&self) -> bool {
        self.matcher.is_stopped()
    }
}

impl Place {
    fn read(&mut self, bytes: &[u8]) {
        for byte in bytes {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = self.in_text,
                b'"' => self.in_text = !self.in_text,
                _ => {}
            }
            let digit = byte.is_ascii_digit() && !self.in_text;
            self.digits = if digit { self.digits + 1 } else { 0 };
        }
    }
}

impl TokenizerEnv for Environment {
    fn tok_trie(&self) -> &TokTrie {
        &self.trie
    }

    fn tokenize_bytes(&self, bytes: &[u8]) -> Vec<u32> {
        let encode = |text: &str| {
            self.tokenizer.encode(text).unwrap_or_else(|_| self.trie.greedy_tokenize(text.as_bytes()))
        };
        self.trie.tokenize_with_greedy_fallback(bytes, encode)
    }
}

fn factory(tokenizer: &Arc<GgufTokenizer>) -> Result<ParserFactory, String> {
    let mut words: Vec<Vec<u8>> =
        (0_u32..).take(tokenizer.len()).map(|token| tokenizer.bytes(token).to_vec()).collect();
    for (name, &token) in tokenizer.controls() {
        if let Some(word) = words.get_mut(token as usize) {
            *word = [&[TokTrie::SPECIAL_TOKEN_MARKER], name.as_bytes()].concat();
        }
    }
    let end = tokenizer.ends().first().copied().ok_or("the vocabulary has no end token")?;
    let trie = TokTrie::from(&TokRxInfo::new(words.len() as u32, end), &words);
    let trie = trie.with_eos_tokens(tokenizer.ends());
    let environment: TokEnv = Arc::new(Environment { trie, tokenizer: tokenizer.clone() });
    let able = InferenceCapabilities { ff_tokens: true, ..InferenceCapabilities::default() };
    let mut factory = ParserFactory::new(&environment, able, &SlicedBiasComputer::json_slices())
        .map_err(|e| e.to_string())?;
    factory.quiet();
    Ok(factory)
}

fn failed(error: impl std::fmt::Display) -> GgufError {
    GgufError::Schema(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_of_numbers_are_counted() {
        let digits = |text: &str| {
            let mut place = Place::default();
            place.read(text.as_bytes());
            place.digits
        };
        assert_eq!((digits("[12.345"), digits("[12, 3"), digits("[12.5, ")), (3, 1, 0));
        assert_eq!((digits("{\"a12"), digits("{\"a\\\"12"), digits("{\"\\\\\": 12")), (0, 0, 2));
    }
}
