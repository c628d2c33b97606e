//! `vlm bench`: speed with random weights.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use burn::optim::{GradientsParams, ModuleOptimizer};
use burn::tensor::{FloatDType, Tensor};
use deepsport_model::estimate::tensors;
use deepsport_model::generate::{Session, SessionSettings, generate, greedy};
use deepsport_model::language::Keep;
use deepsport_model::processor::{Picture, Processor};
use deepsport_model::training::ScoreSettings;
use deepsport_model::{Init, ModelConfig, Network, Observer, Sequence};
use grpo::optim::AdamW;
use serde::Serialize;

use crate::args::{BenchArgs, Precision};

#[derive(Debug, Serialize)]
pub(crate) struct Report {
    device: &'static str,
    dtype: &'static str,
    config: &'static str,
    prefill_tokens_per_s: f64,
    decode_tokens_per_s: f64,
    /// Pictures of 640 x 360, 299 tokens each.
    vision_frames_per_s: f64,
    /// `null` where training was left out.
    train_tokens_per_s: Option<f64>,
    /// Operations of the prompt's matrix products (two for each weight and token; attention and the head left out), in 10^12 a
    /// second.
    prefill_tflops: f64,
    /// Bytes of weights that decoding reads a second, in 10^9.
    decode_gb_per_s: f64,
    /// The same as a share of `--bandwidth`; `null` without it.
    decode_of_bandwidth: Option<f64>,
    /// With `--prefixes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    decode_behind: Option<DecodeBehind>,
    /// Largest resident memory of the process; `null` where the system does not tell.
    peak_mib: Option<u64>,
    /// Seconds of all cores together that each run above took at least: what others on the machine disturb less.
    cpu_s: CpuSeconds,
}

#[derive(Debug, Serialize)]
struct CpuSeconds {
    prefill: f64,
    decode: f64,
    vision: f64,
    train: Option<f64>,
}

pub(crate) fn bench(args: &BenchArgs) -> Result<Report> {
    if let Some(path) = &args.write_config {
        let text = serde_json::to_string_pretty(&args.config.json())?;
        std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("wrote {}", path.display());
    }
    let counts = [args.prompt_tokens, args.frames, args.repeats];
    ensure!(counts.iter().all(|&count| count > 0), "counts have to be above 0");
    ensure!(args.new_tokens > 1 && args.train_tokens > 1, "two tokens at least are needed");
    let config = args.config.config()?;
    let device = args.device.device()?;
    let dtype = args.dtype.float();
    let network = Network::init(&config, &Init::new(&device).with_dtype(dtype));
    let (mut prefill, mut decode, mut vision) =
        (Fastest::default(), Fastest::default(), Fastest::default());
    let prompt = Sequence::new(&ids(args.prompt_tokens), &[], &config)?;
    let frame = Arc::new(Processor::default().picture(&frame()?)?);
    let frames = vec![frame; args.frames];
    for _ in 0..=args.repeats {
        // The first round draws the weights.
        let settings = SessionSettings { room: args.new_tokens, ..SessionSettings::default() };
        let mut session = Session::new(&network, vec![prompt.clone()], settings)?;
        prefill.time(|| Ok(session.read()?))?;
        decode.time(|| {
            let choose = &mut |_, logits: &mut [f32], _: &Sequence| Ok(greedy(logits, |_| false));
            Ok(generate(&mut session, args.new_tokens, choose).map(drop)?)
        })?;
        vision.time(|| {
            let features = network.features(&frames, Keep::Everything, &mut Observer::none());
            read(features.context("no features")?)
        })?;
    }
    let prefill_tokens_per_s = prefill.per_second(args.prompt_tokens);
    // The last token is written, but not read.
    let decode_tokens_per_s = decode.per_second(args.new_tokens - 1);
    let traffic = Traffic::of(&config);
    let bytes = if args.dtype == Precision::Bf16 { 2.0 } else { 4.0 };
    let decode_gb_per_s = decode_tokens_per_s * traffic.read as f64 * bytes / 1e9;
    let decode_behind =
        if args.prefixes { Some(decode_behind(args, &network, &prompt)?) } else { None };
    let train = if args.no_train { None } else { Some(train(args, &config, network, dtype)?) };
    Ok(Report {
        device: args.device.name(),
        dtype: args.dtype.name(),
        config: args.config.name(),
        prefill_tokens_per_s,
        decode_tokens_per_s,
        vision_frames_per_s: vision.per_second(args.frames),
        train_tokens_per_s: train.as_ref().map(|train| train.per_second(args.train_tokens)),
        prefill_tflops: prefill_tokens_per_s * 2.0 * traffic.multiplied as f64 / 1e12,
        decode_gb_per_s,
        decode_of_bandwidth: args.bandwidth.map(|limit| decode_gb_per_s / limit),
        decode_behind,
        peak_mib: peak_mib(),
        cpu_s: CpuSeconds {
            prefill: prefill.cpu_seconds,
            decode: decode.cpu_seconds,
            vision: vision.cpu_seconds,
            train: train.map(|train| train.cpu_seconds),
        },
    })
}

