//! What can be asked for.

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use frame_tool::Rule;

/// Shows what is in a video, and takes exactly the frames that are asked for out of it.
#[derive(Parser)]
#[command(version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Container, codec, size, rate, number of frames, damage.
    Info {
        #[command(flatten)]
        opening: Opening,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Frames spread over the whole video.
    Sample {
        #[command(flatten)]
        opening: Opening,
        /// How many.
        #[arg(short, default_value_t = 8)]
        k: usize,
        /// How they are spread: linspace_floor, linspace_round, arange, midpoints, times.
        #[arg(long, default_value = "linspace_floor", value_parser = rule)]
        rule: RuleArg,
        #[command(flatten)]
        output: Output,
    },
    /// Frames spread over a part of it.
    Window {
        #[command(flatten)]
        opening: Opening,
        #[command(flatten)]
        stretch: Stretch,
        /// How many.
        #[arg(short, default_value_t = 8)]
        k: usize,
        /// How they are spread: linspace_floor, linspace_round, arange, midpoints, times.
        #[arg(long, default_value = "linspace_floor", value_parser = rule)]
        rule: RuleArg,
        #[command(flatten)]
        output: Output,
    },
    /// The frames with these indices, in this order.
    Frames {
        #[command(flatten)]
        opening: Opening,
        /// Indices, separated by commas.
        #[arg(long, value_delimiter = ',', required = true)]
        indices: Vec<usize>,
        #[command(flatten)]
        output: Output,
    },
    /// A contact sheet of the whole video.
    Sheet {
        #[command(flatten)]
        opening: Opening,
        /// PNG to write.
        #[arg(long)]
        out: PathBuf,
        /// Frames on it.
        #[arg(short, default_value_t = 24)]
        k: usize,
        /// Frames side by side.
        #[arg(long, default_value_t = 6)]
        columns: usize,
    },
    /// What a model gets for what it wrote.
    Call {
        #[command(flatten)]
        opening: Opening,
        /// What it wrote, such as `<tool_call>frame_extraction_tool(30, 90)</tool_call>`.
        #[arg(long)]
        text: String,
        /// Forgive nothing: a thought first, one action, canonical syntax.
        #[arg(long)]
        strict: bool,
        #[command(flatten)]
        output: Output,
    },
}

#[derive(clap::Args)]
pub(crate) struct Opening {
    /// Video file, or folder of images.
    pub(crate) video: PathBuf,
    /// Box that frames are shrunk into, as WIDTHxHEIGHT.
    #[arg(long, default_value = "640x360", value_parser = size)]
    pub(crate) fit: (u32, u32),
    /// Leave frames as large as they are.
    #[arg(long, conflicts_with = "fit")]
    pub(crate) full_size: bool,
    /// Which decoder opens the file.
    #[arg(long, value_enum, default_value = "automatic")]
    pub(crate) decoder: DecoderArg,
    /// Frames per second of a folder of images.
    #[arg(long, default_value_t = 25.0)]
    pub(crate) untimed_fps: f64,
}

#[derive(clap::Args)]
pub(crate) struct Stretch {
    /// First frame.
    #[arg(long, required_unless_present = "start_s")]
    pub(crate) start: Option<usize>,
    /// Last frame.
    #[arg(long, required_unless_present = "end_s")]
    pub(crate) end: Option<usize>,
    /// Begin, in seconds.
    #[arg(long, conflicts_with_all = ["start", "end"], requires = "end_s")]
    pub(crate) start_s: Option<f64>,
    /// End, in seconds.
    #[arg(long, conflicts_with_all = ["start", "end"], requires = "start_s")]
    pub(crate) end_s: Option<f64>,
    /// Which of its ends belong to the window.
    #[arg(long, value_enum, default_value = "inclusive")]
    pub(crate) ends: EndsArg,
}

#[derive(clap::Args)]
pub(crate) struct Output {
    /// Print JSON: index, time_s, width, height, sha256 (of the RGB8 rows) of each frame.
    #[arg(long)]
    pub(crate) json: bool,
    /// Folder for the frames as PNG.
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
}

/// A rule by the name that traces use.
#[derive(Clone)]
pub(crate) struct RuleArg(pub(crate) Rule);

fn rule(name: &str) -> Result<RuleArg, String> {
    serde_json::from_value(serde_json::Value::from(name))
        .map(RuleArg)
        .map_err(|error| error.to_string())
}

fn size(text: &str) -> Result<(u32, u32), String> {
    let parsed = text
        .split_once('x')
        .and_then(|(width, height)| width.parse().ok().zip(height.parse().ok()));
    parsed.ok_or_else(|| format!("{text:?} is no size; write WIDTHxHEIGHT"))
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum DecoderArg {
    Automatic,
    Embedded,
    Ffmpeg,
}

impl From<DecoderArg> for frame_tool::Decoder {
    fn from(arg: DecoderArg) -> Self {
        match arg {
            DecoderArg::Automatic => Self::Automatic,
            DecoderArg::Embedded => Self::Embedded,
            DecoderArg::Ffmpeg => Self::Ffmpeg,
        }
    }
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum EndsArg {
    Inclusive,
    HalfOpen,
    Exclusive,
}

impl From<EndsArg> for frame_tool::Ends {
    fn from(arg: EndsArg) -> Self {
        match arg {
            EndsArg::Inclusive => Self::Inclusive,
            EndsArg::HalfOpen => Self::HalfOpen,
            EndsArg::Exclusive => Self::Exclusive,
        }
    }
}
