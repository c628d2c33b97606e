//! A folder of rendered conversations, and of logits under filters.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use deepsport_model::chat::{Dialect, JinjaTemplate, Json, Message, RenderOptions};
use deepsport_model::sampling::{LogProbs, Sampler, SamplingSettings};
use deepsport_model::tokenizer::Tokenizer;
use serde::Deserialize;

use super::golden::{field, json};
use super::report::Stages;
use super::tokenizer;

/// Stored probabilities are f32 softmaxes. Advised.
const PROBABILITY: f64 = 1e-5;

const CONVERSATIONS: &str = "chat.json";
const FILTERS: &str = "sampling_filters.json";

/// Whether a folder is such a one.
pub(crate) fn is_one(dir: &Path) -> bool {
    dir.join(CONVERSATIONS).is_file() || dir.join(FILTERS).is_file()
}

/// `checkpoints` are folders with a small `tokenizer.json`; the published one is looked for in `../tokenizer`.
pub(crate) fn compare(dir: &Path, checkpoints: &[PathBuf], stages: &mut Stages) {
    stages.group("renderings", |stages| renderings(dir, checkpoints, stages));
    stages.group("sampling_filters", |stages| filters(dir, stages));
}

/// Keys of tools keep their order, which `Value` would lose.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    tools: Vec<Json>,
    conversations: HashMap<String, Vec<Message>>,
    renderings: Vec<Rendering>,
}

#[derive(Deserialize)]
struct Rendering {
    conversation: String,
    template: String,
    tools: bool,
    add_generation_prompt: bool,
    #[serde(default)]
    options: Options,
    text: String,
    #[serde(default)]
    toy_ids: Vec<u32>,
    #[serde(default)]
    real_ids: Vec<u32>,
}

#[derive(Deserialize, Default)]
struct Options {
    #[serde(default)]
    add_vision_id: bool,
}

fn renderings(dir: &Path, checkpoints: &[PathBuf], stages: &mut Stages) -> Result<()> {
    let path = dir.join(CONVERSATIONS);
    if !path.exists() {
        return Ok(());
    }
    let file: File = serde_json::from_slice(&std::fs::read(&path)?)
        .with_context(|| path.display().to_string())?;
    for (i, rendering) in file.renderings.iter().enumerate() {
        let name = format!("renderings/{i}_{}_{}", rendering.conversation, rendering.template);
        stages.group(&name, |stages| {
            let messages = file
                .conversations
                .get(&rendering.conversation)
                .with_context(|| format!("no conversation {}", rendering.conversation))?;
            let options = RenderOptions {
                tools: if rendering.tools { file.tools.clone() } else { Vec::new() },
                add_generation_prompt: rendering.add_generation_prompt,
                add_vision_id: rendering.options.add_vision_id,
            };
            let expected = rendering.text.as_bytes();
            if let Some(path) = template(dir, &rendering.template) {
                let source = std::fs::read_to_string(&path)
                    .with_context(|| format!("cannot read {}", path.display()))?;
                let text = JinjaTemplate::new(source)?.render(messages, &options)?;
                stages.same(&format!("{name}/jinja"), text.as_bytes(), expected);
            }
            let built_in = match rendering.template.as_str() {
                "qwen2_5_vl" => Some(Dialect::Vision),
                "qwen2_5" => Some(Dialect::Text),
                "qwen2_5_vl_tools" => Some(Dialect::VisionTools),
                _ => None,
            };
            if let Some(dialect) = built_in {
                let text = dialect.render(messages, &options)?;
                stages.same(&format!("{name}/built_in"), text.as_bytes(), expected);
            }
            Ok(())
        });
    }
    let beside = |name: &str| dir.parent().map(|parent| parent.join(name));
    if let Some(published) = beside("tokenizer")
        && let Some(tokenizer) = tokenizer::read(&published)?
    {
        let texts = |of: &Rendering| (!of.real_ids.is_empty()).then(|| of.real_ids.clone());
        ids("renderings/real_ids", &file.renderings, texts, &[tokenizer], stages)?;
    }
    let toys: Vec<Tokenizer> = checkpoints
        .iter()
        .filter_map(|checkpoint| tokenizer::read(checkpoint).transpose())
        .collect::<Result<_>>()?;
    let texts = |of: &Rendering| (!of.toy_ids.is_empty()).then(|| of.toy_ids.clone());
    ids("renderings/toy_ids", &file.renderings, texts, &toys, stages)
}

