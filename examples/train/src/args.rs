//! What the command line says.

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use deepsport::training::Variant;

/// Trains a model to think with videos: demonstrations, then rewards, from one recipe.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Learns from demonstrations; leaves the model in OUT/sft/model.
    Sft(Training),
    /// Learns from rewards, from OUT/sft/model on; leaves the model in OUT/grpo/model.
    Grpo(Grpo),
    /// Answers the recipe's held-out questions with a model, with the tool and without.
    Measure(Measure),
    /// Says what a recipe will take, and trains nothing.
    Check(Check),
    /// Compares ways of training in the toy world, for several seeds; what is finished is not done again.
    Ablation(Ablation),
    /// One way of training for one seed, as `ablation` starts it.
    #[command(hide = true)]
    Variant(OneVariant),
    /// Measures how small an event a model finds in how long a clip.
    Stress(Stress),
    /// Writes a clip of the toy world as a video without loss, an animated PNG, and prints its question and the answer.
    Clip(Clip),
}

#[derive(Debug, Clone, ClapArgs)]
pub(crate) struct Training {
    /// The recipe, TOML.
    #[arg(long, value_name = "FILE")]
    pub(crate) recipe: PathBuf,
    /// Seed of everything random: weights, clips, order, chance.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Where checkpoints, logs and the model go.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Goes on from the newest checkpoint in OUT.
    #[arg(long)]
    pub(crate) resume: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Grpo {
    #[command(flatten)]
    pub(crate) training: Training,
    /// Starts from the recipe's own model instead, without demonstrations.
    #[arg(long)]
    pub(crate) without_sft: bool,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Measure {
    /// The recipe, TOML.
    #[arg(long, value_name = "FILE")]
    pub(crate) recipe: PathBuf,
    /// Folder of the model.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Seed of what is drawn.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Temperature at which answers are drawn, if it is not the recipe's.
    #[arg(long)]
    pub(crate) temperature: Option<f64>,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Check {
    /// The recipe, TOML.
    pub(crate) recipe: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum WorldName {
    /// Made-up clips.
    Toy,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Ablation {
    /// Where questions come from.
    #[arg(long, value_enum, default_value = "toy")]
    pub(crate) world: WorldName,
    /// A recipe of that world, if it is not the one that ships.
    #[arg(long, value_name = "FILE")]
    pub(crate) recipe: Option<PathBuf>,
    /// Seeds from 0 on.
    #[arg(long, default_value_t = 3)]
    pub(crate) seeds: u64,
    /// Ways of training; all by default.
    #[arg(long, value_delimiter = ',')]
    pub(crate) variants: Vec<Variant>,
    /// Runs at the same time, each on its share of the cores.
    #[arg(long, default_value_t = 1)]
    pub(crate) jobs: usize,
    /// Where runs, `results.json` and plots go.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct OneVariant {
    #[arg(long)]
    pub(crate) recipe: PathBuf,
    #[arg(long)]
    pub(crate) seed: u64,
    /// Only the demonstrations, if it is not given.
    #[arg(long)]
    pub(crate) variant: Option<Variant>,
    #[arg(long)]
    pub(crate) out: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Stress {
    /// The recipe that the model was trained by: its world and its rules.
    #[arg(long, value_name = "FILE")]
    pub(crate) recipe: PathBuf,
    /// Folder of the model.
    #[arg(long, value_name = "DIR")]
    pub(crate) model: PathBuf,
    /// Frames of the clips.
    #[arg(long, value_delimiter = ',', default_value = "100,300,1000")]
    pub(crate) lengths: Vec<usize>,
    /// Frames of the events.
    #[arg(long, value_delimiter = ',', default_value = "2,5,10,30")]
    pub(crate) durations: Vec<usize>,
    /// Questions for each pair.
    #[arg(long, default_value_t = 100)]
    pub(crate) questions: usize,
    /// Where `stress.json` and the plot go.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, ClapArgs)]
pub(crate) struct Clip {
    /// A recipe of the toy world.
    #[arg(long, value_name = "FILE")]
    pub(crate) recipe: PathBuf,
    /// Number of the item among the held-out ones.
    #[arg(long, default_value_t = 0)]
    pub(crate) item: u64,
    /// The video, `.png`.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
}
