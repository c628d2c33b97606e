//! Finds a movement in a recording, carries its keyframes over, and draws how.
//!
//! `cargo run --release -p align` makes its own data: a jump, and 20 seconds of somebody else who jumps at second 12.
//! `cargo run --release -p align -- QUERY REFERENCE --keyframes crouch=107,takeoff=120.7` takes recordings.

mod input;
mod keyframes;
mod output;
mod picture;
mod simulated;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::Parser;
use motion_dtw::{MotionDtw, Reference};

use crate::input::Recording;
use crate::output::Summary;
use crate::picture::{Aligned, Picture, WarpingPlot};

/// Finds a movement in a recording, carries its keyframes over, and draws how.
#[derive(Debug, Parser)]
#[command(version)]
struct Args {
    /// Recording to search: a skeleton (house CSV, TRC, COCO, OpenPose) or a table of channels; simulated if absent.
    #[arg(requires = "reference")]
    query: Option<PathBuf>,
    /// Recording of the movement that is searched for.
    reference: Option<PathBuf>,
    /// Keyframes of the reference: `name=frame,...`, or a JSON file (`{"name": frame}` or labels.json); by default
    /// the labels.json beside the reference.
    #[arg(long, requires = "reference")]
    keyframes: Option<String>,
    /// Seconds searched for before the first and after the last keyframe.
    #[arg(long, default_value_t = 0.25)]
    margin_s: f64,
    /// Frames per second, for files that do not say.
    #[arg(long)]
    fps: Option<f64>,
    /// Folder for the pictures.
    #[arg(long, default_value = "align-report")]
    out: PathBuf,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            error.chain().skip(1).for_each(|cause| eprintln!("  because: {cause}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<()> {
    let (query, reference, keyframes) = match (&args.query, &args.reference) {
        (Some(query), Some(path)) => {
            let reference = Recording::read(path, args.fps)?;
            let keyframes = keyframes::of(args.keyframes.as_deref(), path)?;
            let query = Recording::read(query, args.fps)?.with_channels_of(&reference)?;
            (query, reference, keyframes)
        }
        _ => (simulated::query()?, simulated::reference()?, simulated::keyframes()),
    };
    let model = Reference::new(reference.motion.clone(), keyframes)
        .and_then(|model| model.trimmed(args.margin_s))
        .with_context(|| format!("the keyframes do not fit {}", reference.name))?;
    let found = MotionDtw::new()
        .align(&query.motion, &model)
        .with_context(|| format!("{} cannot be searched for {}", query.name, reference.name))?;

    let files = [
        ("warping-path", WarpingPlot::new(&query, &reference, &model, &found).render()?),
        ("aligned", Aligned::new(&query, &reference, &found).render()?),
    ];
    let written = output::write_all(&args.out, &files)?;
    let summary = Summary::new(&query, &reference, &found);
    let mut stdout = std::io::stdout().lock();
    let text = if args.json { summary.json()? } else { summary.text() };
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        // Whoever reads may have seen enough.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => {}
        printed => printed.context("standard output cannot be written")?,
    }
    written.iter().for_each(|path| eprintln!("wrote {}", path.display()));
    Ok(())
}
