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
pub(crate) struct Constraint(Matcher);

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
            None => Ok(Constraint(matcher)),
        }
    }
}

impl Constraint {
    /// The tokens that must come next whatever the model says; mostly none.
    pub(crate) fn forced(&mut self) -> Vec<u32> {
        self.0.compute_ff_tokens()
    }

    /// The tokens that may come next.
    pub(crate) fn allowed(&mut self) -> Result<SimpleVob, GgufError> {
        self.0.compute_mask_or_eos().map_err(failed)
    }

    /// Takes a token.
    pub(crate) fn accept(&mut self, token: u32) -> Result<(), GgufError> {
        self.0.consume_token(token).map_err(failed)
    }

    /// True if nothing more may come.
    pub(crate) fn is_complete(&self) -> bool {
        self.0.is_stopped()
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
