//! Trains a model to think with videos: demonstrations, then rewards, from one recipe; and compares ways of doing so.
//!
//! `cargo run --release -p train -- sft --recipe recipes/toy.toml --out run`, then the same with `grpo`, makes a model in
//! `run/grpo/model` that `ask --model` loads. `ablation --world toy --seeds 3 --out compared` compares seven ways of training, and
//! `stress` finds out how small an event a model finds in how long a clip. All go on where they were interrupted.

mod ablation; // ways of training side by side
mod args;
mod clip; // a toy clip as a file
mod check; // what a recipe will take
mod logs; // what is seen and kept of a run
mod plots;
mod run; // one training run
mod stress; // short events in long clips

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser as _;

use args::{Args, Command};

fn main() -> ExitCode {
    fused_ops::program::keep_freed_memory(); // tensors come and go
    let result = match Args::parse().command {
        Command::Sft(args) => run::sft(&args),
        Command::Grpo(args) => run::grpo(&args),
        Command::Measure(args) => run::measure(&args),
        Command::Check(args) => check::check(&args),
        Command::Ablation(args) => ablation::ablation(&args),
        Command::Variant(args) => ablation::variant(&args),
        Command::Stress(args) => stress::stress(&args),
        Command::Clip(args) => clip::clip(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The recipe of the toy world that ships, written down in `out`, so that results lie beside what they came of.
fn toy_recipe(out: &Path) -> anyhow::Result<PathBuf> {
    let path = out.join("recipe.toml");
    deepsport::write_text(&path, include_str!("../../../recipes/toy.toml"))?;
    Ok(path)
}
