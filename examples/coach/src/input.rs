//! Reads everything that a report is made from.

use std::path::Path;

use anyhow::{Context, anyhow};
use frame_tool::Video;
use pose::Recording;
use sportsgpt::simulation::StandingLongJump;
use sportsgpt::{Knowledge, Trial};

use crate::args::Args;
use crate::{Failure, video};

/// The event of the simulated reference.
const SIMULATED_EVENT: &str = "standing_long_jump";

pub(crate) struct Input {
    pub(crate) knowledge: Knowledge,
    pub(crate) event: String,
    pub(crate) athlete: Trial,
    pub(crate) reference: Trial,
    pub(crate) footage: Option<Footage>,
}

/// The video that the athlete's skeletons are of.
pub(crate) struct Footage {
    pub(crate) name: String,
    pub(crate) video: Video,
    /// Frame of the video at which the skeletons begin.
    pub(crate) first_frame: usize,
}

pub(crate) fn read(args: &Args) -> Result<Input, Failure> {
    let (athlete, footage) = match &args.motion {
        Some(path) => athlete(path, args)?,
        None => (simulated("simulated club athlete", StandingLongJump::club_athlete())?, None),
    };
    let knowledge = match &args.knowledge {
        Some(dir) => Knowledge::with_dir(dir)?,
        None => Knowledge::shipped()?,
    };
    let reference = match &args.reference {
        Some(path) => Some(read_reference(path, args)?),
        None => None,
    };
    let event = event(args, &athlete, reference.as_ref(), &knowledge)?;
    let reference = match reference {
        Some(reference) => reference,
        None => default_reference(&event, args)?,
    };
    Ok(Input { knowledge, event, athlete, reference, footage })
}

/// The athlete's skeletons, and their video if there is one.
fn athlete(path: &Path, args: &Args) -> Result<(Trial, Option<Footage>), Failure> {
    let (recording, video) = if let Some(model) = &args.pose_model {
        (estimated(path, model, args)?, Some(path))
    } else if video::is_video(path) && args.format.is_none() {
        return Err(Failure::BadInput(anyhow!(
            "{} is a video: pass --pose-model with the folder of a ViTPose checkpoint; or find its skeletons with \
             another program, pass their file, and the video with --video",
            path.display()
        )));
    } else {
        let recording = pose::read(path, args.format, args.fps);
        (recording.map_err(|error| Failure::BadInput(error.into()))?, args.video.as_deref())
    };
    let footage = match video {
        Some(video) => Some(footage(video, &recording).map_err(Failure::BadInput)?),
        None => None,
    };
    Ok((Trial::new(name(path), recording), footage))
}

#[cfg(feature = "estimate")]
fn estimated(path: &Path, model: &Path, args: &Args) -> Result<Recording, Failure> {
    fused_ops::program::in_pool(|| {
        crate::estimate::recording(path, model, args.first_box, &args.out)
    })
}

#[cfg(not(feature = "estimate"))]
fn estimated(_: &Path, _: &Path, _: &Args) -> Result<Recording, Failure> {
    Err(Failure::BadInput(anyhow!(
        "this coach was built without the pose network: build it with `--features estimate`"
    )))
}

fn footage(path: &Path, recording: &Recording) -> anyhow::Result<Footage> {
    // Skeletons that count from 1 begin with the video; others count its frames.
    let first_frame = recording.meta.get("first_frame").and_then(|number| number.parse().ok());
    let first_frame = first_frame.filter(|first| *first > 1).unwrap_or(0);
    Ok(Footage { name: name(path), video: video::open(path)?, first_frame })
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned()
}

/// What was asked for, else what one of the recordings says, as the knowledge calls it.
fn event(
    args: &Args,
    athlete: &Trial,
    reference: Option<&Trial>,
    knowledge: &Knowledge,
) -> Result<String, Failure> {
    let said = args.event.as_deref().or(athlete.action()).or(reference.and_then(Trial::action));
    let Some(name) = said else {
        let known = knowledge.event_names().join(", ");
        let error =
            anyhow!("the recordings do not say what they show: pass --event with one of {known}");
        return Err(Failure::BadInput(error));
    };
    let (_, event) = knowledge.event(name)?;
    Ok(event.id.clone())
}

fn read_reference(path: &Path, args: &Args) -> Result<Trial, Failure> {
    let recording = pose::read(path, None, args.reference_fps)
        .context("the reference cannot be read; its frame rate is given by --reference-fps")
        .map_err(Failure::BadInput)?;
    Ok(Trial::new(name(path), recording).with_labels_beside(path)?)
}

/// The knowledge folder's own reference of the event, else the simulated one where there is one.
fn default_reference(event: &str, args: &Args) -> Result<Trial, Failure> {
    if let Some(dir) = &args.knowledge {
        let path = dir.join("references").join(event).with_extension("csv");
        if path.is_file() {
            return read_reference(&path, args);
        }
    }
    if event == SIMULATED_EVENT {
        return simulated("simulated model technique", StandingLongJump::elite());
    }
    Err(Failure::BadInput(anyhow!(
        "no reference ships for {event}: pass --reference with a recording of how it should be done"
    )))
}

fn simulated(name: &str, jump: StandingLongJump) -> Result<Trial, Failure> {
    let recording =
        jump.record().context("the simulated jump could not be made").map_err(Failure::Other)?;
    Ok(Trial::new(name, recording))
}
