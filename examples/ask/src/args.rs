//! What the command line says.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, ValueEnum};
use deepsport::agent::{Agent, Mode};
use frame_tool::{Level, Syntax};

/// Asks a question about a video, and shows what was looked at.
#[derive(Debug, Parser)]
#[command(
    version,
    after_help = "Exit codes: 0 answered, 1 error, 2 wrong use, 3 no answer.\n\
    Environment: OPENAI_API_KEY, a key for --server; OPENAI_MODEL, as --server-model."
)]
pub(crate) struct Args {
    /// Video file, or folder of images; without it, a clip that comes with the program.
    pub(crate) video: Option<PathBuf>,
    /// What to ask about it.
    #[arg(requires = "video")]
    pub(crate) question: Option<String>,
    /// Folder of a Qwen2.5-VL, as `train` writes it or the hub keeps it; without anybody to ask, the tiny model that comes with
    /// the program, which knows the toy world alone.
    #[cfg(feature = "local")]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["server", "replay"])]
    pub(crate) model: Option<PathBuf>,
    /// Address of an OpenAI-compatible server with a model that sees, such as <http://127.0.0.1:8000/v1>.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The server's name for the model; the first that it offers by default.
    #[arg(long, value_name = "NAME", requires = "server")]
    pub(crate) server_model: Option<String>,
    /// Tells a run of before again: a `trace.json`.
    #[arg(long, value_name = "FILE", conflicts_with = "server")]
    pub(crate) replay: Option<PathBuf>,
    /// Where `trace.json` and `trace.html` go.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Whether it may think, and look again.
    #[arg(long, value_enum, default_value = "tool")]
    pub(crate) mode: ModeArg,
    /// How the model is told to write calls; all ways are read. `function` unless its folder says otherwise.
    #[arg(long, value_enum)]
    pub(crate) syntax: Option<SyntaxArg>,
    /// Wants calls wider than what they show, and done what was said (FrameThinker's consistency).
    #[arg(long)]
    pub(crate) strict: bool,
    /// Frames shown at first, and by each call; 8 unless the model's folder says otherwise.
    #[arg(long, value_parser = clap::value_parser!(u16).range(2..=256))]
    pub(crate) frames: Option<u16>,
    /// Turns at most, the answer included; 5 unless the model's folder says otherwise.
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) max_turns: Option<u16>,
    /// Tokens that all turns together may take; 12800 unless the model's folder says otherwise.
    #[arg(long)]
    pub(crate) max_tokens: Option<usize>,
    /// Seconds that a turn of a server may take.
    #[arg(long, default_value_t = 300)]
    pub(crate) timeout: u64,
    /// Sampling temperature; the server's own by default, and 0, the most probable word, of a model here.
    #[arg(long)]
    pub(crate) temperature: Option<f32>,
    /// Draws among the most probable words that together reach this share.
    #[cfg(feature = "local")]
    #[arg(long, default_value_t = 1.0, requires = "temperature", conflicts_with = "server")]
    pub(crate) top_p: f32,
    /// Seed of sampling.
    #[arg(long, requires = "temperature")]
    pub(crate) seed: Option<u64>,
    /// Keeps the calls of a model here well formed.
    #[cfg(feature = "local")]
    #[arg(long, conflicts_with_all = ["server", "replay"])]
    pub(crate) grammar: bool,
    /// Takes this clip of the toy world.
    #[arg(long, value_name = "NUMBER", conflicts_with = "video")]
    pub(crate) toy: Option<u64>,
    /// Lets the toy world's own expert answer, who knows where the event is: how it should be done.
    #[arg(long, requires = "toy", conflicts_with_all = ["server", "replay"])]
    pub(crate) expert: bool,
    /// Also writes the toy clip there: an animated PNG, and its question as a data set of one.
    #[arg(long, value_name = "DIR", requires = "toy")]
    pub(crate) save_clip: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ModeArg {
    Direct,
    Think,
    Tool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum SyntaxArg {
    Function,
    Json,
    Text,
}

impl Args {
    /// The rules: those of whoever answers, changed as the command line says.
    pub(crate) fn agent(&self, rules: Agent) -> Agent {
        let mut agent = rules;
        agent.policy.near_frames = 1; // at inference, as FrameThinker does
        if let Some(max_tokens) = self.max_tokens {
            agent.max_response_tokens = max_tokens;
        }
        if let Some(frames) = self.frames {
            agent.policy.initial_frames = frames.into();
            agent.policy.frames_per_call = frames.into();
        }
        if let Some(max_turns) = self.max_turns {
            agent.max_turns = max_turns.into();
            agent.policy.max_calls = agent.max_turns - 1;
        }
        if self.frames.or(self.max_turns).is_some() {
            let policy = &mut agent.policy;
            policy.max_frames = policy.initial_frames + policy.max_calls * policy.frames_per_call;
        }
        if self.strict {
            agent.policy.level = Level::Strict;
        }
        if let Some(syntax) = self.syntax {
            agent.syntax = match syntax {
                SyntaxArg::Function => Syntax::Function,
                SyntaxArg::Json => Syntax::Json,
                SyntaxArg::Text => Syntax::Text,
            };
        }
        agent.with_mode(match self.mode {
            ModeArg::Direct => Mode::Direct,
            ModeArg::Think => Mode::Think,
            ModeArg::Tool => Mode::Tool,
        })
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}
