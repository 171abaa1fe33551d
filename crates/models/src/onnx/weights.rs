//! Tensors out of a file of weights, checked against the shape they must have.

use std::borrow::Cow;

use safetensors::{Dtype, SafeTensors};

use super::OnnxError;
use super::packed::{Packed, Quantised};

/// The forms that weights come in.
#[derive(Debug)]
pub(crate) enum Weights<'a> {
    /// fp32.
    Safetensors(SafeTensors<'a>),
    /// 4 bits.
    Packed(Packed<'a>),
}

impl<'a> Weights<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, OnnxError> {
        SafeTensors::deserialize(bytes).map(Self::Safetensors).map_err(|e| OnnxError::Weights(e.to_string()))
    }

    /// The tensor `name` in little-endian fp32.
    pub(crate) fn get(&self, name: &str, shape: &[usize]) -> Result<Cow<'a, [u8]>, OnnxError> {
        let tensors = match self {
            Self::Safetensors(tensors) => tensors,
            Self::Packed(packed) => return packed.plain(name, shape.iter().product()).map(Cow::Owned),
        };
        let tensor = tensors
            .tensor(name)
            .map_err(|e| OnnxError::Tensor { name: name.to_owned(), reason: e.to_string() })?;
        if tensor.dtype() != Dtype::F32 || tensor.shape() != shape {
            return Err(OnnxError::Tensor {
                name: name.to_owned(),
                reason: format!("it is {:?} {:?} instead of F32 {shape:?}", tensor.dtype(), tensor.shape()),
            });
        }
        Ok(Cow::Borrowed(tensor.data()))
    }

    /// The same tensor of two dimensions, rows and columns exchanged.
    pub(crate) fn transposed(&self, name: &str, rows: usize, columns: usize) -> Result<Vec<u8>, OnnxError> {
        Ok(side_by_side(&[&self.get(name, &[rows, columns])?], rows, columns))
    }

    /// The tensor `name` of so many numbers as it was quantised; `None` where it was not.
    pub(crate) fn quantised(&self, name: &str, numbers: usize) -> Result<Option<Quantised>, OnnxError> {
        match self {
            Self::Safetensors(_) => Ok(None),
            Self::Packed(packed) => packed.quantised(name, numbers).map(Some),
        }
    }
}

/// Transposes matrices of `rows` × `columns` fp32 each and lays the results side by side: the result has
/// `columns` rows and, matrix after matrix, `rows` columns each.
pub(crate) fn side_by_side(matrices: &[&[u8]], rows: usize, columns: usize) -> Vec<u8> {
    let mut result = Vec::with_capacity(matrices.iter().map(|m| m.len()).sum());
    for column in 0..columns {
        for matrix in matrices {
            for row in 0..rows {
                let at = (row * columns + column) * 4;
                result.extend_from_slice(matrix.get(at..at + 4).unwrap_or(&[0; 4]));
            }
        }
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matrices_are_transposed_side_by_side() {
        let bytes = |numbers: &[f32]| numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<u8>>();
        let (a, b) = (bytes(&[1., 2., 3., 4., 5., 6.]), bytes(&[7., 8., 9., 10., 11., 12.]));
        assert_eq!(
            side_by_side(&[&a, &b], 2, 3),
            bytes(&[1., 4., 7., 10., 2., 5., 8., 11., 3., 6., 9., 12.])
        );
    }
}