/// The template's file, in the folder or in `templates` beside it.
fn template(dir: &Path, name: &str) -> Option<PathBuf> {
    let name = format!("{name}.jinja");
    [Some(dir.join(&name)), dir.parent().map(|parent| parent.join("templates").join(&name))]
        .into_iter()
        .flatten()
        .find(|path| path.exists())
}

/// Ids of all texts by the tokenizer that fits best: the folder does not say which of several models' it was.
fn ids(
    name: &str,
    renderings: &[Rendering],
    expected: impl Fn(&Rendering) -> Option<Vec<u32>>,
    tokenizers: &[Tokenizer],
    stages: &mut Stages,
) -> Result<()> {
    let known: Vec<(&str, Vec<u32>)> =
        renderings.iter().filter_map(|of| Some((of.text.as_str(), expected(of)?))).collect();
    let expected: Vec<&Vec<u32>> = known.iter().map(|(_, ids)| ids).collect();
    let mut best: Option<(usize, Vec<Vec<u32>>)> = None;
    for tokenizer in tokenizers {
        let found: Vec<Vec<u32>> =
            known.iter().map(|(text, _)| tokenizer.encode(text)).collect::<Result<_, _>>()?;
        let wrong = found.iter().zip(&expected).filter(|(a, b)| a != *b).count();
        if best.as_ref().is_none_or(|(fewest, _)| wrong < *fewest) {
            best = Some((wrong, found));
        }
    }
    if let Some((_, found)) = best.filter(|_| !known.is_empty()) {
        stages.same(name, &found.iter().collect::<Vec<_>>(), &expected);
    }
    Ok(())
}

/// `top_k_20_top_p_0.95`, `temperature_0.7`, as the filters are named.
fn settings(name: &str) -> SamplingSettings {
    let mut settings =
        SamplingSettings { log_probs: LogProbs::Filtered, ..SamplingSettings::default() };
    let value = |key: &str| -> Option<f32> {
        let at = name.find(&format!("{key}_"))? + key.len() + 1;
        name[at..].split('_').next()?.parse().ok()
    };
    settings.temperature = value("temperature").unwrap_or(settings.temperature);
    settings.repetition_penalty = value("repetition").unwrap_or(settings.repetition_penalty);
    settings.top_k = value("top_k").map_or(settings.top_k, |k| k as usize);
    settings.top_p = value("top_p").unwrap_or(settings.top_p);
    settings.min_p = value("min_p").unwrap_or(settings.min_p);
    settings
}

fn filters(dir: &Path, stages: &mut Stages) -> Result<()> {
    let Some(file) = json(&dir.join(FILTERS))? else { return Ok(()) };
    let rows: Vec<Vec<f32>> = field(&file, "logits")?;
    let seen: Vec<Vec<u32>> = field(&file, "seen")?;
    for (name, expected) in file["filters"].as_object().context("filters")? {
        let kept: Vec<Vec<usize>> = field(expected, "kept")?;
        let probabilities: Vec<Vec<f32>> = field(expected, "probabilities")?;
        let (mut found_ids, mut found) = (Vec::new(), Vec::new());
        for (row, logits) in rows.iter().enumerate() {
            let mut filtered = logits.clone();
            Sampler::new(settings(name), 1, 0)?.sample(&mut filtered, &seen[row])?;
            let sum: f64 = filtered.iter().map(|&logit| f64::from(logit).exp()).sum();
            let survive: Vec<usize> =
                (0..filtered.len()).filter(|&id| filtered[id].is_finite()).collect();
            found.push(sorted(
                survive.iter().map(|&id| (f64::from(filtered[id]).exp() / sum) as f32).collect(),
            ));
            // which of equals at the border stays is the sort's affair, how many is not
            let least = kept[row].iter().map(|&id| logits[id]).fold(f32::INFINITY, f32::min);
            let is_tied = logits.iter().filter(|logit| **logit == least).count() > 1;
            let same_number = is_tied && survive.len() == kept[row].len();
            found_ids.push(if same_number { kept[row].clone() } else { survive });
        }
        stages.same(&format!("sampling_filters/{name}/kept"), &found_ids, &kept);
        let expected: Vec<f32> = probabilities.into_iter().flat_map(sorted).collect();
        stages.close(
            &format!("sampling_filters/{name}/probabilities"),
            &found.concat(),
            &expected,
            PROBABILITY,
        );
    }
    Ok(())
}

fn sorted(mut values: Vec<f32>) -> Vec<f32> {
    values.sort_by(f32::total_cmp);
    values
}
