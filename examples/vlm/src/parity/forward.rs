//! The language model over whole sequences.

use std::collections::HashMap;

use anyhow::{Context as _, Result};
use burn::tensor::Tensor;
use deepsport_model::language::Keep;
use deepsport_model::{Network, Observer, Padding, Pass, Stage};

use super::golden::Golden;
use super::model::{LOG_PROB, Model, Row, values};
use super::report::Stages;

pub(crate) fn compare(model: &Model, stages: &mut Stages) -> Result<()> {
    // What stands before a golden's name, and the checkpoint that it belongs to.
    let main = model.main_kind().to_owned();
    let mut runs = vec![(String::new(), main.clone(), model.main.clone())];
    for kind in model.kinds().into_iter().filter(|kind| *kind != main) {
        runs.push((format!("{kind}."), kind.clone(), format!("{kind}_f32")));
    }
    for rounded in model.checkpoints.iter().filter(|name| name.starts_with(&format!("{main}_bf16")))
    {
        runs.push(("bf16_weights.".into(), main.clone(), rounded.clone()));
    }
    for (prefix, kind, checkpoint) in runs.into_iter().filter(|(.., name)| model.has(name)) {
        stages.group(&format!("forward/{checkpoint}"), |stages| {
            let network = model.network(&checkpoint)?;
            // those goldens are of a model that was cast after it was made, which rounds the rotary frequencies too
            let is_rounded = prefix == "bf16_weights.";
            let network = if is_rounded { network.with_rounded_frequencies() } else { network };
            for case in model.forward_cases()? {
                let name = format!("forward/{checkpoint}/{case}");
                stages.group(&name, |stages| {
                    one(model, &network, &case, &prefix, &kind, &name, stages)
                });
            }
            Ok(())
        });
    }
    Ok(())
}

fn one(
    model: &Model,
    network: &Network,
    case: &str,
    prefix: &str,
    kind: &str,
    name: &str,
    stages: &mut Stages,
) -> Result<()> {
    let limit = Model::limit(kind);
    let (Some(golden), Some((pictures, clips))) =
        (model.golden(&format!("forward_{case}"))?, model.media_of(case)?)
    else {
        return Ok(());
    };
    if !golden.has(&format!("{prefix}logits_last")) {
        return Ok(());
    }
    let Some(rows) = model.rows(&golden, &pictures, &clips, network.config())? else {
        return Ok(());
    };
    let found = run(network, &rows)?;
    if prefix.is_empty() {
        positions(&golden, &rows, name, stages)?;
        let mut hidden = vec![(Stage::Embeds, "hidden.embeds".to_owned())];
        let layers = 0..network.config().text.num_hidden_layers;
        hidden.extend(layers.map(|i| (Stage::Layer(i), format!("hidden.layer.{i}"))));
        hidden.push((Stage::Norm, "hidden.norm".to_owned()));
        for (stage, key) in hidden.into_iter().filter(|(_, key)| golden.has(key)) {
            let found = found.stages.get(&stage).context("the network showed no such stage")?;
            stages.close(&format!("{name}/{key}"), found, &live(&golden, &key, &rows)?, limit);
        }
    }
    let reference = || model.log_prob_rounding(case, kind);
    logits(&golden, prefix, &rows, &found.logits, limit, &reference, name, stages)
}

/// The stored positions of all tokens and of the one behind them.
fn positions(golden: &Golden, rows: &[Row], name: &str, stages: &mut Stages) -> Result<()> {
    if golden.has("position_ids") {
        let [_, batch, width] = golden.shape("position_ids")?;
        let all = golden.ints("position_ids")?;
        let places = rows.iter().enumerate().flat_map(|(row, of)| {
            of.columns
                .iter()
                .map(move |column| [0, 1, 2].map(|axis| (axis * batch + row) * width + column))
        });
        let expected: Vec<[i64; 3]> = places.map(|place| place.map(|at| all[at])).collect();
        let found: Vec<[i64; 3]> = rows
            .iter()
            .flat_map(|row| row.sequence.positions().ids.iter().map(|place| place.map(i64::from)))
            .collect();
        stages.same(&format!("{name}/position_ids"), &found, &expected);
    }
    if golden.has("next_position") {
        let found: Vec<i64> =
            rows.iter().map(|row| i64::from(row.sequence.positions().next)).collect();
        stages.same(&format!("{name}/next_position"), &found, &golden.ints("next_position")?);
    }
    Ok(())
}

/// Values of places that are no padding, row after row, of a golden `[rows, width, unit]`.
fn live(golden: &Golden, key: &str, rows: &[Row]) -> Result<Vec<f32>> {
    let [_, width, unit] = golden.shape(key)?;
    let all = golden.floats(key)?;
    let places = rows
        .iter()
        .enumerate()
        .flat_map(|(row, of)| of.columns.iter().map(move |column| (row * width + column) * unit));
    Ok(places.flat_map(|first| all[first..first + unit].to_vec()).collect())
}

