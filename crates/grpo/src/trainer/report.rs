//! The numbers of a step.

use super::lesson::Learned;
use super::rollout::{Batch, Rollout};
use super::{StepReport, Trainer};
use crate::advantage::Moments;
use crate::error::finite;
use crate::metrics::{Metrics, Phases, RolloutRecord, peak_memory_bytes};
use crate::{Environment, Media, Policy, Result};

/// Phases that are not the trainer's own work.
const WORK: [&str; 7] = [
    "generation",
    "environment",
    "reward",
    "scoring",
    "forward_backward",
    "optimizer",
    "wait_for_rollouts",
];

impl<P: Policy, E: Environment<Media = P::Media>> Trainer<P, E> {
    pub(super) fn report(
        &self,
        batch: &Batch<P::Media>,
        learned: &Learned,
        phases: &Phases,
        total_s: f64,
    ) -> Result<StepReport> {
        let mut metrics = Metrics::new();
        self.reward_metrics(&mut metrics, batch);
        completion_metrics(&mut metrics, &batch.rollouts);
        tool_metrics(&mut metrics, &batch.rollouts);
        self.sampling_metrics(&mut metrics, batch, learned);
        update_metrics(&mut metrics, learned);
        time_metrics(&mut metrics, batch, phases, total_s);
        metrics.insert("num_tokens".into(), self.num_tokens as f64);
        metrics.insert("epoch".into(), self.next_prompt as f64 / self.tasks.len() as f64);
        for (name, value) in &metrics {
            finite(format!("the metric `{name}`"), *value)?;
        }
        let records = batch
            .rollouts
            .iter()
            .enumerate()
            .map(|(idx, rollout)| self.record(batch, rollout, learned.advantages.values[idx]));
        Ok(StepReport { rollouts: records.collect(), metrics })
    }

    fn reward_metrics(&self, metrics: &mut Metrics, batch: &Batch<P::Media>) {
        spread(metrics, "reward", batch.rollouts.iter().map(|rollout| rollout.reward));
        for (idx, name) in self.rewards.names().iter().enumerate() {
            spread(
                metrics,
                &format!("rewards/{name}"),
                batch.rollouts.iter().map(|rollout| rollout.rewards[idx]),
            );
        }
        let drawn = &batch.drawn;
        let groups = drawn.groups.max(1) as f64;
        metrics.insert("groups/drawn".into(), drawn.groups as f64);
        metrics.insert(
            "groups/kept".into(),
            (batch.rollouts.len() / self.config.num_generations) as f64,
        );
        metrics.insert("frac_reward_zero_std".into(), drawn.zero_std as f64 / groups);
        metrics.insert("frac_outside_pass_rate".into(), drawn.pass_rate as f64 / groups);
        metrics.insert("frac_solved_by_none".into(), drawn.solved_by_none as f64 / groups);
        metrics.insert("frac_solved_by_all".into(), drawn.solved_by_all as f64 / groups);
    }

    fn sampling_metrics(&self, metrics: &mut Metrics, batch: &Batch<P::Media>, learned: &Learned) {
        let mismatch = &learned.mismatch;
        let staleness = (self.step - 1).saturating_sub(batch.sampled_at_step);
        let values = [
            ("sampling/staleness", staleness as f64),
            ("sampling/mismatch_kl", mismatch.kl),
            ("sampling/mismatch_kl_k3", mismatch.kl_k3),
            ("sampling/logp_difference_mean", mismatch.mean_abs_gap),
            ("sampling/logp_difference_max", mismatch.max_abs_gap),
            ("sampling/importance_ratio_min", mismatch.ratio[0]),
            ("sampling/importance_ratio_mean", mismatch.ratio[1]),
            ("sampling/importance_ratio_max", mismatch.ratio[2]),
            ("sampling/chi_square", mismatch.chi_square),
            ("sampling/effective_sample_size", mismatch.effective_sample_size),
            ("sampling/perplexity_trainer", mismatch.perplexity[0]),
            ("sampling/perplexity_sampler", mismatch.perplexity[1]),
            ("sampling/frac_corrected", mismatch.corrected),
        ];
        metrics.extend(values.map(|(name, value)| (name.to_owned(), value)));
    }

    fn record(
        &self,
        batch: &Batch<P::Media>,
        rollout: &Rollout<P::Media>,
        advantage: f64,
    ) -> RolloutRecord {
        let (task, trajectory) = (&self.tasks[rollout.task_idx], &rollout.trajectory);
        RolloutRecord {
            step: self.step,
            prompt_idx: rollout.prompt_idx,
            task_idx: rollout.task_idx,
            task: self.environment.task_name(task),
            generation_idx: rollout.generation_idx,
            sampled_at_step: batch.sampled_at_step,
            rewards: self
                .rewards
                .names()
                .into_iter()
                .zip(rollout.rewards.iter().copied())
                .collect(),
            reward: rollout.reward,
            advantage,
            outcome: rollout.outcome.clone(),
            truncated: trajectory.truncated(),
            parts: trajectory
                .parts()
                .iter()
                .map(|(role, range)| (*role, range.start, range.end))
                .collect(),
            ids: trajectory.ids().to_vec(),
            media: trajectory
                .media()
                .iter()
                .map(|item| (item.tokens.start, item.tokens.end, item.grid_thw))
                .collect(),
            transcript: self.environment.transcript(task, trajectory),
        }
    }
}

