//! From scores of attention to weights.

use burn::tensor::activation::softmax;
use burn::tensor::{Bool, DType, Device, Tensor, TensorData};

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
