//! Evaluates a model on questions about sports videos, and compares runs.
//!
//! `cargo run --release -p evaluate -- run questions.jsonl --media videos --server http://127.0.0.1:8000/v1 --out result`
//! answers every question (again after an interruption, where it was), and writes `result/run.jsonl`, `result/summary.json` and
//! `result/report.html`. `--toy 200` takes questions of the toy world instead of a file; without `--server` the world's own
//! expert answers them. `evaluate compare A/run.jsonl B/run.jsonl --out DIR` compares two runs question by question.

mod args;

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use deepsport::agent::{Agent, Mode, Speaker, Wording};
use deepsport::data::{Media, Record, open_media, read_records, statistics_table};
use deepsport::evaluate::{Evaluation, Graded, Progress, Summary, compare, read_graded};
use deepsport::report::evaluation_page;
use deepsport::world::{Expert, Item, World};
use deepsport::write_text;
use indicatif::{ProgressBar, ProgressStyle};

use args::{Args, Command, RunArgs};

fn main() -> ExitCode {
    let done = match Args::parse().command {
        Command::Run(args) => run(&args),
        Command::Compare { a, b, mode, out } => compare_runs(&a, &b, mode.into(), &out),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// What is asked: records, and for those of the toy world the items behind them.
struct Questions {
    records: Vec<Record>,
    items: Vec<Item>,
}

impl Questions {
    fn read(args: &RunArgs) -> anyhow::Result<Self> {
        if let Some(num) = args.toy {
            let world = World::new(args.world()?)?;
            let items: Vec<Item> = world.items(args.first..args.first + num).collect();
            let records = items.iter().map(|item| item.record(Media::None)).collect();
            return Ok(Self { records, items });
        }
        let Some(path) = &args.questions else {
            bail!("nothing to ask: give QUESTIONS.jsonl, or --toy NUMBER")
        };
        let loaded = read_records(path)?;
        for bad in &loaded.bad_rows {
            eprintln!("left out: {bad}");
        }
        if loaded.records.is_empty() {
            bail!("{}: no usable question", path.display());
        }
        Ok(Self { records: loaded.records, items: Vec::new() })
    }

    fn item(&self, record: &Record) -> Option<&Item> {
        self.items.iter().find(|item| item.id == record.id)
    }
}

fn run(args: &RunArgs) -> anyhow::Result<()> {
    let questions = Questions::read(args)?;
    eprint!("{}", statistics_table(&questions.records));
    let model = args
        .server
        .as_deref()
        .map(|server| args.client(server, args.server_model.as_deref()))
        .transpose()?;
    let judge = args
        .judge
        .as_deref()
        .map(|server| args.client(server, args.judge_model.as_deref()))
        .transpose()?;
    if model.is_none() && questions.items.is_empty() {
        bail!("nobody to ask: give --server URL");
    }
    // Only the expert speaks the toy world's few words from birth.
    let wording = if model.is_none() { Wording::Toy } else { Wording::English };
    let evaluation = Evaluation::new(Agent::new().with_wording(wording))
        .with_modes(args.modes.iter().map(|&mode| mode.into()))
        .with_workers(args.workers);
    let open = |record: &Record| match questions.item(record) {
        Some(item) => item.clip.video(),
        None => open_media(record, &args.media),
    };
    let items = &questions.items;
    let speaker = |record: &Record| -> Box<dyn Speaker> {
        match (&model, items.iter().position(|item| item.id == record.id)) {
            (Some(model), _) => Box::new(model.clone()),
            (None, place) => Box::new(Expert::new(&items[place.unwrap_or_default()])),
        }
    };
    let judging = |_: &Record| -> Box<dyn Speaker> {
        match &judge {
            Some(judge) => Box::new(judge.clone()),
            None => Box::new(deepsport::agent::Recorded::default()),
        }
    };
    let judging = judge.is_some().then_some(&judging as _);
    let bar = ProgressBar::new((questions.records.len() * args.modes.len()) as u64);
    bar.set_style(ProgressStyle::with_template("{pos}/{len} {wide_bar} {msg} {eta}")?);
    let mut right = 0.0;
    let path = args.out.join("run.jsonl");
    let run =
        evaluation.run(&questions.records, &path, &open, &speaker, judging, &mut |progress| {
            match progress {
                Progress::Graded(graded) => {
                    bar.inc(1);
                    right += graded.score;
                    bar.set_message(format!(
                        "{:.1} % right",
                        100.0 * right / bar.position() as f64
                    ));
                }
                Progress::Failed { key, error } => bar.println(format!("failed: {key}: {error}")),
                _ => {}
            }
            ControlFlow::Continue(())
        })?;
    bar.finish_and_clear();
    let Some(first) = run.first() else { bail!("no question was answered") };
    let num_missing = questions.records.len() * args.modes.len() - run.len();
    if num_missing > 0 {
        eprintln!("{num_missing} questions could not be asked; the same command tries them again");
    }
    report(&args.out, &format!("Evaluation of {}", first.trajectory.speaker), &run)
}

fn report(out: &Path, title: &str, run: &[Graded]) -> anyhow::Result<()> {
    let summaries = Summary::of(run);
    write_text(&out.join("summary.json"), &serde_json::to_string_pretty(&summaries)?)?;
    write_text(&out.join("report.html"), &evaluation_page(title, run, None)?)?;
    let mut stdout = std::io::stdout();
    for summary in summaries {
        let accuracy = summary.overall.accuracy;
        let interval = accuracy.interval.map_or_else(String::new, |[low, high]| {
            format!(" (95 %: {:.1} to {:.1})", 100.0 * low, 100.0 * high)
        });
        writeln!(
            stdout,
            "{}: {:.1} %{interval}, {:.2} frames, {:.2} calls, {} questions",
            summary.mode.name(),
            100.0 * accuracy.mean,
            summary.overall.mean_frames,
            summary.overall.mean_calls,
            accuracy.num,
        )?;
    }
    eprintln!("{}", out.join("report.html").display());
    Ok(())
}

fn compare_runs(a: &Path, b: &Path, mode: Mode, out: &Path) -> anyhow::Result<()> {
    let read = |path: &Path| -> anyhow::Result<Vec<Graded>> {
        anyhow::ensure!(path.exists(), "{}: not there", path.display());
        Ok(read_graded(path)?)
    };
    let (run_a, run_b) = (read(a)?, read(b)?);
    let comparison = compare((&run_a, mode), (&run_b, mode))?;
    let json = serde_json::to_string_pretty(&comparison)?;
    write_text(&out.join("comparison.json"), &json)?;
    let title = format!("{} against {}", b.display(), a.display());
    write_text(&out.join("report.html"), &evaluation_page(&title, &run_b, Some(&comparison))?)?;
    writeln!(std::io::stdout(), "{json}").context("stdout is closed")
}
