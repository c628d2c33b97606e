//! Losses, gradients, clipping and steps of AdamW.

use std::cell::OnceCell;
use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use burn::optim::{AdamWConfig, GradientsParams};
use burn::tensor::{Tensor, TensorData};
use deepsport_model::Network;
use deepsport_model::training::{ScoreSettings, clip_global_norm};
use serde_json::Value;

use super::golden::{Golden, field};
use super::model::{LOG_PROB, Model, Row, values};
use super::report::Stages;
use super::rounding::{Shaken, Spread, noise, unsettled};

/// Advised: losses 1e-4; gradients 1e-3 relative (seen 1e-5); weights after one step 2e-5, after three 1e-5, but in single
/// elements where the gradient crosses zero 1e-3. Steps of AdamW carry rounding on through the sign of such gradients: see
/// [`rounding`](super::rounding) for what holds where that takes more.
const LOSS: f64 = 1e-4;
const GRADIENT: f64 = 1e-3;
const AFTER_STEP_1: f64 = 2e-5;
const AFTER_STEP_3: f64 = 1e-5;
const AFTER_STEP_3_SINGLE: f64 = 1e-3;
/// One in so many elements counts as single.
const SINGLE: usize = 200;

pub(crate) fn compare(model: &Model, stages: &mut Stages) -> Result<()> {
    for kind in model.kinds() {
        let file = format!("training_{kind}");
        let (Some(golden), Some(json)) = (model.golden(&file)?, model.json(&file)?) else {
            continue;
        };
        let name = format!("training/{kind}");
        stages.group(&name, |stages| one(model, &kind, &golden, &json, &name, stages));
    }
    Ok(())
}

pub(super) type ByName = BTreeMap<String, Vec<f32>>;

/// What steps of training start from.
struct Start<'a> {
    network: Network,
    rows: &'a [Row],
    golden: &'a Golden,
    adamw: AdamWConfig,
    rate: f64,
    num_steps: usize,
    /// Of gradients, relative to their size.
    noise: f64,
}

/// What steps of training gave.
pub(super) struct Run {
    pub(super) losses: Vec<f32>,
    /// Of all gradients together.
    pub(super) norms: Vec<f64>,
    /// Behind each step.
    pub(super) weights: Vec<ByName>,
    /// Of the first step.
    first: Option<(Vec<f32>, ByName)>,
}

struct Step {
    loss: f32,
    log_probs: Vec<f32>,
    gradients: GradientsParams,
}

impl Start<'_> {
    fn run(&self, mut shaken: Option<Shaken>) -> Result<Run> {
        let (mut network, mut optimizer) = (self.network.clone(), self.adamw.init());
        let mut run = Run { losses: vec![], norms: vec![], weights: vec![], first: None };
        for i in 0..self.num_steps {
            let mut step = step(&network, self.rows, self.golden)?;
            if let Some(shaken) = &mut shaken {
                step.gradients = shaken.gradients(&network, step.gradients);
            }
            let gradients = gradients_by_name(&network, &step.gradients);
            run.losses.push(step.loss);
            run.norms.push(norm(gradients.values().flatten()));
            if i == 0 {
                run.first = Some((step.log_probs, gradients));
            }
            network = optimizer.step(self.rate, network, step.gradients);
            run.weights.push(weights_by_name(&network));
        }
        Ok(run)
    }

    /// What rounding of gradients does to this training.
    fn spread(&self, plain: &Run) -> Result<Spread> {
        let mut spread = Spread::default();
        for seed in 0..Spread::RUNS {
            spread.widen(plain, &self.run(Some(Shaken::new(self.noise, seed)))?);
        }
        Ok(spread)
    }
}

