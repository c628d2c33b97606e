//! What stands between the products of a feed-forward layer.

use burn::tensor::Tensor;
use burn::tensor::activation::sigmoid;

/// `x * Phi(x)`, with the normal distribution's `Phi` itself and no approximation by tanh (Hendrycks and Gimpel 2016).
///
/// ```
/// use burn::tensor::{Device, Tensor};
/// let x = Tensor::<1>::from_data([1.0_f32, -1.0], &Device::flex());
/// let y = fused_ops::gelu(x).into_data().to_vec::<f32>().unwrap();
/// assert!((y[0] - 0.841_345).abs() < 1e-6 && (y[1] + 0.158_655).abs() < 1e-6);
/// ```
#[must_use]
pub fn gelu<const D: usize>(x: Tensor<D>) -> Tensor<D> {
    #[cfg(feature = "flex")]
    if crate::cpu::serves(&x) {
        return crate::cpu::gelu(x);
    }
    burn::tensor::activation::gelu(x)
}

/// `gate * sigmoid(gate) * up`: the gated feed-forward layer's middle (Shazeer 2020).
///
/// # Panics
///
/// If the shapes differ.
#[must_use]
pub fn swiglu<const D: usize>(gate: Tensor<D>, up: Tensor<D>) -> Tensor<D> {
    assert_eq!(gate.dims(), up.dims(), "gate and what it lets through");
    #[cfg(feature = "flex")]
    if crate::cpu::serves(&gate) {
        return crate::cpu::swiglu(gate, up);
    }
    sigmoid(gate.clone()) * gate * up
}
