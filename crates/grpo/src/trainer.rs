//! Rollout, reward, advantage, update; again.

mod config;
mod order; // which task is next
mod rollout; // from prompts to rewarded rollouts
mod lesson; // from those to what is to be learned
mod update; // from that to new weights
mod report;
mod state;

pub use config::{FilterConfig, OldLogps, ReferenceConfig, RolloutConfig, TrainerConfig};
pub use rollout::{Rollout, play};

use std::collections::VecDeque;
use std::path::PathBuf;
use std::time::Instant;

use burn::tensor::Device;

use crate::checkpoint::Checkpoints;
use crate::metrics::{Event, Metrics, Observer, Phases, RolloutRecord};
use crate::optim::{Learner, mix};
use crate::reward::RewardSum;
use crate::{Environment, Error, Policy, Result, Stop};
use lesson::{Learned, Lesson, no_adapter};
use rollout::{Batch, Sampler};

/// Trains a policy in an environment by GRPO and its kin.
///
/// A step samples `prompts_per_step * num_generations` rollouts, values them, compares each with its group, and updates the
/// weights. All chance is a function of the seed and the place in the run, so a run that is resumed from a checkpoint goes on bit
/// for bit as the uninterrupted one does (on devices whose arithmetic is reproducible, as the CPU's).
#[derive(Debug)]
pub struct Trainer<P: Policy, E: Environment<Media = P::Media>> {
    config: TrainerConfig,
    learner: Learner<P>,
    reference: Option<P>,
    environment: E,
    tasks: Vec<E::Task>,
    rewards: RewardSum,
    checkpoints: Option<Checkpoints>,
    /// Steps done.
    step: u64,
    /// The next prompt to draw, counted over all epochs.
    next_prompt: u64,
    /// Completion tokens seen.
    num_tokens: u64,
    /// Batches sampled ahead, oldest first.
    ahead: VecDeque<Batch<P::Media>>,
    saved_at: Option<u64>,
}

/// One step's numbers and rollouts.
#[derive(Clone, Debug)]
pub struct StepReport {
    /// Named numbers.
    pub metrics: Metrics,
    /// The rollouts, in words if the environment can tell them.
    pub rollouts: Vec<RolloutRecord>,
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All steps are done.
    Finished,
    /// It was asked to stop.
    Stopped,
}

impl<P: Policy, E: Environment<Media = P::Media>> Trainer<P, E> {
    /// A run at its first step. `policy` must be on an autodiff device.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a setting makes no sense, there is no task or reward, or the reference is to be the policy without
    /// an adapter that it does not have.
    pub fn new(
        config: TrainerConfig,
        policy: P,
        environment: E,
        tasks: Vec<E::Task>,
        rewards: RewardSum,
    ) -> Result<Self> {
        config.check()?;
        for (setting, count) in [("tasks", tasks.len()), ("rewards", rewards.names().len())] {
            if count == 0 {
                return Err(Error::Setting {
                    setting,
                    value: "empty".into(),
                    fix: "give at least one",
                });
            }
        }
        let reference = match config.reference {
            _ if config.loss.beta == 0.0 => None,
            ReferenceConfig::AdapterOff => None, // made when needed: it shares the policy's base weights
            ReferenceConfig::Frozen | ReferenceConfig::Following { .. } => Some(policy.valid()),
        };
        let off = config.loss.beta != 0.0 && config.reference == ReferenceConfig::AdapterOff;
        if off && policy.without_adapter().is_none() {
            return Err(no_adapter());
        }
        let learner = Learner::new(policy, &config.optim);
        Ok(Self {
            config,
            learner,
            reference,
            environment,
            tasks,
            rewards,
            checkpoints: None,
            step: 0,
            next_prompt: 0,
            num_tokens: 0,
            ahead: VecDeque::new(),
            saved_at: None,
        })
    }

