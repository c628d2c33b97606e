//! The command line.

use std::path::PathBuf;

use anyhow::Result;
use burn::tensor::{Device, FloatDType};
use clap::{Parser, Subcommand, ValueEnum};
use deepsport_model::sampling::CallPattern;

/// Qwen2.5-VL in burn.
#[derive(Debug, Parser)]
#[command(version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Sizes, layout and memory of a checkpoint folder. Needs config.json; weights are compared by name and shape, or by name
    /// alone where only model.safetensors.index.json is there. Fails if a tensor is missing, unused or of another shape.
    Inspect(InspectArgs),
    /// Compares each stage with golden tensors of transformers. Fails unless all are within their tolerances.
    Parity(ParityArgs),
    /// Continues a prompt.
    Generate(GenerateArgs),
    /// Measures speed with random weights.
    Bench(BenchArgs),
}

#[derive(Debug, clap::Args)]
pub(crate) struct InspectArgs {
    /// Checkpoint folder.
    pub(crate) dir: PathBuf,
    /// Tokens that memory is estimated for.
    #[arg(long, default_value_t = 16_384)]
    pub(crate) tokens: usize,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct ParityArgs {
    /// Folder of fixtures: of one model (checkpoints and `goldens/`), of pictures, conversations or texts, or a folder of such.
    pub(crate) dir: PathBuf,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceChoice,
}

#[derive(Debug, clap::Args)]
pub(crate) struct GenerateArgs {
    /// Checkpoint folder.
    pub(crate) dir: PathBuf,
    /// What is asked; given several times, all are answered as one batch, each behind the same pictures.
    #[arg(long, required = true)]
    pub(crate) prompt: Vec<String>,
    /// Replies to each prompt, which is read once for all of them.
    #[arg(long, default_value_t = 1)]
    pub(crate) samples: usize,
    /// A picture, shown before the prompt; may be given several times.
    #[arg(long)]
    pub(crate) image: Vec<PathBuf>,
    /// A folder of frames, shown as one clip in the order of their names.
    #[arg(long)]
    pub(crate) frames: Option<PathBuf>,
    /// Rate of the frames, in frames per second.
    #[arg(long, default_value_t = 2.0, allow_negative_numbers = true)]
    pub(crate) fps: f64,
    /// The system's message; the template's own if absent.
    #[arg(long)]
    pub(crate) system: Option<String>,
    /// Tokens at most.
    #[arg(long, default_value_t = 256)]
    pub(crate) max_new_tokens: usize,
    /// 0 always takes the most probable token.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) temperature: f32,
    /// Keeps so many of the most probable tokens; 0 keeps all.
    #[arg(long, default_value_t = 0)]
    pub(crate) top_k: usize,
    /// Keeps the most probable tokens up to this sum.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) top_p: f32,
    /// Drops tokens less probable than this share of the most probable.
    #[arg(long, default_value_t = 0.0, allow_negative_numbers = true)]
    pub(crate) min_p: f32,
    /// Above 1 makes tokens that were seen less probable.
    #[arg(long, default_value_t = 1.0, allow_negative_numbers = true)]
    pub(crate) repetition_penalty: f32,
    /// Ends at this text; may be given several times.
    #[arg(long)]
    pub(crate) stop: Vec<String>,
    /// What may stand between <tool_call> and </tool_call>, nothing else then can: text with numbers, such as
    /// "frame_extraction_tool({0..298}, {>..299})"; {{ and }} are braces. May be given several times.
    #[arg(long)]
    pub(crate) tool_call: Vec<CallPattern>,
    /// Makes sampling repeatable.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Prints JSON at the end instead of text as it comes.
    #[arg(long)]
    pub(crate) json: bool,
    /// Precision of weights and activations.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) dtype: Precision,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceChoice,
}

#[derive(Debug, clap::Args)]
pub(crate) struct BenchArgs {
    /// Sizes of the model.
    #[arg(long, value_enum, default_value_t = Preset::Tiny)]
    pub(crate) config: Preset,
    /// Where to compute.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) device: DeviceChoice,
    /// Precision of weights and activations.
    #[arg(long, value_enum, default_value_t)]
    pub(crate) dtype: Precision,
    /// Tokens of the prompt.
    #[arg(long, default_value_t = 512)]
    pub(crate) prompt_tokens: usize,
    /// Tokens written one by one.
    #[arg(long, default_value_t = 32)]
    pub(crate) new_tokens: usize,
    /// Frames of 640 x 360 that go through the tower at once.
    #[arg(long, default_value_t = 1)]
    pub(crate) frames: usize,
    /// Tokens of a training step.
    #[arg(long, default_value_t = 256)]
    pub(crate) train_tokens: usize,
    /// Repeats; the fastest counts.
    #[arg(long, default_value_t = 3)]
    pub(crate) repeats: usize,
    /// What the device's memory gives at most, in GB/s as its maker says (H200: 4800): decoding is then told as a share of it.
    #[arg(long)]
    pub(crate) bandwidth: Option<f64>,
    /// Leaves training out, for models whose gradients and moments do not fit.
    #[arg(long)]
    pub(crate) no_train: bool,
    /// Trains as long sequences need it: layers and the head are computed again in the backward pass instead of being kept.
    #[arg(long)]
    pub(crate) recompute: bool,
    /// Measures decoding behind prefixes that were read whole, in chunks and in turns, and for four rows as a batch and as forks.
    #[arg(long)]
    pub(crate) prefixes: bool,
    /// Writes the sizes as config.json to this file, for peers that shall have the same.
    #[arg(long)]
    pub(crate) write_config: Option<PathBuf>,
    /// Prints JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

/// Sizes of the bench.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Preset {
    /// As published, 72 billion weights.
    #[value(name = "72b")]
    B72,
    /// As published, 33 billion weights.
    #[value(name = "32b")]
    B32,
    /// As published, 8.3 billion weights.
    #[value(name = "7b")]
    B7,
    /// As published, 3.8 billion weights.
    #[value(name = "3b")]
    B3,
    /// 0.2 billion weights in the proportions of 3b.
    Mid,
    /// 18 million weights.
    Tiny,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Precision {
    #[default]
    F32,
    Bf16,
}

impl Precision {
    pub(crate) fn float(self) -> FloatDType {
        match self {
            Self::F32 => FloatDType::F32,
            Self::Bf16 => FloatDType::BF16,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Bf16 => "bf16",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum DeviceChoice {
    /// The processor, in pure Rust.
    #[default]
    Flex,
    /// The first NVIDIA GPU; needs the feature `cuda`.
    Cuda,
}

impl DeviceChoice {
    pub(crate) fn device(self) -> Result<Device> {
        match self {
            #[cfg(feature = "flex")]
            Self::Flex => Ok(Device::flex()),
            #[cfg(feature = "cuda")]
            Self::Cuda => Ok(Device::cuda(0)),
            #[allow(unreachable_patterns, reason = "with all features every device is there")]
            other => anyhow::bail!(
                "this program was built without {other:?}; build it with --features {}",
                other.name()
            ),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Flex => "flex",
            Self::Cuda => "cuda",
        }
    }
}
