//! From log-probabilities and advantages to a loss.
//!
//! A loss has four parts, each a small function: the [ratio] of the policy to the one that sampled, the [surrogate] that
//! limits it, a penalty for leaving the reference ([kl]), and the [`Reduction`] of tokens to one number. [`LossConfig`] names
//! their combinations as papers do. [mismatch] is about policies that sample otherwise than they score.
//!
//! # Shapes
//!
//! `[rows, tokens]` everywhere, a row for each completion; advantages are `[rows, 1]`.

pub mod kl;
pub mod mismatch;
pub mod ratio;
mod reduction;
pub mod surrogate;

pub use mismatch::{Correction, CorrectionMode, Mismatch};
pub use reduction::{Reduction, Totals};

use burn::Tensor;
use serde::{Deserialize, Serialize};

use kl::Kl;
use ratio::Level;
use surrogate::Surrogate;

/// Which loss, by its parts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LossConfig {
    /// What limits the ratio.
    pub surrogate: Surrogate,
    /// Whether the ratio is a token's or a sequence's.
    #[serde(default)]
    pub level: Level,
    /// From tokens to one number.
    pub reduction: Reduction,
    /// Weight of the divergence from the reference policy; 0 (the default) needs no reference.
    #[serde(default)]
    pub beta: f64,
    /// How the divergence is estimated.
    #[serde(default)]
    pub kl: Kl,
    /// Multiplies the divergence by the ratio, so that its estimate stays unbiased after the first update.
    #[serde(default)]
    pub kl_bias_correction: bool,
    /// Weight of the mean entropy, which is added to the objective; 0 by default.
    #[serde(default)]
    pub entropy_coef: f64,
}

impl LossConfig {
    fn of(surrogate: Surrogate, reduction: Reduction) -> Self {
        let (level, kl) = (Level::default(), Kl::default());
        Self {
            surrogate,
            level,
            reduction,
            beta: 0.0,
            kl,
            kl_bias_correction: false,
            entropy_coef: 0.0,
        }
    }

    /// GRPO (Shao et al. 2024, eq. 3; DeepSport eq. 3): ratio clipped to 1 +- 0.2, mean over a completion's tokens, then over
    /// completions.
    #[must_use]
    pub fn grpo() -> Self {
        Self::of(Surrogate::clip(0.2, 0.2), Reduction::SequenceMean)
    }

    /// Dr.GRPO (Liu et al. 2025): the divisor is a constant, so long wrong answers are not favoured. Goes with
    /// [`Scale::None`](crate::advantage::Scale::None).
    #[must_use]
    pub fn dr_grpo(max_completion_tokens: usize) -> Self {
        Self::of(Surrogate::clip(0.2, 0.2), Reduction::Constant { max_completion_tokens })
    }

    /// DAPO (Yu et al. 2025): clipped higher above (0.28) than below (0.2), every token of the batch counts alike.
    #[must_use]
    pub fn dapo() -> Self {
        Self::of(Surrogate::clip(0.2, 0.28), Reduction::BatchTokenMean)
    }

    /// BNPO as in TRL: every token of a mini-batch counts alike.
    #[must_use]
    pub fn bnpo() -> Self {
        Self::of(Surrogate::clip(0.2, 0.2), Reduction::TokenMean)
    }

    /// GSPO (Zheng et al. 2025): one ratio for each completion, the geometric mean of its tokens', and clips of 3e-4 and 4e-4.
    #[must_use]
    pub fn gspo() -> Self {
        Self {
            level: Level::Sequence,
            ..Self::of(Surrogate::clip(3e-4, 4e-4), Reduction::SequenceMean)
        }
    }

    /// CISPO (MiniMax 2025): the clipped ratio is a weight without gradient, so no token is silenced. TRL's cap 5 by default.
    #[must_use]
    pub fn cispo() -> Self {
        Self::of(Surrogate::Cispo { max_ratio: 5.0 }, Reduction::BatchTokenMean)
    }

    /// SAPO (Qwen 2025): a soft gate instead of a clip, steeper (1.05 against 1) for negative advantages.
    #[must_use]
    pub fn sapo() -> Self {
        Self::of(Surrogate::Sapo { tau_positive: 1.0, tau_negative: 1.05 }, Reduction::SequenceMean)
    }

