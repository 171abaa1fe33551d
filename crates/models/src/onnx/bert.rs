//! The graph of a BERT encoder: embeddings, then layers of attention and feed-forward network (Devlin et
//! al., "BERT: Pre-training of Deep Bidirectional Transformers for Language Understanding", 2019).
//!
//! The heavy parts are written as the fused operators of ONNX Runtime at once, rather than as the many small
//! ones that an exporter writes and an optimiser has to recognise again: one `Attention` a layer, with
//! query, key and value in one matrix, `SkipLayerNormalization` for "add and normalise", `BiasGelu`.

use prost::Message;
use serde::Deserialize;

use super::OnnxError;
use super::graph::{GraphBuilder, float, int};
use super::packed::{BLOCK, Extents};
use super::proto::{Extent, FLOAT, INT32, INT64, UINT8};
use super::weights::{Weights, side_by_side};

/// The part of a model's `config.json` that its graph depends on.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(crate) struct BertConfig {
    model_type: String,
    hidden_act: String,
    hidden_size: usize,
    intermediate_size: usize,
    layer_norm_eps: f32,
    max_position_embeddings: usize,
    num_attention_heads: usize,
    num_hidden_layers: usize,
    type_vocab_size: usize,
    vocab_size: usize,
    #[serde(default)]
    position_embedding_type: Option<String>,
}

impl BertConfig {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, OnnxError> {
        let config: Self =
            serde_json::from_slice(json).map_err(|e| OnnxError::Config(format!("it does not parse: {e}")))?;
        let absolute = config.position_embedding_type.as_deref().is_none_or(|t| t == "absolute");
        if config.model_type != "bert" || config.hidden_act != "gelu" || !absolute {
            return Err(OnnxError::Config(
                "only `bert` with `gelu` and absolute positions can be written".to_owned(),
            ));
        }
        if config.num_attention_heads == 0 || !config.hidden_size.is_multiple_of(config.num_attention_heads) {
            return Err(OnnxError::Config(
                "`hidden_size` is no multiple of `num_attention_heads`".to_owned(),
            ));
        }
        Ok(config)
    }

    /// The configuration of a model whose file states only its extents.
    pub(crate) fn of(extents: Extents) -> Result<Self, OnnxError> {
        let Extents { hidden, layers, heads, wide, words, positions, kinds, epsilon } = extents;
        if heads == 0 || !hidden.is_multiple_of(heads) || !hidden.is_multiple_of(BLOCK) {
            return Err(OnnxError::Config("the extents of the model do not fit together".to_owned()));
        }
        Ok(Self {
            model_type: "bert".to_owned(),
            hidden_act: "gelu".to_owned(),
            hidden_size: hidden,
            intermediate_size: wide,
            layer_norm_eps: epsilon,
            max_position_embeddings: positions,
            num_attention_heads: heads,
            num_hidden_layers: layers,
            type_vocab_size: kinds,
            vocab_size: words,
            position_embedding_type: None,
        })
    }

    /// How many numbers the vector of a token has.
    pub(crate) fn hidden_size(&self) -> usize {
        self.hidden_size
    }
}

/// The ONNX file of the encoder. Inputs, all `[batch, tokens]` of int64: `input_ids`, `attention_mask`,
/// `token_type_ids`. Output: `last_hidden_state`, `[batch, tokens, hidden_size]` of fp32.
pub(crate) fn encode(config: &BertConfig, weights: Weights<'_>) -> Result<Vec<u8>, OnnxError> {
    let mut writer = BertWriter { config, weights, graph: GraphBuilder::new("bert") };
    let tokens = [Extent::Named("batch".to_owned()), Extent::Named("tokens".to_owned())];
    let ids = writer.graph.input("input_ids", INT64, &tokens);
    let mask = writer.graph.input("attention_mask", INT64, &tokens);
    let types = writer.graph.input("token_type_ids", INT64, &tokens);

    let mask = writer.graph.node("Cast", "mask", &[&mask], vec![int("to", INT32.into())]);
    let mut hidden = writer.embeddings(&ids, &types)?;
    for layer in 0..config.num_hidden_layers {
        let is_last = layer + 1 == config.num_hidden_layers;
        hidden = writer.layer(layer, &hidden, &mask, is_last.then_some("last_hidden_state"))?;
    }
    let [batch, length] = tokens;
    writer.graph.output(&hidden, FLOAT, &[batch, length, Extent::Fixed(config.hidden_size as i64)]);
    Ok(writer.graph.finish().encode_to_vec())
}

