//! What limits the ratio: the term of the loss that pulls good tokens up and bad ones down.

use burn::Tensor;
use burn::tensor::activation::sigmoid;
use serde::{Deserialize, Serialize};

/// Which surrogate, with its settings.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Surrogate {
    /// [`clip`], or [`clip_two_sided`] where `delta` is given.
    Clip {
        /// How far below 1 the ratio may go.
        low: f64,
        /// How far above 1.
        high: f64,
        /// Bound of the ratio where the advantage is negative.
        delta: Option<f64>,
    },
    /// [`cispo`].
    Cispo {
        /// Largest weight.
        max_ratio: f64,
    },
    /// [`sapo`].
    Sapo {
        /// Steepness for positive advantages.
        tau_positive: f64,
        /// Steepness for the others.
        tau_negative: f64,
    },
}

impl Surrogate {
    pub(crate) fn clip(low: f64, high: f64) -> Self {
        Self::Clip { low, high, delta: None }
    }

    /// The loss of each token. `logps` matters to [`cispo`] alone.
    #[must_use]
    pub fn loss(&self, ratio: Tensor<2>, advantages: Tensor<2>, logps: Tensor<2>) -> Tensor<2> {
        match *self {
            Self::Clip { low, high, delta: None } => clip(ratio, advantages, low, high),
            Self::Clip { low, high, delta: Some(delta) } => {
                clip_two_sided(ratio, advantages, low, high, delta)
            }
            Self::Cispo { max_ratio } => cispo(ratio, advantages, logps, max_ratio),
            Self::Sapo { tau_positive, tau_negative } => {
                sapo(ratio, advantages, tau_positive, tau_negative)
            }
        }
    }

    /// 1 where the lower limit takes a token's gradient away, and 1 where the upper one does. CISPO's cap keeps a gradient and
    /// is counted all the same; SAPO has no limits.
    #[must_use]
    pub fn clipped(&self, ratio: Tensor<2>, advantages: Tensor<2>) -> (Tensor<2>, Tensor<2>) {
        let (ratio, advantages) = (ratio.detach(), advantages.detach());
        let above = |limit: f64| {
            let pushed_up = advantages.clone().greater_scalar(0.0).expand(ratio.dims());
            ratio
                .zeros_like()
                .mask_fill(ratio.clone().greater_scalar(limit).bool_and(pushed_up), 1.0)
        };
        let below = |limit: f64| {
            let pushed_down = advantages.clone().lower_scalar(0.0).expand(ratio.dims());
            ratio
                .zeros_like()
                .mask_fill(ratio.clone().lower_scalar(limit).bool_and(pushed_down), 1.0)
        };
        let none = ratio.zeros_like();
        match *self {
            Self::Clip { low, high, .. } => (below(1.0 - low), above(1.0 + high)),
            Self::Cispo { max_ratio } => (none, above(max_ratio)),
            Self::Sapo { .. } => (none.clone(), none),
        }
    }
}

/// `-min(rho A, clip(rho, 1 - low, 1 + high) A)` (PPO; GRPO eq. 3; DAPO with `high > low`; GSPO with a sequence's ratio).
#[must_use]
pub fn clip(ratio: Tensor<2>, advantages: Tensor<2>, low: f64, high: f64) -> Tensor<2> {
    let limited = ratio.clone().clamp(1.0 - low, 1.0 + high) * advantages.clone();
    (ratio * advantages).min_pair(limited).neg()
}

/// `-min(min(rho, delta) A, clip(rho, 1 - low, 1 + high) A)`: for negative advantages the ratio no longer grows without bound.
#[must_use]
pub fn clip_two_sided(
    ratio: Tensor<2>,
    advantages: Tensor<2>,
    low: f64,
    high: f64,
    delta: f64,
) -> Tensor<2> {
    let limited = ratio.clone().clamp(1.0 - low, 1.0 + high) * advantages.clone();
    (ratio.clamp_max(delta) * advantages).min_pair(limited).neg()
}

/// `-sg(min(rho, max_ratio)) A logp`, where `sg` stops the gradient (CISPO): REINFORCE with a bounded weight.
#[must_use]
pub fn cispo(
    ratio: Tensor<2>,
    advantages: Tensor<2>,
    logps: Tensor<2>,
    max_ratio: f64,
) -> Tensor<2> {
    (ratio.clamp_max(max_ratio).detach() * advantages * logps).neg()
}

/// `-(4 / tau) sigmoid(tau (rho - 1)) A` (SAPO): slope 1 at `rho = 1`, fading on both sides. `tau` depends on the sign of `A`.
#[must_use]
pub fn sapo(
    ratio: Tensor<2>,
    advantages: Tensor<2>,
    tau_positive: f64,
    tau_negative: f64,
) -> Tensor<2> {
    let positive = advantages.clone().greater_scalar(0.0);
    let tau = advantages.full_like(tau_negative).mask_fill(positive, tau_positive); // [rows, 1]
    let gate = sigmoid((ratio - 1.0) * tau.clone()).mul_scalar(4.0) / tau;
    (gate * advantages).neg()
}