/// What one forward gave, row after row, without padding.
struct Found {
    stages: HashMap<Stage, Vec<f32>>,
    /// `[rows][places][vocab]`
    logits: Vec<Vec<Vec<f32>>>,
}

fn run(network: &Network, rows: &[Row]) -> Result<Found> {
    let sequences: Vec<_> = rows.iter().map(|row| &row.sequence).collect();
    let width = sequences.iter().map(|sequence| sequence.len()).max().unwrap_or(0);
    // padding is on the left
    let live = |all: &[f32]| -> Vec<f32> {
        let unit = all.len() / (width * sequences.len());
        let row = |row: usize| {
            let end = (row + 1) * width * unit;
            all[end - sequences[row].len() * unit..end].to_vec()
        };
        (0..sequences.len()).flat_map(row).collect()
    };
    let mut seen = Vec::new();
    let mut look = |stage: Stage, value: Tensor<2>| {
        if matches!(stage, Stage::Embeds | Stage::Layer(_) | Stage::Norm) {
            seen.push((stage, values(&value)));
        }
    };
    let pass = Pass { padding: Padding::Left, keep: Keep::Everything };
    let states = network.hidden_states(&sequences, pass, &mut Observer::new(&mut look))?;
    let stages =
        seen.into_iter().map(|(stage, value)| Ok((stage, live(&value?)))).collect::<Result<_>>()?;
    let vocab = network.config().text.vocab_size;
    let logits = live(&values(&network.logits(states))?);
    let mut places = logits.chunks(vocab).map(<[f32]>::to_vec);
    let logits =
        sequences.iter().map(|sequence| places.by_ref().take(sequence.len()).collect()).collect();
    Ok(Found { stages, logits })
}

fn log_sum_exp(logits: &[f32]) -> f64 {
    let largest = logits.iter().copied().fold(f32::MIN, f32::max);
    f64::from(largest) + logits.iter().map(|l| f64::from(l - largest).exp()).sum::<f64>().ln()
}

#[expect(clippy::too_many_arguments, reason = "what identifies the scores")]
fn logits(
    golden: &Golden,
    prefix: &str,
    rows: &[Row],
    found: &[Vec<Vec<f32>>],
    limit: f64,
    reference: &dyn Fn() -> Result<f64>,
    name: &str,
    stages: &mut Stages,
) -> Result<()> {
    let key = |name: &str| format!("{prefix}{name}");
    let [_, width] = golden.shape("input_ids")?;
    let [_, last, vocab] = golden.shape(&key("logits_last"))?;
    let (logits_last, log_sums) =
        (golden.floats(&key("logits_last"))?, golden.floats(&key("logsumexp"))?);
    let (best, next) = (golden.ints(&key("argmax"))?, golden.floats(&key("next_token_logprob"))?);
    let in_double = format!("{prefix}logits_last_f64");
    let double = if golden.has(&in_double) { golden.floats(&in_double)? } else { Vec::new() };

    let mut pairs: [(Vec<f32>, Vec<f32>); 4] = Default::default();
    let mut behind_best = 0.0f64; // how far the golden's best word is behind ours
    for (row, (Row { sequence, columns }, logits)) in rows.iter().zip(found).enumerate() {
        for (place, &column) in columns.iter().enumerate() {
            let (at, flat) = (&logits[place], row * width + column);
            let mut pair = |i: usize, found: f32, expected: f32| {
                pairs[i].0.push(found);
                pairs[i].1.push(expected);
            };
            let sum = log_sum_exp(at);
            pair(0, sum as f32, log_sums[flat]);
            let largest = at.iter().copied().fold(f32::MIN, f32::max);
            let golden_best =
                *at.get(best[flat] as usize).context("argmax is outside the vocabulary")?;
            behind_best = behind_best.max(f64::from(largest - golden_best));
            if let Some(id) = sequence.input_ids().get(place + 1) {
                let log_prob = (f64::from(at[*id as usize]) - sum) as f32;
                pair(1, log_prob, next[row * (width - 1) + column]);
            }
            if column + last >= width {
                let from = (row * last + column + last - width) * vocab;
                (0..vocab).for_each(|i| pair(2, at[i], logits_last[from + i]));
            }
            if column + 1 == width && !double.is_empty() {
                (0..vocab).for_each(|i| pair(3, at[i], double[row * vocab + i]));
            }
        }
    }
    let names = [
        ("logsumexp", limit),
        ("next_token_logprob", LOG_PROB),
        ("logits_last", limit),
        ("logits_last_f64", limit),
    ];
    for ((key, limit), (found, expected)) in
        names.iter().zip(&pairs).filter(|(_, pair)| !pair.0.is_empty())
    {
        let (name, reference) = (format!("{name}/{key}"), || match *key {
            "next_token_logprob" => reference(),
            _ => Ok(0.0),
        });
        stages.close_or(&name, found, expected, *limit, reference)?;
    }
    // where two words are closer than both limits their order means nothing
    stages.measured(&format!("{name}/argmax"), behind_best, 0.0, 2.0 * limit);
    Ok(())
}
