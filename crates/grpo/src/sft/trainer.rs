use std::path::PathBuf;
use std::time::Instant;

use burn::Tensor;
use burn::tensor::{Device, FloatDType, TensorData};
use serde::{Deserialize, Serialize};

use super::{PackedModel, PackedRow, pack};
use crate::checkpoint::{Checkpoints, KeepConfig};
use crate::metrics::{Event, Metrics, Observer, peak_memory_bytes};
use crate::optim::{Learner, OptimConfig};
use crate::policy::{rng, shuffle};
use crate::trainer::Ended;
use crate::{Error, Media, Result, Stop, Trajectory};

/// Settings of an [`SftTrainer`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SftConfig {
    /// Seed of the order within shards.
    #[serde(default)]
    pub seed: u64,
    /// Tokens of a packed row.
    pub max_row_tokens: usize,
    /// Rows of a step.
    pub rows_per_step: usize,
    /// Rows scored at once. Memory grows with it, the result does not depend on it.
    pub micro_batch_size: usize,
    /// The optimiser.
    pub optim: OptimConfig,
    /// Whether warm-up and decay start anew with each shard, or run once over all.
    #[serde(default)]
    pub schedule_per_shard: bool,
    /// Steps between evaluations; 0 for none but the last.
    #[serde(default)]
    pub eval_every: u64,
    /// Checkpoints.
    #[serde(default)]
    pub keep: KeepConfig,
}

/// One part of a curriculum.
#[derive(Clone, Debug)]
pub struct Shard<M: Media> {
    /// Its name.
    pub name: String,
    /// Demonstrations.
    pub examples: Vec<Trajectory<M>>,
    /// Times each is seen before the next shard.
    pub num_epochs: usize,
}

/// The rows of one step: for each the examples in it, by place in the shard.
#[derive(Clone, Debug, PartialEq)]
struct PlannedStep {
    shard_idx: usize,
    rows: Vec<Vec<usize>>,
}

/// Teaches a model to write as demonstrated.
///
/// The loss is the mean negative log-probability of the step's demonstrated tokens. Which examples come when is planned from the
/// seed, so a resumed run goes on bit for bit.
#[derive(Debug)]
pub struct SftTrainer<P: PackedModel> {
    pub(super) config: SftConfig,
    pub(super) learner: Learner<P>,
    shards: Vec<Shard<P::Media>>,
    evaluation: Vec<Trajectory<P::Media>>,
    plan: Vec<PlannedStep>,
    pub(super) checkpoints: Option<Checkpoints>,
    pub(super) step: u64,
    pub(super) num_tokens: u64,
    pub(super) saved_at: Option<u64>,
}

