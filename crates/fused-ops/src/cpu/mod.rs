//! Kernels for single precision on the CPU, each in one pass over memory.
//!
//! burn's pure-Rust backend multiplies matrices on all cores and in wide registers, but runs the operations between
//! products one by one, each over all of memory, on one core, with the C library's exponential. What a transformer does
//! between its products is therefore written here as single operations with their own gradients: plain loops, compiled for
//! the widest registers and spread over all cores ([`simd`]).
//!
//! [`serves`] says whether a tensor may go through them. Every other device and precision takes the composition of
//! burn's operations that stands where the kernel is called, and that the tests here compare with.

mod attend;
mod gelu;
mod layer_norm;
mod product;
mod record;
mod rms_norm;
mod rotary;
mod row;
mod score;
mod simd;
mod softmax;
mod sum;
mod swiglu;
mod tied;
#[cfg(test)]
mod tests;

use burn::backend::Flex;
use burn::tensor::{DType, Device, Tensor};

pub(crate) use attend::{attend, attend_segments};
pub(crate) use gelu::gelu;
pub(crate) use layer_norm::layer_norm;
pub(crate) use rms_norm::rms_norm;
pub(crate) use rotary::rotate;
pub(crate) use row::product_of_row;
pub(crate) use score::score;
pub(crate) use softmax::attention_weights;
pub(crate) use sum::{add, add_row};
pub(crate) use swiglu::swiglu;
pub(crate) use tied::product_with_rows;

/// Whether these kernels can compute with `x`: single precision, on the CPU, and, under autodiff, without burn's own
/// checkpointing.
pub(crate) fn serves<const D: usize>(x: &Tensor<D>) -> bool {
    use burn::tensor::GradientCheckpointingStrategy::Balanced;
    x.dtype() == DType::F32 && {
        let device = x.device();
        device == Device::flex() && device.gradient_checkpointing_strategy() != Some(Balanced)
    }
}

/// Whether they can compute with both, and nobody asks for gradients.
pub(crate) fn serves_without_gradients<const D: usize>(x: &Tensor<D>, weight: &Tensor<2>) -> bool {
    serves(x) && serves(weight) && !x.is_autodiff() && !weight.is_autodiff()
}

/// `x @ weight`. Neither has gradients.
pub(crate) fn product(x: Tensor<2>, weight: Tensor<2>) -> Tensor<2> {
    let [x, weight] = [x, weight].map(record::primitive);
    Tensor::from_primitive::<Flex>(product::product(&x, &weight))
}
