//! From scores of attention to weights.

use burn::backend::Flex;
use burn::backend::flex::FlexTensor;
use burn::tensor::Tensor;

use super::record::{Flat, Operation, owned, record};
use super::simd::{dot, exp, largest, rows_of_a_piece, spread, sum, widest};
use crate::attention::Seen;

/// `softmax(scale * scores)` over the keys that are seen. A query that sees none has no weights but zeros.
///
/// # Shapes
///
/// - `scores` and output: `[batch, kv_heads, groups * queries, keys]`, the heads of a group one after the other
pub(crate) fn attention_weights(
    scores: Tensor<4>,
    seen: &Seen,
    queries: usize,
    scale: f64,
) -> Tensor<4> {
    let seen = match seen {
        Seen::All => Sight::All,
        Seen::Past => Sight::Past { queries },
        Seen::Unmarked(hidden) => Sight::Unmarked {
            hidden: hidden.clone().try_into_primitive::<Flex>().expect("on the same device"),
        },
    };
    record(Softmax { seen, scale: scale as f32 }, [scores.into()])
}

#[derive(Debug, Clone)]
enum Sight {
    All,
    Past { queries: usize },
    Unmarked { hidden: FlexTensor },
}

#[derive(Debug, Clone)]
struct Softmax {
    seen: Sight,
    scale: f32,
}

impl Operation<1> for Softmax {
    /// The weights.
    type Kept = FlexTensor;

    fn forward(&self, [scores]: [FlexTensor; 1], keep: bool) -> (FlexTensor, Option<FlexTensor>) {
        let shape = scores.layout().shape().clone();
        let (rows_of_batch, keys) = (shape[1] * shape[2], shape[3]);
        let hidden = match &self.seen {
            Sight::Unmarked { hidden } => Some(hidden.to_contiguous()),
            _ => None,
        };
        let hidden = hidden.as_ref().map(|hidden| {
            let shape = hidden.layout().shape();
            (hidden.bytes(), shape[0], shape[2])
        });
        let mut scores = owned(scores);
        let rows = rows_of_a_piece(keys);
        let pieces = scores.storage_mut::<f32>().chunks_mut(rows * keys).enumerate();
        spread(pieces, |(piece, scores)| {
            widest(
                #[inline(always)]
                || {
                    for (row, scores) in scores.chunks_exact_mut(keys).enumerate() {
                        let row = piece * rows + row;
                        match (&self.seen, hidden) {
                            (Sight::Past { queries }, _) => {
                                let (past, future) =
                                    scores.split_at_mut(keys - queries + row % queries + 1);
                                normalise(past, self.scale);
                                future.fill(0.0);
                            }
                            (_, Some((hidden, batch, queries))) => {
                                let line = row / rows_of_batch % batch * queries + row % queries;
                                let hidden = &hidden[line * keys..(line + 1) * keys];
                                for (score, hidden) in scores.iter_mut().zip(hidden) {
                                    *score = if *hidden == 0 { *score } else { f32::NEG_INFINITY };
                                }
                                normalise(scores, self.scale);
                            }
                            _ => normalise(scores, self.scale),
                        }
                    }
                },
            );
        });
        let kept = keep.then(|| scores.clone());
        (scores, kept)
    }

    fn backward(&self, weights: FlexTensor, grad: FlexTensor) -> [FlexTensor; 1] {
        let keys = weights.layout().shape()[3];
        let (weights, mut grad) = (Flat::new(weights), owned(grad));
        let piece = rows_of_a_piece(keys) * keys;
        let pieces = grad.storage_mut::<f32>().chunks_mut(piece).zip(weights.chunks(piece));
        spread(pieces, |(grad, weights)| {
            widest(
                #[inline(always)]
                || {
                    for (grad, weights) in
                        grad.chunks_exact_mut(keys).zip(weights.chunks_exact(keys))
                    {
                        let mean = dot(grad, weights);
                        for (grad, weight) in grad.iter_mut().zip(weights) {
                            *grad = (*grad - mean) * weight * self.scale;
                        }
                    }
                },
            );
        });
        [grad]
    }
}

/// `softmax(scale * scores)`.
#[inline(always)]
pub(super) fn normalise(scores: &mut [f32], scale: f32) {
    let most = largest(scores);
    if most == f32::NEG_INFINITY {
        scores.fill(0.0); // nothing is seen
        return;
    }
    for score in &mut *scores {
        *score = exp((*score - most) * scale);
    }
    let share = 1.0 / sum(scores, |score| score);
    for score in scores {
        *score *= share;
    }
}
