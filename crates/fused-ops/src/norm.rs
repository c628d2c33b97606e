//! Norms over the last axis.

use burn::tensor::{FloatDType, Tensor};

/// `x / sqrt(mean(x^2) + eps) * weight`, the mean taken in single precision (Zhang and Sennrich 2019).
///
/// # Shapes
///
/// - `x` and output: `[.., width]`; `weight`: `[width]`
///
/// # Panics
///
/// If `weight` has another width.
#[must_use]
pub fn rms_norm<const D: usize>(x: Tensor<D>, weight: Tensor<1>, eps: f64) -> Tensor<D> {
    assert_width(&x, &weight);
    #[cfg(feature = "flex")]
    if crate::cpu::serves(&x) {
        return crate::cpu::rms_norm(x, weight, eps);
    }
    let dtype = x.dtype();
    let x = x.cast(FloatDType::F32);
    let mean_square = (x.clone() * x.clone()).mean_dim(D - 1);
    let normed = x * (mean_square + eps).sqrt().recip();
    normed.cast(FloatDType::from(dtype)) * weight.unsqueeze()
}

/// `(x - mean(x)) / sqrt(var(x) + eps) * weight + bias`, with the variance of the whole row (Ba et al. 2016).
///
/// # Shapes
///
/// - `x` and output: `[.., width]`; `weight`, `bias`: `[width]`
///
/// # Panics
///
/// If `weight` or `bias` has another width.
#[must_use]
pub fn layer_norm<const D: usize>(
    x: Tensor<D>,
    weight: Tensor<1>,
    bias: Tensor<1>,
    eps: f64,
) -> Tensor<D> {
    assert_width(&x, &weight);
    assert_width(&x, &bias);
    #[cfg(feature = "flex")]
    if crate::cpu::serves(&x) {
        return crate::cpu::layer_norm(x, weight, bias, eps);
    }
    let dtype = x.dtype();
    let x = x.cast(FloatDType::F32);
    let centred = x.clone() - x.mean_dim(D - 1);
    let variance = (centred.clone() * centred.clone()).mean_dim(D - 1);
    let normed = centred * (variance + eps).sqrt().recip();
    normed.cast(FloatDType::from(dtype)) * weight.unsqueeze() + bias.unsqueeze()
}

fn assert_width<const D: usize>(x: &Tensor<D>, row: &Tensor<1>) {
    let (width, of_row) = (x.dims()[D - 1], row.dims()[0]);
    assert_eq!(width, of_row, "numbers of a row, and those of the norm");
}
