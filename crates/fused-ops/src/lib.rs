#![doc = include_str!("../README.md")]

mod activation;
mod attention;
#[cfg(feature = "flex")]
mod cpu;
mod linear;
mod norm;
pub mod program;
mod rotary;
mod score;
mod sum;

pub use activation::{gelu, swiglu};
pub use attention::{Seen, attend, attend_segments, attention_weights, fold_heads};
pub use linear::{linear, product_with_rows};
pub use norm::{layer_norm, rms_norm};
pub use rotary::rotate;
pub use score::score;
pub use sum::add;

use burn::tensor::Tensor;

/// Whether operations on `x` go through kernels of this crate: single precision on the CPU, with the feature `flex`, and,
/// under autodiff, without burn's own checkpointing. Everything else takes burn's operations.
#[must_use]
pub fn has_kernels<const D: usize>(x: &Tensor<D>) -> bool {
    #[cfg(feature = "flex")]
    return cpu::serves(x);
    #[cfg(not(feature = "flex"))]
    {
        _ = x;
        false
    }
}
