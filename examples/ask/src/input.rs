//! The video and the question.

use std::ops::Range;
use std::path::Path;

use anyhow::{Context as _, bail};
use deepsport::data::{Media, open_media, read_records, write_records};
use deepsport::world::{Item, World};
use frame_tool::Video;

use crate::args::Args;
use crate::voice::Voice;

/// What is asked about what.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) video: Video,
    pub(crate) question: String,
    /// Where the event is: known of toy clips only.
    pub(crate) evidence: Vec<Range<usize>>,
    /// The toy clip itself, for its expert.
    pub(crate) item: Option<Item>,
}

impl Input {
    /// The video and the question of the command line, if it names them.
    pub(crate) fn given(args: &Args) -> anyhow::Result<Option<Self>> {
        let Some(path) = &args.video else { return Ok(None) };
        let Some(question) = args.question.clone().filter(|question| !question.trim().is_empty())
        else {
            bail!("no question: ask VIDEO \"QUESTION\"");
        };
        let video = Video::open(path)?;
        for warning in &video.description().warnings {
            eprintln!("warning: {}: {warning}", path.display());
        }
        let name = path.display().to_string();
        Ok(Some(Self { name, video, question, evidence: Vec::new(), item: None }))
    }

    /// A toy clip: the one asked for, drawn as `voice` knows it, or the one that comes with the program.
    pub(crate) fn toy(args: &Args, voice: &Voice) -> anyhow::Result<Self> {
        let Some(number) = args.toy else { return Self::shipped() };
        let item = World::new(voice.world())?.item(number);
        if let Some(folder) = &args.save_clip {
            item.clip.write_png(&folder.join("clip.png"))?;
            let record = item.record(Media::Video("clip.png".into()));
            write_records(&folder.join("question.jsonl"), [&record])?;
        }
        Ok(Self {
            name: format!("toy clip {number}"),
            video: item.clip.video()?,
            question: item.question.text.clone(),
            evidence: vec![item.clip.event()],
            item: Some(item),
        })
    }

    /// The first record of `clip/question.jsonl` beside the program's sources.
    fn shipped() -> anyhow::Result<Self> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("clip");
        let path = folder.join("question.jsonl");
        let records = read_records(&path)?.records;
        let record = records.first().with_context(|| format!("{}: no record", path.display()))?;
        let name = match &record.media {
            Media::Video(name) => name.display().to_string(),
            _ => record.id.clone(),
        };
        Ok(Self {
            name,
            video: open_media(record, &folder)?,
            question: record.prompt(),
            evidence: record.evidence.clone(),
            item: None,
        })
    }
}
