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
    /// Video file, or folder of images; a clip of the toy world without it.
    pub(crate) video: Option<PathBuf>,
    /// What to ask about it.
    #[arg(requires = "video")]
    pub(crate) question: Option<String>,
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
    /// How the model is told to write calls; all ways are read.
    #[arg(long, value_enum, default_value = "function")]
    pub(crate) syntax: SyntaxArg,
    /// Wants calls wider than what they show, and done what was said (FrameThinker's consistency).
    #[arg(long)]
    pub(crate) strict: bool,
    /// Frames shown at first, and by each call.
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=256))]
    pub(crate) frames: u16,
    /// Turns at most, the answer included.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=64))]
    pub(crate) max_turns: u16,
    /// Tokens that all turns together may take.
    #[arg(long, default_value_t = 12_800)]
    pub(crate) max_tokens: usize,
    /// Seconds that a turn may take.
    #[arg(long, default_value_t = 300)]
    pub(crate) timeout: u64,
    /// Sampling temperature; the server's own by default.
    #[arg(long)]
    pub(crate) temperature: Option<f32>,
    /// Which clip of the toy world.
    #[arg(long, default_value_t = 1, conflicts_with = "video")]
    pub(crate) toy: u64,
    /// Also writes the toy clip, as an animated PNG.
    #[arg(long, value_name = "FILE", conflicts_with = "video")]
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
    pub(crate) fn agent(&self) -> anyhow::Result<Agent> {
        let mut agent = Agent::new().with_max_response_tokens(self.max_tokens);
        agent.max_turns = self.max_turns.into();
        agent.policy.initial_frames = self.frames.into();
        agent.policy.frames_per_call = self.frames.into();
        agent.policy.max_calls = agent.max_turns - 1;
        agent.policy.max_frames = agent.max_turns * agent.policy.initial_frames;
        agent.policy.near_frames = 1; // at inference, as FrameThinker does
        if self.strict {
            agent.policy.level = Level::Strict;
        }
        let syntax = match self.syntax {
            SyntaxArg::Function => Syntax::Function,
            SyntaxArg::Json => Syntax::Json,
            SyntaxArg::Text => Syntax::Text,
        };
        Ok(agent.with_syntax(syntax).with_mode(match self.mode {
            ModeArg::Direct => Mode::Direct,
            ModeArg::Think => Mode::Think,
            ModeArg::Tool => Mode::Tool,
        }))
    }

    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout)
    }
}
