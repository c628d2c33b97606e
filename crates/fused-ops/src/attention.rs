//! Attention: of few queries or many, among all keys, the past, or what is not hidden.
//!
//! Query heads that share a key head are folded into the query axis, so that keys and values are never repeated. Queries go
//! a chunk at a time, so that the scores that exist at once are few; keys behind the last query of a chunk are left out.

use burn::tensor::activation::softmax;
use burn::tensor::kind::Basic;
use burn::tensor::module::attention as attention_of_backend;
use burn::tensor::ops::AttentionModuleOptions;
use burn::tensor::{Bool, DType, Device, Tensor, TensorData};

use crate::has_kernels;

/// Queries of a chunk: their scores stay in the caches (ours).
const CHUNK: usize = 128;
/// From this many queries on they are worth more than small products (ours).
const MANY: usize = 17;

/// Which keys a query sees.
#[derive(Debug, Clone)]
pub enum Seen {
    /// All.
    All,
    /// The queries are the last of the keys, and none sees what follows it.
    Past,
    /// Those that are not marked: `[batch or 1, 1, queries, keys]`.
    Unmarked(Box<Tensor<4, Bool>>),
}

impl Seen {
    /// What `len` queries from `start` on see of the first `reach` keys, which are those up to their last where only the
    /// past is seen.
    #[must_use]
    pub fn of_queries(&self, start: usize, len: usize, reach: usize) -> Self {
        match self {
            Self::All => Self::All,
            Self::Past => Self::Past,
            Self::Unmarked(hidden) => {
                Self::Unmarked(Box::new(part(part(*hidden.clone(), 2, start, len), 3, 0, reach)))
            }
        }
    }

    /// Keys that the queries up to the `end`th can see.
    #[must_use]
    pub fn reach(&self, end: usize, queries: usize, keys: usize) -> usize {
        if matches!(self, Self::All) { keys } else { keys - queries + end }
    }
}

/// Values weighted by `softmax(query . key / sqrt(head_dim))` (Vaswani et al. 2017), each key head serving as many query
/// heads as there are for it (Ainslie et al. 2023).
///
/// # Shapes
///
/// - `query` and output: `[batch, heads, queries, head_dim]`
/// - `key`, `value`: `[batch, kv_heads, keys, head_dim]`
///
/// # Panics
///
/// If there are no keys, fewer keys than queries where [`Seen::Past`] is asked for, or the heads do not fit.
#[must_use]
pub fn attend(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>, seen: &Seen) -> Tensor<4> {
    let [batch, heads, queries, head_dim] = query.dims();
    let [_, kv_heads, keys, _] = key.dims();
    assert!(keys > 0 && heads.is_multiple_of(kv_heads), "{heads} heads, {kv_heads} of {keys} keys");
    if queries >= MANY && ![&query, &key, &value].iter().any(|x| x.is_autodiff()) {
        if ![&query, &key, &value].into_iter().all(has_kernels) {
            return by_backend(query, key, value, seen);
        }
        #[cfg(feature = "flex")]
        if !matches!(seen, Seen::Unmarked(_)) {
            return crate::cpu::attend([query, key, value], matches!(seen, Seen::Past));
        }
    }
    let scale = 1.0 / (head_dim as f64).sqrt();
    let mut chunks = Vec::with_capacity(queries.div_ceil(CHUNK));
    for start in (0..queries).step_by(CHUNK) {
        let len = CHUNK.min(queries - start);
        let reach = seen.reach(start + len, queries, keys);
        let query = fold_heads(part(query.clone(), 2, start, len), kv_heads);
        let key = part(key.clone(), 2, 0, reach);
        let value = part(value.clone(), 2, 0, reach);
        let scores = query.matmul(key.swap_dims(2, 3));
        let weights = attention_weights(scores, &seen.of_queries(start, len, reach), len, scale);
        chunks.push(weights.matmul(value).reshape([batch, heads, len, head_dim]));
    }
    if chunks.len() == 1 { chunks.remove(0) } else { Tensor::cat(chunks, 2) }
}

