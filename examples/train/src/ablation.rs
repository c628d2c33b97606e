//! Ways of training side by side: every variant with every seed, each in a process of its own, and what came of them.
//!
//! The folder is the state: a run that has its `result.json` is finished, one that has checkpoints goes on from them. So an
//! interrupted comparison goes on where it was, by the same command.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Context as _, bail};
use deepsport::agent::Mode;
use deepsport::local::NetworkPolicy;
use deepsport::training::{FIRST_STEPS, Measured, Recipe, Row, Run, Variant};
use grpo::Stop;

use crate::args::{Ablation, OneVariant, Training, WorldName};
use crate::logs::stop_on_ctrl_c;
use crate::run::{Evaluation, after_sft, train_grpo, train_sft, write_json};
use crate::{plots, toy_recipe};

const RESULT: &str = "result.json";

/// A process to start: demonstrations of a seed, or what follows them.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Job {
    seed: u64,
    variant: Option<Variant>,
}

impl Job {
    fn name(self) -> String {
        let variant = self.variant.map_or("demonstrations", Variant::name);
        format!("{variant}, seed {}", self.seed)
    }
}

pub(crate) fn ablation(args: &Ablation) -> anyhow::Result<()> {
    let WorldName::Toy = args.world;
    let recipe = match &args.recipe {
        Some(path) => path.clone(),
        None => toy_recipe(&args.out)?,
    };
    Recipe::read(&recipe)?;
    let variants =
        if args.variants.is_empty() { Variant::ALL.to_vec() } else { args.variants.clone() };
    let stop = stop_on_ctrl_c()?;
    let seeds = 0..args.seeds.max(1);
    let is_needed = variants.iter().any(|variant| variant.has_sft());
    let first = seeds.clone().filter(|_| is_needed).map(|seed| Job { seed, variant: None });
    let all = |seed| variants.iter().map(move |&variant| Job { seed, variant: Some(variant) });
    for jobs in [first.collect(), seeds.clone().flat_map(all).collect::<Vec<_>>()] {
        run_all(jobs, args, &recipe, &stop)?;
    }
    let rows = seeds.flat_map(all).filter_map(|job| read_row(&args.out, job).transpose());
    let rows: Vec<Row> = rows.collect::<anyhow::Result<_>>()?;
    write_json(&args.out.join("results.json"), &rows)?;
    plots::ablation(&args.out, &rows)?;
    print(&rows)
}

fn folder(out: &Path, seed: u64) -> PathBuf {
    out.join(format!("seed-{seed}"))
}

fn is_done(out: &Path, job: Job) -> bool {
    let folder = folder(out, job.seed);
    match job.variant {
        None => folder.join("sft").join("model").join("config.json").exists(),
        Some(variant) => folder.join(variant.name()).join(RESULT).exists(),
    }
}

fn read_row(out: &Path, job: Job) -> anyhow::Result<Option<Row>> {
    let Some(variant) = job.variant else { return Ok(None) };
    let path = folder(out, job.seed).join(variant.name()).join(RESULT);
    let text = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    Ok(Some(serde_json::from_str(&text).with_context(|| path.display().to_string())?))
}

/// Runs what is not done yet, so many at a time.
fn run_all(jobs: Vec<Job>, args: &Ablation, recipe: &Path, stop: &Stop) -> anyhow::Result<()> {
    let mut waiting: VecDeque<Job> =
        jobs.into_iter().filter(|job| !is_done(&args.out, *job)).collect();
    let mut running: Vec<(Job, Child)> = Vec::new();
    let mut failed = None;
    while !(waiting.is_empty() && running.is_empty()) {
        if stop.requested() || failed.is_some() {
            waiting.clear(); // those that run hear of Ctrl-C themselves
        }
        while running.len() < args.jobs.max(1)
            && let Some(job) = waiting.pop_front()
        {
            eprintln!("{}: starts", job.name());
            running.push((job, start(job, args, recipe)?));
        }
        std::thread::sleep(Duration::from_millis(200));
        let mut going = Vec::new();
        for (job, mut child) in running {
            match child.try_wait()? {
                None => going.push((job, child)),
                Some(status) if status.success() => eprintln!("{}: done", job.name()),
                Some(status) => failed = Some(format!("{}: {status}", job.name())),
            }
        }
        running = going;
    }
    if stop.requested() {
        bail!("interrupted; the same command goes on");
    }
    match failed {
        Some(failed) => bail!("{failed}"),
        None => Ok(()),
    }
}

