//! Evaluates a model on questions about sports videos, and compares runs.
//!
//! `cargo run --release -p evaluate -- run questions.jsonl --media videos --server http://127.0.0.1:8000/v1 --out result`
//! answers every question (again after an interruption, where it was), and writes `result/run.jsonl`, `result/summary.json` and
//! `result/report.html`. `--model DIR` asks a model on this machine, many questions at once. `--toy 200` takes questions of the toy
//! world instead of a file; without `--server` and `--model` the world's own expert answers them. `evaluate compare A/run.jsonl B/run.jsonl --out DIR` compares two runs question by question.

mod args;

use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Parser as _;
use deepsport::OpenAi;
use deepsport::agent::{Agent, Mode, Recorded, Speaker, Wording};
use deepsport::data::{Questions, Record, statistics_table};
use deepsport::evaluate::{Evaluation, Graded, Progress, Summary, compare, read_graded};
#[cfg(feature = "local")]
use deepsport::local::{Model, NetworkSpeaker, folder::load};
use deepsport::report::evaluation_page;
use deepsport::world::WorldConfig;
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

fn run(args: &RunArgs) -> anyhow::Result<()> {
    let voice = Voice::open(args)?;
    let questions = questions(args, &voice)?;
    eprint!("{}", statistics_table(questions.records()));
    if matches!(voice, Voice::Expert) && !questions.are_toys() {
        bail!(
            "nobody to ask: give --server URL{}",
            if cfg!(feature = "local") { ", or --model DIR" } else { "" }
        );
    }
    let judge = args
        .judge
        .as_deref()
        .map(|server| args.client(server, args.judge_model.as_deref()))
        .transpose()?;
    let evaluation = Evaluation::new(voice.rules())
        .with_modes(args.modes.iter().map(|&mode| mode.into()))
        .with_workers(args.workers);
    let open = |record: &Record| questions.open(record);
    let judging = |_: &Record| -> Box<dyn Speaker> {
        match &judge {
            Some(judge) => Box::new(judge.clone()),
            None => Box::new(Recorded::default()),
        }
    };
    let judging = judge.is_some().then_some(&judging as _);
    let bar = ProgressBar::new((questions.records().len() * args.modes.len()) as u64);
    bar.set_style(ProgressStyle::with_template("{pos}/{len} {wide_bar} {msg} {eta}")?);
    let mut right = 0.0;
    let path = args.out.join("run.jsonl");
    let mut tell = |progress: Progress<'_>| {
        match progress {
            Progress::Graded(graded) => {
                bar.inc(1);
                right += graded.score;
                bar.set_message(format!("{:.1} % right", 100.0 * right / bar.position() as f64));
            }
            Progress::Failed { key, error } => bar.println(format!("failed: {key}: {error}")),
            _ => {}
        }
        ControlFlow::Continue(())
    };
    let records = questions.records();
    let speaker = |record: &Record| -> Box<dyn Speaker> {
        match (&voice, questions.expert(record)) {
            (Voice::Server(model), _) => Box::new(model.clone()),
            (_, Some(expert)) => Box::new(expert),
            (_, None) => Box::new(Recorded::default()), // refused above
        }
    };
    let run = match &voice {
        #[cfg(feature = "local")]
        Voice::Model(model) => {
            let mut run = Vec::new();
            for &mode in &evaluation.modes {
                let mut chorus = NetworkSpeaker::new(model);
                if mode != Mode::Tool {
                    chorus = chorus.without_tool();
                }
                let one = evaluation.clone().with_modes([mode]);
                run.extend(one.run_in_chorus(
                    records,
                    &path,
                    &open,
                    &mut chorus,
                    judging,
                    &mut tell,
                )?);
            }
            run
        }
        _ => evaluation.run(records, &path, &open, &speaker, judging, &mut tell)?,
    };
    bar.finish_and_clear();
    let Some(first) = run.first() else { bail!("no question was answered") };
    let num_missing = records.len() * args.modes.len() - run.len();
    if num_missing > 0 {
        eprintln!("{num_missing} questions could not be asked; the same command tries them again");
    }
    report(&args.out, &format!("Evaluation of {}", first.trajectory.speaker), &run)
}

/// Who answers.
enum Voice {
    Server(OpenAi),
    /// Of the toy world, which is all that it knows.
    Expert,
    #[cfg(feature = "local")]
    Model(Box<Model>),
}

impl Voice {
    fn open(args: &RunArgs) -> anyhow::Result<Self> {
        #[cfg(feature = "local")]
        if let Some(folder) = &args.model {
            return Ok(Self::Model(Box::new(load(folder, &mut |_| ())?)));
        }
        Ok(match &args.server {
            Some(server) => Self::Server(args.client(server, args.server_model.as_deref())?),
            None => Self::Expert,
        })
    }

    /// The rules under which it answers best.
    fn rules(&self) -> Agent {
        match self {
            Self::Server(_) => Agent::new(),
            Self::Expert => Agent::new().with_wording(Wording::Toy),
            #[cfg(feature = "local")]
            Self::Model(model) => model.settings.agent.clone().at_inference(),
        }
    }
}

fn questions(args: &RunArgs, voice: &Voice) -> anyhow::Result<Questions> {
    let questions = match (args.toy, &args.questions) {
        (Some(num), _) => {
            let world = match (&args.world, voice) {
                (Some(path), _) => WorldConfig::read(path)?,
                #[cfg(feature = "local")]
                (None, Voice::Model(model)) => model.settings.world.clone().unwrap_or_default(),
                (None, _) => WorldConfig::default(),
            };
            Questions::toy(world, args.first..args.first + num)?
        }
        (None, Some(path)) => Questions::read(path, &args.media)?,
        (None, None) => bail!("nothing to ask: give QUESTIONS.jsonl, or --toy NUMBER"),
    };
    for bad in questions.bad_rows() {
        eprintln!("left out: {bad}");
    }
    Ok(questions)
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
    for (path, run) in [(a, &run_a), (b, &run_b)] {
        let is_there = run.iter().any(|graded| graded.mode == mode);
        anyhow::ensure!(is_there, "{}: no question in mode {}", path.display(), mode.name());
    }
    let comparison = compare((&run_a, mode), (&run_b, mode))
        .with_context(|| format!("{} and {}", a.display(), b.display()))?;
    let json = serde_json::to_string_pretty(&comparison)?;
    write_text(&out.join("comparison.json"), &json)?;
    let title = format!("{} against {}", b.display(), a.display());
    write_text(&out.join("report.html"), &evaluation_page(&title, &run_b, Some(&comparison))?)?;
    writeln!(std::io::stdout(), "{json}").context("stdout is closed")
}