/// The same among the tokens of each segment of one long sequence, such as the windows of a picture.
///
/// # Shapes
///
/// - `query`, `key`, `value` and output: `[1, tokens, heads, head_dim]`; `lengths`, of segments that lie one behind the
///   other, add up to `tokens`
///
/// # Panics
///
/// If they do not, or the shapes differ.
#[must_use]
pub fn attend_segments(
    query: Tensor<4>,
    key: Tensor<4>,
    value: Tensor<4>,
    lengths: &[usize],
) -> Tensor<4> {
    let [_, tokens, _, _] = query.dims();
    assert_eq!(lengths.iter().sum::<usize>(), tokens, "tokens of all segments");
    assert!(query.dims() == key.dims() && key.dims() == value.dims(), "shapes of attention");
    #[cfg(feature = "flex")]
    if [&query, &key, &value].into_iter().all(|x| has_kernels(x) && !x.is_autodiff()) {
        return crate::cpu::attend_segments([query, key, value], lengths);
    }
    let mut start = 0;
    let attended = lengths.iter().map(|&len| {
        let [query, key, value] =
            [&query, &key, &value].map(|x| part(x.clone(), 1, start, len).swap_dims(1, 2));
        start += len;
        attend(query, key, value, &Seen::All).swap_dims(1, 2)
    });
    Tensor::cat(attended.collect(), 1)
}

/// Query heads that share a key head, one head's queries behind the other's: `[batch, heads, queries, head_dim]` to
/// `[batch, kv_heads, groups * queries, head_dim]`.
#[must_use]
pub fn fold_heads(query: Tensor<4>, kv_heads: usize) -> Tensor<4> {
    let [batch, heads, queries, head_dim] = query.dims();
    if heads == kv_heads {
        return query;
    }
    query.reshape([batch, kv_heads, heads / kv_heads * queries, head_dim])
}

/// `softmax(scale * scores)` over the keys that are seen. What a query that sees none gets means nothing, but is a number.
///
/// Query heads that share a key head may be folded into the query axis, one head's queries after the other's: then
/// `queries` is the number of one head's, and rows are a multiple of it.
///
/// # Shapes
///
/// - `scores` and output: `[batch, kv_heads, groups * queries, keys]`
///
/// # Panics
///
/// If rows are no multiple of `queries`, or marks have another shape.
#[must_use]
pub fn attention_weights(scores: Tensor<4>, seen: &Seen, queries: usize, scale: f64) -> Tensor<4> {
    let [_, _, rows, keys] = scores.dims();
    assert_eq!(rows % queries.max(1), 0, "rows of scores, and queries of a head");
    #[cfg(feature = "flex")]
    if crate::cpu::serves(&scores) {
        return crate::cpu::attention_weights(scores, seen, queries, scale);
    }
    let hidden = match seen {
        Seen::All => None,
        Seen::Past if queries == 1 => None,
        Seen::Past => Some(causal(queries, keys, &scores.device())),
        Seen::Unmarked(hidden) => Some(hidden.as_ref().clone()),
    };
    let hidden = hidden.map(|hidden| hidden.repeat_dim(2, rows / queries));
    softmax(hide(scores.mul_scalar(scale), hidden), 3)
}

/// Scores with the pairs of `hidden` out of reach. The value is finite, so that a row that sees nothing (padding) stays
/// a number.
fn hide(scores: Tensor<4>, hidden: Option<Tensor<4, Bool>>) -> Tensor<4> {
    const OUT_OF_REACH: f32 = -1e30;
    const OUT_OF_REACH_OF_F16: f32 = -65504.0; // its lowest
    match hidden {
        None => scores,
        Some(hidden) if scores.dtype() == DType::F16 => {
            scores.mask_fill(hidden, OUT_OF_REACH_OF_F16)
        }
        Some(hidden) => scores.mask_fill(hidden, OUT_OF_REACH),
    }
}

/// The last `queries` of `keys` places, each blind to what follows it: `[1, 1, queries, keys]`.
fn causal(queries: usize, keys: usize, device: &Device) -> Tensor<4, Bool> {
    let hidden: Vec<bool> = (0..queries)
        .flat_map(|query| (0..keys).map(move |key| key > keys - queries + query))
        .collect();
    Tensor::from_data(
        TensorData::new(hidden, [1, 1, queries, keys]),
        &device.clone().without_autodiff(),
    )
}

/// The backend's own attention, which need not hold all scores.
fn by_backend(query: Tensor<4>, key: Tensor<4>, value: Tensor<4>, seen: &Seen) -> Tensor<4> {
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
    attention_of_backend(query, repeated(key), repeated(value), hidden, None, options)
}

/// `len` places of an axis, where they are not all of it.
fn part<K: Basic>(x: Tensor<4, K>, axis: usize, start: usize, len: usize) -> Tensor<4, K> {
    if x.dims()[axis] == len { x } else { x.narrow(axis, start, len) }
}
