//! Sums along the residual stream.

use burn::tensor::Tensor;

/// `a + b`, written over one of them if nobody else holds it.
///
/// # Panics
///
/// If the shapes differ.
#[must_use]
pub fn add<const D: usize>(a: Tensor<D>, b: Tensor<D>) -> Tensor<D> {
    assert_eq!(a.dims(), b.dims(), "shapes of a sum");
    #[cfg(feature = "flex")]
    if crate::cpu::serves(&a) && crate::cpu::serves(&b) && !a.is_autodiff() && !b.is_autodiff() {
        return crate::cpu::add(a, b);
    }
    a + b
}
