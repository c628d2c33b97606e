//! From rewarded rollouts to rows to learn from.

use super::config::{OldLogps, TrainerConfig};
use super::rollout::Batch;
use super::update::{Row, UpdateStats, score, update};
use crate::advantage::{Advantages, advantages};
use crate::loss::Mismatch;
use crate::metrics::{Event, Observer, Phases};
use crate::optim::Learner;
use crate::{Error, Policy, Result};

/// What a step needs to know besides its rollouts and the weights.
#[derive(Debug)]
pub(crate) struct Lesson<'a, P> {
    pub(crate) config: &'a TrainerConfig,
    /// The frozen reference, if there is one.
    pub(crate) reference: Option<&'a P>,
    /// Of the rewards.
    pub(crate) weights: Vec<f64>,
    pub(crate) step: u64,
}

/// What learning from a batch came to.
#[derive(Clone, Debug)]
pub(crate) struct Learned {
    pub(crate) advantages: Advantages,
    pub(crate) mismatch: Mismatch,
    pub(crate) updates: UpdateStats,
}

pub(crate) fn no_adapter() -> Error {
    let fix = "the policy has no adapter to switch off; take `frozen`";
    Error::Setting { setting: "reference", value: "adapter_off".into(), fix }
}

impl<P: Policy> Lesson<'_, P> {
    /// Compares rollouts with their groups, scores them by policy and reference, and updates the weights.
    pub(crate) fn learn(
        &self,
        learner: &mut Learner<P>,
        batch: &Batch<P::Media>,
        observer: &mut dyn Observer,
        phases: &mut Phases,
    ) -> Result<Learned> {
        let config = self.config;
        let rewards: Vec<_> =
            batch.rollouts.iter().map(|rollout| rollout.rewards.clone()).collect();
        let advantages =
            advantages(&rewards, &self.weights, config.num_generations, &config.advantage)?;
        if batch.rollouts.is_empty() {
            // Every group was dropped: nothing to learn from.
            return Ok(Learned {
                advantages,
                mismatch: Mismatch::default(),
                updates: UpdateStats::default(),
            });
        }
        let trajectories: Vec<_> =
            batch.rollouts.iter().map(|rollout| &rollout.trajectory).collect();
        let sampled: Vec<_> =
            trajectories.iter().map(|one| one.logps()[one.completion()].to_vec()).collect();
        let policy = learner.module().valid();
        let old_logps = match config.old_logps {
            OldLogps::Sampling => sampled.clone(),
            OldLogps::Score => {
                phases.time("scoring", || score(&policy, &learner.others, &trajectories, config))?
            }
        };
        let ref_logps = if config.loss.beta == 0.0 {
            None
        } else {
            let without_adapter =
                if self.reference.is_none() { policy.without_adapter() } else { None };
            let reference = self.reference.or(without_adapter.as_ref()).ok_or_else(no_adapter)?;
            Some(
                phases
                    .time("scoring", || score(reference, &learner.others, &trajectories, config))?,
            )
        };
        drop(policy); // shares its weights with the learner's, which can then be updated in place

        let own = |idx: usize| &trajectories[idx].policy_mask()[trajectories[idx].completion()];
        let pairs =
            (0..sampled.len()).map(|idx| (&old_logps[idx][..], &sampled[idx][..], own(idx)));
        let mismatch = Mismatch::of(pairs, config.correction.as_ref())?;
        let mut rows = Vec::with_capacity(trajectories.len());
        for (idx, trajectory) in trajectories.iter().enumerate() {
            let masked = config.mask_truncated && trajectory.truncated();
            let weights = config
                .correction
                .map(|correction| correction.weights(&old_logps[idx], &sampled[idx], own(idx)));
            rows.push(Row {
                trajectory,
                mask: own(idx).iter().map(|own| *own && !masked).collect(),
                advantage: advantages.values[idx],
                old_logps: old_logps[idx].clone(),
                ref_logps: ref_logps.as_ref().map(|all| all[idx].clone()),
                correction: weights.transpose()?,
            });
        }
        let progress = |done, of| observer.event(&Event::Updates { done, of });
        let updates = update(learner, &rows, config, self.step, phases, progress)?;
        Ok(Learned { advantages, mismatch, updates })
    }
}