fn start(job: Job, args: &Ablation, recipe: &Path) -> anyhow::Result<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("variant").arg("--recipe").arg(recipe).arg("--seed").arg(job.seed.to_string());
    if let Some(variant) = job.variant {
        command.arg("--variant").arg(variant.name());
    }
    command.arg("--out").arg(folder(&args.out, job.seed));
    if args.jobs > 1 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        command.env("RAYON_NUM_THREADS", (cores / args.jobs).max(1).to_string());
    }
    command.spawn().context("another process of this program cannot be started")
}

/// What one process of the comparison does.
pub(crate) fn variant(args: &OneVariant) -> anyhow::Result<()> {
    let recipe = Recipe::read(&args.recipe)?;
    let stop = stop_on_ctrl_c()?;
    let training = Training {
        recipe: args.recipe.clone(),
        seed: args.seed,
        out: args.out.clone(),
        resume: true,
    };
    let Some(variant) = args.variant else {
        return match train_sft(&recipe, &training, &stop)? {
            Some(_) => Ok(()),
            None => bail!("interrupted"),
        };
    };
    let dir = args.out.join(variant.name());
    let recipe = if variant.has_sft() { after_sft(recipe, &args.out)? } else { recipe };
    let run = Run::new(&recipe, args.seed);
    let (policy, valid) = match variant.reward() {
        None => {
            let policy = run.first_policy()?;
            let valid = valid_share(&run, &recipe, &policy)?;
            (policy, valid)
        }
        Some(reward) => {
            let Some(policy) = train_grpo(&recipe, &training, Some(reward), &dir, &stop)? else {
                bail!("interrupted")
            };
            (policy, valid_in_first_steps(&dir)?)
        }
    };
    let evaluation = Evaluation::of(&run, &policy)?;
    write_json(&dir.join("evaluation.json"), &evaluation)?;
    let (with_tool, without_tool) = (&evaluation.with_tool, &evaluation.without_tool);
    let row = Row::new(variant, args.seed, with_tool, without_tool, valid);
    write_json(&dir.join(RESULT), &row)
}

/// Share of valid rollouts when they are drawn as in training.
fn valid_share(run: &Run<'_>, recipe: &Recipe, policy: &NetworkPolicy) -> anyhow::Result<f64> {
    let Some(rl) = &recipe.rl else { bail!("the recipe has no part `rl`") };
    let outcomes = run.measure_with(policy, &run.held_out()?, Mode::Tool, rl.trainer.rollout)?;
    Ok(1.0 - Measured::of(&outcomes).all.invalid_format)
}

/// The same in the log of the first steps.
fn valid_in_first_steps(dir: &Path) -> anyhow::Result<f64> {
    let path = dir.join("metrics.jsonl");
    let log = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut invalid = Vec::new();
    for line in log.lines().take(FIRST_STEPS) {
        let line: serde_json::Value = serde_json::from_str(line)?;
        invalid.extend(line["completions/invalid_format"].as_f64());
    }
    if invalid.is_empty() {
        bail!("{}: no steps", path.display());
    }
    Ok(1.0 - invalid.iter().sum::<f64>() / invalid.len() as f64)
}

/// Means over seeds.
fn print(rows: &[Row]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut stdout = std::io::stdout();
    writeln!(
        stdout,
        "{:<18} {:>5} {:>6} {:>6} {:>9} {:>11} {:>10} {:>10} {:>7} {:>6} {:>6}",
        "variant",
        "seeds",
        "easy",
        "hard",
        "no tool",
        "first valid",
        "calls easy",
        "calls hard",
        "invalid",
        "recall",
        "frames"
    )?;
    for variant in Variant::ALL {
        let of: Vec<&Row> = rows.iter().filter(|row| row.variant == variant).collect();
        if of.is_empty() {
            continue;
        }
        let mean =
            |value: fn(&Row) -> f64| of.iter().map(|row| value(row)).sum::<f64>() / of.len() as f64;
        writeln!(
            stdout,
            "{:<18} {:>5} {:>6.3} {:>6.3} {:>9.3} {:>11.3} {:>10.2} {:>10.2} {:>7.3} {:>6.3} {:>6.2}",
            variant.name(),
            of.len(),
            mean(|row| row.accuracy_easy),
            mean(|row| row.accuracy_hard),
            mean(|row| row.accuracy_hard_without_tool),
            mean(|row| row.valid_action_rate_first_steps),
            mean(|row| row.calls_easy),
            mean(|row| row.calls_hard),
            mean(|row| row.invalid_format_rate),
            mean(|row| row.window_recall),
            mean(|row| row.mean_frames)
        )?;
    }
    Ok(())
}
