//! From skeleton files to other files, angles and pictures.
//!
//! `cargo run --release -p pose-cli -- convert run.trc run.csv`;
//! `cargo run --release -p pose-cli -- angles run.csv --csv angles.csv --plot angles.png`;
//! `cargo run --release -p pose-cli -- overlay run.mp4 run.json --out run.gif`;
//! `cargo run --release -p pose-cli --features estimate -- estimate run.mp4 --model vitpose-base-simple`.

mod angles;
#[cfg(feature = "estimate")]
mod bench;
mod convert;
#[cfg(feature = "estimate")]
mod estimate;
mod overlay;
mod output;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
#[cfg(feature = "estimate")]
use fused_ops::program::in_pool;

/// Works with skeletons over time.
#[derive(Debug, Parser)]
#[command(name = "pose", version)]
struct Args {
    #[command(subcommand)]
    command: Command,
}

// A sub-command is one module: its arguments and what it does with them.
#[derive(Debug, Subcommand)]
enum Command {
    Convert(convert::Args),
    Angles(angles::Args),
    Overlay(overlay::Args),
    #[cfg(feature = "estimate")]
    Estimate(estimate::Args),
    #[cfg(feature = "estimate")]
    Bench(bench::Args),
}

fn main() -> ExitCode {
    #[cfg(feature = "estimate")]
    fused_ops::program::keep_freed_memory(); // tensors come and go
    let result = match Args::parse().command {
        Command::Convert(args) => convert::run(&args),
        Command::Angles(args) => angles::run(&args),
        Command::Overlay(args) => overlay::run(&args),
        #[cfg(feature = "estimate")]
        Command::Estimate(args) => in_pool(|| estimate::run(&args)),
        #[cfg(feature = "estimate")]
        Command::Bench(args) => in_pool(|| bench::run(&args)),
    };
    let Err(error) = result else { return ExitCode::SUCCESS };
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because: {cause}");
    }
    ExitCode::FAILURE
}
