//! From prompts to finished, rewarded rollouts.

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::config::{RolloutConfig, TrainerConfig};
use super::order::Order;
use crate::advantage::{Moments, ZERO_STD};
use crate::loss::LossConfig;
use crate::metrics::Phases;
use crate::optim::OptimConfig;
use crate::policy::rng;
use crate::reward::{Finished, RewardSum};
use crate::{
    Environment, Error, Media, Outcome, Policy, Reply, Result, Rng, SampleRequest, Schedule,
    Trajectory,
};

/// One finished rollout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "M: Media")]
pub struct Rollout<M: Media> {
    /// Which prompt of the run; rollouts of a group share it.
    pub prompt_idx: u64,
    /// Which task of the data set.
    pub task_idx: usize,
    /// Place in the group.
    pub generation_idx: usize,
    /// What was read and written.
    pub trajectory: Trajectory<M>,
    /// What became of it.
    pub outcome: Outcome,
    /// Value of each reward.
    pub rewards: Vec<f64>,
    /// Their weighted sum.
    pub reward: f64,
}

/// Rolls out each of `tasks` once under `limits`, without a trainer and without rewards: how a policy is measured.
///
/// What task number `i` draws depends on `seed` and `i` alone.
///
/// # Errors
///
/// Whatever stops policy or environment; [`Error::Setting`] if a limit makes no sense.
pub fn play<P: Policy, E: Environment<Media = P::Media>>(
    policy: &P,
    environment: &E,
    tasks: &[E::Task],
    limits: RolloutConfig,
    seed: u64,
) -> Result<Vec<Rollout<P::Media>>> {
    let optim = OptimConfig::new(Schedule::constant(1.0)); // nothing is learned
    let config = TrainerConfig {
        seed,
        num_generations: 1,
        rollout: limits,
        ..TrainerConfig::new(LossConfig::grpo(), optim)
    };
    config.check()?;
    let rewards = RewardSum::default();
    let sampler = Sampler { config: &config, environment, tasks, rewards: &rewards };
    let prompts: Vec<_> = (0..tasks.len()).map(|idx| (idx as u64, idx)).collect();
    let groups = sampler.groups(policy, &prompts, &mut Phases::default())?;
    Ok(groups.into_iter().flatten().collect())
}

/// The rollouts of one step, group by group.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(bound = "M: Media")]
pub(crate) struct Batch<M: Media> {
    /// The step whose weights sampled it.
    pub(crate) sampled_at_step: u64,
    /// The first prompt that the next batch draws.
    pub(crate) next_prompt: u64,
    pub(crate) rollouts: Vec<Rollout<M>>,
    pub(crate) drawn: Drawn,
    #[serde(skip)]
    pub(crate) phases: Phases,
}

/// What dynamic sampling drew and dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Drawn {
    pub(crate) groups: usize,
    pub(crate) zero_std: usize,
    pub(crate) pass_rate: usize,
    pub(crate) solved_by_none: usize,
    pub(crate) solved_by_all: usize,
    pub(crate) tokens: usize,
}

/// What sampling needs besides a policy.
#[derive(Debug)]
pub(crate) struct Sampler<'a, E: Environment> {
    pub(crate) config: &'a TrainerConfig,
    pub(crate) environment: &'a E,
    pub(crate) tasks: &'a [E::Task],
    pub(crate) rewards: &'a RewardSum,
}

/// A rollout that is still going on.
struct Live<E: Environment> {
    prompt_idx: u64,
    task_idx: usize,
    generation_idx: usize,
    trajectory: Trajectory<E::Media>,
    state: E::State,
    rng: Rng,
    over: bool,
}

