//! `pose estimate`: skeletons of one athlete from a video.

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context, bail, ensure};
use frame_tool::{Frame, Video, VideoOptions};
use indicatif::{ProgressBar, ProgressStyle};
use pose::vitpose::{Device, Estimation, Precision, VitPose};
use pose::{PersonBox, Picture, Recording, Tracker, write};

/// Estimates the skeletons of one athlete in a video with ViTPose.
///
/// The model is a folder as published for transformers, such as that of usyd-community/vitpose-base-simple: config.json,
/// preprocessor_config.json, model.safetensors. A run that was interrupted, by ctrl-c or otherwise, goes on where it stopped.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The video: MP4 or MOV with H.264, AVI with motion JPEG, GIF, WebP, or a folder of pictures.
    video: PathBuf,

    /// Folder of the pose network.
    #[arg(long, value_name = "DIR")]
    model: PathBuf,

    /// The pose file to write: `*.json` is COCO keypoint results, `*.csv` the house's table, which knows its frame rate.
    #[arg(long, value_name = "FILE", default_value = "pose.json")]
    out: PathBuf,

    /// Box around the athlete in the first frame, in pixels: left,top,width,height. Without it the athlete is looked for
    /// in the whole picture, which is right for one person who fills a good part of it.
    #[arg(long = "box", value_name = "L,T,W,H", allow_hyphen_values = true)]
    first_box: Option<PersonBox>,

    /// Look at every picture in a mirror, too: half as fast, a little more exact.
    #[arg(long)]
    flip_test: bool,

    /// Training data set whose experts are asked, for ViTPose+.
    #[arg(long, value_name = "N", default_value_t = 0)]
    expert: usize,

    /// Compute in 16 bits: half the memory, but slower on processors.
    #[arg(long)]
    bf16: bool,

    /// Frames that go through the network together, and share a box: more is faster, and too many lose a fast athlete.
    #[arg(long, value_name = "N", default_value = "4")]
    batch: NonZeroUsize,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let video = Video::open_with(&args.video, &VideoOptions::new().with_fit(None))?;
    ensure!(video.num_frames() >= 2, "the video has one frame; a motion needs at least 2");
    let model = load(args)?;
    let (width, height) = video.frame_size();
    let mut tracker = Tracker::new(width as usize, height as usize)?;
    if let Some(first) = args.first_box {
        tracker = tracker.with_first_box(first)?;
    }
    let mut estimation = Estimation::new(&model, tracker)
        .with_batch_size(args.batch)
        .with_journal(&journal(&args.out)?, &settings(args), &[&args.video, &args.model])?;
    follow(&mut estimation, &video)?;

    eprintln!("the athlete was seen in {} of {} frames", estimation.num_seen(), video.num_frames());
    let meta = BTreeMap::from([("estimator".to_owned(), "ViTPose".to_owned())]);
    let series = estimation.series(video.fps())?;
    write(&args.out, None, &Recording { series, meta, keyframes: Vec::new() })?;
    estimation.finish()?;
    eprintln!("wrote {} at {:.3} frames a second", args.out.display(), video.fps());
    Ok(())
}

fn load(args: &Args) -> anyhow::Result<VitPose> {
    let precision = if args.bf16 { Precision::Bf16 } else { Precision::F32 };
    let mut model = VitPose::load_with(&args.model, precision, &Device::flex())?
        .with_expert(args.expert)?
        .with_batch_size(args.batch);
    if args.flip_test {
        model = model.with_flip_test()?;
    }
    Ok(model)
}

/// The file beside the result that remembers what is done.
fn journal(out: &Path) -> anyhow::Result<PathBuf> {
    let mut name = out.file_name().context("--out needs a file name")?.to_owned();
    name.push(".part");
    Ok(out.with_file_name(name))
}

/// What the result depends on besides files: a run with other settings starts anew.
fn settings(args: &Args) -> String {
    let Args { first_box, flip_test, expert, bf16, batch, .. } = args;
    format!("box {first_box:?} flip test {flip_test} expert {expert} bf16 {bf16} batch {batch}")
}

/// Looks at the frames that are not done, until they end or ctrl-c asks to stop.
fn follow(estimation: &mut Estimation<'_>, video: &Video) -> anyhow::Result<()> {
    let (num_done, num_frames) = (estimation.num_done(), video.num_frames());
    ensure!(num_done <= num_frames, "the journal is of a longer video: remove it");
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
    .context("ctrl-c cannot be heard")?;
    let bar = progress(num_frames, num_done);
    let frames = video.frames_in(num_done..num_frames)?;
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
    )?;
    bar.finish_and_clear();
    let num_done = estimation.num_done();
    if outcome.is_break() && num_done < num_frames {
        bail!(
            "interrupted after {num_done} of {num_frames} frames; the same command goes on there"
        );
    }
    Ok(())
}

fn progress(num_frames: usize, done: usize) -> ProgressBar {
    let bar = ProgressBar::new(num_frames as u64).with_position(done as u64);
    // The template is a constant, so this cannot fail in use.
    if let Ok(style) =
        ProgressStyle::with_template("{bar:40} {pos}/{len} frames, {per_sec}, {eta} left")
    {
        bar.set_style(style);
    }
    bar.reset_eta();
    bar
}
