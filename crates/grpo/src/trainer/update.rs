//! From scored rows to new weights: mini-batches, micro-batches, gradients.

use burn::Tensor;
use burn::optim::GradientsParams;
use burn::tensor::{Device, FloatDType, TensorData};

use super::config::TrainerConfig;
use crate::devices::{in_order, share_out};
use crate::loss::{LossInputs, Totals};
use crate::metrics::Phases;
use crate::optim::Learner;
use crate::policy::{rng, shuffle};
use crate::{Error, Media, Policy, Result, Trajectory};

/// One completion with all that its loss needs; lists run over the completion's tokens.
#[derive(Debug)]
pub(crate) struct Row<'a, M: Media> {
    pub(crate) trajectory: &'a Trajectory<M>,
    /// Which tokens carry loss.
    pub(crate) mask: Vec<bool>,
    pub(crate) advantage: f64,
    pub(crate) old_logps: Vec<f32>,
    pub(crate) ref_logps: Option<Vec<f32>>,
    pub(crate) correction: Option<Vec<f32>>,
}

impl<M: Media> Row<'_, M> {
    fn num_tokens(&self) -> usize {
        self.mask.iter().filter(|own| **own).count()
    }
}

/// What the updates of one step came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct UpdateStats {
    pub(crate) losses: Vec<f64>,
    pub(crate) grad_norms: Vec<f64>,
    pub(crate) rate: f64,
    /// Per row and update: divergence, entropy, clipped below, clipped above, ratio (sums over tokens), and tokens.
    pub(crate) rows: Vec<[f64; 6]>,
}

const MINI_BATCH_STREAM: u64 = u64::MAX - 1;

