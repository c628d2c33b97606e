//! Log-probability and entropy from the scores of all words.

use burn::tensor::activation::log_softmax;
use burn::tensor::{Int, Tensor};

/// Log-probability of the target and entropy, side by side, of `softmax(logits / temperature)`.
///
/// # Shapes
///
/// - `logits`: `[tokens, vocab]`; `targets`: `[tokens]`; output: `[tokens, 2]`
///
/// # Panics
///
/// If a target is no word, or there is not one for each token.
#[must_use]
pub fn score(logits: Tensor<2>, targets: Tensor<1, Int>, temperature: f64) -> Tensor<2> {
    assert_eq!(logits.dims()[0], targets.dims()[0], "tokens, and their targets");
    #[cfg(feature = "flex")]
    if crate::cpu::serves(&logits) {
        return crate::cpu::score(logits, targets, temperature);
    }
    let logits = if temperature == 1.0 { logits } else { logits.div_scalar(temperature) };
    let all = log_softmax(logits, 1);
    let of_target = all.clone().gather(1, targets.unsqueeze_dim(1)); // [tokens, 1]
    let entropy = (all.clone().exp() * all).sum_dim(1).neg();
    Tensor::cat(vec![of_target, entropy], 1)
}
