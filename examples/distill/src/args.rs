//! What the command line says.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::bail;
use clap::Parser;
use deepsport::OpenAi;
use deepsport::data::Questions;
use deepsport::world::WorldConfig;

/// Lets a teacher solve questions with the frame tool, and keeps what is right, well formed, sound and supported.
#[derive(Debug, Parser)]
#[command(version, after_help = "Environment: OPENAI_API_KEY, a key for the servers.")]
pub(crate) struct Args {
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
    /// Settings of the toy world, TOML.
    #[arg(long, value_name = "FILE", requires = "toy")]
    pub(crate) world: Option<PathBuf>,
    /// Folder of a Qwen2.5-VL that is the teacher, on this machine.
    #[cfg(feature = "local")]
    #[arg(long, value_name = "DIR", conflicts_with = "teacher")]
    pub(crate) model: Option<PathBuf>,
    /// Address of an OpenAI-compatible server with the teacher.
    #[arg(long, value_name = "URL")]
    pub(crate) teacher: Option<String>,
    /// The teacher's name; the first model that the server offers by default.
    #[arg(long, value_name = "NAME", requires = "teacher")]
    pub(crate) teacher_model: Option<String>,
    /// Address of a server with a model that reads solutions and scores open answers.
    #[arg(long, value_name = "URL")]
    pub(crate) text_judge: Option<String>,
    /// Its name.
    #[arg(long, value_name = "NAME", requires = "text_judge")]
    pub(crate) text_judge_model: Option<String>,
    /// Address of a server with a model that looks at the frames that were cited.
    #[arg(long, value_name = "URL")]
    pub(crate) vision_judge: Option<String>,
    /// Its name.
    #[arg(long, value_name = "NAME", requires = "vision_judge")]
    pub(crate) vision_judge_model: Option<String>,
    /// Tries for each question until one is kept.
    #[arg(long, default_value_t = 1)]
    pub(crate) attempts: usize,
    /// Questions at the same time.
    #[arg(long, default_value_t = 4)]
    pub(crate) workers: usize,
    /// Requests a minute at most, for each server.
    #[arg(long)]
    pub(crate) rate: Option<f64>,
    /// Seconds that a turn may take.
    #[arg(long, default_value_t = 600)]
    pub(crate) timeout: u64,
    /// Price of a million tokens read.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) prompt_price: f64,
    /// Price of a million tokens written.
    #[arg(long, default_value_t = 0.0)]
    pub(crate) completion_price: f64,
    /// Where `attempts.jsonl` and `demonstrations.jsonl` go; a distillation that is there goes on.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: PathBuf,
}

impl Args {
    pub(crate) fn questions(&self) -> anyhow::Result<Questions> {
        let Some(num) = self.toy else {
            let Some(path) = &self.questions else {
                bail!("nothing to ask: give QUESTIONS.jsonl, or --toy NUMBER")
            };
            return Ok(Questions::read(path, &self.media)?);
        };
        let world = self.world.as_deref().map(WorldConfig::read).transpose()?.unwrap_or_default();
        Ok(Questions::toy(world, self.first..self.first + num)?)
    }

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
