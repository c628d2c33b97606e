//! What a recipe says.

use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

use burn::tensor::{Device, FloatDType};
use deepsport_model::training::LoraSettings;
use grpo::reward::{DifficultyGated, GatedToolUse};
use grpo::sft::SftConfig;
use grpo::trainer::RolloutConfig;
use grpo::{RewardSum, TrainerConfig};
use serde::{Deserialize, Serialize};

use crate::agent::Agent;
use crate::world::{Sport, WorldConfig};
use crate::{Dimension, Error, Result};

/// A training run from the first weight to the last figure: what is seen, who learns, how, and how well it went.
///
/// All but the seed, which a run is given. Fields that are not known are refused, so that a slip of the pen does not train another
/// model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recipe {
    /// In a few words.
    pub name: String,
    /// Where questions come from.
    pub questions: Questions,
    /// The rules under which they are answered.
    pub agent: Agent,
    /// Who answers them.
    pub model: ModelRecipe,
    /// Learning from demonstrations.
    pub sft: Option<SftRecipe>,
    /// Learning from rewards.
    pub rl: Option<RlRecipe>,
    /// Measuring.
    pub evaluation: EvaluationRecipe,
}

/// Where questions come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Questions {
    /// The toy world makes them. A run with seed `s` trains in the world whose seed is the given one plus `1 + s`, and is measured
    /// in the given one: no clip is in both.
    Toy(WorldConfig),
    /// Files. Paths are taken from the folder the program runs in.
    Files(Files),
}

/// A data set on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Files {
    /// What `distill` wrote: `demonstrations.jsonl`.
    pub demonstrations: PathBuf,
    /// Questions to learn from by trying, a record a line.
    pub questions: PathBuf,
    /// Questions to be measured by, a record a line. No video may be in both.
    pub held_out: PathBuf,
    /// Folder of the videos.
    pub media: PathBuf,
}

/// Who learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRecipe {
    /// The weights at the start.
    pub start: Start,
    /// Adapters; without them all weights are trained.
    #[serde(default)]
    pub lora: Option<LoraRecipe>,
    /// Leaves the vision tower as it is.
    #[serde(default)]
    pub freeze_vision: bool,
    /// Precision of the weights.
    #[serde(default)]
    pub precision: Precision,
    /// Keeps every inner value of the forward pass for the backward one: faster, for small models.
    #[serde(default)]
    pub keep_everything: bool,
    /// Where to compute; the processor.
    #[serde(default)]
    pub device: Hardware,
    /// Devices that share each step's micro-batches, each with a copy of the weights; 1. On the CPU these are threads.
    #[serde(default = "one")]
    pub num_devices: NonZeroUsize,
    /// Most tokens of a conversation, pictures included.
    pub max_tokens: usize,
}

fn one() -> NonZeroUsize {
    NonZeroUsize::MIN
}

/// The weights at the start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Start {
    /// A checkpoint folder in the hub's layout.
    Checkpoint(PathBuf),
    /// Random ones, for the toy world.
    Random(Sizes),
}

/// Sizes of a small Qwen2.5-VL, named as in `config.json`. Embedding and head share their weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sizes {
    /// Width.
    pub hidden_size: usize,
    /// Width inside the feed-forward layers.
    pub intermediate_size: usize,
    /// Layers.
    pub num_hidden_layers: usize,
    /// Heads that ask.
    pub num_attention_heads: usize,
    /// Heads that are asked.
    pub num_key_value_heads: usize,
    /// Frequencies that turn with time, row and column.
    pub mrope_section: [usize; 3],
    /// Base of the rotary frequencies.
    #[serde(default = "rope_theta")]
    pub rope_theta: u32,
    /// Width of the vision tower.
    pub vision_hidden_size: usize,
    /// Width inside its feed-forward layers.
    pub vision_intermediate_size: usize,
    /// Its layers.
    pub vision_depth: usize,
    /// Its heads.
    pub vision_num_heads: usize,
}

fn rope_theta() -> u32 {
    1_000_000
}

/// Low-rank adapters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoraRecipe {
    /// Width of the low-rank product.
    pub rank: usize,
    /// The product counts `alpha / rank`.
    pub alpha: f64,
    /// The adapted layers, as PEFT names them; all linear ones of the language model by default.
    #[serde(default)]
    pub target_modules: Vec<String>,
}

impl LoraRecipe {
    pub(super) fn settings(&self) -> LoraSettings {
        let default = LoraSettings::default();
        let target_modules = match self.target_modules.as_slice() {
            [] => default.target_modules,
            named => named.to_vec(),
        };
        LoraSettings { rank: self.rank, alpha: self.alpha, target_modules, ..default }
    }
}

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hardware {
    /// The processor.
    #[default]
    Cpu,
    /// NVIDIA GPUs, the first `num_devices`; needs the feature `cuda`.
    Cuda,
}

impl Hardware {
    /// The device of this number.
    ///
    /// # Panics
    ///
    /// On GPUs without the feature `cuda`, which [`Recipe::check`] refuses.
    pub(super) fn device(self, index: usize) -> Device {
        match self {
            Self::Cpu => Device::flex(),
            #[cfg(feature = "cuda")]
            Self::Cuda => Device::cuda(index),
            #[cfg(not(feature = "cuda"))]
            Self::Cuda => panic!("device {index} of a program without the feature `cuda`"),
        }
    }
}

