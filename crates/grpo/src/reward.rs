//! What a rollout is worth.

mod difficulty; // DeepSport v2
mod gated; // DeepSport v1
mod shaping; // length and repetition
mod sum; // several of them

pub use difficulty::DifficultyGated;
pub use gated::{GatedToolUse, Gates};
pub use shaping::{OverlongPenalty, RepeatPenalty, repeated_share};
pub use sum::RewardSum;

use crate::{Outcome, Result};

/// What a reward may look at.
#[derive(Clone, Copy, Debug)]
pub struct Finished<'a> {
    /// What the environment says of the rollout.
    pub outcome: &'a Outcome,
    /// Ids the policy wrote, over all turns.
    pub policy_ids: &'a [u32],
    /// Whether a limit ended it.
    pub truncated: bool,
}

/// Values a finished rollout.
pub trait Reward: Send + Sync {
    /// Its name in metrics and logs.
    fn name(&self) -> &str;

    /// The value. NaN and infinities are refused by whoever asks.
    ///
    /// # Errors
    ///
    /// Whatever stops it; it ends the training step rather than counting as 0.
    fn score(&self, rollout: &Finished<'_>) -> Result<f64>;
}
