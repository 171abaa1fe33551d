//! Texts to tokens and back, by the vocabulary and the merges in the GGUF file.

mod bytes;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use tokenizers::models::bpe::{BPE, Vocab};
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use super::GgufError;
use super::file::GgufFile;
use bytes::bytes_of;

/// How Qwen2 cuts a text into words before it merges their bytes: from its published `tokenizer.json`.
const WORDS: &str = concat!(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*",
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
);

/// Kinds of entries, as the file numbers them.
const CONTROL: usize = 3;
const USER_DEFINED: usize = 4;
const UNUSED: usize = 5;

/// What goes into a tokenizer.
struct Vocabulary {
    entries: Vec<String>,
    /// The kind of each entry.
    kinds: Vec<usize>,
    /// Pairs to merge, the most frequent first.
    merges: Vec<(String, String)>,
    /// The entry that ends what the model says.
    end: u32,
}

/// The tokenizer of a GGUF model.
///
/// A text is only ever text: what looks like a control token in it (`<|im_end|>`) is cut into ordinary tokens, so that
/// no text can end a message or begin one. Control tokens come from [`GgufTokenizer::control`].
pub struct GgufTokenizer {
    inner: Tokenizer,
    bytes: Vec<Vec<u8>>,
    control: BTreeMap<String, u32>,
    ends: Vec<u32>,
}

impl fmt::Debug for GgufTokenizer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GgufTokenizer").field("tokens", &self.bytes.len()).finish_non_exhaustive()
    }
}

impl Vocabulary {
    fn read(file: &GgufFile) -> Result<Self, GgufError> {
        let (kind, pre) = (file.text("tokenizer.ggml.model")?, file.text("tokenizer.ggml.pre")?);
        if (kind, pre) != ("gpt2", "qwen2") {
            return Err(file.wrong(format!("its tokenizer is `{kind}`, `{pre}` instead of `gpt2`, `qwen2`")));
        }
        let merges = file.texts("tokenizer.ggml.merges")?;
        let merges = merges.iter().map(|m| m.split_once(' ').map(|(a, b)| (a.to_owned(), b.to_owned())));
        let entries = file.texts("tokenizer.ggml.tokens")?;
        let end = file.number("tokenizer.ggml.eos_token_id")?;
        if end >= entries.len() {
            return Err(file.wrong(format!("its vocabulary has no end token {end}")));
        }
        Ok(Self {
            entries,
            kinds: file.numbers("tokenizer.ggml.token_type")?,
            merges: merges.collect::<Option<_>>().ok_or_else(|| file.wrong("a merge is not of two parts"))?,
            end: u32::try_from(end).map_err(|_| file.wrong("its end token is out of range"))?,
        })
    }
}

impl GgufTokenizer {
    pub(crate) fn load(file: &GgufFile) -> Result<Self, GgufError> {
        Self::new(Vocabulary::read(file)?)
    }

    fn new(vocabulary: Vocabulary) -> Result<Self, GgufError> {
        let Vocabulary { entries, kinds, merges, end } = vocabulary;
        let kinds = kinds.into_iter().chain(std::iter::repeat(1));
        let (mut control, mut added, mut bytes) = (BTreeMap::new(), Vec::new(), Vec::new());
        for ((entry, kind), number) in entries.iter().zip(kinds).zip(0_u32..) {
            match kind {
                CONTROL => {
                    control.insert(entry.clone(), number);
                }
                USER_DEFINED => added.push(AddedToken::from(entry.as_str(), false).normalized(false)),
                _ => {}
            }
            bytes.push(match kind {
                CONTROL | UNUSED => Vec::new(),
                USER_DEFINED => entry.as_bytes().to_vec(),
                _ => bytes_of(entry),
            });
        }
        let mut ends = vec![end];
        ends.extend(["<|im_end|>", "<|endoftext|>"].iter().filter_map(|name| control.get(*name)));
        ends.sort_unstable();
        ends.dedup();
        Ok(Self { inner: inner(entries, merges, &added).map_err(failed)?, bytes, control, ends })
    }

    /// The tokens of a text.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, GgufError> {
        Ok(self.inner.encode_fast(text, false).map_err(failed)?.get_ids().to_vec())
    }

    /// The text of tokens. Control tokens have none; bytes that are no UTF-8 become `U+FFFD`.
    pub fn decode(&self, tokens: &[u32]) -> String {
        let bytes: Vec<u8> = tokens.iter().flat_map(|&token| self.bytes(token)).copied().collect();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The bytes of a token, which may be a part of a character; none of a control token.
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.bytes.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// How many tokens there are.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True without tokens.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// A control token by its name: `<|im_start|>`.
    pub fn control(&self, name: &str) -> Option<u32> {
        self.control.get(name).copied()
    }

    /// All control tokens, by name.
    pub(crate) fn controls(&self) -> &BTreeMap<String, u32> {
        &self.control
    }

    /// True of a token that ends what the model says.
    pub fn is_end(&self, token: u32) -> bool {
        self.ends.contains(&token)
    }

    /// The tokens that end what the model says.
    pub(crate) fn ends(&self) -> &[u32] {
        &self.ends
    }
}

fn inner(
    entries: Vec<String>,
    merges: Vec<(String, String)>,
    added: &[AddedToken],
) -> tokenizers::Result<Tokenizer> {
    let vocabulary: Vocab = entries.into_iter().zip(0_u32..).collect();
    let merging = BPE::builder().vocab_and_merges(vocabulary, merges).build()?;
    let mut tokenizer = Tokenizer::new(merging);
    let words = Split::new(SplitPattern::Regex(WORDS.to_owned()), SplitDelimiterBehavior::Isolated, false)?;
    tokenizer.with_normalizer(Some(NFC))?.with_pre_tokenizer(Some(Sequence::new(vec![
        words.into(),
        ByteLevel::new(false, false, false).into(),
    ])));
    tokenizer.add_tokens(added.iter().cloned())?;
    Ok(tokenizer)
}

fn failed(error: tokenizers::Error) -> GgufError {
    GgufError::Tokenizer(error.to_string())
}
