//! Rotary positions.

use burn::tensor::{FloatDType, Tensor};

/// Turns pairs of a head's first and second half: `(a, b) -> (a cos - b sin, b cos + a sin)`, in single precision
/// (Su et al. 2021, with the halves of a head as pairs, as published Llama and Qwen checkpoints want it).
///
/// # Shapes
///
/// - `x` and output: `[batch, seq_len, heads, head_dim]`
/// - `cos`, `sin`: `[batch or 1, seq_len, 1, head_dim / 2]`, without gradients
///
/// # Panics
///
/// If the tables do not fit.
#[must_use]
pub fn rotate(x: Tensor<4>, cos: &Tensor<4>, sin: &Tensor<4>) -> Tensor<4> {
    let [batch, seq_len, _, head_dim] = x.dims();
    let [tables, places, _, half] = cos.dims();
    assert_eq!(cos.dims(), sin.dims(), "cosines and sines");
    assert!(tables == 1 || tables == batch, "{tables} tables for {batch} sequences");
    assert_eq!((places, 2 * half), (seq_len, head_dim), "places and pairs of the tables");
    #[cfg(feature = "flex")]
    if crate::cpu::serves(&x) {
        return crate::cpu::rotate(x, cos, sin);
    }
    let dtype = x.dtype();
    let x = x.cast(FloatDType::F32);
    let (a, b) = (x.clone().narrow(3, 0, half), x.narrow(3, half, half));
    let turned = Tensor::cat(
        vec![a.clone() * cos.clone() - b.clone() * sin.clone(), b * cos.clone() + a * sin.clone()],
        3,
    );
    turned.cast(FloatDType::from(dtype))
}
