//! Trains a transformer of a few thousand weights to ask before it answers, by any of the losses of `grpo`.
//!
//! `cargo run --release -p bandit` prints how accuracy and tool calls rise over 200 steps, and what share of a step's time is the
//! trainer's own. With `--out DIR` it logs for TensorBoard and saves checkpoints; Ctrl-C ends after the present step, and the same
//! command goes on from there.

mod world;

use std::path::PathBuf;

use anyhow::Context;
use clap::{Parser, ValueEnum};
use grpo::loss::LossConfig;
use grpo::metrics::{Event, JsonlLog, Metrics, Observer, TensorBoardLog, TrajectoryLog};
use grpo::optim::OptimConfig;
use grpo::reward::GatedToolUse;
use grpo::toy::ToyPolicyConfig;
use grpo::{RewardSum, Schedule, Stop, Trainer, TrainerConfig};
use indicatif::{ProgressBar, ProgressStyle};

use crate::world::{END, MAX_TOKENS, Secrets, VOCAB_SIZE};

/// Trains a tiny transformer to ask before it answers.
#[derive(Debug, Parser)]
struct Args {
    /// The loss.
    #[arg(long, value_enum, default_value = "dapo")]
    loss: Loss,
    /// Training steps.
    #[arg(long, default_value_t = 200)]
    steps: u64,
    /// Seed of everything random.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Width of the transformer.
    #[arg(long, default_value_t = 32)]
    hidden_size: usize,
    /// Batches sampled ahead of training.
    #[arg(long, default_value_t = 0)]
    ahead: u64,
    /// Folder for logs and checkpoints; a run that is there goes on.
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Loss {
    Grpo,
    DrGrpo,
    Dapo,
    Bnpo,
    Gspo,
    Cispo,
    Sapo,
    TwoSided,
}

impl Loss {
    fn config(self) -> LossConfig {
        match self {
            Self::Grpo => LossConfig::grpo(),
            Self::DrGrpo => LossConfig::dr_grpo(MAX_TOKENS),
            Self::Dapo => LossConfig::dapo(),
            Self::Bnpo => LossConfig::bnpo(),
            Self::Gspo => LossConfig::gspo(),
            Self::Cispo => LossConfig::cispo(),
            Self::Sapo => LossConfig::sapo(),
            Self::TwoSided => LossConfig::two_sided(4.0),
        }
    }
}

fn main() -> anyhow::Result<()> {
    let args = Args::parse();
    let device = burn::tensor::Device::flex().autodiff();
    device.seed(args.seed);
    let policy = ToyPolicyConfig::new(VOCAB_SIZE, MAX_TOKENS, END)
        .with_hidden_size(args.hidden_size)
        .init(&device);
    let loss = LossConfig { entropy_coef: 0.01, ..args.loss.config() };
    let mut config = TrainerConfig::new(loss, OptimConfig::new(Schedule::cosine(3e-3, 0.05)));
    (config.seed, config.num_steps, config.rollouts_ahead) = (args.seed, args.steps, args.ahead);
    (config.prompts_per_step, config.num_generations, config.micro_batch_size) = (8, 16, 128);
    (config.rollout.max_turns, config.rollout.max_turn_tokens) = (3, 4);
    let rewards = RewardSum::of(GatedToolUse::default());
    let mut trainer = Trainer::new(config, policy, Secrets, vec![3, 4, 5, 6], rewards)?;

    let mut logs: Vec<Box<dyn Observer>> = vec![Box::new(progress(args.steps)?)];
    if let Some(dir) = &args.out {
        trainer = trainer.with_checkpoints(dir.join("checkpoints"))?;
        let done = trainer.resume()?.unwrap_or(0);
        logs.push(Box::new(JsonlLog::open(dir.join("metrics.jsonl"), done)?));
        logs.push(Box::new(TrajectoryLog::open(dir.join("rollouts.jsonl"), done, 10)?));
        logs.push(Box::new(TensorBoardLog::create(dir.join("tensorboard"))?));
    }
    let stop = Stop::default();
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.request()).context("Ctrl-C cannot be heard")?;
    let ended = trainer.run(&stop, &mut logs)?;
    eprintln!("{ended:?} after {} steps", trainer.num_steps_done());
    Ok(())
}

/// A bar with the essentials, and at the end the times of the phases.
fn progress(num_steps: u64) -> anyhow::Result<impl Observer> {
    let bar = ProgressBar::new(num_steps);
    bar.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg} [{eta}]")?);
    let mut times = Metrics::new();
    Ok(move |event: &Event<'_>| {
        let Event::Step { step, of, metrics, .. } = event else { return Ok(()) };
        for (name, seconds) in
            metrics.iter().filter(|(name, _)| name.starts_with("time/") && name.ends_with("_s"))
        {
            *times.entry(name.clone()).or_default() += seconds;
        }
        let [accuracy, calls] =
            ["completions/accuracy", "tools/call_rate"].map(|name| metrics[name]);
        let line = format!(
            "reward {:.2} accuracy {accuracy:.2} call rate {calls:.2}",
            metrics["reward/mean"]
        );
        bar.set_position(*step);
        bar.set_message(line.clone());
        if step.is_multiple_of(25) || step == of {
            bar.suspend(|| eprintln!("step {step}: {line}"));
        }
        if step == of {
            bar.finish();
            let total = times["time/step_s"];
            for (name, seconds) in &times {
                eprintln!("{name:28} {seconds:8.3} s {:5.1} %", 100.0 * seconds / total);
            }
        }
        Ok(())
    })
}
