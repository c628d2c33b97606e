use std::collections::HashSet;

use serde::{Deserialize, Serialize};

use super::{Finished, Reward};
use crate::Result;

/// DAPO's soft punishment of overlong answers (Yu et al. 2025, eq. 13): 0 up to `max_len - buffer` tokens, then down along a
/// line to -1 at `max_len`, and -1 beyond.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OverlongPenalty {
    /// Tokens from which the whole penalty holds.
    pub max_len: usize,
    /// Tokens before it over which the penalty grows.
    pub buffer: usize,
}

impl OverlongPenalty {
    /// The penalty of a completion of `len` tokens.
    #[must_use]
    pub fn value(&self, len: usize) -> f64 {
        let free = self.max_len.saturating_sub(self.buffer);
        if len <= free {
            0.0
        } else if len >= self.max_len {
            -1.0
        } else {
            (free as f64 - len as f64) / self.buffer as f64
        }
    }
}

impl Reward for OverlongPenalty {
    fn name(&self) -> &str {
        "overlong"
    }

    fn score(&self, rollout: &Finished<'_>) -> Result<f64> {
        Ok(self.value(rollout.policy_ids.len()))
    }
}

/// Punishes repetition: minus the share of n-grams of the policy's tokens that occurred before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepeatPenalty {
    /// Tokens of an n-gram.
    pub n: usize,
}

impl Reward for RepeatPenalty {
    fn name(&self) -> &str {
        "repeat"
    }

    fn score(&self, rollout: &Finished<'_>) -> Result<f64> {
        Ok(-repeated_share(rollout.policy_ids, self.n))
    }
}

/// The share of n-grams that occurred before in the same text, in `[0, 1)`; 0 for texts shorter than `n`.
#[must_use]
pub fn repeated_share(ids: &[u32], n: usize) -> f64 {
    if n == 0 || ids.len() < n {
        return 0.0;
    }
    let different: HashSet<_> = ids.windows(n).collect();
    let all = ids.len() - n + 1;
    (all - different.len()) as f64 / all as f64
}
