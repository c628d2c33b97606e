use burn::Tensor;
use serde::{Deserialize, Serialize};

/// What a loss is averaged over. Sizes are those of the whole mini-batch or batch, never of the micro-batch at hand, so that
/// gradient accumulation in any pieces gives the same step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// Mean over a completion's tokens, then over completions (GRPO, GSPO, SAPO).
    SequenceMean,
    /// Mean over the mini-batch's tokens (BNPO).
    TokenMean,
    /// Sum over the mini-batch, divided by its share (by completions) of the whole batch's tokens (DAPO, CISPO): a token
    /// weighs the same in every mini-batch.
    BatchTokenMean,
    /// Sum divided by completions times a constant (Dr.GRPO).
    Constant {
        /// The constant: most tokens a completion may have.
        max_completion_tokens: usize,
    },
}

/// Sizes a loss is divided by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Completions of the mini-batch.
    pub rows: usize,
    /// Policy tokens of the mini-batch.
    pub tokens: usize,
    /// Completions of the batch that was rolled out.
    pub batch_rows: usize,
    /// Policy tokens of that batch.
    pub batch_tokens: usize,
}

impl Totals {
    /// One mini-batch that is the whole batch.
    #[must_use]
    pub fn whole(rows: usize, tokens: usize) -> Self {
        Self { rows, tokens, batch_rows: rows, batch_tokens: tokens }
    }
}

impl Reduction {
    /// What each token's loss is multiplied by before all are added; 0 where `mask` is 0.
    ///
    /// # Shapes
    ///
    /// - `mask` and output: `[rows, tokens]`
    #[must_use]
    pub fn weights(&self, mask: Tensor<2>, totals: &Totals) -> Tensor<2> {
        let Totals { rows, tokens, batch_rows, batch_tokens } = *totals;
        match *self {
            Self::SequenceMean => {
                // A completion without a policy token weighs nothing but is counted.
                let lengths = mask.clone().sum_dim(1).clamp_min(1.0);
                mask / lengths.mul_scalar(rows.max(1) as f64)
            }
            Self::TokenMean => mask.div_scalar(tokens.max(1) as f64),
            Self::BatchTokenMean => {
                let share = rows as f64 / batch_rows.max(1) as f64;
                mask.div_scalar((batch_tokens as f64 * share).max(1.0))
            }
            Self::Constant { max_completion_tokens } => {
                mask.div_scalar((rows * max_completion_tokens).max(1) as f64)
            }
        }
    }
}
