//! Ways of training, to be compared.

use std::fmt;
use std::str::FromStr;

use grpo::reward::{DifficultyGated, GatedToolUse, Gates};
use serde::{Deserialize, Serialize};

use super::measure::Measured;
use super::recipe::RewardRecipe;
use crate::{Error, Result};

/// A way of training.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Variant {
    /// Demonstrations, and nothing after them.
    SftOnly,
    /// Rewards from random weights on, without demonstrations.
    RlOnly,
    /// Demonstrations, then the paper's reward of version 1, whole.
    SftRl,
    /// The same without the format gate: a bad format still costs the penalty, but takes nothing away.
    NoFormatGate,
    /// The same without the bonus of tool use: accuracy and format alone.
    NoToolTerm,
    /// The same without the accuracy gate: a call is worth the whole bonus, be the answer right or wrong. (To leave the gate out of
    /// the equation changes next to nothing where an answer is wholly right or wholly wrong: the bonus is a share of the accuracy.)
    NoAccuracyGate,
    /// Demonstrations, then the reward of version 2.
    V2,
}

impl Variant {
    /// All, in the order of tables.
    pub const ALL: [Self; 7] = [
        Self::SftOnly,
        Self::RlOnly,
        Self::SftRl,
        Self::NoFormatGate,
        Self::NoToolTerm,
        Self::NoAccuracyGate,
        Self::V2,
    ];

    /// As results and the command line write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::SftOnly => "sft_only",
            Self::RlOnly => "rl_only",
            Self::SftRl => "sft_rl",
            Self::NoFormatGate => "no_format_gate",
            Self::NoToolTerm => "no_tool_term",
            Self::NoAccuracyGate => "no_accuracy_gate",
            Self::V2 => "v2",
        }
    }

    /// Whether it begins with demonstrations.
    #[must_use]
    pub fn has_sft(self) -> bool {
        self != Self::RlOnly
    }

    /// What a rollout is worth; `None` where nothing is learned from rewards.
    #[must_use]
    pub fn reward(self) -> Option<RewardRecipe> {
        let v1 = GatedToolUse::default();
        Some(match self {
            Self::SftOnly => return None,
            Self::RlOnly | Self::SftRl => RewardRecipe::Gated(v1),
            Self::NoFormatGate => {
                let gates = Gates { format: false, ..v1.gates };
                RewardRecipe::Gated(GatedToolUse { gates, ..v1 })
            }
            Self::NoToolTerm => {
                RewardRecipe::Gated(GatedToolUse { bonus: 0.0, curiosity: 0.0, ..v1 })
            }
            Self::NoAccuracyGate => RewardRecipe::Gated(GatedToolUse { curiosity: v1.bonus, ..v1 }),
            Self::V2 => RewardRecipe::Difficulty(DifficultyGated::default()),
        })
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Variant {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|variant| variant.name() == name).ok_or_else(|| {
            let names: Vec<_> = Self::ALL.iter().map(|variant| variant.name()).collect();
            let (value, expected) = (name.to_owned(), format!("one of {}", names.join(", ")));
            Error::InvalidSetting { name: "variant", value, expected }
        })
    }
}

/// What came of one way of training with one seed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Row {
    /// The way.
    pub variant: Variant,
    /// The seed.
    pub seed: u64,
    /// Share of easy questions answered rightly.
    pub accuracy_easy: f64,
    /// The same of hard ones.
    pub accuracy_hard: f64,
    /// The same where the model cannot call the tool.
    pub accuracy_hard_without_tool: f64,
    /// Share of rollouts in the right form in the first steps of learning from rewards, before they can have taught much; where
    /// none are learned from, of the rollouts that such a step would have begun with.
    pub valid_action_rate_first_steps: f64,
    /// Calls for an easy question.
    pub calls_easy: f64,
    /// Calls for a hard one.
    pub calls_hard: f64,
    /// Share of answers in a wrong form.
    pub invalid_format_rate: f64,
    /// Share of the event inside the windows that were asked for, in hard questions.
    pub window_recall: f64,
    /// Frames that were shown for a question.
    pub mean_frames: f64,
}

/// Steps that count as the first ones.
pub const FIRST_STEPS: usize = 5;

impl Row {
    /// Puts figures together: those with the tool, those without it, and the share of valid rollouts in the first steps.
    #[must_use]
    pub fn new(
        variant: Variant,
        seed: u64,
        with_tool: &Measured,
        without_tool: &Measured,
        valid_action_rate_first_steps: f64,
    ) -> Self {
        Self {
            variant,
            seed,
            accuracy_easy: with_tool.easy.accuracy,
            accuracy_hard: with_tool.hard.accuracy,
            accuracy_hard_without_tool: without_tool.hard.accuracy,
            valid_action_rate_first_steps,
            calls_easy: with_tool.easy.calls,
            calls_hard: with_tool.hard.calls,
            invalid_format_rate: with_tool.all.invalid_format,
            window_recall: with_tool.hard.window_recall,
            mean_frames: with_tool.all.frames,
        }
    }
}