    /// Saves checkpoints in a folder. A run that does not [`resume`](Self::resume) wants one without checkpoints.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn with_checkpoints(mut self, dir: impl Into<PathBuf>) -> Result<Self> {
        let checkpoints = Checkpoints::open(dir)?;
        checkpoints.clear_unfinished()?;
        self.checkpoints = Some(checkpoints);
        Ok(self)
    }

    /// Shares the scoring and the gradients of each step with these devices, beside the one that the policy is on: micro-batches
    /// are dealt out in turn, each device has a copy of the weights and a thread, and gradients are added up on the first.
    ///
    /// The result is that of one device but for the order in which gradients are added (some 1e-7 of them); a run on as many
    /// devices that compute alike repeats itself bit for bit, resumed or not. A run may be resumed on more or fewer devices.
    /// Sampling stays on the first.
    #[must_use]
    pub fn with_devices(mut self, others: impl IntoIterator<Item = Device>) -> Self {
        self.learner.others = others.into_iter().collect();
        self
    }

    /// The policy as trained so far.
    #[must_use]
    pub fn policy(&self) -> &P {
        self.learner.module()
    }

    /// Ends the run and hands the policy out.
    #[must_use]
    pub fn into_policy(self) -> P {
        self.learner.into_module()
    }

    /// Steps done.
    #[must_use]
    pub fn num_steps_done(&self) -> u64 {
        self.step
    }

    /// Trains until all steps are done or `stop` is requested, which lets the present step finish. Saves every so often, and at
    /// the end.
    ///
    /// # Errors
    ///
    /// Whatever stops it; the last checkpoint is then the place to resume from. [`Error::Exists`] if a new run would write among
    /// the checkpoints of another.
    pub fn run(&mut self, stop: &Stop, observer: &mut dyn Observer) -> Result<Ended> {
        if let (0, None, Some(checkpoints)) = (self.step, self.saved_at, &self.checkpoints) {
            checkpoints.check_empty()?;
        }
        while self.step < self.config.num_steps {
            if stop.requested() {
                self.save_now(None, observer)?;
                return Ok(Ended::Stopped);
            }
            let report = self.step_observed(observer)?;
            let (step, of) = (self.step, self.config.num_steps);
            observer.event(&Event::Step {
                step,
                of,
                metrics: &report.metrics,
                rollouts: &report.rollouts,
            })?;
            if step == of || step.is_multiple_of(self.config.keep.every.max(1)) {
                self.save_now(Some(&report.metrics), observer)?;
            }
        }
        Ok(Ended::Finished)
    }

    /// One step.
    ///
    /// # Errors
    ///
    /// Whatever stops it. Weights, optimiser and place are then those of before, unless some of several updates were done.
    pub fn step(&mut self) -> Result<StepReport> {
        self.step_observed(&mut |_: &Event<'_>| Ok(()))
    }

    fn step_observed(&mut self, observer: &mut dyn Observer) -> Result<StepReport> {
        let start = Instant::now();
        let mut phases = Phases::default();
        let (batch, learned) = if self.config.rollouts_ahead == 0 {
            let batch = self.sample(observer)?;
            phases.merge(batch.phases.clone());
            let (lesson, learner) = self.lesson();
            let learned = lesson.learn(learner, &batch, observer, &mut phases)?;
            (batch, learned)
        } else {
            self.step_ahead(observer, &mut phases)?
        };
        self.next_prompt = self.ahead.back().unwrap_or(&batch).next_prompt;
        self.num_tokens += batch.drawn.tokens as u64;
        self.step += 1;
        self.follow()?;
        self.report(&batch, &learned, &phases, start.elapsed().as_secs_f64())
    }

    fn sampler(&self) -> Sampler<'_, E> {
        let Self { config, environment, tasks, rewards, .. } = self;
        Sampler { config, environment, tasks, rewards }
    }

    fn sample(&self, observer: &mut dyn Observer) -> Result<Batch<P::Media>> {
        let policy = self.policy().valid();
        let progress = |done, of| observer.event(&Event::Rollouts { done, of });
        self.sampler().batch(&policy, self.step, self.next_prompt, progress)
    }

    fn lesson(&mut self) -> (Lesson<'_, P>, &mut Learner<P>) {
        let Self { config, learner, reference, rewards, step, .. } = self;
        (
            Lesson {
                config,
                reference: reference.as_ref(),
                weights: rewards.weights(),
                step: *step,
            },
            learner,
        )
    }

    /// Trains on the oldest batch while another thread samples the next with the weights of now.
    fn step_ahead(
        &mut self,
        observer: &mut dyn Observer,
        phases: &mut Phases,
    ) -> Result<(Batch<P::Media>, Learned)> {
        while (self.ahead.len() as u64) < self.config.rollouts_ahead {
            let batch = self.sample(observer)?;
            self.next_prompt = batch.next_prompt;
            self.ahead.push_back(batch);
        }
        let oldest = match self.ahead.pop_front() {
            Some(oldest) => oldest,
            None => self.sample(observer)?,
        };
        let policy = self.policy().valid();
        let Self { config, learner, reference, environment, tasks, rewards, .. } = self;
        let (step, next_prompt, tasks) = (self.step, self.next_prompt, &tasks[..]);
        let lesson =
            Lesson { config, reference: reference.as_ref(), weights: rewards.weights(), step };
        let sampler = Sampler { config, environment, tasks, rewards };
        let (new, learned) = std::thread::scope(|scope| {
            let sampling =
                scope.spawn(move || sampler.batch(&policy, step, next_prompt, |_, _| Ok(())));
            let learned = lesson.learn(learner, &oldest, observer, phases);
            let new = phases.time("wait_for_rollouts", || sampling.join());
            (new.unwrap_or_else(|panic| std::panic::resume_unwind(panic)), learned)
        });
        match new.and_then(|new| Ok((new, learned?))) {
            Ok((new, learned)) => {
                self.ahead.push_back(new);
                Ok((oldest, learned))
            }
            Err(error) => {
                self.ahead.push_front(oldest);
                Err(error)
            }
        }
    }

    /// Lets a following reference follow.
    fn follow(&mut self) -> Result<()> {
        if let (ReferenceConfig::Following { every, share }, Some(_)) =
            (self.config.reference, &self.reference)
            && self.step.is_multiple_of(every.max(1))
            && let Some(reference) = self.reference.take()
        {
            self.reference = Some(mix(reference, self.policy(), share));
        }
        Ok(())
    }
}
