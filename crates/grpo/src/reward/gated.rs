use serde::{Deserialize, Serialize};

use super::{Finished, Reward};
use crate::{Outcome, Result};

/// Which gates of [`GatedToolUse`] stand; all by default. Taking one out is an ablation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gates {
    /// A bad format earns nothing but the penalty.
    pub format: bool,
    /// The tool bonus needs a tool call.
    pub tool: bool,
    /// The tool bonus needs a right answer; a wrong one gets the curiosity reward.
    pub accuracy: bool,
}

impl Default for Gates {
    fn default() -> Self {
        Self { format: true, tool: true, accuracy: true }
    }
}

/// The gated tool-use reward of DeepSport v1, `R = g_fmt (R_acc + R_tool) + P_format` (eqs. 4 to 8).
///
/// `R_acc` is the judged accuracy. `R_tool` is `bonus * acc` after at least one tool call and a right answer (`acc` at or above
/// the threshold, half credit included), `curiosity` after a call and a wrong answer, 0 without a call. `P_format` is the penalty
/// of a bad format. The number of calls does not matter. All constants are the paper's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct GatedToolUse {
    /// Share of the accuracy added for a tool call; 0.5.
    pub bonus: f64,
    /// Reward of a call with a wrong answer; 0.03.
    pub curiosity: f64,
    /// Accuracy that counts as right; 0.5.
    pub threshold: f64,
    /// Added for a bad format; -0.05.
    pub format_penalty: f64,
    /// Which gates stand.
    pub gates: Gates,
}

impl Default for GatedToolUse {
    fn default() -> Self {
        Self {
            bonus: 0.5,
            curiosity: 0.03,
            threshold: 0.5,
            format_penalty: -0.05,
            gates: Gates::default(),
        }
    }
}

impl GatedToolUse {
    /// The reward of an outcome.
    #[must_use]
    pub fn value(&self, outcome: &Outcome) -> f64 {
        let format = outcome.format_valid;
        let gate = if format || !self.gates.format { 1.0 } else { 0.0 };
        gate * (outcome.accuracy + self.tool_bonus(outcome))
            + if format { 0.0 } else { self.format_penalty }
    }

    /// `R_tool` alone.
    #[must_use]
    pub fn tool_bonus(&self, outcome: &Outcome) -> f64 {
        let called = outcome.num_tool_calls > 0 || !self.gates.tool;
        let right = outcome.accuracy >= self.threshold || !self.gates.accuracy;
        match (called, right) {
            (false, _) => 0.0,
            (true, true) => self.bonus * outcome.accuracy,
            (true, false) => self.curiosity,
        }
    }
}

impl Reward for GatedToolUse {
    fn name(&self) -> &str {
        "gated_tool_use"
    }

    fn score(&self, rollout: &Finished<'_>) -> Result<f64> {
        Ok(self.value(rollout.outcome))
    }
}