impl<P: PackedModel> SftTrainer<P> {
    /// A run over `shards`, in order. `evaluation` is held out, and may be empty. `model` must be on an autodiff device.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if a setting makes no sense or there is nothing to learn; [`Error::TooLong`] if an example exceeds a row.
    pub fn new(
        config: SftConfig,
        model: P,
        shards: Vec<Shard<P::Media>>,
        evaluation: Vec<Trajectory<P::Media>>,
    ) -> Result<Self> {
        let counts = [
            ("max_row_tokens", config.max_row_tokens),
            ("rows_per_step", config.rows_per_step),
            ("micro_batch_size", config.micro_batch_size),
            ("shards", shards.iter().map(|shard| shard.examples.len() * shard.num_epochs).sum()),
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
        config.optim.check()?;
        let plan = plan(&config, &shards)?;
        let learner = Learner::new(model, &config.optim);
        Ok(Self {
            config,
            learner,
            shards,
            evaluation,
            plan,
            checkpoints: None,
            step: 0,
            num_tokens: 0,
            saved_at: None,
        })
    }

    /// Saves checkpoints in a folder.
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

    /// Shares the gradients of each step with these devices, beside the one that the model is on: micro-batches
    /// are dealt out in turn, each device has a copy of the weights and a thread, and gradients are added up on the first.
    ///
    /// The result is that of one device but for the order in which gradients are added (some 1e-7 of them); a run on as many
    /// devices that compute alike repeats itself bit for bit, resumed or not. A run may be resumed on more or fewer devices.
    /// Evaluation stays on the first.
    #[must_use]
    pub fn with_devices(mut self, others: impl IntoIterator<Item = Device>) -> Self {
        self.learner.others = others.into_iter().collect();
        self
    }

    /// The model as trained so far.
    #[must_use]
    pub fn model(&self) -> &P {
        self.learner.module()
    }

    /// Ends the run and hands the model out.
    #[must_use]
    pub fn into_model(self) -> P {
        self.learner.into_module()
    }

    /// Steps of the whole curriculum.
    #[must_use]
    pub fn num_steps(&self) -> u64 {
        self.plan.len() as u64
    }

    /// Steps done.
    #[must_use]
    pub fn num_steps_done(&self) -> u64 {
        self.step
    }

    /// Trains to the end or until `stop` is requested, as [`Trainer::run`](crate::Trainer::run) does.
    ///
    /// # Errors
    ///
    /// Whatever stops it; the last checkpoint is then the place to resume from.
    pub fn run(&mut self, stop: &Stop, observer: &mut dyn Observer) -> Result<Ended> {
        let of = self.num_steps();
        if let (0, None, Some(checkpoints)) = (self.step, self.saved_at, &self.checkpoints) {
            checkpoints.check_empty()?;
        }
        while self.step < of {
            if stop.requested() {
                self.save_now(None, observer)?;
                return Ok(Ended::Stopped);
            }
            let mut metrics = self.step()?;
            let due =
                self.config.eval_every > 0 && self.step.is_multiple_of(self.config.eval_every);
            if !self.evaluation.is_empty() && (due || self.step == of) {
                let loss = self.evaluate(&self.evaluation)?;
                metrics.insert("eval/loss".into(), loss);
                metrics.insert("eval/score".into(), -loss); // higher is better: what `keep.best` looks for
            }
            observer.event(&Event::Step {
                step: self.step,
                of,
                metrics: &metrics,
                rollouts: &[],
            })?;
            if self.step == of || self.step.is_multiple_of(self.config.keep.every.max(1)) {
                self.save_now(Some(&metrics), observer)?;
            }
        }
        Ok(Ended::Finished)
    }

    /// One step.
    ///
    /// # Errors
    ///
    /// Whatever stops it, weights as before; [`Error::Setting`] after the last step.
    pub fn step(&mut self) -> Result<Metrics> {
        let start = Instant::now();
        let done = || Error::Setting {
            setting: "step",
            value: self.step.to_string(),
            fix: "all steps are done",
        };
        let planned = self.plan.get(self.step as usize).ok_or_else(done)?;
        let examples = &self.shards[planned.shard_idx].examples;
        let row =
            |items: &Vec<usize>| PackedRow::new(items.iter().map(|idx| &examples[*idx]).collect());
        let rows: Vec<_> = planned.rows.iter().map(row).collect();
        let count =
            |row: &PackedRow<'_, P::Media>| row.loss_mask().iter().filter(|own| **own).count();
        let num_learned: usize = rows.iter().map(count).sum();

        let micro_batches: Vec<_> = rows.chunks(self.config.micro_batch_size).collect();
        let (grads, losses) = self.learner.gradients(micro_batches.len(), |model, idx| {
            let loss = nll(model, micro_batches[idx])?.div_scalar(num_learned.max(1) as f64);
            let value = loss.clone().into_scalar::<f64>();
            Ok((loss, value))
        })?;
        let total: f64 = losses.iter().sum();
        if !total.is_finite() {
            return Err(Error::NotFinite { what: "the loss", value: total, step: self.step });
        }
        let (rate, shard_idx) = (self.rate(), planned.shard_idx);
        let num_tokens: usize = rows.iter().map(PackedRow::num_tokens).sum();
        let filled = num_tokens as f64 / (rows.len() * self.config.max_row_tokens) as f64;
        let norm = self.learner.update(grads, rate, self.config.optim.max_grad_norm, self.step)?;
        self.step += 1;
        self.num_tokens += num_tokens as u64;

        let seconds = start.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        let mut metrics: Metrics = [
            ("loss", total),
            ("grad_norm", norm),
            ("learning_rate", rate),
            ("shard", shard_idx as f64),
            ("num_tokens", self.num_tokens as f64),
            ("packing/filled", filled),
            ("time/step_s", seconds),
            ("tokens_per_s/step", num_tokens as f64 / seconds),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into();
        if let Some(bytes) = peak_memory_bytes() {
            metrics.insert("memory/peak_gb".into(), bytes as f64 / 1e9);
        }
        Ok(metrics)
    }

    /// Mean negative log-probability of the demonstrated tokens of `examples`, in nats.
    ///
    /// # Errors
    ///
    /// [`Error::TooLong`] if one exceeds a row; whatever stops the model.
    pub fn evaluate(&self, examples: &[Trajectory<P::Media>]) -> Result<f64> {
        let model = self.learner.module().valid();
        let lengths: Vec<_> = examples.iter().map(|example| example.ids().len()).collect();
        let rows = pack(&lengths, self.config.max_row_tokens)?;
        let rows: Vec<_> = rows
            .iter()
            .map(|items| PackedRow::new(items.iter().map(|idx| &examples[*idx]).collect()))
            .collect();
        let mut total = 0.0;
        for rows in rows.chunks(self.config.micro_batch_size) {
            total += nll(&model, rows)?.into_scalar::<f64>();
        }
        let tokens = rows.iter().flat_map(PackedRow::loss_mask).filter(|own| *own).count();
        crate::error::finite("the evaluation loss", total / tokens.max(1) as f64)
    }

    fn rate(&self) -> f64 {
        let (mut from, mut of) = (0, self.num_steps());
        if self.config.schedule_per_shard {
            let shard = self.plan[self.step as usize].shard_idx;
            from = self.plan.iter().take_while(|step| step.shard_idx < shard).count() as u64;
            of = self.plan.iter().filter(|step| step.shard_idx == shard).count() as u64;
        }
        self.config.optim.schedule.rate(self.step - from, of)
    }

    /// What a resumed run must share with the one that saved.
    pub(super) fn settings(&self) -> serde_json::Value {
        let shards = self
            .shards
            .iter()
            .map(|shard| (shard.name.clone(), shard.examples.len(), shard.num_epochs));
        let mut settings = serde_json::to_value(&self.config).unwrap_or_default();
        if let Some(settings) = settings.as_object_mut() {
            settings.retain(|name, _| name != "keep" && name != "eval_every");
            settings
                .insert("shards".into(), shards.map(|shard| serde_json::json!(shard)).collect());
        }
        settings
    }
}

/// Sum of the negative log-probabilities of the tokens that carry loss.
fn nll<P: PackedModel>(model: &P, rows: &[PackedRow<'_, P::Media>]) -> Result<Tensor<1>> {
    let logps = model.score_packed(rows)?.cast(FloatDType::F32);
    let [found, width] = logps.dims();
    let longest = rows.iter().map(PackedRow::num_tokens).max().unwrap_or(0);
    if found != rows.len() || width != longest {
        let (what, found, expected) =
            ("values of the model's scores", found * width, rows.len() * longest);
        return Err(Error::Count { what, found, expected });
    }
    let padded = |row: &PackedRow<'_, P::Media>| {
        let mask = row.loss_mask().into_iter().map(|own| f32::from(u8::from(own)));
        mask.chain(std::iter::repeat(0.0)).take(width).collect::<Vec<_>>()
    };
    let mask: Vec<f32> = rows.iter().flat_map(padded).collect();
    let mask = Tensor::<2>::from_data(TensorData::new(mask, [rows.len(), width]), &logps.device());
    Ok((logps * mask).sum().neg())
}

/// Shard by shard, epoch by epoch, shuffled anew each time, packed, and cut into steps.
fn plan<M: Media>(config: &SftConfig, shards: &[Shard<M>]) -> Result<Vec<PlannedStep>> {
    let mut plan = Vec::new();
    for (shard_idx, shard) in shards.iter().enumerate() {
        for epoch in 0..shard.num_epochs {
            let mut order: Vec<_> = (0..shard.examples.len()).collect();
            shuffle(&mut order, &mut rng(config.seed, shard_idx as u64, epoch as u64));
            let lengths: Vec<_> =
                order.iter().map(|idx| shard.examples[*idx].ids().len()).collect();
            let rows = pack(&lengths, config.max_row_tokens)?;
            let rows: Vec<Vec<usize>> = rows
                .into_iter()
                .map(|items| items.into_iter().map(|place| order[place]).collect())
                .collect();
            let steps = rows.chunks(config.rows_per_step);
            plan.extend(steps.map(|rows| PlannedStep { shard_idx, rows: rows.to_vec() }));
        }
    }
    Ok(plan)
}
