//! Turns a recorded motion into a coaching report.
//!
//! `cargo run --release -p coach` reports on a simulated standing long jump;
//! `cargo run --release -p coach -- squat.csv --reference model.csv --out report` on a recording;
//! `cargo run --release -p coach --features estimate -- squat.mp4 --pose-model vitpose-base-simple --event squat
//! --reference model.csv` on a video.

mod args;
#[cfg(feature = "estimate")]
mod estimate;
mod input;
mod output;
mod video;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use sportsgpt::{Pipeline, Report, render};

use crate::args::Args;

/// Why the program ends without a report.
pub(crate) enum Failure {
    /// The input cannot be used: exit code 2.
    BadInput(anyhow::Error),
    /// Anything else, such as a full disk: exit code 1.
    Other(anyhow::Error),
}

impl From<sportsgpt::Error> for Failure {
    fn from(error: sportsgpt::Error) -> Self {
        use sportsgpt::Error::{Figure, Json, Page};
        match error {
            Figure(_) | Page(_) | Json(_) => Self::Other(error.into()),
            _ => Self::BadInput(error.into()),
        }
    }
}

fn main() -> ExitCode {
    #[cfg(feature = "estimate")]
    fused_ops::program::keep_freed_memory(); // tensors come and go
    let args = Args::parse();
    log_to_stderr(args.verbose);
    let (code, error) = match run(&args) {
        Ok(()) => return ExitCode::SUCCESS,
        Err(Failure::BadInput(error)) => (2, error),
        Err(Failure::Other(error)) => (1, error),
    };
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    if let Some(sportsgpt::Error::NotFound { .. }) = error.downcast_ref() {
        eprintln!("  hint: --accept-poor-match reports on the most similar place all the same");
    }
    ExitCode::from(code)
}

/// Warnings of everybody; with `verbose` also what this program does.
fn log_to_stderr(verbose: bool) {
    use tracing_subscriber::filter::{LevelFilter, Targets};
    use tracing_subscriber::prelude::*;
    let own = if verbose { LevelFilter::DEBUG } else { LevelFilter::WARN };
    let levels = Targets::new().with_default(LevelFilter::WARN).with_target("coach", own);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    tracing_subscriber::registry().with(lines.with_filter(levels)).init();
}

fn run(args: &Args) -> Result<(), Failure> {
    let progress = Progress::new();
    progress.stage("reading");
    let input = input::read(args)?;
    let mut pipeline = Pipeline::new(&input.knowledge, &input.event)?;
    if args.accept_poor_match {
        pipeline = pipeline.accepting_poor_matches();
    }
    progress.stage("aligning");
    let aligned = pipeline.align(&input.athlete, &input.reference)?;
    progress.stage("measuring");
    let measured = pipeline.measure(&aligned);
    progress.stage("assessing");
    let assessed = pipeline.assess(&measured)?;
    progress.stage("looking up guidance");
    let guidance = pipeline.guide(assessed.assessment())?;
    progress.stage("drawing");
    let report = pipeline.report(&aligned, assessed, guidance);
    let stills = stills(&input, &report).map_err(Failure::BadInput)?;
    let files = output::Files::render(&report, &stills, args.pictures)?;
    progress.stage("writing");
    files.write(&args.out).map_err(Failure::Other)?;
    progress.finish();
    summarise(&report, args).map_err(Failure::Other)
}

/// The athlete's frames at the keyframes; none without a video.
fn stills(input: &input::Input, report: &Report) -> anyhow::Result<Vec<Vec<u8>>> {
    let Some(input::Footage { name, video, first_frame }) = &input.footage else {
        return Ok(Vec::new());
    };
    video::stills(video, input.athlete.series(), *first_frame, report)
        .with_context(|| format!("frames of {name} cannot be shown"))
}

/// The result on standard output, where it can be piped.
fn summarise(report: &Report, args: &Args) -> anyhow::Result<()> {
    use std::io::Write;
    let text = if args.json { render::json(report)? } else { render::text(report) };
    let mut stdout = std::io::stdout().lock();
    let written = writeln!(stdout, "{text}").and_then(|()| stdout.flush());
    match written {
        // Whoever reads may have seen enough; the files are there.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        other => other.context("standard output cannot be written")?,
    }
    eprintln!("wrote {}", args.out.join("report.html").display());
    Ok(())
}

/// Names the stage that is running, on standard error.
struct Progress {
    bar: ProgressBar,
    begin: Instant,
}

impl Progress {
    fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        // The template is a constant, so this cannot fail in use.
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} ({elapsed})") {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(100));
        Self { bar, begin: Instant::now() }
    }

    fn stage(&self, name: &'static str) {
        tracing::debug!(stage = name, elapsed_ms = self.begin.elapsed().as_millis() as u64);
        self.bar.set_message(name);
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
        tracing::debug!(stage = "done", elapsed_ms = self.begin.elapsed().as_millis() as u64);
    }
}