/// Mean negative log-likelihood of the marked tokens, and its gradients.
fn step(network: &Network, rows: &[Row], golden: &Golden) -> Result<Step> {
    let sequences: Vec<_> = rows.iter().map(|row| &row.sequence).collect();
    let scores =
        network.token_scores(&sequences, &vec![1; rows.len()], &ScoreSettings::default())?;
    let [num_rows, columns] = scores.log_probs.dims();
    let mask = golden.ints("loss_mask")?;
    let weights: Vec<f32> =
        mask.chunks(columns + 1).flat_map(|row| row[1..].iter().map(|m| *m as f32)).collect();
    let count: f32 = weights.iter().sum();
    let device = network.device().without_autodiff();
    let weights = Tensor::<2>::from_data(TensorData::new(weights, [num_rows, columns]), &device);
    let log_probs = values(&scores.log_probs)?;
    let loss = (scores.log_probs * weights).sum().neg().div_scalar(count);
    let value = *values(&loss)?.first().context("no loss")?;
    Ok(Step {
        loss: value,
        log_probs,
        gradients: GradientsParams::from_grads(loss.backward(), network),
    })
}

fn gradients_by_name(network: &Network, gradients: &GradientsParams) -> ByName {
    let mut all = ByName::new();
    network.for_each_gradient(gradients, &mut |tensor| {
        all.insert(tensor.name, tensor.values);
    });
    all
}

fn weights_by_name(network: &Network) -> ByName {
    let mut all = ByName::new();
    network.for_each_weight(&mut |tensor| {
        all.insert(tensor.name, tensor.values);
    });
    all
}