/// All updates of a step.
pub(crate) fn update<P: Policy>(
    learner: &mut Learner<P>,
    rows: &[Row<'_, P::Media>],
    config: &TrainerConfig,
    step: u64,
    phases: &mut Phases,
    mut progress: impl FnMut(usize, usize) -> Result<()>,
) -> Result<UpdateStats> {
    let mut stats = UpdateStats::default();
    let (batch_rows, batch_tokens) = (rows.len(), rows.iter().map(Row::num_tokens).sum());
    let num_updates = config.updates_per_step();
    let mut order: Vec<_> = rows.iter().collect();
    for iteration in 0..config.num_iterations {
        if config.num_mini_batches > 1 {
            let number = step * config.num_iterations as u64 + iteration as u64;
            shuffle(&mut order, &mut rng(config.seed, MINI_BATCH_STREAM, number));
        }
        for (idx, mini_batch) in even_chunks(&order, config.num_mini_batches).enumerate() {
            let tokens = mini_batch.iter().map(|row| row.num_tokens()).sum();
            let totals = Totals { rows: mini_batch.len(), tokens, batch_rows, batch_tokens };
            let (grads, loss) = phases.time("forward_backward", || {
                accumulate(learner, mini_batch, config, &totals, &mut stats)
            })?;
            if !loss.is_finite() {
                return Err(Error::NotFinite { what: "the loss", value: loss, step });
            }
            let done = iteration * config.num_mini_batches + idx;
            stats.rate = config
                .optim
                .schedule
                .rate(step * num_updates + done as u64, config.num_steps * num_updates);
            let norm = phases.time("optimizer", || {
                learner.update(grads, stats.rate, config.optim.max_grad_norm, step)
            })?;
            stats.losses.push(loss);
            stats.grad_norms.push(norm);
            progress(done + 1, num_updates as usize)?;
        }
    }
    Ok(stats)
}

/// Splits into `count` pieces whose lengths differ by at most 1; fewer where there are fewer items.
fn even_chunks<T>(items: &[T], count: usize) -> impl Iterator<Item = &[T]> {
    let bound = move |idx: usize| idx * items.len() / count;
    (0..count).map(move |idx| &items[bound(idx)..bound(idx + 1)]).filter(|chunk| !chunk.is_empty())
}

/// The gradients of a mini-batch, added up over micro-batches.
fn accumulate<P: Policy>(
    learner: &Learner<P>,
    rows: &[&Row<'_, P::Media>],
    config: &TrainerConfig,
    totals: &Totals,
    stats: &mut UpdateStats,
) -> Result<(GradientsParams, f64)> {
    let micro_batches: Vec<_> = rows.chunks(config.micro_batch_size).collect();
    let (grads, parts) = learner.gradients(micro_batches.len(), |policy, idx| {
        let rows = micro_batches[idx];
        let trajectories: Vec<_> = rows.iter().map(|row| row.trajectory).collect();
        let scores = policy.score(&trajectories, config.rollout.temperature)?;
        let [logps, entropy] =
            [scores.logps, scores.entropy].map(|tensor| tensor.cast(FloatDType::F32));
        let inputs = inputs(rows, logps, entropy)?;
        let loss = config.loss.evaluate(inputs, totals);
        let total = loss.loss.clone().into_scalar::<f64>();
        let sums = floats(loss.row_sums);
        let of_rows: Vec<_> = rows
            .iter()
            .zip(sums.chunks(5))
            .map(|(row, sums)| {
                let sum = |idx: usize| f64::from(sums[idx]);
                [sum(0), sum(1), sum(2), sum(3), sum(4), row.num_tokens() as f64]
            })
            .collect();
        Ok((loss.loss, (total, of_rows)))
    })?;
    let total = parts.iter().map(|(total, _)| total).sum();
    stats.rows.extend(parts.into_iter().flat_map(|(_, rows)| rows));
    Ok((grads, total))
}

/// The tensors of a micro-batch, as wide as the policy's scores.
fn inputs<M: Media>(
    rows: &[&Row<'_, M>],
    logps: Tensor<2>,
    entropy: Tensor<2>,
) -> Result<LossInputs> {
    let (device, [found, width]) = (logps.device(), logps.dims());
    check_shape([found, width], rows.iter().map(|row| row.mask.len()))?;
    let one = |own: &bool| f32::from(u8::from(*own));
    let masked = |row: &Row<'_, M>, values: &[f32]| {
        values
            .iter()
            .zip(&row.mask)
            .map(|(value, own)| if *own { *value } else { 0.0 })
            .collect::<Vec<_>>()
    };
    // Rows agree on whether they have these lists.
    let optional = |lists: Vec<Option<Vec<f32>>>| {
        lists
            .into_iter()
            .collect::<Option<Vec<_>>>()
            .map(|lists| padded(lists.into_iter(), width, &device))
    };
    let reference = |row: &&Row<'_, M>| row.ref_logps.as_ref().map(|values| masked(row, values));
    let correction = |row: &&Row<'_, M>| row.correction.as_ref().map(|values| masked(row, values));
    Ok(LossInputs {
        old_logps: padded(rows.iter().map(|row| masked(row, &row.old_logps)), width, &device),
        ref_logps: optional(rows.iter().map(reference).collect()),
        advantages: padded(rows.iter().map(|row| vec![row.advantage as f32]), 1, &device),
        mask: padded(rows.iter().map(|row| row.mask.iter().map(one).collect()), width, &device),
        correction: optional(rows.iter().map(correction).collect()),
        logps,
        entropy,
    })
}

/// `[rows, width]`, zeros behind shorter rows.
fn padded(
    rows: impl ExactSizeIterator<Item = Vec<f32>>,
    width: usize,
    device: &Device,
) -> Tensor<2> {
    let count = rows.len();
    let mut values = Vec::with_capacity(count * width);
    for mut row in rows {
        row.resize(width, 0.0);
        values.extend(row);
    }
    Tensor::from_data(TensorData::new(values, [count, width]), device)
}

/// Log-probabilities of the completions under a policy, without gradients; on `others`, too.
pub(crate) fn score<P: Policy>(
    policy: &P,
    others: &[Device],
    trajectories: &[&Trajectory<P::Media>],
    config: &TrainerConfig,
) -> Result<Vec<Vec<f32>>> {
    let micro_batches: Vec<_> = trajectories.chunks(config.micro_batch_size).collect();
    let shares = share_out(policy, others, micro_batches.len(), |policy, share| {
        share.map(|idx| Ok((idx, score_rows(policy, micro_batches[idx], config)?))).collect()
    })?;
    Ok(in_order(shares).into_iter().flatten().collect())
}

fn score_rows<P: Policy>(
    policy: &P,
    rows: &[&Trajectory<P::Media>],
    config: &TrainerConfig,
) -> Result<Vec<Vec<f32>>> {
    let logps = policy.score(rows, config.rollout.temperature)?.logps.cast(FloatDType::F32);
    let [found, width] = logps.dims();
    check_shape([found, width], rows.iter().map(|row| row.completion().len()))?;
    let values = floats(logps);
    let mut all = Vec::with_capacity(rows.len());
    for (row, values) in rows.iter().zip(values.chunks(width.max(1))) {
        let logps = &values[..row.completion().len()];
        let own = &row.policy_mask()[row.completion()];
        if let Some((idx, (value, _))) =
            logps.iter().zip(own).enumerate().find(|(_, (value, own))| **own && !value.is_finite())
        {
            return Err(Error::Logp { idx, value: *value });
        }
        all.push(logps.to_vec());
    }
    Ok(all)
}

fn check_shape(
    [rows, width]: [usize; 2],
    lengths: impl ExactSizeIterator<Item = usize>,
) -> Result<()> {
    let (expected, longest) = (lengths.len(), lengths.max().unwrap_or(0));
    if rows != expected {
        return Err(Error::Count { what: "rows of the policy's scores", found: rows, expected });
    }
    if width < longest {
        return Err(Error::Count {
            what: "columns of the policy's scores",
            found: width,
            expected: longest,
        });
    }
    Ok(())
}

fn floats(tensor: Tensor<2>) -> Vec<f32> {
    tensor.into_data().iter::<f32>().collect()
}
