//! Qwen2.5-VL from the command line.
//!
//! `cargo run --release -p vlm -- parity ../shared/fixtures/qwen2_5_vl_tiny` compares every stage of the network with the
//! numbers of transformers; `inspect` sizes a checkpoint, `generate` continues a prompt, `bench` measures speed.

mod args;
mod bench;
mod generate;
mod inspect;
mod media;
mod parity;
mod presets;

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Parser as _;

use args::{Args, Command};

fn main() -> ExitCode {
    fused_ops::program::keep_freed_memory(); // tensors come and go
    let args = Args::parse();
    match fused_ops::program::in_pool(|| run(args)) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<ExitCode> {
    match args.command {
        Command::Inspect(args) => {
            let report = inspect::inspect(&args)?;
            print(&report, args.json)?;
            Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Parity(args) => {
            let report = parity::compare(&args.dir, args.device.device()?)?;
            print(&report, args.json)?;
            Ok(if report.ok { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Command::Generate(args) => generate::generate(&args).map(|()| ExitCode::SUCCESS),
        Command::Bench(args) => {
            print(&bench::bench(&args)?, args.json)?;
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// What a stranger gets wrong first.
fn is_checkpoint(dir: &Path) -> Result<()> {
    ensure!(
        dir.join("config.json").is_file(),
        "{} is no checkpoint: a folder with config.json, weights and tokenizer.json is needed, as downloaded from the hub",
        dir.display()
    );
    Ok(())
}

/// One JSON document, or text for people.
fn print(report: &(impl serde::Serialize + std::fmt::Display), json: bool) -> Result<()> {
    let mut out = std::io::stdout().lock();
    if json {
        serde_json::to_writer(&mut out, report)?;
        writeln!(out)?;
    } else {
        writeln!(out, "{report}")?;
    }
    Ok(())
}
