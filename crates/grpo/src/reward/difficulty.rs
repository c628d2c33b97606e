use serde::{Deserialize, Serialize};

use super::{Finished, Reward};
use crate::{Error, Outcome, Result};

/// The tool-use reward of DeepSport v2: a bonus for useful calls where the base model fails from the first frames, and
/// for answering directly where it succeeds.
///
/// `R = g_fmt (acc + R_tool) + P_format`. With `h` for "the base model fails": `R_tool = bonus * acc` if the answer is right and
/// the tool was called just where `h` holds; `curiosity` if `h` and a call came with a wrong answer; else 0. That items are split in
/// this way is the paper's; it gives no equation or constants, so these (v1's) are ours.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DifficultyGated {
    /// Share of the accuracy added; 0.5.
    pub bonus: f64,
    /// Reward of a call with a wrong answer on a hard item; 0.03.
    pub curiosity: f64,
    /// Accuracy that counts as right; 0.5.
    pub threshold: f64,
    /// Added for a bad format; -0.05.
    pub format_penalty: f64,
}

impl Default for DifficultyGated {
    fn default() -> Self {
        Self { bonus: 0.5, curiosity: 0.03, threshold: 0.5, format_penalty: -0.05 }
    }
}

impl DifficultyGated {
    /// The reward of an outcome.
    ///
    /// # Errors
    ///
    /// [`Error::NoDifficulty`] if the outcome does not say whether the base model fails.
    pub fn value(&self, outcome: &Outcome) -> Result<f64> {
        let hard = outcome.base_model_fails.ok_or(Error::NoDifficulty)?;
        let called = outcome.num_tool_calls > 0;
        let right = outcome.accuracy >= self.threshold;
        let tool = match (right, hard, called) {
            (true, ..) if hard == called => self.bonus * outcome.accuracy,
            (false, true, true) => self.curiosity,
            _ => 0.0,
        };
        Ok(if outcome.format_valid { outcome.accuracy + tool } else { self.format_penalty })
    }
}

impl Reward for DifficultyGated {
    fn name(&self) -> &str {
        "difficulty_gated"
    }

    fn score(&self, rollout: &Finished<'_>) -> Result<f64> {
        self.value(rollout.outcome)
    }
}