fn norm<'a>(values: impl IntoIterator<Item = &'a f32>) -> f64 {
    values.into_iter().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

fn one(
    model: &Model,
    kind: &str,
    golden: &Golden,
    json: &Value,
    name: &str,
    stages: &mut Stages,
) -> Result<()> {
    let network = model.network_on(&format!("{kind}_f32"), &model.device.clone().autodiff())?;
    let (pictures, clips): (Vec<String>, Vec<String>) =
        (field(json, "pictures")?, field(json, "clips")?);
    let Some(rows) = model.rows(golden, &pictures, &clips, network.config())? else {
        return Ok(());
    };
    let losses: Vec<f32> = field(json, "loss_per_step")?;
    let norms: Vec<f64> = field(json, "grad_norm_per_step")?;
    let adamw = &json["adamw"];
    let betas: [f32; 2] = field(adamw, "betas")?;
    let epsilon: f32 = field(adamw, "eps")?;
    let start = Start {
        network,
        rows: &rows,
        golden,
        adamw: AdamWConfig::new()
            .with_beta_1(betas[0])
            .with_beta_2(betas[1])
            .with_epsilon(epsilon)
            .with_weight_decay(field(adamw, "weight_decay")?),
        rate: field(adamw, "lr")?,
        num_steps: losses.len(),
        noise: noise(json),
    };
    let found = start.run(None)?;
    let (log_probs, gradients) = found.first.as_ref().context("no step of training")?;
    stages.close(&format!("{name}/loss.0"), &found.losses[..1], &losses[..1], LOSS);
    if let Some(loss) = json["loss_f64_step_0"].as_f64() {
        stages.close(&format!("{name}/loss_f64.0"), &found.losses[..1], &[loss as f32], LOSS);
    }
    let expected = golden.floats("token_logprob")?;
    let case: String = field(json, "case")?;
    let reference = || model.log_prob_rounding(&case, kind);
    let stage = format!("{name}/token_logprob");
    stages.close_or(&stage, log_probs, &expected, LOG_PROB, reference)?;
    compare_gradients(gradients, golden, json, name, stages)?;
    let key = "clipped_grad.model.norm.weight";
    if golden.has(key) {
        let again = step(&start.network, &rows, golden)?.gradients;
        let (clipped, _) = clip_global_norm(&start.network, again, 1.0);
        let found = gradients_by_name(&start.network, &clipped);
        let found = found.get("model.norm.weight").context("model.norm.weight")?;
        close_in_norm(&format!("{name}/{key}"), found, &golden.floats(key)?, stages);
    }
    first_step(&found.weights[0], gradients, &start, json, name, stages)?;

    // measured once, and only if something is further off than advised
    let measured = OnceCell::new();
    let spread = || -> Result<&Spread> {
        if measured.get().is_none() {
            let _ = measured.set(start.spread(&found)?);
        }
        measured.get().context("was just measured")
    };
    for (i, (loss, expected)) in found.losses.iter().zip(&losses).enumerate().skip(1) {
        let rounding = || Ok(spread()?.loss(i));
        stages.close_or(&format!("{name}/loss.{i}"), &[*loss], &[*expected], LOSS, rounding)?;
    }
    for (i, (found, expected)) in found.norms.iter().zip(&norms).enumerate() {
        let far = (found / expected - 1.0).abs();
        let rounding = || if i == 0 { Ok(0.0) } else { Ok(spread()?.norm(i)) };
        stages.measured_or(&format!("{name}/grad_norm.{i}"), far, far, GRADIENT, rounding)?;
    }
    later_steps(&found, golden, name, &spread, stages)
}

fn close_in_norm(name: &str, found: &[f32], expected: &[f32], stages: &mut Stages) {
    if found.len() != expected.len() {
        return stages.close(name, found, expected, GRADIENT); // tells the lengths
    }
    let difference: Vec<f32> = found.iter().zip(expected).map(|(a, b)| a - b).collect();
    let relative = norm(&difference) / norm(expected).max(f64::MIN_POSITIVE);
    stages.measured(name, relative, relative, GRADIENT);
}

fn compare_gradients(
    found: &ByName,
    golden: &Golden,
    json: &Value,
    name: &str,
    stages: &mut Stages,
) -> Result<()> {
    for key in
        golden.names().iter().filter(|key| key.starts_with("grad.") || key.starts_with("grad_f64."))
    {
        let Some((_, tensor)) = key.split_once('.') else { continue };
        if tensor.ends_with("@row_index") {
            continue;
        }
        let expected = golden.floats(key)?;
        let stage = format!("{name}/{key}");
        if let Some(tensor) = tensor.strip_suffix("@rows") {
            let all = found.get(tensor).with_context(|| format!("no gradient of {tensor}"))?;
            let rows = golden.ints(&format!("grad.{tensor}@row_index"))?;
            let len = expected.len() / rows.len().max(1);
            let kept: Vec<f32> = rows
                .iter()
                .flat_map(|row| all.iter().skip(*row as usize * len).take(len).copied())
                .collect();
            close_in_norm(&stage, &kept, &expected, stages);
        } else {
            let all = found.get(tensor).with_context(|| format!("no gradient of {tensor}"))?;
            close_in_norm(&stage, all, &expected, stages);
        }
    }
    // the length of every gradient, of which most are stored by that alone
    let mut worst: f64 = 0.0;
    for (tensor, summary) in json["gradients"].as_object().context("gradients")? {
        let all = found.get(tensor).with_context(|| format!("no gradient of {tensor}"))?;
        let expected: f64 = field(summary, "l2")?;
        let relative = (norm(all) - expected).abs() / expected.max(1e-7);
        worst = if relative.is_nan() { f64::NAN } else { worst.max(relative) };
    }
    stages.measured(&format!("{name}/gradients_l2"), worst, worst, GRADIENT);
    Ok(())
}

/// Weights behind the first step. Where the gradient is so small that rounding may have made its sign, so may it have made
/// the step.
fn first_step(
    weights: &ByName,
    gradients: &ByName,
    start: &Start<'_>,
    json: &Value,
    name: &str,
    stages: &mut Stages,
) -> Result<()> {
    let largest = 2.0 * start.rate + AFTER_STEP_1; // from a whole step down to a whole step up
    let any_sign = |tensor: &str| {
        let gradient = gradients.get(tensor).with_context(|| format!("no gradient of {tensor}"))?;
        Ok::<_, anyhow::Error>(unsettled(gradient, start.noise, start.rate, AFTER_STEP_1 / 2.0))
    };
    for key in start.golden.names().into_iter().filter(|key| key.starts_with("after_step_1.")) {
        let tensor = &key["after_step_1.".len()..];
        let found = weights.get(tensor).with_context(|| format!("no weight {tensor}"))?;
        let (expected, any_sign) = (start.golden.floats(&key)?, any_sign(tensor)?);
        if found.len() != expected.len() {
            stages.close(&format!("{name}/{key}"), found, &expected, AFTER_STEP_1); // tells the lengths
            continue;
        }
        let part = |wanted: bool| -> (Vec<f32>, Vec<f32>) {
            let pairs = found.iter().copied().zip(expected.iter().copied()).zip(&any_sign);
            pairs.filter(|(_, any_sign)| **any_sign == wanted).map(|(pair, _)| pair).unzip()
        };
        let (found, expected) = part(false);
        stages.close(&format!("{name}/{key}"), &found, &expected, AFTER_STEP_1);
        let (found, expected) = part(true);
        if !found.is_empty() {
            stages.close(&format!("{name}/{key}/single"), &found, &expected, largest);
        }
    }

    // every weight, of which most are stored by their extremes and means alone
    let Some(expected) = json["after_step_1"].as_object() else { return Ok(()) };
    let (mut worst, mut num_compared): (f64, usize) = (0.0, 0);
    for (tensor, values) in weights {
        let Some(expected) = expected.get(tensor) else { continue };
        num_compared += 1;
        let count = values.len() as f64;
        let values = || values.iter().map(|value| f64::from(*value));
        let weighted: f64 = values().enumerate().map(|(i, value)| (i + 1) as f64 * value).sum();
        let free = any_sign(tensor)?.iter().filter(|any_sign| **any_sign).count() as f64;
        let step = 2.0 * start.rate;
        // found, by what it is divided, and what elements whose sign is free can do to it
        for (key, found, scale, slack) in [
            ("min", values().fold(f64::INFINITY, f64::min), 1.0, step * free.min(1.0)),
            ("max", values().fold(f64::NEG_INFINITY, f64::max), 1.0, step * free.min(1.0)),
            ("sum", values().sum(), count, step * free / count),
            (
                "index_weighted_mean",
                weighted / (count * (count + 1.0) / 2.0),
                1.0,
                step * free * 2.0 / (count + 1.0),
            ),
        ] {
            let far = (found - field::<f64>(expected, key)?).abs() / scale;
            let far = if far <= slack { 0.0 } else { far - slack };
            worst = if far > worst || far.is_nan() { far } else { worst };
        }
    }
    let missing = (expected.len() - num_compared) as f64;
    stages.measured(&format!("{name}/after_step_1_names"), missing, missing, 0.0);
    stages.measured(&format!("{name}/after_step_1_summaries"), worst, worst, AFTER_STEP_1);
    Ok(())
}

/// Weights behind the steps after the first.
fn later_steps<'a>(
    run: &Run,
    golden: &Golden,
    name: &str,
    spread: &dyn Fn() -> Result<&'a Spread>,
    stages: &mut Stages,
) -> Result<()> {
    for (i, weights) in run.weights.iter().enumerate().skip(1) {
        let prefix = format!("after_step_{}.", i + 1);
        for key in golden.names().into_iter().filter(|key| key.starts_with(&prefix)) {
            let tensor = &key[prefix.len()..];
            let found = weights.get(tensor).with_context(|| format!("no weight {tensor}"))?;
            let expected = golden.floats(&key)?;
            if found.len() != expected.len() {
                stages.close(&format!("{name}/{key}"), found, &expected, AFTER_STEP_3);
                continue;
            }
            let largest = expected.iter().map(|value| f64::from(*value).abs()).fold(0.0, f64::max);
            let [all, most] = differences(found, &expected);
            for (name, far, advised, of) in [
                (format!("{name}/{key}/single"), all, AFTER_STEP_3_SINGLE, 0),
                (format!("{name}/{key}"), most, AFTER_STEP_3, 1),
            ] {
                let rounding = || Ok(spread()?.weights(i, tensor)[of]);
                stages.measured_or(&name, far, far / largest, advised, rounding)?;
            }
        }
    }
    Ok(())
}

/// The largest difference of all elements, and of all but those few that count as single.
pub(super) fn differences(found: &[f32], expected: &[f32]) -> [f64; 2] {
    let mut all: Vec<f64> =
        found.iter().zip(expected).map(|(a, b)| f64::from(a - b).abs()).collect();
    all.sort_by(f64::total_cmp); // what is no number comes last
    let most = all.len() - all.len().div_ceil(SINGLE).min(all.len());
    [all.len(), most].map(|count| all[..count].last().copied().unwrap_or(0.0))
}
