//! A Qwen2 network that fits in a test: three layers of random weights under a vocabulary of bytes, in a GGUF file. It
//! says nothing of sense, and all that is promised of passes, schemas and prefixes must hold for it too.

use std::path::{Path, PathBuf};

use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use segue_world::fs;

const WIDTH: usize = 32;
const FEED_FORWARD: usize = 64;
const LAYERS: u32 = 3;
const HEADS: usize = 4;
const KV_HEADS: usize = 2;

/// Writes it into `folder`; the same file each time.
pub(crate) fn write(folder: &Path) -> PathBuf {
    let (entries, kinds, merges) = vocabulary();
    let end = entries.iter().position(|entry| entry == "<|im_end|>").unwrap() as u32;
    let texts = |list: Vec<String>| Value::Array(list.into_iter().map(Value::String).collect());
    let vocabulary = entries.len();
    let metadata = [
        ("general.architecture", Value::String("qwen2".to_owned())),
        ("general.name", Value::String("tiny".to_owned())),
        ("qwen2.block_count", Value::U32(LAYERS)),
        ("qwen2.embedding_length", Value::U32(WIDTH as u32)),
        ("qwen2.feed_forward_length", Value::U32(FEED_FORWARD as u32)),
        ("qwen2.attention.head_count", Value::U32(HEADS as u32)),
        ("qwen2.attention.head_count_kv", Value::U32(KV_HEADS as u32)),
        ("qwen2.attention.layer_norm_rms_epsilon", Value::F32(1e-6)),
        ("qwen2.context_length", Value::U32(8192)),
        ("tokenizer.ggml.model", Value::String("gpt2".to_owned())),
        ("tokenizer.ggml.pre", Value::String("qwen2".to_owned())),
        ("tokenizer.ggml.tokens", texts(entries)),
        ("tokenizer.ggml.token_type", Value::Array(kinds.into_iter().map(Value::U32).collect())),
        ("tokenizer.ggml.merges", texts(merges)),
        ("tokenizer.ggml.eos_token_id", Value::U32(end)),
    ];
    let tensors = tensors(vocabulary);
    let mut bytes = std::io::Cursor::new(Vec::new());
    gguf_file::write(
        &mut bytes,
        &metadata.iter().map(|(name, value)| (*name, value)).collect::<Vec<_>>(),
        &tensors.iter().map(|(name, tensor)| (name.as_str(), tensor)).collect::<Vec<_>>(),
    )
    .unwrap();
    let path = folder.join("tiny.gguf");
    fs::write_atomic(&path, bytes.get_ref()).unwrap();
    path
}

/// All bytes, a few merges, and the control tokens; with their kinds (1 ordinary, 3 control, 4 user-defined).
fn vocabulary() -> (Vec<String>, Vec<u32>, Vec<String>) {
    let mut entries: Vec<String> = (0..=255).map(|byte| letter(byte).to_string()).collect();
    let merges = ["t h", "th e", "Ġ the", "i n", "e r", "Ġ a", "o n", "\" :", "f i", "l m", "fi lm"];
    entries.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    let mut kinds = vec![1; entries.len()];
    entries.extend(["<|endoftext|>", "<|im_start|>", "<|im_end|>"].map(String::from));
    entries.extend(["<tool_call>", "</tool_call>"].map(String::from));
    kinds.extend([3, 3, 3, 4, 4]);
    (entries, kinds, merges.map(String::from).to_vec())
}

/// The character that a byte-level vocabulary writes for a byte.
fn letter(byte: u8) -> char {
    let moved = |offset: u32| char::from_u32(offset + u32::from(byte)).unwrap();
    match byte {
        0x21..=0x7e | 0xa1..=0xac | 0xae..=0xff => char::from(byte),
        0..=0x20 => moved(0x100),
        0x7f..=0xa0 => moved(0x121 - 0x7f),
        0xad => '\u{143}',
    }
}

fn tensors(vocabulary: usize) -> Vec<(String, QTensor)> {
    let mut random = Random(3);
    let keys = WIDTH / HEADS * KV_HEADS;
    let mut tensors = Vec::new();
    let mut add = |name: String, shape: &[usize], scale: f32, format: GgmlDType| {
        let values: Vec<f32> = (0..shape.iter().product()).map(|_| scale * random.next()).collect();
        let tensor = Tensor::from_vec(values, shape, &Device::Cpu).unwrap();
        tensors.push((name, QTensor::quantize(&tensor, format).unwrap()));
    };
    add("token_embd.weight".to_owned(), &[vocabulary, WIDTH], 1.0, GgmlDType::F32);
    for layer in 0..LAYERS {
        let mut layer = |part: &str, shape: &[usize], scale: f32, format: GgmlDType| {
            add(format!("blk.{layer}.{part}"), shape, scale, format);
        };
        layer("attn_norm.weight", &[WIDTH], 1.5, GgmlDType::F32);
        layer("ffn_norm.weight", &[WIDTH], 1.5, GgmlDType::F32);
        for (name, out) in [("attn_q", WIDTH), ("attn_k", keys), ("attn_v", keys)] {
            layer(&format!("{name}.weight"), &[out, WIDTH], 0.5, GgmlDType::Q8_0);
            layer(&format!("{name}.bias"), &[out], 0.2, GgmlDType::F32);
        }
        layer("attn_output.weight", &[WIDTH, WIDTH], 0.3, GgmlDType::F32);
        layer("ffn_gate.weight", &[FEED_FORWARD, WIDTH], 0.3, GgmlDType::Q5_0);
        layer("ffn_up.weight", &[FEED_FORWARD, WIDTH], 0.3, GgmlDType::F32);
        layer("ffn_down.weight", &[WIDTH, FEED_FORWARD], 0.3, GgmlDType::F32);
    }
    add("output_norm.weight".to_owned(), &[WIDTH], 1.0, GgmlDType::F32);
    add("output.weight".to_owned(), &[vocabulary, WIDTH], 1.0, GgmlDType::F32);
    tensors
}

/// Numbers from -1 to 1: a linear congruential generator (Knuth's MMIX).
struct Random(u64);

impl Random {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 40) as f32 / (1_u64 << 23) as f32 - 1.0
    }
}
