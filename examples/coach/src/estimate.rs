//! Skeletons from a video, by ViTPose.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, anyhow};
use frame_tool::{Frame, Video};
use indicatif::{ProgressBar, ProgressStyle};
use pose::vitpose::{Device, Estimation, VitPose};
use pose::{PersonBox, Picture, Recording, Tracker};

use crate::{Failure, video};

/// Kept in the folder of the report; with it and `--video` the next report needs no network.
pub(crate) const SKELETONS: &str = "skeletons.csv";

/// Fewer frames with the athlete than this share are no recording of them (ours).
const MIN_SEEN_SHARE: f64 = 0.1;

/// Follows one athlete through the video at `path`; an interrupted run goes on where it stopped.
pub(crate) fn recording(
    path: &Path,
    model: &Path,
    first_box: Option<PersonBox>,
    out: &Path,
) -> Result<Recording, Failure> {
    let video = video::open(path).map_err(Failure::BadInput)?;
    let network = VitPose::load(model, &Device::flex())
        .with_context(|| format!("{} cannot be loaded as a ViTPose checkpoint", model.display()))
        .map_err(Failure::BadInput)?;
    let tracker = tracker(&video, first_box).map_err(Failure::BadInput)?;
    std::fs::create_dir_all(out)
        .with_context(|| format!("{} cannot be made", out.display()))
        .map_err(Failure::Other)?;
    let settings = format!("box {first_box:?}");
    let mut estimation = Estimation::new(&network, tracker)
        .with_journal(&out.join(SKELETONS).with_extension("csv.part"), &settings, &[path, model])
        .map_err(|error| Failure::Other(error.into()))?;
    follow(&mut estimation, &video)?;

    let (num_seen, num_frames) = (estimation.num_seen(), video.num_frames());
    if (num_seen as f64) < MIN_SEEN_SHARE * num_frames as f64 {
        return Err(Failure::BadInput(anyhow!(
            "no pose found in {}: the network was sure of an athlete in {num_seen} of {num_frames} frames; \
             show one athlete as a good part of the picture, or say with --box where they are in the first frame",
            path.display()
        )));
    }
    eprintln!("the athlete was seen in {num_seen} of {num_frames} frames");
    let finish = || -> anyhow::Result<Recording> {
        let meta = BTreeMap::from([("estimator".to_owned(), "ViTPose".to_owned())]);
        let recording =
            Recording { series: estimation.series(video.fps())?, meta, keyframes: Vec::new() };
        pose::write(&out.join(SKELETONS), None, &recording)?;
        estimation.finish()?;
        Ok(recording)
    };
    finish().map_err(Failure::Other)
}

fn tracker(video: &Video, first_box: Option<PersonBox>) -> anyhow::Result<Tracker> {
    let (width, height) = video.frame_size();
    let tracker = Tracker::new(width as usize, height as usize)?;
    Ok(match first_box {
        Some(first) => tracker.with_first_box(first)?,
        None => tracker,
    })
}

/// Looks at the frames that are not done, until they end or ctrl-c asks to stop.
fn follow(estimation: &mut Estimation<'_>, video: &Video) -> Result<(), Failure> {
    let (num_done, num_frames) =
        (estimation.num_done().min(video.num_frames()), video.num_frames());
    if num_done > 0 {
        eprintln!("going on after {num_done} of {num_frames} frames");
    }
    let stop = Arc::new(AtomicBool::new(false));
    let asked = Arc::clone(&stop);
    ctrlc::set_handler(move || {
        if asked.swap(true, Ordering::Relaxed) {
            std::process::exit(130); // asked twice: at once; what is done is on disk
        }
    })
    .context("ctrl-c cannot be heard")
    .map_err(Failure::Other)?;
    let bar = progress(num_frames, num_done);
    let frames = video.frames_in(num_done..num_frames).map_err(|e| Failure::Other(e.into()))?;
    let outcome = estimation.run(
        frames.map(|frame| frame.map_err(anyhow::Error::from)),
        |frame: &Frame| Picture::new(frame.width() as usize, frame.height() as usize, frame.rgb()),
        |num_done| {
            bar.set_position(num_done as u64);
            match stop.load(Ordering::Relaxed) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        },
    );
    bar.finish_and_clear();
    let num_done = estimation.num_done();
    match outcome.map_err(Failure::BadInput)? {
        ControlFlow::Break(()) if num_done < num_frames => Err(Failure::Other(anyhow!(
            "interrupted after {num_done} of {num_frames} frames; the same command goes on there"
        ))),
        _ => Ok(()),
    }
}

fn progress(num_frames: usize, num_done: usize) -> ProgressBar {
    let bar = ProgressBar::new(num_frames as u64).with_position(num_done as u64);
    // The template is a constant, so this cannot fail in use.
    if let Ok(style) = ProgressStyle::with_template(
        "looking for the athlete {bar:30} {pos}/{len} frames, {eta} left",
    ) {
        bar.set_style(style);
    }
    bar.reset_eta();
    bar
}
