//! Rotary angles, in single precision whatever the weights are.

use burn::tensor::{Device, Tensor, TensorData};

/// Cosine and sine of every angle by which pairs of a head are turned.
#[derive(Debug, Clone)]
pub struct Rope {
    /// `[batch or 1, seq_len, 1, head_dim / 2]`
    pub cos: Tensor<4>,
    /// As `cos`.
    pub sin: Tensor<4>,
}

impl Rope {
    /// Tables of `angles`, row-major `[batch, seq_len, half]`.
    pub(crate) fn from_angles(
        angles: &[f32],
        [batch, seq_len, half]: [usize; 3],
        device: &Device,
    ) -> Self {
        let device = device.clone().without_autodiff(); // constants, also where a part is computed again
        let table = |of: fn(f32) -> f32| {
            let values: Vec<f32> = angles.iter().map(|angle| of(*angle)).collect();
            Tensor::from_data(TensorData::new(values, [batch, seq_len, 1, half]), &device)
        };
        Self { cos: table(f32::cos), sin: table(f32::sin) }
    }
}

/// `theta^(-2 i / width)` for `i` in `0..width / 2`: the frequencies of `width` rotated numbers.
pub(crate) fn frequencies(theta: f64, width: usize, rounded: bool) -> Vec<f32> {
    let exponent = |i: usize| (2 * i) as f32 / width as f32;
    let exact = (0..width / 2).map(|i| 1.0 / (theta as f32).powf(exponent(i)));
    if rounded {
        exact.map(|f| half::bf16::from_f32(f).to_f32()).collect()
    } else {
        exact.collect()
    }
}
