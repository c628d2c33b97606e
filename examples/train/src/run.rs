//! One training run.

use std::path::Path;

use anyhow::{Context as _, bail};
use burn::module::Module as _;
use deepsport::Difficulty;
use deepsport::agent::Mode;
use deepsport::local::{NetworkPolicy, VideoTask};
use deepsport::report::{rollout_log, rollouts_page};
use deepsport::training::{Measured, Recipe, RewardRecipe, Run};
use deepsport::write_text;
use grpo::Stop;
use grpo::trainer::Ended;
use serde::Serialize;

use crate::args::{Grpo, Measure, Training};
use crate::logs::{logs, stop_on_ctrl_c};

pub(crate) fn sft(args: &Training) -> anyhow::Result<()> {
    let recipe = Recipe::read(&args.recipe)?;
    let stop = stop_on_ctrl_c()?;
    let Some(policy) = train_sft(&recipe, args, &stop)? else { return interrupted() };
    report(&Run::new(&recipe, args.seed), &policy, &args.out.join("sft"))
}

pub(crate) fn grpo(args: &Grpo) -> anyhow::Result<()> {
    let (args, without_sft) = (&args.training, args.without_sft);
    let mut recipe = Recipe::read(&args.recipe)?;
    if !without_sft {
        recipe = after_sft(recipe, &args.out)?;
    }
    let stop = stop_on_ctrl_c()?;
    let dir = args.out.join("grpo");
    let Some(policy) = train_grpo(&recipe, args, None, &dir, &stop)? else { return interrupted() };
    report(&Run::new(&recipe, args.seed), &policy, &dir)
}

/// The recipe, started from what demonstrations left in `out`.
pub(crate) fn after_sft(recipe: Recipe, out: &Path) -> anyhow::Result<Recipe> {
    let model = out.join("sft").join("model");
    if !model.is_dir() {
        bail!(
            "{}: no model; run `train sft` with the same --out first, or give --without-sft",
            model.display()
        );
    }
    Ok(recipe.started_from(model))
}

fn interrupted() -> anyhow::Result<()> {
    bail!("interrupted; the same command with --resume goes on")
}

/// Learns from demonstrations and saves the model; `None` if it was interrupted.
pub(crate) fn train_sft(
    recipe: &Recipe,
    args: &Training,
    stop: &Stop,
) -> anyhow::Result<Option<NetworkPolicy>> {
    let run = Run::new(recipe, args.seed);
    let dir = args.out.join("sft");
    let mut trainer = run.sft(run.first_policy()?)?.with_checkpoints(dir.join("checkpoints"))?;
    let done = if args.resume { trainer.resume()?.unwrap_or(0) } else { 0 };
    let ended = trainer.run(stop, &mut logs(&dir, done, false)?)?;
    if ended == Ended::Stopped {
        return Ok(None);
    }
    let policy = trainer.into_model();
    run.save(&policy, &dir.join("model"))?;
    Ok(Some(policy))
}

/// Learns from rewards in `dir` and saves the model and a page of rollouts; `None` if it was interrupted.
pub(crate) fn train_grpo(
    recipe: &Recipe,
    args: &Training,
    reward: Option<RewardRecipe>,
    dir: &Path,
    stop: &Stop,
) -> anyhow::Result<Option<NetworkPolicy>> {
    let run = Run::new(recipe, args.seed);
    let mut trainer =
        run.rl(run.first_policy()?, reward)?.with_checkpoints(dir.join("checkpoints"))?;
    let done = if args.resume { trainer.resume()?.unwrap_or(0) } else { 0 };
    let ended = trainer.run(stop, &mut logs(dir, done, true)?)?;
    write_rollouts_page(dir, &recipe.name)?;
    if ended == Ended::Stopped {
        return Ok(None);
    }
    let policy = trainer.into_policy();
    run.save(&policy, &dir.join("model"))?;
    Ok(Some(policy))
}

fn write_rollouts_page(dir: &Path, name: &str) -> anyhow::Result<()> {
    let path = dir.join("rollouts.jsonl");
    let log = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let page = rollouts_page(&format!("Rollouts of {name}"), &rollout_log(&log)?)?;
    Ok(write_text(&dir.join("rollouts.html"), &page)?)
}

/// Figures of a model, with the tool and without it.
#[derive(Debug, Serialize)]
pub(crate) struct Evaluation {
    pub(crate) with_tool: Measured,
    pub(crate) without_tool: Measured,
    /// Probability of guessing right, in the mean over questions whose answers are listed; easy ones and hard ones.
    pub(crate) chance: [f64; 2],
}

impl Evaluation {
    pub(crate) fn of(run: &Run<'_>, policy: &NetworkPolicy) -> anyhow::Result<Self> {
        let tasks = run.held_out()?;
        let measured = |mode| -> anyhow::Result<Measured> {
            Ok(Measured::of(&run.measure(policy, &tasks, mode)?))
        };
        let chance = [Difficulty::Easy, Difficulty::Hard].map(|difficulty| {
            let records = tasks.iter().map(VideoTask::record);
            let chances = records
                .filter(|record| record.difficulty == Some(difficulty) && !record.labels.is_empty())
                .map(|record| 1.0 / record.labels.len() as f64);
            chances.clone().sum::<f64>() / chances.count().max(1) as f64
        });
        Ok(Self { with_tool: measured(Mode::Tool)?, without_tool: measured(Mode::Think)?, chance })
    }

    fn print(&self) -> anyhow::Result<()> {
        use std::io::Write as _;
        let mut stdout = std::io::stdout();
        writeln!(
            stdout,
            "{:<22} {:>9} {:>8} {:>6} {:>7} {:>7} {:>6} {:>5}",
            "", "questions", "accuracy", "calls", "invalid", "frames", "recall", "tIoU"
        )?;
        let rows = [
            ("easy", &self.with_tool.easy),
            ("hard", &self.with_tool.hard),
            ("easy without the tool", &self.without_tool.easy),
            ("hard without the tool", &self.without_tool.hard),
        ];
        for (name, figures) in rows {
            writeln!(
                stdout,
                "{name:<22} {:>9} {:>8.3} {:>6.2} {:>7.3} {:>7.2} {:>6.3} {:>5.2}",
                figures.num_questions,
                figures.accuracy,
                figures.calls,
                figures.invalid_format,
                figures.frames,
                figures.window_recall,
                figures.t_iou
            )?;
        }
        let [easy, hard] = self.chance;
        writeln!(stdout, "chance: easy {easy:.3}, hard {hard:.3}")?;
        Ok(())
    }
}

/// Measures, prints, and leaves `evaluation.json`.
fn report(run: &Run<'_>, policy: &NetworkPolicy, dir: &Path) -> anyhow::Result<()> {
    let evaluation = Evaluation::of(run, policy)?;
    write_json(&dir.join("evaluation.json"), &evaluation)?;
    evaluation.print()
}

pub(crate) fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    Ok(write_text(path, &(serde_json::to_string_pretty(value)? + "\n"))?)
}

pub(crate) fn measure(args: &Measure) -> anyhow::Result<()> {
    let mut recipe = Recipe::read(&args.recipe)?.started_from(args.model.clone());
    recipe.model.lora = None;
    if let Some(temperature) = args.temperature {
        recipe.evaluation.rollout.temperature = temperature;
    }
    let run = Run::new(&recipe, args.seed);
    Evaluation::of(&run, &run.first_policy()?.valid())?.print()
}
