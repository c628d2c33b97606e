//! What a checkpoint folder holds.

use std::collections::BTreeMap;
use std::fmt;

use anyhow::{Context as _, Result};
use deepsport_model::ModelConfig;
use deepsport_model::checkpoint::{Checkpoint, canonical_name};
use deepsport_model::estimate::{MemoryEstimate, ParameterCount, Workload, tensors};
use serde::Serialize;
use serde_json::Value;

use crate::args::InspectArgs;

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    parameters: usize,
    parameters_vision: usize,
    parameters_language: usize,
    hidden_size: usize,
    num_layers: usize,
    vocab_size: usize,
    tied_head: bool,
    /// How names are spelt: "hub" or "nested"; none where no weights are listed.
    layout: Option<String>,
    /// Where names were found: "weights", "index" or "none".
    compared: &'static str,
    missing: Vec<String>,
    unused: Vec<String>,
    misshaped: Vec<String>,
    tokens: usize,
    kv_bytes_per_token: u64,
    bf16: Memory,
    f32: Memory,
}

/// In MiB.
#[derive(Debug, Serialize)]
struct Memory {
    weights: u64,
    inference: u64,
    training: u64,
}

impl Report {
    pub(crate) fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.unused.is_empty() && self.misshaped.is_empty()
    }
}

pub(crate) fn inspect(args: &InspectArgs) -> Result<Report> {
    crate::is_checkpoint(&args.dir)?;
    let config = ModelConfig::read(&args.dir)?;
    let count = ParameterCount::of(&config);
    let memory = |bytes_per_number| {
        let workload = |is_trained| {
            let of = Workload {
                batch: 1,
                seq_len: args.tokens,
                bytes_per_number,
                head_chunk: 128,
                is_trained,
            };
            MemoryEstimate::of(&config, &of)
        };
        let mib = |bytes: u64| bytes >> 20;
        Memory {
            weights: mib(workload(false).weights),
            inference: mib(workload(false).total()),
            training: mib(workload(true).total()),
        }
    };
    let text = &config.text;
    let keys = 2 * text.num_hidden_layers * text.num_key_value_heads * text.head_dim;
    let mut report = Report {
        parameters: count.total(),
        parameters_vision: count.vision,
        parameters_language: count.language,
        hidden_size: text.hidden_size,
        num_layers: text.num_hidden_layers,
        vocab_size: text.vocab_size,
        tied_head: config.tie_word_embeddings,
        layout: None,
        compared: "none",
        missing: Vec::new(),
        unused: Vec::new(),
        misshaped: Vec::new(),
        tokens: args.tokens,
        kv_bytes_per_token: 2 * keys as u64,
        bf16: memory(2),
        f32: memory(4),
    };
    compare(&mut report, args, &config)?;
    Ok(report)
}

/// Compares names and shapes with the weights, or names with the index where no shard is there.
fn compare(report: &mut Report, args: &InspectArgs, config: &ModelConfig) -> Result<()> {
    let index = args.dir.join("model.safetensors.index.json");
    let has_weights = std::fs::read_dir(&args.dir)?
        .filter_map(Result::ok)
        .any(|entry| entry.path().extension().is_some_and(|end| end == "safetensors"));
    let found: BTreeMap<String, Option<Vec<usize>>> = if has_weights {
        let checkpoint = Checkpoint::open(&args.dir)?;
        report.compared = "weights";
        report.layout = Some(format!("{:?}", checkpoint.layout()).to_lowercase());
        let of = |(name, shape): (&str, &[usize])| (name.to_owned(), Some(shape.to_vec()));
        checkpoint.tensors().map(of).collect()
    } else if index.exists() {
        let file =
            std::fs::read(&index).with_context(|| format!("cannot read {}", index.display()))?;
        let file: Value =
            serde_json::from_slice(&file).with_context(|| format!("{}", index.display()))?;
        let map = file["weight_map"].as_object();
        let map = map.with_context(|| format!("{} has no weight_map", index.display()))?;
        report.compared = "index";
        let nested = map.keys().any(|name| name.starts_with("model.language_model."));
        report.layout = Some(if nested { "nested" } else { "hub" }.into());
        map.keys().map(|name| (canonical_name(name), None)).collect()
    } else {
        return Ok(());
    };
    let needed: BTreeMap<String, Vec<usize>> = tensors(config).into_iter().collect();
    for (name, shape) in &needed {
        match found.get(name) {
            None => report.missing.push(name.clone()),
            Some(Some(found)) if found != shape => {
                report.misshaped.push(format!("{name} is {found:?} instead of {shape:?}"));
            }
            Some(_) => {}
        }
    }
    let is_known = |name: &str| {
        needed.contains_key(name)
            || name.ends_with("inv_freq")
            || (config.tie_word_embeddings && name == "lm_head.weight")
    };
    report.unused = found.into_keys().filter(|name| !is_known(name)).collect();
    Ok(())
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let million = |count: usize| count as f64 / 1e6;
        writeln!(
            f,
            "parameters   {:.1} million: language {:.1}, vision {:.1}",
            million(self.parameters),
            million(self.parameters_language),
            million(self.parameters_vision)
        )?;
        writeln!(
            f,
            "language     {} layers of {}, {} words, {} head",
            self.num_layers,
            self.hidden_size,
            self.vocab_size,
            if self.tied_head { "tied" } else { "own" }
        )?;
        match &self.layout {
            Some(layout) => writeln!(
                f,
                "tensors      names of the {layout} layout, compared with the {}",
                self.compared
            )?,
            None => writeln!(f, "tensors      none here")?,
        }
        for (what, names) in
            [("missing", &self.missing), ("unused", &self.unused), ("misshaped", &self.misshaped)]
        {
            for name in names {
                writeln!(f, "  {what}: {name}")?;
            }
        }
        writeln!(f, "memory       MiB for {} tokens: weights, inference, training", self.tokens)?;
        for (name, memory) in [("bf16", &self.bf16), ("f32", &self.f32)] {
            let Memory { weights, inference, training } = memory;
            writeln!(f, "  {name:<10} {weights:>9} {inference:>9} {training:>9}")?;
        }
        write!(f, "KV cache     {} bytes a token in bf16", self.kv_bytes_per_token)
    }
}

#[cfg(test)]
mod tests;
