//! `pose overlay`: skeletons on the video they were seen in.

use std::ops::Range;
use std::path::PathBuf;

use anyhow::{Context, ensure};
use frame_tool::{Fit, Frame, Video, VideoOptions};
use image::RgbImage;
use indicatif::ProgressBar;
use pose::draw::{Overlay, gif, png};
use pose::{Cleaning, Format, SkeletonSeries, read};

use crate::output::write_whole;

/// Draws a recording's skeleton on its video: an animated GIF, or one frame as PNG.
///
/// Left is blue, right is orange; doubtful samples are faint, bridged gaps are rings.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// The video that the poses were estimated on.
    video: PathBuf,

    /// Pose file, or a folder of OpenPose JSON files; pixels of the whole video frame.
    pose: PathBuf,

    /// The picture to write: *.gif, or *.png with --frame.
    #[arg(long, value_name = "FILE")]
    out: PathBuf,

    /// Only this frame.
    #[arg(long, value_name = "N")]
    frame: Option<usize>,

    /// First frame of the animation.
    #[arg(long, value_name = "N", default_value_t = 0)]
    start: usize,

    /// One past the last frame; by default at most 10 seconds after the first.
    #[arg(long, value_name = "N")]
    end: Option<usize>,

    /// Every which frame is shown; by default so that 15 a second remain.
    #[arg(long, value_name = "N")]
    every: Option<usize>,

    /// Height of the picture in pixels.
    #[arg(long, value_name = "PIXELS", default_value_t = 480)]
    height: u32,

    /// Format of the pose file; by default told from its name and content.
    #[arg(long, value_name = "FORMAT")]
    from: Option<Format>,

    /// Draws the samples as they are: no gate, no bridged gaps, no filter.
    #[arg(long)]
    raw: bool,
}

/// Seconds of an animation, and frames a second, where nothing else is asked for.
const LONGEST_S: f64 = 10.0;
const SHOWN_FPS: f64 = 15.0;

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let ending = args.out.extension().and_then(|e| e.to_str()).unwrap_or("");
    let is_png = ending.eq_ignore_ascii_case("png");
    ensure!(is_png || ending.eq_ignore_ascii_case("gif"), "--out must end with .gif or .png");
    ensure!(!is_png || args.frame.is_some(), "a PNG shows one frame: say which with --frame");
    // Poses are pixels of the frame as it was filmed.
    let (_, full_height) =
        Video::open_with(&args.video, &VideoOptions::new().with_fit(None))?.frame_size();
    let options = VideoOptions::new().with_fit(Fit::new(16_384, args.height.max(16))?);
    let video = Video::open_with(&args.video, &options)?;
    let recording = read(&args.pose, args.from, Some(video.fps()))?;
    let first_frame =
        recording.meta.get("first_frame").and_then(|v| v.parse::<usize>().ok()).unwrap_or(0);
    let mut series = recording.series;
    if !args.raw {
        series = Cleaning::new().apply(&series)?.0;
    }
    let range = range(args, &video)?;
    let every = args.every.unwrap_or((video.fps() / SHOWN_FPS).round() as usize).max(1);
    let bar = ProgressBar::new(range.len() as u64);
    let mut pictures = Vec::new();
    // A pose file that counts from 1 has its first row at the video's first frame; one that starts well inside counts
    // the video's frames.
    let shift = if first_frame <= 1 { 0 } else { first_frame };
    for (i, frame) in video.frames_in(range)?.enumerate() {
        bar.inc(1);
        let frame = frame?;
        if i % every == 0 {
            let scale = f64::from(frame.height()) / f64::from(full_height);
            pictures.push(drawn(&frame, &series, frame.index().checked_sub(shift), scale)?);
        }
    }
    bar.finish_and_clear();
    let bytes = match is_png {
        true => png(&pictures[0])?,
        false => gif(pictures, video.fps() / every as f64)?,
    };
    write_whole(&args.out, &bytes)
}

fn range(args: &Args, video: &Video) -> anyhow::Result<Range<usize>> {
    let num_frames = video.num_frames();
    if let Some(frame) = args.frame {
        ensure!(frame < num_frames, "--frame {frame}: the video has {num_frames} frames");
        return Ok(frame..frame + 1);
    }
    let longest = args.start.saturating_add((LONGEST_S * video.fps()).ceil() as usize);
    let range = args.start..args.end.unwrap_or(longest.min(num_frames));
    ensure!(
        range.start < range.end && range.end <= num_frames,
        "frames {} to {} of a video of {num_frames}; correct --start and --end",
        range.start,
        range.end
    );
    Ok(range)
}

/// A frame with its skeleton; as it is where the pose file has none for it.
fn drawn(
    frame: &Frame,
    series: &SkeletonSeries,
    pose_idx: Option<usize>,
    scale: f64,
) -> anyhow::Result<RgbImage> {
    let mut picture = RgbImage::from_raw(frame.width(), frame.height(), frame.rgb().to_vec())
        .context("the frame's pixels do not fill it")?;
    if let Some(pose_idx) = pose_idx.filter(|idx| *idx < series.num_frames()) {
        Overlay::new().with_scale(scale).draw(&mut picture, series, pose_idx)?;
    }
    Ok(picture)
}