/// Milliseconds of all cores together that a token of every row takes, by how the prefix was read.
#[derive(Debug, Serialize)]
struct DecodeBehind {
    whole: f64,
    /// 37 tokens at a time.
    chunked: f64,
    /// Appended and read in four parts.
    in_turns: f64,
    /// Four rows, each with a prefix of its own.
    batch_of_4: f64,
    /// Four rows that share one.
    fork_of_4: f64,
}

fn decode_behind(args: &BenchArgs, network: &Network, prompt: &Sequence) -> Result<DecodeBehind> {
    let with = |sequences: Vec<Sequence>, chunk: usize| {
        let settings = SessionSettings { chunk, room: args.new_tokens };
        Session::new(network, sequences, settings)
    };
    let whole = args.prompt_tokens;
    let session = |kind: usize| -> Result<Session<'_>> {
        let mut session = match kind {
            0 => with(vec![prompt.clone()], whole)?,
            1 => with(vec![prompt.clone()], 37)?,
            2 => {
                let mut parts = prompt.input_ids().chunks(whole.div_ceil(4));
                let first = parts.next().context("an empty prompt")?;
                let room = SessionSettings { chunk: whole, room: whole + args.new_tokens };
                let first = Sequence::new(first, &[], network.config())?;
                let mut session = Session::new(network, vec![first], room)?;
                for part in parts {
                    session.read()?;
                    session.append(0, part, &[])?;
                }
                session
            }
            3 => with(vec![prompt.clone(); 4], whole)?,
            _ => {
                let mut session = with(vec![prompt.clone()], whole)?;
                session.read()?;
                session.fork(4)?
            }
        };
        session.read()?;
        Ok(session)
    };
    let mut fastest: [Fastest; 5] = Default::default();
    for _ in 0..=args.repeats {
        for (kind, fastest) in fastest.iter_mut().enumerate() {
            let mut session = session(kind)?;
            fastest.time(|| {
                let choose =
                    &mut |_, logits: &mut [f32], _: &Sequence| Ok(greedy(logits, |_| false));
                Ok(generate(&mut session, args.new_tokens, choose).map(drop)?)
            })?;
        }
    }
    let [whole, chunked, in_turns, batch_of_4, fork_of_4] =
        fastest.map(|fastest| fastest.cpu_seconds * 1e3 / (args.new_tokens - 1) as f64);
    Ok(DecodeBehind { whole, chunked, in_turns, batch_of_4, fork_of_4 })
}

/// Weights of the language model that a token meets.
struct Traffic {
    /// In the matrices of the layers: multiplied with every token of a prompt.
    multiplied: usize,
    /// Read from memory for every token that is written: the same, the norms and the head; of the embedding only a row.
    read: usize,
}

impl Traffic {
    fn of(config: &ModelConfig) -> Self {
        let head = config.text.vocab_size * config.text.hidden_size;
        let (mut multiplied, mut read) = (0, head);
        for (name, shape) in tensors(config) {
            let count: usize = shape.iter().product();
            if name.starts_with("model.layers.") {
                read += count;
                multiplied += if shape.len() == 2 { count } else { 0 };
            }
        }
        Self { multiplied, read }
    }
}

/// Forward, backward and a step of AdamW over all weights of the language model, on text.
fn train(
    args: &BenchArgs,
    config: &ModelConfig,
    inference: Network,
    dtype: FloatDType,
) -> Result<Fastest> {
    drop(inference);
    let device = args.device.device()?.autodiff();
    let mut network = Network::init(config, &Init::new(&device).with_dtype(dtype));
    let sequence = Sequence::new(&ids(args.train_tokens), &[], config)?;
    let settings = match args.recompute {
        true => ScoreSettings::default(),
        false => ScoreSettings {
            keep: Keep::Everything,
            head_chunk: args.train_tokens,
            ..ScoreSettings::default()
        },
    };
    let mut optimizer = ModuleOptimizer::from(AdamW::new(0.9, 0.999, 1e-8, 0.01)); // PyTorch's defaults
    let mut fastest = Fastest::default();
    for _ in 0..=args.repeats {
        network = fastest.time(|| {
            let scores = network.token_scores(&[&sequence], &[1], &settings)?;
            let loss = scores.log_probs.mean().neg();
            let gradients = GradientsParams::from_grads(loss.backward(), &network);
            Ok(optimizer.step(1e-4, network, gradients))
        })?;
    }
    Ok(fastest)
}

