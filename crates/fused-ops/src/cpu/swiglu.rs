//! What stands between the products of a gated feed-forward layer.

use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::record::{Flat, Operation, made, owned, record};
use super::simd::{rows_of_a_piece, sigmoid, spread, widest};

/// `gate * sigmoid(gate) * up`, all of one shape.
pub(crate) fn swiglu<const D: usize>(gate: Tensor<D>, up: Tensor<D>) -> Tensor<D> {
    record(SwiGlu, [gate.into(), up.into()])
}

#[derive(Debug, Clone)]
struct SwiGlu;

impl Operation<2> for SwiGlu {
    /// The inputs.
    type Kept = [FlexTensor; 2];

    fn forward(&self, inputs: [FlexTensor; 2], keep: bool) -> (FlexTensor, Option<Self::Kept>) {
        let piece = rows_of_a_piece(1);
        if keep {
            let [gate, up] = inputs.clone().map(Flat::new);
            let mut out = vec![0.0; gate.len()];
            let pieces = out.chunks_mut(piece).zip(gate.chunks(piece).zip(up.chunks(piece)));
            spread(pieces, |(out, (gate, up))| {
                widest(
                    #[inline(always)]
                    || {
                        for (out, (gate, up)) in out.iter_mut().zip(gate.iter().zip(up)) {
                            *out = gate * sigmoid(*gate) * up;
                        }
                    },
                );
            });
            return (made(out, inputs[0].layout().shape().clone()), Some(inputs));
        }
        let [gate, up] = inputs;
        let (mut gate, up) = (owned(gate), Flat::new(up));
        let pieces = gate.storage_mut::<f32>().chunks_mut(piece).zip(up.chunks(piece));
        spread(pieces, |(gate, up)| {
            widest(
                #[inline(always)]
                || {
                    for (gate, up) in gate.iter_mut().zip(up) {
                        *gate = *gate * sigmoid(*gate) * up;
                    }
                },
            );
        });
        (gate, None)
    }

    fn backward(&self, [gate, up]: [FlexTensor; 2], grad: FlexTensor) -> [FlexTensor; 2] {
        let shape = gate.layout().shape().clone();
        let (gate, up, mut grad) = (Flat::new(gate), Flat::new(up), owned(grad));
        let mut of_up = vec![0.0; gate.len()];
        let piece = rows_of_a_piece(1);
        let pieces = grad
            .storage_mut::<f32>()
            .chunks_mut(piece)
            .zip(of_up.chunks_mut(piece))
            .zip(gate.chunks(piece).zip(up.chunks(piece)));
        spread(pieces, |((grad, of_up), (gate, up))| {
            widest(
                #[inline(always)]
                || {
                    for ((grad, of_up), (gate, up)) in
                        grad.iter_mut().zip(of_up).zip(gate.iter().zip(up))
                    {
                        let open = sigmoid(*gate);
                        *of_up = *grad * gate * open;
                        *grad *= up * open * (1.0 + gate * (1.0 - open)); // now of the gate
                    }
                },
            );
        });
        [grad, made(of_up, shape)]
    }
}
