//! Attention itself, which the vision tower and the language model share.
//!
//! Query heads that share a key head are folded into the query axis, so that keys and values are never repeated. Queries go
//! a chunk at a time, so that the scores that exist at once are few; keys behind the last query of a chunk are left out.

use burn::tensor::Tensor;
use burn::tensor::module::attention as fused_attention;
use burn::tensor::ops::AttentionModuleOptions;
use fused_ops::{Seen, attention_weights, has_kernels};

use crate::layers::Linear;
use crate::recompute::recompute;

/// Queries of a chunk: their scores stay in the caches.
const CHUNK: usize = 128;
/// In training, chunks of this many queries are computed again in the backward pass, where there are more than one.
const KEPT: usize = 512;
/// From this many queries on a device without kernels of ours uses its own attention.
const MANY: usize = 17;

/// Values weighted by `softmax(query . key / sqrt(head_dim))`.
///
/// # Shapes
///
/// - `query` and output: `[batch, heads, queries, head_dim]`
/// - `key`, `value`: `[batch, kv_heads, keys, head_dim]`
pub(crate) fn attend(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>, seen: &Seen) -> Tensor<4> {
    let [batch, heads, queries, head_dim] = query.dims();
    let [_, kv_heads, keys, _] = key.dims();
    let training = query.is_autodiff();
    if !training && queries >= MANY && !has_kernels(&query) {
        return fused(query, key, value, seen);
    }
    let again = training && queries > KEPT;
    let chunk = if again { KEPT } else { CHUNK };
    let mut chunks = Vec::with_capacity(queries.div_ceil(chunk));
    for start in (0..queries).step_by(chunk) {
        let len = chunk.min(queries - start);
        let reach = keys - queries + start + len; // keys up to the last query
        let (seen, reach) = match seen {
            Seen::All => (Seen::All, keys),
            Seen::Past => (Seen::Past, reach),
            Seen::Unmarked(hidden) => {
                (Seen::Unmarked(Box::new(part(&part(hidden, 2, start, len), 3, 0, reach))), reach)
            }
        };
        let inputs = [
            fold(part(&query, 2, start, len), kv_heads),
            part(&key, 2, 0, reach),
            part(&value, 2, 0, reach),
        ];
        let of_chunk = move |[query, key, value]: [Tensor<4>; 3]| {
            weights(scores(query, key), &seen, len, head_dim).matmul(value)
        };
        let attended = if again {
            recompute(&Vec::<Linear>::new(), inputs, move |_, inputs| of_chunk(inputs))
        } else {
            of_chunk(inputs)
        };
        chunks.push(attended.reshape([batch, heads, len, head_dim]));
    }
    if chunks.len() == 1 { chunks.remove(0) } else { Tensor::cat(chunks, 2) }
}

/// `[batch, heads, queries, head_dim]` to `[batch, kv_heads, groups * queries, head_dim]`.
pub(crate) fn fold(query: Tensor<4>, kv_heads: usize) -> Tensor<4> {
    let [batch, heads, queries, head_dim] = query.dims();
    if heads == kv_heads {
        return query;
    }
    query.reshape([batch, kv_heads, heads / kv_heads * queries, head_dim])
}

/// Products of folded queries with keys.
pub(crate) fn scores(query: Tensor<4>, key: Tensor<4>) -> Tensor<4> {
    query.matmul(key.swap_dims(2, 3))
}

/// `softmax(scores / sqrt(head_dim))` over the keys that are seen.
///
/// # Shapes
///
/// - `scores` and output: `[batch, kv_heads, groups * queries, keys]`
pub(crate) fn weights(
    scores: Tensor<4>,
    seen: &Seen,
    queries: usize,
    head_dim: usize,
) -> Tensor<4> {
    attention_weights(scores, seen, queries, 1.0 / (head_dim as f64).sqrt())
}

/// The backend's own attention, which need not hold all scores.
fn fused(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>, seen: &Seen) -> Tensor<4> {
    let [batch, heads, queries, _] = query.dims();
    let repeated = |x: Tensor<4>| {
        let [batch, kv_heads, keys, head_dim] = x.dims();
        let groups = heads / kv_heads;
        if groups == 1 {
            return x;
        }
        let repeated: Tensor<5> =
            x.unsqueeze_dim::<5>(2).expand([batch, kv_heads, groups, keys, head_dim]);
        repeated.reshape([batch, heads, keys, head_dim])
    };
    let options = AttentionModuleOptions {
        is_causal: matches!(seen, Seen::Past),
        ..AttentionModuleOptions::default()
    };
    let hidden = match seen {
        Seen::Unmarked(hidden) => {
            let keys = hidden.dims()[3];
            Some(hidden.clone().expand([batch, heads, queries, keys]))
        }
        _ => None,
    };
    fused_attention(query, repeated(key), repeated(value), hidden, None, options)
}

/// `len` places of an axis, where they are not all of it.
fn part<K: burn::tensor::kind::Basic>(
    x: &Tensor<4, K>,
    axis: usize,
    start: usize,
    len: usize,
) -> Tensor<4, K> {
    let x = x.clone();
    if x.dims()[axis] == len { x } else { x.narrow(axis, start, len) }
}
