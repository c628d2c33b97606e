//! How much likelier the policy makes a token than the policy that sampled it did.

use burn::Tensor;
use serde::{Deserialize, Serialize};

/// What a ratio is of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// A token.
    #[default]
    Token,
    /// A whole completion (GSPO).
    Sequence,
}

/// The ratio at a level: [`token`], `[rows, tokens]`, or [`sequence`], `[rows, 1]`.
#[must_use]
pub fn ratio(level: Level, logps: Tensor<2>, old_logps: Tensor<2>, mask: Tensor<2>) -> Tensor<2> {
    match level {
        Level::Token => token(logps, old_logps),
        Level::Sequence => sequence(logps, old_logps, mask),
    }
}

/// `rho_t = pi(o_t) / pi_old(o_t) = exp(logp - old_logp)`.
#[must_use]
pub fn token(logps: Tensor<2>, old_logps: Tensor<2>) -> Tensor<2> {
    (logps - old_logps).exp()
}

/// `s = exp(mean over policy tokens of (logp - old_logp))` (GSPO, eq. 7); 1 for rows without a policy token.
#[must_use]
pub fn sequence(logps: Tensor<2>, old_logps: Tensor<2>, mask: Tensor<2>) -> Tensor<2> {
    let sum = ((logps - old_logps) * mask.clone()).sum_dim(1);
    (sum / mask.sum_dim(1).clamp_min(1.0)).exp()
}
