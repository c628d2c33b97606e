//! How far the policy has left its reference, estimated from the sampled tokens (Schulman 2020).

use burn::Tensor;
use serde::{Deserialize, Serialize};

/// Which estimate of `KL(pi || ref)`. With `d = ref_logp - logp`:
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kl {
    /// `-d`: unbiased, but may be negative, and as a loss its gradient has mean zero.
    K1,
    /// `d^2 / 2`: biased, small variance.
    K2,
    /// `exp(d) - d - 1`: unbiased and never negative (GRPO eq. 4).
    #[default]
    K3,
}

impl Kl {
    /// The estimate for each token.
    #[must_use]
    pub fn estimate(self, logps: Tensor<2>, ref_logps: Tensor<2>) -> Tensor<2> {
        let gap = ref_logps - logps;
        match self {
            Self::K1 => gap.neg(),
            Self::K2 => gap.square().mul_scalar(0.5),
            Self::K3 => gap.clone().exp() - gap - 1.0,
        }
    }
}
