//! Who answers.

#[cfg(feature = "local")]
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use deepsport::OpenAi;
use deepsport::agent::{Agent, Recorded, Speaker, Trajectory, Wording};
#[cfg(feature = "local")]
use deepsport::local::{Model, NetworkSpeaker, folder};
use deepsport::world::{Expert, WorldConfig};

use crate::args::Args;
#[cfg(feature = "local")]
use crate::args::ModeArg;
use crate::input::Input;

/// Who answers: a server, a record, the toy world's expert, or a model on this machine.
pub(crate) enum Voice {
    Server(String),
    Record(Trajectory),
    Expert,
    #[cfg(feature = "local")]
    Model(Box<Model>),
}

impl Voice {
    pub(crate) fn open(args: &Args) -> anyhow::Result<Self> {
        if let Some(server) = &args.server {
            return Ok(Self::Server(server.clone()));
        }
        if let Some(path) = &args.replay {
            let json = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            let run = Trajectory::from_json(&json).with_context(|| path.display().to_string())?;
            return Ok(Self::Record(run));
        }
        if args.expert {
            return Ok(Self::Expert);
        }
        #[cfg(feature = "local")]
        return Ok(Self::Model(Box::new(model(args)?)));
        #[cfg(not(feature = "local"))]
        bail!(
            "nobody to ask: give --server URL, or --toy NUMBER --expert; this program was built without models of its own"
        );
    }

    /// The rules under which it answers best.
    pub(crate) fn rules(&self) -> Agent {
        match self {
            Self::Server(_) | Self::Record(_) => Agent::new(),
            Self::Expert => Agent::new().with_wording(Wording::Toy),
            #[cfg(feature = "local")]
            Self::Model(model) => model.settings.agent.clone().at_inference(),
        }
    }

    /// The toy world that it lives in: a model's own, and for everybody else one that is large enough to look at.
    pub(crate) fn world(&self) -> WorldConfig {
        #[cfg(feature = "local")]
        if let Self::Model(model) = self
            && let Some(world) = &model.settings.world
        {
            return world.clone();
        }
        WorldConfig { frame_size: 112, hard_share: 1.0, ..WorldConfig::default() }
    }

    pub(crate) fn speaker(
        &self,
        args: &Args,
        input: &Input,
    ) -> anyhow::Result<Box<dyn Speaker + '_>> {
        Ok(match self {
            Self::Server(server) => Box::new(client(args, server)?),
            Self::Record(run) => {
                Box::new(Recorded::new(run.turns.iter().map(|turn| turn.text.clone())))
            }
            Self::Expert => match &input.item {
                Some(item) => Box::new(Expert::new(item)),
                None => bail!("the expert knows the toy world alone: give --toy NUMBER"),
            },
            #[cfg(feature = "local")]
            Self::Model(model) => {
                let mut speaker = NetworkSpeaker::new(model);
                if let Some(temperature) = args.temperature {
                    let seed = args.seed.unwrap_or_default();
                    speaker = speaker.with_sampling(temperature, args.top_p, seed)?;
                }
                if !matches!(args.mode, ModeArg::Tool) {
                    speaker = speaker.without_tool();
                }
                if args.grammar {
                    speaker = speaker.with_grammar(input.video.num_frames())?;
                }
                Box::new(speaker)
            }
        })
    }
}

fn client(args: &Args, server: &str) -> anyhow::Result<OpenAi> {
    let key = std::env::var("OPENAI_API_KEY").unwrap_or_default();
    let name = args.server_model.clone().or_else(|| std::env::var("OPENAI_MODEL").ok());
    let mut model = OpenAi::connect(server, name.as_deref(), &key)?.with_timeout(args.timeout());
    if let Some(temperature) = args.temperature {
        model = model.with_temperature(temperature);
    }
    if let Some(seed) = args.seed {
        model = model.with_seed(seed);
    }
    Ok(model)
}

/// The model of `--model`, or the one that comes with the program.
#[cfg(feature = "local")]
fn model(args: &Args) -> anyhow::Result<Model> {
    use std::io::IsTerminal as _;

    let shipped = || -> PathBuf { Path::new(env!("CARGO_MANIFEST_DIR")).join("model") };
    let path = args.model.clone().unwrap_or_else(shipped);
    let is_seen = std::io::stderr().is_terminal();
    let mut percent = None;
    let model = folder::load(&path, &mut |progress| {
        let now = progress.bytes_done * 100 / progress.bytes.max(1);
        if is_seen && percent != Some(now) {
            percent = Some(now);
            eprint!("\rreading {}: {now:>3} %", path.display());
        }
    })?;
    if is_seen {
        eprintln!();
    }
    if args.model.is_none() && args.video.is_some() {
        eprintln!(
            "note: the model that comes with the program knows the toy world alone; give --model DIR or --server URL"
        );
    }
    Ok(model)
}