struct BertWriter<'a> {
    config: &'a BertConfig,
    weights: Weights<'a>,
    graph: GraphBuilder,
}

impl BertWriter<'_> {
    fn constant(&mut self, name: &str, shape: &[usize]) -> Result<String, OnnxError> {
        let data = self.weights.get(name, shape)?.into_owned();
        let dims: Vec<i64> = shape.iter().map(|&n| n as i64).collect();
        Ok(self.graph.constant(name, FLOAT, &dims, data))
    }

    /// The sum of what is known of word, position and kind of each token, normalised.
    fn embeddings(&mut self, ids: &str, types: &str) -> Result<String, OnnxError> {
        let BertConfig { hidden_size: hidden, .. } = *self.config;
        let word = self.words(ids)?;
        let positions = self.constant(
            "embeddings.position_embeddings.weight",
            &[self.config.max_position_embeddings, hidden],
        )?;
        let kinds =
            self.constant("embeddings.token_type_embeddings.weight", &[self.config.type_vocab_size, hidden])?;
        let scale = self.constant("embeddings.LayerNorm.weight", &[hidden])?;
        let shift = self.constant("embeddings.LayerNorm.bias", &[hidden])?;

        let graph = &mut self.graph;
        let int64 = |value: i64| value.to_le_bytes().to_vec();
        let zero = graph.constant("zero", INT64, &[1], int64(0));
        let one = graph.constant("one", INT64, &[1], int64(1));
        let two = graph.constant("two", INT64, &[1], int64(2));
        let shape = graph.node("Shape", "shape", &[ids], vec![]);
        let length = graph.node("Slice", "length", &[&shape, &one, &two, &zero], vec![]);
        // The first positions, as many as there are tokens.
        let places = graph.node("Slice", "places", &[&positions, &zero, &length, &zero], vec![]);
        let kind = graph.node("Gather", "kind", &[&kinds, types], vec![]);
        let word_and_kind = graph.node("Add", "word_and_kind", &[&word, &kind], vec![]);
        let sum = graph.node("Add", "embedding_sum", &[&word_and_kind, &places], vec![]);
        let epsilon = float("epsilon", self.config.layer_norm_eps);
        Ok(graph.node(
            "LayerNormalization",
            "embedding",
            &[&sum, &scale, &shift],
            vec![int("axis", -1), epsilon],
        ))
    }

    /// The vector of each word. A table of 4 bits stays one: it is most of a multilingual model.
    fn words(&mut self, ids: &str) -> Result<String, OnnxError> {
        let BertConfig { hidden_size: hidden, vocab_size: words, .. } = *self.config;
        let name = "embeddings.word_embeddings.weight";
        let Some(table) = self.weights.quantised(name, words * hidden)? else {
            let table = self.constant(name, &[words, hidden])?;
            return Ok(self.graph.node("Gather", "word", &[&table, ids], vec![]));
        };
        let blocks = hidden / BLOCK;
        let [rows, bytes, scales] = [words, hidden / 2, blocks].map(|n| n as i64);
        let graph = &mut self.graph;
        let halves = graph.constant(name, UINT8, &[rows, bytes], table.halves);
        let scale = graph.constant(&format!("{name}.scale"), FLOAT, &[rows, scales], table.scales);
        // 8 stands for 0: two of them a byte.
        let zeros = vec![0x88; words * blocks.div_ceil(2)];
        let zero =
            graph.constant(&format!("{name}.zero"), UINT8, &[rows, scales.div_euclid(2) + scales % 2], zeros);
        let shape =
            [int("bits", 4), int("block_size", BLOCK as i64), int("gather_axis", 0), int("quantize_axis", 1)];
        Ok(graph.fused("GatherBlockQuantized", "word", &[&halves, ids, &scale, &zero], shape.to_vec()))
    }

    fn layer(
        &mut self,
        number: usize,
        input: &str,
        mask: &str,
        output: Option<&str>,
    ) -> Result<String, OnnxError> {
        let BertConfig { hidden_size: hidden, intermediate_size: wide, num_attention_heads: heads, .. } =
            *self.config;
        let at = |part: &str| format!("encoder.layer.{number}.{part}");
        let matrix = |this: &mut Self, part: &str, rows: usize, columns: usize| {
            let name = at(&format!("{part}.weight"));
            let data = this.weights.transposed(&name, rows, columns)?;
            Ok::<_, OnnxError>(this.graph.constant(&name, FLOAT, &[columns as i64, rows as i64], data))
        };

        let (weight, bias) = self.query_key_value(number)?;
        let attention = self.graph.fused(
            "Attention",
            &at("attention"),
            &[input, &weight, &bias, mask],
            vec![int("num_heads", heads as i64)],
        );
        let weight = matrix(self, "attention.output.dense", hidden, hidden)?;
        let mixed = self.graph.node("MatMul", &at("attention.mixed"), &[&attention, &weight], vec![]);
        let attended = self.add_and_normalise(&at("attention.output"), &at("attended"), &mixed, input)?;

        let weight = matrix(self, "intermediate.dense", wide, hidden)?;
        let widened = self.graph.node("MatMul", &at("widened"), &[&attended, &weight], vec![]);
        let bias = self.constant(&at("intermediate.dense.bias"), &[wide])?;
        let active = self.graph.fused("BiasGelu", &at("active"), &[&widened, &bias], vec![]);
        let weight = matrix(self, "output.dense", hidden, wide)?;
        let narrowed = self.graph.node("MatMul", &at("narrowed"), &[&active, &weight], vec![]);
        let name = output.map_or_else(|| at("out"), str::to_owned);
        self.add_and_normalise(&at("output"), &name, &narrowed, &attended)
    }

    /// One matrix and one bias for query, key and value, as `Attention` takes them.
    fn query_key_value(&mut self, number: usize) -> Result<(String, String), OnnxError> {
        let hidden = self.config.hidden_size;
        let part = |name: &str, kind: &str| format!("encoder.layer.{number}.attention.self.{name}.{kind}");
        let (mut weights, mut biases) = (Vec::new(), Vec::new());
        for name in ["query", "key", "value"] {
            weights.push(self.weights.get(&part(name, "weight"), &[hidden, hidden])?);
            biases.extend_from_slice(&self.weights.get(&part(name, "bias"), &[hidden])?);
        }
        let weights: Vec<&[u8]> = weights.iter().map(|w| &**w).collect();
        let weight = side_by_side(&weights, hidden, hidden);
        let (rows, columns) = (hidden as i64, 3 * hidden as i64);
        let weight = self.graph.constant(&part("qkv", "weight"), FLOAT, &[rows, columns], weight);
        let bias = self.graph.constant(&part("qkv", "bias"), FLOAT, &[columns], biases);
        Ok((weight, bias))
    }

    /// `LayerNorm(value + bias + skip)` with the constants of `part`.
    fn add_and_normalise(
        &mut self,
        part: &str,
        name: &str,
        value: &str,
        skip: &str,
    ) -> Result<String, OnnxError> {
        let hidden = [self.config.hidden_size];
        let scale = self.constant(&format!("{part}.LayerNorm.weight"), &hidden)?;
        let shift = self.constant(&format!("{part}.LayerNorm.bias"), &hidden)?;
        let bias = self.constant(&format!("{part}.dense.bias"), &hidden)?;
        let epsilon = float("epsilon", self.config.layer_norm_eps);
        let inputs = [value, skip, scale.as_str(), &shift, &bias];
        Ok(self.graph.fused("SkipLayerNormalization", name, &inputs, vec![epsilon]))
    }
}