/// Of weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// Single.
    #[default]
    F32,
    /// Half, with the range of single.
    Bf16,
}

impl Precision {
    pub(super) fn dtype(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
        }
    }

    pub(super) fn num_bytes(self) -> u64 {
        match self {
            Self::F32 => 4,
            Self::Bf16 => 2,
        }
    }
}

/// Learning from demonstrations.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SftRecipe {
    /// What is learned, in order. With files one lesson of all demonstrations is the rule: those that a lesson names.
    pub curriculum: Vec<Lesson>,
    /// Items of the held-out questions whose demonstrations are scored; 0 for none.
    #[serde(default)]
    pub num_held_out: usize,
    /// The trainer's settings.
    pub trainer: SftConfig,
}

/// A part of the curriculum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lesson {
    /// Its name.
    pub name: String,
    /// Toy world: items that are drawn. Files: most demonstrations that are taken, 0 for all.
    pub num_items: usize,
    /// Times they are seen.
    #[serde(default = "once")]
    pub num_epochs: usize,
    /// Toy world: share of hard items, if it is another than the world's.
    #[serde(default)]
    pub hard_share: Option<f64>,
    /// Toy world: share of the demonstrations whose expert does not look again but [guesses](crate::world::Expert::guessing), and
    /// is right by luck.
    #[serde(default)]
    pub guesses: f64,
    /// Toy world: fewest and most frames of a clip, if they are others than the world's; no more than it knows numbers for.
    #[serde(default)]
    pub num_frames: Option<[usize; 2]>,
    /// Toy world: shortest and longest event, if they are others than the world's.
    #[serde(default)]
    pub event_frames: Option<[usize; 2]>,
    /// Kinds of question; all by default.
    #[serde(default)]
    pub dimensions: Vec<Dimension>,
    /// Sports; all by default.
    #[serde(default)]
    pub sports: Vec<Sport>,
}

fn once() -> usize {
    1
}

/// Learning from rewards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RlRecipe {
    /// Toy world: items that are drawn. Files: most questions that are taken, 0 for all.
    pub num_items: usize,
    /// What a rollout is worth.
    pub reward: RewardRecipe,
    /// The trainer's settings.
    pub trainer: TrainerConfig,
}

/// What a rollout is worth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RewardRecipe {
    /// Of the paper's first version.
    Gated(GatedToolUse),
    /// Of its second.
    Difficulty(DifficultyGated),
}

impl RewardRecipe {
    pub(super) fn sum(self) -> RewardSum {
        match self {
            Self::Gated(reward) => RewardSum::of(reward),
            Self::Difficulty(reward) => RewardSum::of(reward),
        }
    }
}

/// Measuring.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvaluationRecipe {
    /// Held-out items; with files 0 is all.
    pub num_items: usize,
    /// How they are answered. A temperature near 0 takes the likeliest word each time.
    pub rollout: RolloutConfig,
}

impl Recipe {
    /// Reads a recipe, TOML.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Format`] names line and field of what is wrong.
    pub fn read(path: &Path) -> Result<Self> {
        let text = crate::files::read_text(path)?;
        let recipe: Self = toml::from_str(&text).map_err(|error| Error::Format {
            path: path.to_owned(),
            source_name: "a recipe",
            reason: error.to_string(),
        })?;
        recipe.check()?;
        Ok(recipe)
    }

    /// The same recipe for a model that is there already, in a checkpoint folder.
    #[must_use]
    pub fn started_from(mut self, folder: impl Into<PathBuf>) -> Self {
        self.model.start = Start::Checkpoint(folder.into());
        self
    }

    /// # Errors
    ///
    /// [`Error::InvalidSetting`] for settings that do not go together.
    pub fn check(&self) -> Result<()> {
        let invalid = |name, value: &str, expected: &str| {
            let (value, expected) = (value.to_owned(), expected.to_owned());
            Err(Error::InvalidSetting { name, value, expected })
        };
        if self.model.device == Hardware::Cuda && cfg!(not(feature = "cuda")) {
            return invalid("model.device", "cuda", "cpu, or a program built with --features cuda");
        }
        match (&self.questions, &self.model.start) {
            (Questions::Files(_), Start::Random(_)) => {
                let expected = "a checkpoint: random weights come with the toy world's tokenizer";
                return invalid("model.start", "random", expected);
            }
            (Questions::Toy(_), _) if self.evaluation.num_items == 0 => {
                return invalid("evaluation.num_items", "0", "at least 1");
            }
            _ => {}
        }
        let Some(sft) = &self.sft else { return Ok(()) };
        if sft.curriculum.is_empty() {
            return invalid("sft.curriculum", "empty", "at least one lesson");
        }
        let shares = sft.curriculum.iter().map(|lesson| lesson.guesses);
        if let Some(share) = shares.into_iter().find(|share| !(0.0..=1.0).contains(share)) {
            return invalid("sft.curriculum.guesses", &share.to_string(), "a share from 0 to 1");
        }
        if let Questions::Toy(world) = &self.questions {
            let most = world.num_frames[1];
            let longest =
                sft.curriculum.iter().filter_map(|lesson| lesson.num_frames).map(|of| of[1]).max();
            if let Some(longest) = longest.filter(|longest| *longest > most) {
                let expected = format!("at most {most}, the world's: there is no word for more");
                return invalid("sft.curriculum.num_frames", &longest.to_string(), &expected);
            }
        }
        Ok(())
    }
}
