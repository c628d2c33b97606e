//! The video, the question, and who answers.

use std::ops::Range;

use anyhow::{Context as _, bail};
use deepsport::OpenAi;
use deepsport::agent::{Recorded, Speaker, Trajectory, Wording};
use deepsport::world::{Expert, Item, World, WorldConfig};
use frame_tool::Video;

use crate::args::Args;

/// What is asked about what.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) video: Video,
    pub(crate) question: String,
    /// Where the event is: known in the toy world only.
    pub(crate) evidence: Vec<Range<usize>>,
    pub(crate) wording: Wording,
    item: Option<Item>,
}

impl Input {
    pub(crate) fn read(args: &Args) -> anyhow::Result<Self> {
        let Some(path) = &args.video else { return Self::toy(args) };
        let Some(question) = args.question.clone().filter(|question| !question.trim().is_empty())
        else {
            bail!("no question: ask VIDEO \"QUESTION\"");
        };
        let video = Video::open(path)?;
        for warning in &video.description().warnings {
            eprintln!("warning: {}: {warning}", path.display());
        }
        let name = path.display().to_string();
        Ok(Self {
            name,
            video,
            question,
            evidence: Vec::new(),
            wording: Wording::English,
            item: None,
        })
    }

    /// A clip of the toy world, large enough to look at.
    fn toy(args: &Args) -> anyhow::Result<Self> {
        let config = WorldConfig { frame_size: 112, hard_share: 1.0, ..WorldConfig::default() };
        let item = World::new(config)?.item(args.toy);
        if let Some(path) = &args.save_clip {
            item.clip.write_png(path)?;
        }
        // A model behind a server knows more words than the expert does.
        let wording = if args.server.is_some() { Wording::English } else { Wording::Toy };
        Ok(Self {
            name: format!("toy clip {}", args.toy),
            video: item.clip.video()?,
            question: item.question.text.clone(),
            evidence: vec![item.clip.event()],
            wording,
            item: Some(item),
        })
    }

    /// Who answers: the server, the record, or the toy world's expert.
    pub(crate) fn speaker(&self, args: &Args) -> anyhow::Result<Box<dyn Speaker + '_>> {
        if let Some(server) = &args.server {
            let key = std::env::var("OPENAI_API_KEY").unwrap_or_default();
            let name = args.server_model.clone().or_else(|| std::env::var("OPENAI_MODEL").ok());
            let model = match name.filter(|name| !name.trim().is_empty()) {
                Some(name) => OpenAi::new(server, name)?.with_key(&key)?,
                None => OpenAi::with_first_model(server, &key)?,
            };
            let mut model = model.with_timeout(args.timeout());
            if let Some(temperature) = args.temperature {
                model = model.with_temperature(temperature);
            }
            return Ok(Box::new(model));
        }
        if let Some(path) = &args.replay {
            let json = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            let run = Trajectory::from_json(&json).with_context(|| path.display().to_string())?;
            return Ok(Box::new(Recorded::new(run.turns.into_iter().map(|turn| turn.text))));
        }
        match &self.item {
            Some(item) => Ok(Box::new(Expert::new(item))),
            None => bail!("nobody to ask: give --server URL, or --replay FILE"),
        }
    }
}
