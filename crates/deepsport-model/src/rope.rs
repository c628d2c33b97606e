//! Rotary angles, in single precision whatever the weights are.
//!
//! In transformers and vLLM a checkpoint that is loaded in bf16 keeps its frequencies in single precision too: they are made
//! anew, not read. Only a model that is cast as a whole after it was made (`model.to(torch.bfloat16)`) has rounded ones.

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

/// The position axis (0 time, 1 row, 2 column) that each frequency of a head turns with.
///
/// `section` says how many frequencies belong to each axis. Qwen2-VL and Qwen2.5-VL lay them one axis after the other. Qwen3-VL
/// interleaves them (`mrope_interleaved` in its config): of three neighbours one turns with the row and one with the column
/// while these have frequencies left, all others with time, so that every axis has fast and slow ones.
///
/// ```
/// use deepsport_model::mrope_axes;
/// assert_eq!(mrope_axes([2, 3, 3], false), [0, 0, 1, 1, 1, 2, 2, 2]);
/// assert_eq!(mrope_axes([4, 2, 2], true), [0, 1, 2, 0, 1, 2, 0, 0]);
/// ```
#[must_use]
pub fn mrope_axes(section: [usize; 3], is_interleaved: bool) -> Vec<usize> {
    let half = section.iter().sum();
    if !is_interleaved {
        return (0..3).flat_map(|axis| std::iter::repeat_n(axis, section[axis])).collect();
    }
    (0..half)
        .map(|frequency| match frequency % 3 {
            axis @ 1..=2 if frequency < 3 * section[axis] => axis,
            _ => 0,
        })
        .collect()
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Worked by hand from the slices of transformers 5.23's `Qwen3VLTextRotaryEmbedding`: `1:3s:3` turns with the row and `2:3s:3`
    /// with the column, `s` being the axis's section. The last is the published Qwen3-VL's.
    #[test]
    fn interleaved_axes_are_those_of_transformers() {
        assert_eq!(mrope_axes([2, 3, 5], true), [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]);
        let published = mrope_axes([24, 20, 20], true);
        assert_eq!(published[..60], [0, 1, 2].repeat(20));
        assert_eq!(published[60..], [0; 4]);
    }
}