impl<E: Environment> Sampler<'_, E>
where
    E::Task: Sync,
{
    /// Rolls out the prompts from number `next_prompt` on, until `prompts_per_step` groups are worth training on or the refills
    /// are used up. `progress` hears how many groups there are.
    pub(crate) fn batch<P: Policy<Media = E::Media>>(
        &self,
        policy: &P,
        step: u64,
        mut next_prompt: u64,
        mut progress: impl FnMut(usize, usize) -> Result<()>,
    ) -> Result<Batch<E::Media>> {
        let wanted = self.config.prompts_per_step;
        let mut order = Order::new(self.config.seed, self.tasks.len());
        let (mut kept, mut drawn, mut phases) = (Vec::new(), Drawn::default(), Phases::default());
        for _ in 0..=self.config.filter.max_refills {
            let missing = (wanted - kept.len()) as u64;
            let prompts: Vec<_> =
                (next_prompt..next_prompt + missing).map(|idx| (idx, order.task(idx))).collect();
            next_prompt += missing;
            for group in self.groups(policy, &prompts, &mut phases)? {
                if self.keep(&group, &mut drawn) {
                    kept.push(group);
                }
            }
            progress(
                kept.len() * self.config.num_generations,
                wanted * self.config.num_generations,
            )?;
            if kept.len() == wanted {
                break;
            }
        }
        Ok(Batch {
            sampled_at_step: step,
            next_prompt,
            rollouts: kept.into_iter().flatten().collect(),
            drawn,
            phases,
        })
    }

    /// Whether a group is worth training on; counts it.
    fn keep(&self, group: &[Rollout<E::Media>], drawn: &mut Drawn) -> bool {
        let rewards: Vec<_> = group.iter().map(|rollout| rollout.reward).collect();
        let solved = group.iter().filter(|rollout| rollout.outcome.accuracy >= 0.5).count();
        let pass_rate = solved as f64 / group.len() as f64;
        let alike = Moments::of(&rewards).std < ZERO_STD;
        let outside = self
            .config
            .filter
            .pass_rate
            .is_some_and(|[low, high]| !(low..=high).contains(&pass_rate));
        drawn.groups += 1;
        drawn.zero_std += usize::from(alike);
        drawn.pass_rate += usize::from(outside);
        drawn.solved_by_none += usize::from(solved == 0);
        drawn.solved_by_all += usize::from(solved == group.len());
        drawn.tokens +=
            group.iter().map(|rollout| rollout.trajectory.completion().len()).sum::<usize>();
        !(outside || alike && self.config.filter.zero_std)
    }

    /// Rolls out each of `prompts`, (number, task), `num_generations` times.
    fn groups<P: Policy<Media = E::Media>>(
        &self,
        policy: &P,
        prompts: &[(u64, usize)],
        phases: &mut Phases,
    ) -> Result<Vec<Vec<Rollout<E::Media>>>> {
        let generations = self.config.num_generations;
        let each = prompts
            .iter()
            .flat_map(|prompt| (0..generations).map(move |generation| (*prompt, generation)));
        let start = |((prompt_idx, task_idx), generation_idx)| {
            let (trajectory, state) = self.environment.reset(&self.tasks[task_idx])?;
            let rng = rng(self.config.seed, prompt_idx, generation_idx as u64);
            let over = trajectory.room() == 0;
            Ok(Live { prompt_idx, task_idx, generation_idx, trajectory, state, rng, over })
        };
        let each: Vec<_> = each.collect();
        let mut live: Vec<Live<E>> = phases
            .time("environment", || each.into_par_iter().map(start).collect::<Result<_>>())?;
        while live.iter().any(|rollout| !rollout.over) {
            let mut going: Vec<_> = live.iter_mut().filter(|rollout| !rollout.over).collect();
            for some in going.chunks_mut(self.config.rollout.batch_size) {
                phases.time("generation", || self.sample_turns(policy, some))?;
            }
            phases.time("environment", || {
                going.into_par_iter().try_for_each(|rollout| self.answer(rollout))
            })?;
        }
        let finished: Vec<Rollout<_>> = phases.time("reward", || {
            live.into_par_iter().map(|rollout| self.finish(rollout)).collect::<Result<_>>()
        })?;
        let mut finished = finished.into_iter();
        Ok(prompts.iter().map(|_| finished.by_ref().take(generations).collect()).collect())
    }

    fn sample_turns<P: Policy<Media = E::Media>>(
        &self,
        policy: &P,
        live: &mut [&mut Live<E>],
    ) -> Result<()> {
        let limits = &self.config.rollout;
        let mut requests: Vec<_> = live
            .iter_mut()
            .map(|rollout| {
                let (trajectory, rng) = (&rollout.trajectory, &mut rollout.rng);
                let left =
                    limits.max_completion_tokens.saturating_sub(trajectory.completion().len());
                let max_new_tokens = limits.max_turn_tokens.min(left).min(trajectory.room());
                SampleRequest { trajectory, max_new_tokens, rng }
            })
            .collect();
        let turns = policy.sample(&mut requests, limits.temperature)?;
        if turns.len() != live.len() {
            return Err(Error::Count {
                what: "turns of the policy",
                found: turns.len(),
                expected: live.len(),
            });
        }
        for (rollout, turn) in live.iter_mut().zip(&turns) {
            rollout.trajectory.append_turn(turn)?;
            rollout.over = turn.truncated;
        }
        Ok(())
    }

    /// Lets the environment answer. Limits of turns and tokens end a rollout; an answer that does not fit is left out whole.
    fn answer(&self, rollout: &mut Live<E>) -> Result<()> {
        if rollout.over {
            return Ok(());
        }
        let limits = &self.config.rollout;
        let task = &self.tasks[rollout.task_idx];
        let Reply::Continue(segment) =
            self.environment.step(task, &mut rollout.state, &rollout.trajectory)?
        else {
            rollout.over = true;
            return Ok(());
        };
        let left =
            limits.max_completion_tokens.saturating_sub(rollout.trajectory.completion().len());
        let fits = segment.ids.len() < left.min(rollout.trajectory.room()); // and one token of a turn after it
        if fits && rollout.trajectory.num_turns() < limits.max_turns {
            return rollout.trajectory.append_observation(segment);
        }
        rollout.trajectory.mark_truncated();
        rollout.over = true;
        Ok(())
    }

    fn finish(&self, rollout: Live<E>) -> Result<Rollout<E::Media>> {
        let Live { prompt_idx, task_idx, generation_idx, trajectory, state, .. } = rollout;
        let outcome =
            self.environment.outcome(&self.tasks[task_idx], state, &trajectory)?.check()?;
        let policy_ids = trajectory.policy_ids();
        let finished = Finished {
            outcome: &outcome,
            policy_ids: &policy_ids,
            truncated: trajectory.truncated(),
        };
        let rewards = self.rewards.score(&finished)?;
        let reward = self.rewards.total(&rewards);
        Ok(Rollout { prompt_idx, task_idx, generation_idx, trajectory, outcome, rewards, reward })
    }
}
