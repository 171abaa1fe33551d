use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{Device, Module, Tensor};

use super::GgufError;

/// From so many rows on, taking a matrix of Q8_0 to single precision first costs less than it saves: measured on
/// AVX2, where candle multiplies Q8_0 row by row.
const MANY: usize = 32;
/// Numbers of a matrix that is taken to single precision; more than this would be hundreds of megabytes each time.
const LARGE: usize = 1 << 25;

/// A matrix of the file to multiply with.
pub(crate) struct Matrix(QMatMul);

impl Matrix {
    /// Formats for which candle has no vector instructions are turned into Q8_0, whose steps are finer than theirs:
    /// fifteen times faster, for up to twice the memory.
    pub(crate) fn new(tensor: QTensor) -> Result<Self, GgufError> {
        use GgmlDType::{Q4_1, Q5_0, Q5_1, Q8_0, Q8_1};
        let slow = matches!(tensor.dtype(), Q4_1 | Q5_0 | Q5_1 | Q8_1);
        let tensor = if slow { QTensor::quantize(&tensor.dequantize(&Device::Cpu)?, Q8_0)? } else { tensor };
        Ok(Self(QMatMul::from_qtensor(tensor)?))
    }

    /// [n, out] from rows, [n, in].
    pub(crate) fn forward(&self, rows: &Tensor) -> Result<Tensor, GgufError> {
        match &self.0 {
            QMatMul::QTensor(tensor) if is_slow(tensor) && rows.dim(0)? >= MANY => {
                // Rounded as few rows would be: what a prompt says does not depend on how much of it is cached.
                let rows = QTensor::quantize(rows, GgmlDType::Q8_0)?.dequantize(&Device::Cpu)?;
                Ok(rows.matmul(&tensor.dequantize(&Device::Cpu)?.t()?)?)
            }
            other => Ok(other.forward(rows)?),
        }
    }
}

fn is_slow(tensor: &QTensor) -> bool {
    tensor.dtype() == GgmlDType::Q8_0 && tensor.shape().elem_count() <= LARGE
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(matrix: &Matrix, rows: &Tensor) -> Vec<f32> {
        matrix.forward(rows).unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }

    #[test]
    fn few_rows_and_many_give_the_same() {
        let weights = Tensor::randn(0.0_f32, 1.0, (48, 64), &Device::Cpu).unwrap();
        let rows = Tensor::randn(0.0_f32, 1.0, (MANY, 64), &Device::Cpu).unwrap();
        let exact =
            rows.matmul(&weights.t().unwrap()).unwrap().flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for format in [GgmlDType::F32, GgmlDType::Q8_0, GgmlDType::Q5_0] {
            let matrix = Matrix::new(QTensor::quantize(&weights, format).unwrap()).unwrap();
            let many = product(&matrix, &rows);
            let few = product(&matrix, &rows.narrow(0, 3, 2).unwrap().contiguous().unwrap());
            let within = if format == GgmlDType::Q5_0 { 2.0 } else { 0.4 };
            assert!(many.iter().zip(&exact).all(|(a, b)| (a - b).abs() < within), "{format:?}");
            assert!(few.iter().zip(&many[3 * 48..]).all(|(a, b)| (a - b).abs() < 1e-3), "{format:?}");
        }
    }
}
