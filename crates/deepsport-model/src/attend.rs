//! Attention that keeps little for the backward pass.

use burn::tensor::Tensor;
use fused_ops::Seen;

use crate::layers::Linear;
use crate::recompute::recompute;

/// In training, chunks of this many queries are computed again in the backward pass, where there are more than one.
const KEPT: usize = 512;

/// [`fused_ops::attend`], which in training keeps the scores of few queries.
///
/// # Shapes
///
/// - `query` and output: `[batch, heads, queries, head_dim]`
/// - `key`, `value`: `[batch, kv_heads, keys, head_dim]`
pub(crate) fn attend(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>, seen: &Seen) -> Tensor<4> {
    let ([_, _, queries, _], [_, _, keys, _]) = (query.dims(), key.dims());
    if !query.is_autodiff() || queries <= KEPT {
        return fused_ops::attend(query, key, value, seen);
    }
    let chunks = (0..queries).step_by(KEPT).map(|start| {
        let len = KEPT.min(queries - start);
        let reach = seen.reach(start + len, queries, keys);
        let seen = seen.of_queries(start, len, reach);
        let inputs = [
            query.clone().narrow(2, start, len),
            key.clone().narrow(2, 0, reach),
            value.clone().narrow(2, 0, reach),
        ];
        recompute(&Vec::<Linear>::new(), inputs, move |_, [query, key, value]| {
            fused_ops::attend(query, key, value, &seen)
        })
    });
    Tensor::cat(chunks.collect(), 2)
}