    /// GRPO whose ratio is also bounded, by `delta` (above 1.2), where the advantage is negative (INTELLECT-2).
    #[must_use]
    pub fn two_sided(delta: f64) -> Self {
        Self::of(
            Surrogate::Clip { low: 0.2, high: 0.2, delta: Some(delta) },
            Reduction::SequenceMean,
        )
    }

    /// With a penalty for leaving the reference, `beta` times the k3 estimate.
    #[must_use]
    pub fn with_kl(mut self, beta: f64) -> Self {
        self.beta = beta;
        self
    }

    /// The loss of a micro-batch: its share of the loss of the mini-batch that `totals` describes.
    #[must_use]
    pub fn evaluate(&self, inputs: LossInputs, totals: &Totals) -> Loss {
        let LossInputs { logps, entropy, old_logps, ref_logps, advantages, mask, correction } =
            inputs;
        let logps = logps * mask.clone(); // what stands behind a short row must not overflow in exp

        let ratio = ratio::ratio(self.level, logps.clone(), old_logps, mask.clone());
        let mut per_token = self.surrogate.loss(ratio.clone(), advantages.clone(), logps.clone());
        if let Some(weights) = correction {
            per_token = per_token * weights;
        }
        let penalty = ref_logps.filter(|_| self.beta != 0.0).map(|reference| {
            let penalty = self.kl.estimate(logps, reference);
            if self.kl_bias_correction { penalty * ratio.clone() } else { penalty }
        });
        if let Some(penalty) = &penalty {
            per_token = per_token + penalty.clone().mul_scalar(self.beta);
        }
        let per_token = per_token.expand(mask.dims());

        let mut loss = (per_token.clone() * self.reduction.weights(mask.clone(), totals)).sum();
        if self.entropy_coef != 0.0 {
            let bonus =
                (entropy.clone() * mask.clone()).sum().div_scalar(totals.tokens.max(1) as f64);
            loss = loss - bonus.mul_scalar(self.entropy_coef);
        }

        let (low, high) = self.surrogate.clipped(ratio.clone(), advantages);
        let sum = |values: Tensor<2>| {
            (values.detach().expand(mask.dims()) * mask.clone().detach()).sum_dim(1)
        };
        let zeros = mask.zeros_like();
        let columns = vec![
            sum(penalty.unwrap_or(zeros)),
            sum(entropy),
            sum(low),
            sum(high),
            sum(ratio.clone()),
        ];
        Loss { loss, per_token, ratio, row_sums: Tensor::cat(columns, 1) }
    }
}

/// What a loss is made from.
///
/// # Shapes
///
/// `[rows, tokens]` but for `advantages`, `[rows, 1]`, and `correction`, either.
#[derive(Clone, Debug)]
pub struct LossInputs {
    /// Log-probabilities under the policy being trained, with gradients.
    pub logps: Tensor<2>,
    /// Entropies, with gradients if the loss has an entropy bonus.
    pub entropy: Tensor<2>,
    /// Log-probabilities before the first update on this batch; 0 where `mask` is.
    pub old_logps: Tensor<2>,
    /// Log-probabilities under the reference; 0 where `mask` is.
    pub ref_logps: Option<Tensor<2>>,
    /// Advantages.
    pub advantages: Tensor<2>,
    /// 1 on tokens of the policy, 0 on tool answers and padding.
    pub mask: Tensor<2>,
    /// Weights that correct for a sampler other than the policy, from [`Correction::weights`].
    pub correction: Option<Tensor<2>>,
}

/// The loss of a micro-batch.
#[derive(Clone, Debug)]
pub struct Loss {
    /// To be differentiated: `[1]`.
    pub loss: Tensor<1>,
    /// Before mask and reduction, penalty included.
    pub per_token: Tensor<2>,
    /// `[rows, tokens]`, or `[rows, 1]` per sequence.
    pub ratio: Tensor<2>,
    /// Sums over a row's policy tokens, `[rows, 5]`: divergence, entropy, clipped below, clipped above, ratio.
    pub row_sums: Tensor<2>,
}
