//! Token after token: greedy streams, and what sampling records.

use anyhow::{Context as _, Result};
use deepsport_model::generate::{Choice, Session, SessionSettings, generate, greedy};
use deepsport_model::sampling::{Sampler, SamplingSettings};
use deepsport_model::training::ScoreSettings;
use deepsport_model::{Network, Sequence};
use serde_json::Value;

use super::golden::field;
use super::model::{LOG_PROB, Model, Row, values};
use super::report::Stages;

/// The same scores, computed with a cache and without; where that is not met, as far as they are apart in the reference.
const SAMPLED: f64 = 1e-5;
/// Tokens drawn for that.
const NUM_SAMPLED: usize = 16;

pub(crate) fn compare(model: &Model, stages: &mut Stages) -> Result<()> {
    let Some(goldens) = model.json("generation")? else { return Ok(()) };
    let steps: usize = field(&goldens, "steps")?;
    for kind in model.kinds() {
        let network = model.network(&format!("{kind}_f32"))?;
        for (case, kinds) in goldens["cases"].as_object().context("cases")? {
            if kinds[&kind].is_null() {
                continue;
            }
            let name = format!("generation/{kind}/{case}");
            stages.group(&name, |stages| {
                let Some(rows) = rows(model, case, &network)? else { return Ok(()) };
                greedy_stream(model, &network, case, &kind, &kinds[&kind], &rows, steps, stages)?;
                sampled_is_scored(&network, &rows, &kinds[&kind], &name, stages)
            });
        }
    }
    Ok(())
}

fn rows(model: &Model, case: &str, network: &Network) -> Result<Option<Vec<Row>>> {
    let (Some(golden), Some((pictures, clips))) =
        (model.golden(&format!("forward_{case}"))?, model.media_of(case)?)
    else {
        return Ok(None);
    };
    model.rows(&golden, &pictures, &clips, network.config())
}

fn session<'a>(network: &'a Network, rows: &[Row]) -> Result<Session<'a>> {
    let sequences = rows.iter().map(|row| row.sequence.clone()).collect();
    Ok(Session::new(network, sequences, SessionSettings::default())?)
}

#[expect(clippy::too_many_arguments, reason = "what identifies a stream")]
fn greedy_stream(
    model: &Model,
    network: &Network,
    case: &str,
    kind: &str,
    expected: &Value,
    rows: &[Row],
    steps: usize,
    stages: &mut Stages,
) -> Result<()> {
    let name = format!("generation/{kind}/{case}");
    let limit = Model::limit(kind);
    let mut logits: Vec<Vec<Vec<f32>>> = vec![Vec::new(); rows.len()];
    let completions = generate(&mut session(network, rows)?, steps, &mut |row, scores, _| {
        logits[row].push(scores.to_vec());
        Ok(greedy(scores, |_| false))
    })?;
    let tokens: Vec<Vec<u32>> = field(expected, "tokens")?;
    let log_probs: Vec<Vec<f32>> = field(expected, "logprobs")?;
    let found: Vec<u32> = completions.iter().flat_map(|of| of.ids.clone()).collect();
    stages.same(&format!("{name}/tokens"), &found, &tokens.concat());
    let found: Vec<f32> = completions.iter().flat_map(|of| of.log_probs.clone()).collect();
    let reference = || model.log_prob_rounding(case, kind);
    stages.close_or(
        &format!("{name}/logprobs"),
        &found,
        &log_probs.concat(),
        LOG_PROB,
        reference,
    )?;

    let key = format!("{case}.step_logits");
    if let Some(golden) =
        model.golden("generation")?.filter(|file| kind == model.main_kind() && file.has(&key))
    {
        let [_, kept, _] = golden.shape(&key)?;
        let every = steps / kept.max(1);
        let found: Vec<f32> = logits
            .iter()
            .flat_map(|row| row.iter().step_by(every.max(1)).take(kept).flatten().copied())
            .collect();
        stages.close(&format!("{name}/step_logits"), &found, &golden.floats(&key)?, limit);
    }
    if !expected["repetition_penalty_1.05_tokens"].is_null() {
        let tokens: Vec<Vec<u32>> = field(expected, "repetition_penalty_1.05_tokens")?;
        let settings = SamplingSettings { repetition_penalty: 1.05, ..SamplingSettings::greedy() };
        let mut sampler = Sampler::new(settings, 0, 0)?;
        let completions =
            generate(&mut session(network, rows)?, steps, &mut |_, scores, sequence| {
                choose(&mut sampler, scores, sequence)
            })?;
        let found: Vec<u32> = completions.iter().flat_map(|of| of.ids.clone()).collect();
        stages.same(&format!("{name}/repetition_penalty"), &found, &tokens.concat());
    }
    Ok(())
}

fn choose(
    sampler: &mut Sampler,
    scores: &mut [f32],
    sequence: &Sequence,
) -> deepsport_model::Result<Choice> {
    let sampled = sampler.sample(scores, sequence.input_ids())?;
    Ok(Choice { id: sampled.id, log_prob: sampled.log_prob, is_last: false })
}

/// What was recorded while sampling is what training will compute.
fn sampled_is_scored(
    network: &Network,
    rows: &[Row],
    golden: &Value,
    name: &str,
    stages: &mut Stages,
) -> Result<()> {
    let config = network.config();
    let vision = [
        config.image_token_id,
        config.video_token_id,
        config.vision_start_token_id,
        config.vision_end_token_id,
    ];
    let settings = SamplingSettings { forbidden: vision.to_vec(), ..SamplingSettings::default() };
    let mut samplers = (0..rows.len() as u64)
        .map(|row| Sampler::new(settings.clone(), 7, row))
        .collect::<Result<Vec<_>, _>>()?;
    let mut session = session(network, rows)?;
    let completions = generate(&mut session, NUM_SAMPLED, &mut |row, scores, sequence| {
        choose(&mut samplers[row], scores, sequence)
    })?;
    let recorded: Vec<f32> = completions.iter().flat_map(|of| of.log_probs.clone()).collect();
    let from: Vec<usize> = rows.iter().map(|row| row.sequence.len()).collect();
    let scores = network.token_scores(&session.sequences(), &from, &ScoreSettings::default())?;
    let found = values(&scores.log_probs)?;
    let reference = || Ok(golden["cache_vs_full_pass"].as_f64().unwrap_or(0.0));
    stages.close_or(&format!("{name}/sampled_logprobs"), &found, &recorded, SAMPLED, reference)
}
