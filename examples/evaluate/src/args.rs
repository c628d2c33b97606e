//! What the command line says.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use deepsport::OpenAi;
use deepsport::agent::Mode;

/// Evaluates a model on questions about sports videos, and compares runs.
#[derive(Debug, Parser)]
#[command(version, after_help = "Environment: OPENAI_API_KEY, a key for the servers.")]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Answers and scores questions.
    Run(Box<RunArgs>),
    /// Compares two runs over the same questions.
    Compare {
        /// `run.jsonl` of the run to compare with.
        a: PathBuf,
        /// `run.jsonl` of the run that may be better.
        b: PathBuf,
        /// The mode that is compared.
        #[arg(long, value_enum, default_value = "tool")]
        mode: ModeArg,
        /// Where `comparison.json` and `report.html` go.
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

#[derive(Debug, Parser)]
pub(crate) struct RunArgs {
    /// Questions, a record a line.
    pub(crate) questions: Option<PathBuf>,
    /// Folder that the records' media lie in.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub(crate) media: PathBuf,
    /// Takes this many questions of the toy world instead.
    #[arg(long, value_name = "NUMBER", conflicts_with = "questions")]
    pub(crate) toy: Option<u64>,
    /// Number of the first of them.
    #[arg(long, default_value_t = 0)]
    pub(crate) first: u64,
    /// Settings of the toy world, TOML; those of the model's own world by default.
    #[arg(long, value_name = "FILE", requires = "toy")]
    pub(crate) world: Option<PathBuf>,
    /// Folder of a Qwen2.5-VL, as `train` writes it or the hub keeps it: answers on this machine, `--workers` questions at once.
    #[cfg(feature = "local")]
    #[arg(long, value_name = "DIR", conflicts_with = "server")]
    pub(crate) model: Option<PathBuf>,
    /// Address of an OpenAI-compatible server with a model that sees.
    #[arg(long, value_name = "URL")]
    pub(crate) server: Option<String>,
    /// The server's name for the model; the first that it offers by default.
    #[arg(long, value_name = "NAME", requires = "server")]
    pub(crate) server_model: Option<String>,
    /// Address of a server with a judge for open answers; without it they are not scored.
    #[arg(long, value_name = "URL")]
    pub(crate) judge: Option<String>,
    /// The judge's name.
    #[arg(long, value_name = "NAME", requires = "judge")]
    pub(crate) judge_model: Option<String>,
    /// Modes to answer in.
    #[arg(long, value_enum, value_delimiter = ',', default_value = "tool")]
    pub(crate) modes: Vec<ModeArg>,
    /// Questions at the same time.
    #[arg(long, default_value_t = 4)]
    pub(crate) workers: usize,
    /// Requests a minute at most.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Seconds that a turn may take.
    #[arg(long, default_value_t = 300)]
    pub(crate) timeout: u64,
    /// Where `run.jsonl`, `summary.json` and `report.html` go; a run that is there goes on.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum ModeArg {
    Direct,
    Think,
    Tool,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Self {
        match mode {
            ModeArg::Direct => Self::Direct,
            ModeArg::Think => Self::Think,
            ModeArg::Tool => Self::Tool,
        }
    }
}

impl RunArgs {
    pub(crate) fn client(&self, server: &str, model: Option<&str>) -> anyhow::Result<OpenAi> {
        let key = std::env::var("OPENAI_API_KEY").unwrap_or_default();
        let client =
            OpenAi::connect(server, model, &key)?.with_timeout(Duration::from_secs(self.timeout));
        Ok(match self.rate {
            Some(rate) => client.with_max_rate(rate)?,
            None => client,
        })
    }
}
