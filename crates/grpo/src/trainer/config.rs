use serde::{Deserialize, Serialize};

use crate::advantage::AdvantageConfig;
use crate::checkpoint::KeepConfig;
use crate::loss::{Correction, LossConfig};
use crate::optim::OptimConfig;
use crate::{Error, Result};

/// Settings of a [`Trainer`](super::Trainer).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainerConfig {
    /// Seed of everything random: order of tasks, sampling, mini-batches.
    #[serde(default)]
    pub seed: u64,
    /// Training steps in all: one batch of rollouts each.
    pub num_steps: u64,
    /// Rollouts of each prompt, `G`; 8 in DeepSport.
    pub num_generations: usize,
    /// Prompts of a step; 32 in DeepSport.
    pub prompts_per_step: usize,
    /// Sampling.
    pub rollout: RolloutConfig,
    /// Advantages.
    #[serde(default)]
    pub advantage: AdvantageConfig,
    /// The loss.
    pub loss: LossConfig,
    /// Correction of a sampler that is not the policy; none by default, for ours is.
    #[serde(default)]
    pub correction: Option<Correction>,
    /// Where the log-probabilities before the update come from.
    #[serde(default)]
    pub old_logps: OldLogps,
    /// The reference policy; used where the loss has a `beta`.
    #[serde(default)]
    pub reference: ReferenceConfig,
    /// Passes over the rollouts of a step; 1.
    #[serde(default = "one")]
    pub num_iterations: usize,
    /// Updates per pass; 1, which is on-policy throughout.
    #[serde(default = "one")]
    pub num_mini_batches: usize,
    /// Rollouts scored at once. Memory grows with it, the result does not depend on it.
    pub micro_batch_size: usize,
    /// Leaves rollouts that a limit ended out of the loss (DAPO's overlong filtering); they still shape the advantages.
    #[serde(default)]
    pub mask_truncated: bool,
    /// Groups that teach nothing are replaced.
    #[serde(default)]
    pub filter: FilterConfig,
    /// Batches sampled ahead, while earlier ones are trained on; 0 is on-policy, 1 is one step off. A batch never waits longer.
    #[serde(default)]
    pub rollouts_ahead: u64,
    /// The optimiser.
    pub optim: OptimConfig,
    /// Checkpoints.
    #[serde(default)]
    pub keep: KeepConfig,
}

/// How rollouts are sampled.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RolloutConfig {
    /// Sampling temperature; log-probabilities are taken at the same. 1.
    pub temperature: f64,
    /// Most turns of the policy.
    pub max_turns: usize,
    /// Most tokens of one turn.
    pub max_turn_tokens: usize,
    /// Most tokens after the prompt, tool answers included; 12,800 in DeepSport.
    pub max_completion_tokens: usize,
    /// Rollouts sampled at once.
    pub batch_size: usize,
}

impl Default for RolloutConfig {
    fn default() -> Self {
        Self {
            temperature: 1.0,
            max_turns: 5,
            max_turn_tokens: 2048,
            max_completion_tokens: 12_800,
            batch_size: 64,
        }
    }
}

/// Where the log-probabilities before the first update come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OldLogps {
    /// From scoring the rollouts again: one more forward pass, and the mismatch of sampler and trainer is measured.
    #[default]
    Score,
    /// From sampling. Sound where the two are the same computation.
    Sampling,
}

/// What the policy should not stray from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReferenceConfig {
    /// The policy without its adapter.
    AdapterOff,
    /// A copy of the policy as it was at the start.
    #[default]
    Frozen,
    /// Such a copy, which follows: after every `every` steps it becomes `share * policy + (1 - share) * copy`.
    Following {
        /// Steps between.
        every: u64,
        /// How far it goes, in `[0, 1]`.
        share: f64,
    },
}

/// Which groups are worth training on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct FilterConfig {
    /// Drops groups whose rewards are all alike (DAPO's dynamic sampling).
    pub zero_std: bool,
    /// Drops groups whose share of right rollouts (accuracy at least 0.5) is outside `[low, high]`.
    pub pass_rate: Option<[f64; 2]>,
    /// Times that dropped groups are made up for with new prompts. After that a step trains on what there is.
    pub max_refills: usize,
}

fn one() -> usize {
    1
}

impl TrainerConfig {
    /// Small settings with every option at its default.
    #[must_use]
    pub fn new(loss: LossConfig, optim: OptimConfig) -> Self {
        Self {
            seed: 0,
            num_steps: 100,
            num_generations: 8,
            prompts_per_step: 4,
            rollout: RolloutConfig::default(),
            advantage: AdvantageConfig::default(),
            loss,
            correction: None,
            old_logps: OldLogps::default(),
            reference: ReferenceConfig::default(),
            num_iterations: 1,
            num_mini_batches: 1,
            micro_batch_size: 32,
            mask_truncated: false,
            filter: FilterConfig::default(),
            rollouts_ahead: 0,
            optim,
            keep: KeepConfig::default(),
        }
    }

    /// # Errors
    ///
    /// [`Error::Setting`] for the first setting that makes no sense.
    pub fn check(&self) -> Result<()> {
        let counts = [
            ("num_generations", self.num_generations),
            ("prompts_per_step", self.prompts_per_step),
            ("num_iterations", self.num_iterations),
            ("num_mini_batches", self.num_mini_batches),
            ("micro_batch_size", self.micro_batch_size),
            ("rollout.max_turns", self.rollout.max_turns),
            ("rollout.max_turn_tokens", self.rollout.max_turn_tokens),
            ("rollout.max_completion_tokens", self.rollout.max_completion_tokens),
            ("rollout.batch_size", self.rollout.batch_size),
        ];
        for (setting, value) in counts {
            if value == 0 {
                return Err(Error::Setting {
                    setting,
                    value: "0".into(),
                    fix: "it must be at least 1",
                });
            }
        }
        let temperature = self.rollout.temperature;
        if !(temperature.is_finite() && temperature > 0.0) {
            let (setting, value) = ("rollout.temperature", temperature.to_string());
            return Err(Error::Setting {
                setting,
                value,
                fix: "it must be above 0; greedy rollouts are all alike",
            });
        }
        if self
            .filter
            .pass_rate
            .is_some_and(|[low, high]| !(0.0 <= low && low <= high && high <= 1.0))
        {
            let value = format!("{:?}", self.filter.pass_rate);
            return Err(Error::Setting {
                setting: "filter.pass_rate",
                value,
                fix: "it must be [low, high] within 0 to 1",
            });
        }
        self.optim.check()
    }

    /// Updates of one step.
    #[must_use]
    pub fn updates_per_step(&self) -> u64 {
        (self.num_iterations * self.num_mini_batches) as u64
    }
}
