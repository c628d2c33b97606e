//! `pose estimate`: skeletons of one athlete from a video.

mod journal; // what is done already

use std::collections::BTreeMap;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context, ensure};
use frame_tool::{Frame, Video, VideoOptions};
use indicatif::{ProgressBar, ProgressStyle};
use pose::vitpose::{Device, Precision, VitPose};
use pose::{Keypoint, PersonBox, Picture, Recording, Sighting, Tracker, write};

use journal::{Journal, Settings};

/// Estimates the skeletons of one athlete in a video with ViTPose.
///
/// The model is a folder as published for transformers, such as that of usyd-community/vitpose-base-simple: config.json,
/// preprocessor_config.json, model.safetensors. A run that was interrupted goes on where it stopped.
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
    first_box: Option<FirstBox>,

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

/// `left,top,width,height`.
#[derive(Debug, Clone, Copy)]
struct FirstBox(PersonBox);

impl FromStr for FirstBox {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        let numbers: Vec<f64> = text
            .split(',')
            .map(|number| number.trim().parse())
            .collect::<Result<_, _>>()
            .context("expected four numbers: left,top,width,height")?;
        ensure!(numbers.len() == 4, "{} numbers; expected left,top,width,height", numbers.len());
        Ok(Self(PersonBox::new(numbers[0], numbers[1], numbers[2], numbers[3])?))
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let video = Video::open_with(&args.video, &VideoOptions::new().with_fit(None))?;
    ensure!(video.num_frames() >= 2, "the video has one frame; a motion needs at least 2");
    let model = load(args)?;
    let (width, height) = video.frame_size();
    let mut tracker = Tracker::new(width as usize, height as usize)?;
    if let Some(FirstBox(first)) = args.first_box {
        tracker = tracker.with_first_box(first)?;
    }
    let mut journal = Journal::open(&args.out, &settings(args, &video))?;
    for keypoints in journal.frames() {
        tracker.update(keypoints);
    }
    follow(&model, &video, &mut tracker, args.batch, &mut journal)?;

    let series = model.series(journal.frames(), video.fps())?;
    let seen = journal.frames().iter().filter(|frame| frame.iter().any(|k| k.position.is_some()));
    eprintln!("{} of {} frames with a keypoint", seen.count(), video.num_frames());
    let meta = BTreeMap::from([("estimator".to_owned(), "ViTPose".to_owned())]);
    let recording = Recording { series, meta, keyframes: Vec::new() };
    write(&args.out, None, &recording)?;
    journal.remove()?;
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

/// What the result depends on: a run with other settings starts anew.
fn settings(args: &Args, video: &Video) -> Settings {
    let (width, height) = video.frame_size();
    let file = |path: &PathBuf| path.canonicalize().unwrap_or_else(|_| path.clone());
    Settings {
        video: file(&args.video),
        model: file(&args.model),
        frames: video.num_frames(),
        size: [width, height],
        options: format!(
            "box {:?}, flip test {}, expert {}, bf16 {}, batch {}",
            args.first_box.map(|FirstBox(first)| first),
            args.flip_test,
            args.expert,
            args.bf16,
            args.batch
        ),
    }
}

/// Looks at the frames that the journal lacks, in order.
fn follow(
    model: &VitPose,
    video: &Video,
    tracker: &mut Tracker,
    batch: NonZeroUsize,
    journal: &mut Journal,
) -> anyhow::Result<()> {
    let done = journal.frames().len();
    let bar = progress(video.num_frames(), done);
    let mut frames = video.frames_in(done..video.num_frames())?;
    let mut waiting = Vec::new();
    loop {
        // An athlete who has to be found first is looked for in one frame, and followed from there.
        let wanted = if tracker.is_searching() { 1 } else { batch.get() };
        for frame in frames.by_ref().take(wanted) {
            waiting.push(frame?);
        }
        if waiting.is_empty() {
            break;
        }
        let found = if tracker.is_searching() {
            vec![search(model, &waiting[0], tracker)?]
        } else {
            look(model, &waiting, tracker.next_box())?
        };
        for keypoints in &found {
            tracker.update(keypoints);
        }
        bar.inc(found.len() as u64);
        journal.append(found)?;
        waiting.clear();
    }
    bar.finish_and_clear();
    Ok(())
}

/// A look at the whole picture, and if somebody is there, a second one at them.
fn search(model: &VitPose, frame: &Frame, tracker: &Tracker) -> anyhow::Result<Vec<Keypoint>> {
    let coarse = look(model, std::slice::from_ref(frame), tracker.next_box())?.remove(0);
    let mut found = tracker.clone();
    if found.update(&coarse) != Sighting::Seen {
        return Ok(coarse);
    }
    Ok(look(model, std::slice::from_ref(frame), found.next_box())?.remove(0))
}

fn look(
    model: &VitPose,
    frames: &[Frame],
    person: PersonBox,
) -> anyhow::Result<Vec<Vec<Keypoint>>> {
    let views = frames.iter().map(|frame| {
        let picture = Picture::new(frame.width() as usize, frame.height() as usize, frame.rgb())?;
        Ok((picture, person))
    });
    Ok(model.estimate(&views.collect::<pose::Result<Vec<_>>>()?)?)
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
