//! What a run leaves behind while it goes on, and what is seen of it.

use std::path::Path;

use anyhow::Context as _;
use grpo::Stop;
use grpo::metrics::{Event, JsonlLog, Metrics, Observer, TensorBoardLog, TrajectoryLog};
use indicatif::{ProgressBar, ProgressStyle};

/// Steps between those whose rollouts are kept.
const ROLLOUTS_EVERY: u64 = 10;

/// A bar and logs, to go on behind step `done`.
pub(crate) fn logs(
    dir: &Path,
    done: u64,
    rollouts: bool,
) -> anyhow::Result<Vec<Box<dyn Observer>>> {
    let mut logs: Vec<Box<dyn Observer>> = vec![
        Box::new(bar(done)?),
        Box::new(JsonlLog::open(dir.join("metrics.jsonl"), done)?),
        Box::new(TensorBoardLog::create(dir.join("tensorboard"))?),
    ];
    if rollouts {
        let path = dir.join("rollouts.jsonl");
        logs.push(Box::new(TrajectoryLog::open(path, done, ROLLOUTS_EVERY)?));
    }
    Ok(logs)
}

/// Ends after the present step when Ctrl-C is heard.
pub(crate) fn stop_on_ctrl_c() -> anyhow::Result<Stop> {
    let stop = Stop::default();
    let asked = stop.clone();
    ctrlc::set_handler(move || asked.request()).context("Ctrl-C cannot be heard")?;
    Ok(stop)
}

fn bar(done: u64) -> anyhow::Result<impl Observer> {
    let bar = ProgressBar::new(0);
    bar.set_style(ProgressStyle::with_template("{pos}/{len} {bar:24} {msg} [{eta}]")?);
    bar.set_position(done);
    bar.reset_eta();
    Ok(move |event: &Event<'_>| {
        let Event::Step { step, of, metrics, .. } = event else { return Ok(()) };
        bar.set_length(*of);
        bar.set_message(line(metrics));
        bar.set_position(*step);
        if step == of {
            bar.finish();
        }
        Ok(())
    })
}

/// The essentials of a step.
fn line(metrics: &Metrics) -> String {
    let named = [
        ("loss", "loss"),
        ("eval/loss", "held out"),
        ("reward/mean", "reward"),
        ("completions/accuracy", "accuracy"),
        ("completions/invalid_format", "invalid"),
        ("tools/call_rate_easy", "calls easy"),
        ("tools/call_rate_hard", "hard"),
    ];
    let shown = named
        .iter()
        .filter_map(|(metric, name)| Some(format!("{name} {:.3}", metrics.get(*metric)?)));
    shown.collect::<Vec<_>>().join("  ")
}
