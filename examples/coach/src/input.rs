//! Reads everything that a report is made from.

use std::path::Path;

use anyhow::{Context, anyhow};
use pose::Format;
use sportsgpt::simulation::StandingLongJump;
use sportsgpt::{Knowledge, Trial};

use crate::Failure;
use crate::args::Args;

/// The event of the simulated reference.
const SIMULATED_EVENT: &str = "standing_long_jump";

pub(crate) struct Input {
    pub(crate) knowledge: Knowledge,
    pub(crate) event: String,
    pub(crate) athlete: Trial,
    pub(crate) reference: Trial,
}

pub(crate) fn read(args: &Args) -> Result<Input, Failure> {
    let athlete = match &args.motion_file {
        Some(path) => read_trial(path, args.format, args.fps).map_err(Failure::BadInput)?,
        None => simulated("simulated club athlete", StandingLongJump::club_athlete())?,
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
    Ok(Input { knowledge, event, athlete, reference })
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

fn read_trial(path: &Path, format: Option<Format>, fps: Option<f64>) -> anyhow::Result<Trial> {
    let recording = pose::read(path, format, fps)?;
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy();
    Ok(Trial::new(name, recording))
}

fn read_reference(path: &Path, args: &Args) -> Result<Trial, Failure> {
    let trial = read_trial(path, None, args.reference_fps)
        .context("the reference cannot be read; its frame rate is given by --reference-fps")
        .map_err(Failure::BadInput)?;
    Ok(trial.with_labels_beside(path)?)
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
