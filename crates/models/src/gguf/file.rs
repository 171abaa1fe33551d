//! A GGUF file: metadata and tensors. Format: <https://github.com/ggml-org/ggml/blob/master/docs/gguf.md>.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use candle_core::quantized::QTensor;
use candle_core::quantized::gguf_file::{Content, Value};
use candle_core::{Device, Tensor};
use segue_world::fs;

use super::GgufError;
use super::matrix::Matrix;

/// An open file, its metadata read.
pub(crate) struct GgufFile {
    path: PathBuf,
    reader: BufReader<File>,
    content: Content,
}

impl GgufFile {
    pub(crate) fn open(path: &Path) -> Result<Self, GgufError> {
        let mut reader = fs::open(path)?;
        let content = Content::read(&mut reader)
            .map_err(|e| GgufError::Model { path: path.to_owned(), reason: e.to_string() })?;
        Ok(Self { path: path.to_owned(), reader, content })
    }

    /// Says of this file that it cannot be used.
    pub(crate) fn wrong(&self, reason: impl Into<String>) -> GgufError {
        GgufError::Model { path: self.path.clone(), reason: reason.into() }
    }

    fn required<T>(&self, key: &str, value: Option<T>) -> Result<T, GgufError> {
        value.ok_or_else(|| self.wrong(format!("its metadata has no `{key}` of the right type")))
    }

    pub(crate) fn find_text(&self, key: &str) -> Option<&str> {
        self.content.metadata.get(key)?.to_string().ok().map(String::as_str)
    }

    pub(crate) fn text(&self, key: &str) -> Result<&str, GgufError> {
        self.required(key, self.find_text(key))
    }

    pub(crate) fn find_number(&self, key: &str) -> Option<usize> {
        unsigned(self.content.metadata.get(key)?)
    }

    pub(crate) fn number(&self, key: &str) -> Result<usize, GgufError> {
        self.required(key, self.find_number(key))
    }

    pub(crate) fn find_float(&self, key: &str) -> Option<f64> {
        let value = self.content.metadata.get(key)?;
        value.to_f32().map(f64::from).or_else(|_| value.to_f64()).ok()
    }

    pub(crate) fn float(&self, key: &str) -> Result<f64, GgufError> {
        self.required(key, self.find_float(key))
    }

    fn array(&self, key: &str) -> Option<&Vec<Value>> {
        self.content.metadata.get(key)?.to_vec().ok()
    }

    /// How many values an array has.
    pub(crate) fn length(&self, key: &str) -> Result<usize, GgufError> {
        self.required(key, self.array(key).map(Vec::len))
    }

    /// The texts of an array.
    pub(crate) fn texts(&self, key: &str) -> Result<Vec<String>, GgufError> {
        let text = |value: &Value| value.to_string().ok().cloned();
        self.required(key, self.array(key).and_then(|values| values.iter().map(text).collect()))
    }

    /// The numbers of an array.
    pub(crate) fn numbers(&self, key: &str) -> Result<Vec<usize>, GgufError> {
        self.required(key, self.array(key).and_then(|values| values.iter().map(unsigned).collect()))
    }

    pub(crate) fn has_tensor(&self, name: &str) -> bool {
        self.content.tensor_infos.contains_key(name)
    }

    /// A tensor as it is in the file, of this shape.
    pub(crate) fn tensor(&mut self, name: &str, shape: &[usize]) -> Result<QTensor, GgufError> {
        let tensor = self
            .content
            .tensor(&mut self.reader, name, &Device::Cpu)
            .map_err(|e| self.wrong(format!("its tensor `{name}`: {e}")))?;
        if tensor.shape().dims() == shape {
            return Ok(tensor);
        }
        Err(self.wrong(format!("its tensor `{name}` is {:?} instead of {shape:?}", tensor.shape().dims())))
    }

    /// A tensor in full precision.
    pub(crate) fn vector(&mut self, name: &str, length: usize) -> Result<Tensor, GgufError> {
        Ok(self.tensor(name, &[length])?.dequantize(&Device::Cpu)?)
    }

    /// A matrix to multiply with, [out, in].
    pub(crate) fn matrix(&mut self, name: &str, out: usize, inner: usize) -> Result<Matrix, GgufError> {
        Matrix::new(self.tensor(name, &[out, inner])?)
    }
}

fn unsigned(value: &Value) -> Option<usize> {
    let number = match value {
        Value::I8(n) => i64::from(*n),
        Value::I16(n) => i64::from(*n),
        Value::I32(n) => i64::from(*n),
        Value::I64(n) => *n,
        other => return usize::try_from(other.to_u64().ok()?).ok(),
    };
    usize::try_from(number).ok()
}