/// The shortest of several runs; others on the machine only ever make one longer.
#[derive(Debug)]
struct Fastest {
    seconds: f64,
    cpu_seconds: f64,
}

impl Default for Fastest {
    fn default() -> Self {
        Self { seconds: f64::INFINITY, cpu_seconds: f64::INFINITY }
    }
}

impl Fastest {
    fn time<T>(&mut self, run: impl FnOnce() -> Result<T>) -> Result<T> {
        let (start, cpu_start) = (Instant::now(), cpu_seconds());
        let value = run()?;
        self.seconds = self.seconds.min(start.elapsed().as_secs_f64());
        self.cpu_seconds = self.cpu_seconds.min(cpu_seconds() - cpu_start);
        Ok(value)
    }

    fn per_second(&self, count: usize) -> f64 {
        count as f64 / self.seconds
    }
}

/// Of all threads of this process so far; 0 where the system is not a Unix.
#[cfg(not(unix))]
fn cpu_seconds() -> f64 {
    0.0
}

#[cfg(unix)]
fn cpu_seconds() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9
}

/// Waits for a result.
fn read<const D: usize>(tensor: Tensor<D>) -> Result<()> {
    let _ = tensor.into_data();
    Ok(())
}

/// Made-up text, far from the special ids at the end of the vocabulary.
fn ids(count: usize) -> Vec<u32> {
    (0..count as u32).map(|i| 100 + i * 7919 % 20_000).collect()
}

fn frame() -> Result<Picture> {
    let pixel = |i: usize| [i % 256, i / 640 % 256, i * 7 % 256].map(|value| value as u8);
    Ok(Picture::from_rgb8(640, 360, (0..640 * 360).flat_map(pixel).collect())?)
}

/// Linux counts it; elsewhere nobody is asked.
fn peak_mib() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib / 1024)
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {} {}", self.config, self.dtype, self.device)?;
        writeln!(f, "prefill   {:>10.1} tokens/s", self.prefill_tokens_per_s)?;
        writeln!(f, "decode    {:>10.1} tokens/s", self.decode_tokens_per_s)?;
        writeln!(
            f,
            "          {:>10.2} TFLOP/s in prefill, {:.1} GB/s of weights in decoding",
            self.prefill_tflops, self.decode_gb_per_s
        )?;
        if let Some(share) = self.decode_of_bandwidth {
            writeln!(f, "          {:>10.1} % of the memory's bandwidth", 100.0 * share)?;
        }
        if let Some(behind) = &self.decode_behind {
            let DecodeBehind { whole, chunked, in_turns, batch_of_4, fork_of_4 } = behind;
            writeln!(
                f,
                "          {whole:.2} ms of all cores a token behind a prefix read whole, {chunked:.2} in chunks, {in_turns:.2} in \
                 turns; four rows {batch_of_4:.2} as a batch, {fork_of_4:.2} as forks"
            )?;
        }
        writeln!(f, "vision    {:>10.2} frames/s", self.vision_frames_per_s)?;
        if let Some(train) = self.train_tokens_per_s {
            writeln!(f, "training  {train:>10.1} tokens/s")?;
        }
        match self.peak_mib {
            Some(peak) => write!(f, "memory    {peak:>10} MiB at most"),
            None => write!(f, "memory    not told by this system"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Preset;

    /// 14.14 GB are read for a token of the published 7B in bf16: 15.23 GB without the embedding, of which one row is read.
    #[test]
    fn a_token_of_the_published_7b_reads_14_gb() {
        let traffic = Traffic::of(&Preset::B7.config().unwrap());
        assert_eq!((traffic.read as f64 * 2.0 / 1e7).round(), 1414.0);
        assert_eq!(
            traffic.read - traffic.multiplied,
            152_064 * 3584 + 28 * (2 * 3584 + 3584 + 2 * 512)
        );
    }
}