fn completion_metrics<M: Media>(metrics: &mut Metrics, rollouts: &[Rollout<M>]) {
    let length = |rollout: &Rollout<M>| rollout.trajectory.completion().len() as f64;
    range(metrics, "completions", "length", rollouts.iter().map(length));
    let ended = rollouts.iter().filter(|rollout| !rollout.trajectory.truncated());
    range(metrics, "completions", "terminated_length", ended.map(length));
    let turns = rollouts.iter().map(|rollout| rollout.trajectory.num_turns() as f64);
    range(metrics, "completions", "turns", turns);
    let truncated = |rollout: &Rollout<M>| rollout.trajectory.truncated();
    metrics.insert("completions/truncated".into(), share(rollouts, truncated));
    metrics.insert(
        "completions/invalid_format".into(),
        share(rollouts, |rollout| !rollout.outcome.format_valid),
    );
    metrics.insert(
        "completions/accuracy".into(),
        mean(rollouts.iter().map(|rollout| rollout.outcome.accuracy)),
    );
}

fn tool_metrics<M: Media>(metrics: &mut Metrics, rollouts: &[Rollout<M>]) {
    let called = |rollout: &Rollout<M>| rollout.outcome.num_tool_calls > 0;
    let calls: usize = rollouts.iter().map(|rollout| rollout.outcome.num_tool_calls).sum();
    let failed: usize = rollouts.iter().map(|rollout| rollout.outcome.num_failed_calls).sum();
    metrics.insert("tools/calls_per_question".into(), calls as f64 / rollouts.len().max(1) as f64);
    metrics.insert("tools/call_rate".into(), share(rollouts, called));
    metrics.insert("tools/failure_rate".into(), failed as f64 / calls.max(1) as f64);
    metrics.insert(
        "tools/frames_per_question".into(),
        mean(rollouts.iter().map(|rollout| rollout.outcome.num_frames as f64)),
    );
    for (name, hard) in [("hard", true), ("easy", false)] {
        let some: Vec<_> = rollouts
            .iter()
            .filter(|rollout| rollout.outcome.base_model_fails == Some(hard))
            .cloned()
            .collect();
        if !some.is_empty() {
            metrics.insert(format!("tools/call_rate_{name}"), share(&some, called));
            metrics.insert(
                format!("completions/accuracy_{name}"),
                mean(some.iter().map(|rollout| rollout.outcome.accuracy)),
            );
        }
    }
}

fn update_metrics(metrics: &mut Metrics, learned: &Learned) {
    let updates = &learned.updates;
    if updates.losses.is_empty() {
        return;
    }
    metrics.insert("loss".into(), mean(updates.losses.iter().copied()));
    metrics.insert("grad_norm".into(), mean(updates.grad_norms.iter().copied()));
    metrics.insert("learning_rate".into(), updates.rate);
    let tokens: f64 = updates.rows.iter().map(|row| row[5]).sum();
    let per_token =
        |column: usize| updates.rows.iter().map(|row| row[column]).sum::<f64>() / tokens.max(1.0);
    let names = ["kl", "entropy", "clip_ratio/low_mean", "clip_ratio/high_mean", "ratio/mean"];
    for (column, name) in names.into_iter().enumerate() {
        metrics.insert(name.into(), per_token(column));
    }
    metrics.insert("clip_ratio/region_mean".into(), per_token(2) + per_token(3));
    let of_rows = |column: usize| {
        updates.rows.iter().filter(|row| row[5] > 0.0).map(move |row| row[column] / row[5])
    };
    metrics.insert("clip_ratio/low_min".into(), of_rows(2).reduce(f64::min).unwrap_or(0.0));
    metrics.insert("clip_ratio/high_max".into(), of_rows(3).reduce(f64::max).unwrap_or(0.0));
}

fn time_metrics<M: Media>(metrics: &mut Metrics, batch: &Batch<M>, phases: &Phases, total_s: f64) {
    for (phase, seconds) in phases.iter() {
        metrics.insert(format!("time/{phase}_s"), seconds);
    }
    let own = (total_s - WORK.iter().map(|phase| phases.seconds(phase)).sum::<f64>()).max(0.0);
    metrics.insert("time/step_s".into(), total_s);
    metrics.insert("time/trainer_s".into(), own);
    metrics.insert("time/trainer_share".into(), own / total_s.max(f64::MIN_POSITIVE));
    let tokens = batch.drawn.tokens as f64;
    for (name, phase) in [("generation", "generation"), ("training", "forward_backward")] {
        if phases.seconds(phase) > 0.0 {
            metrics.insert(format!("tokens_per_s/{name}"), tokens / phases.seconds(phase));
        }
    }
    metrics.insert("tokens_per_s/step".into(), tokens / total_s.max(f64::MIN_POSITIVE));
    if let Some(bytes) = peak_memory_bytes() {
        metrics.insert("memory/peak_gb".into(), bytes as f64 / 1e9);
    }
}

fn share<T>(items: &[T], is: impl Fn(&T) -> bool) -> f64 {
    items.iter().filter(|item| is(item)).count() as f64 / items.len().max(1) as f64
}

fn mean(values: impl Iterator<Item = f64>) -> f64 {
    Moments::of(&values.collect::<Vec<_>>()).mean
}

fn spread(metrics: &mut Metrics, name: &str, values: impl Iterator<Item = f64>) {
    let Moments { mean, std } = Moments::of(&values.collect::<Vec<_>>());
    metrics.insert(format!("{name}/mean"), mean);
    metrics.insert(format!("{name}/std"), std);
}

/// Mean, smallest and largest; nothing where there are no values.
fn range(metrics: &mut Metrics, family: &str, name: &str, values: impl Iterator<Item = f64>) {
    let values: Vec<_> = values.collect();
    if let (Some(min), Some(max)) =
        (values.iter().copied().reduce(f64::min), values.iter().copied().reduce(f64::max))
    {
        metrics.insert(format!("{family}/{name}_mean"), Moments::of(&values).mean);
        metrics.insert(format!("{family}/{name}_min"), min);
        metrics.insert(format!("{family}/{name}_max"), max);
    }
}
