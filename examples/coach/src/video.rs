//! The athlete's own frames at the keyframes of a report.

use std::path::Path;

use anyhow::{Context, ensure};
use frame_tool::{Frame, Video, VideoOptions};
use image::codecs::jpeg::JpegEncoder;
use image::imageops::{FilterType, crop_imm, resize};
use image::{ImageEncoder, RgbImage};
use pose::draw::Overlay;
use pose::{Cleaning, PersonBox, SkeletonSeries};
use sportsgpt::Report;

/// Endings of what frame-tool reads.
const ENDINGS: [&str; 9] = ["mp4", "mov", "m4v", "avi", "gif", "webp", "mkv", "webm", "y4m"];

/// Whether a path looks like a video and not like a pose file.
pub(crate) fn is_video(path: &Path) -> bool {
    let ending = path.extension().and_then(|e| e.to_str()).unwrap_or("");
    ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known))
}

/// Opens a video at its full size, in whose pixels skeletons are.
pub(crate) fn open(path: &Path) -> anyhow::Result<Video> {
    Ok(Video::open_with(path, &VideoOptions::new().with_fit(None))?)
}

/// How far the rates of a video and of the skeletons estimated on it may differ; files round theirs.
const MAX_RATE_ERROR: f64 = 0.01;
/// Margin around the joints, which lack hands, toes and the top of the head.
const MARGIN: f64 = 1.3;
/// Height of a picture in pixels: twice what the page shows, for dense screens.
const HEIGHT: u32 = 480;
const JPEG_QUALITY: u8 = 82;

/// The athlete with the skeleton drawn over, at each keyframe of the report; JPEG files.
pub(crate) fn stills(
    video: &Video,
    skeletons: &SkeletonSeries,
    first_frame: usize,
    report: &Report,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let (fps, num_frames) = (skeletons.fps(), skeletons.num_frames());
    ensure!(
        (video.fps() / fps - 1.0).abs() <= MAX_RATE_ERROR,
        "it has {:.3} frames a second, the skeletons {fps:.3}: are they of this video?",
        video.fps()
    );
    ensure!(
        first_frame + num_frames <= video.num_frames() + 1,
        "it has {} frames, the skeletons end at {}: are they of this video?",
        video.num_frames(),
        first_frame + num_frames
    );
    let (skeletons, _) = Cleaning::new().apply(skeletons)?;
    let indices: Vec<usize> = report
        .keyframes
        .iter()
        .map(|keyframe| (keyframe.frame.round() as usize).min(num_frames - 1))
        .collect();
    let person = person(&skeletons, &indices)
        .context("the athlete's joints are not seen at the keyframes")?;
    let (width, height) = video.frame_size();
    let person = person.within(width as usize, height as usize).context(
        "the skeletons lie outside its frames: are they of this video, and in its pixels?",
    )?;
    indices
        .into_iter()
        .map(|frame_idx| {
            let place = (first_frame + frame_idx).min(video.num_frames() - 1);
            let frame = video.frame(place)?;
            still(&frame, &skeletons, frame_idx, &person)
        })
        .collect()
}

/// One box for all keyframes, so that the athlete has one size in all pictures.
fn person(skeletons: &SkeletonSeries, indices: &[usize]) -> Option<PersonBox> {
    let joints = skeletons.joints();
    let points = indices.iter().flat_map(|&frame_idx| {
        joints.iter().filter_map(move |&joint| skeletons.position(frame_idx, joint))
    });
    Some(PersonBox::around(points.map(|[x, y, _]| [x, -y]))?.grown(MARGIN))
}

fn still(
    frame: &Frame,
    skeletons: &SkeletonSeries,
    frame_idx: usize,
    person: &PersonBox,
) -> anyhow::Result<Vec<u8>> {
    let mut picture = RgbImage::from_raw(frame.width(), frame.height(), frame.rgb().to_vec())
        .context("a frame's pixels do not fill it")?;
    Overlay::new().without_label().draw(&mut picture, skeletons, frame_idx)?;
    let pixels = |length: f64| length.round().max(1.0) as u32;
    let (left, top) = (person.left() as u32, person.top() as u32);
    let (width, height) = (pixels(person.width()), pixels(person.height()));
    let cut = crop_imm(&picture, left, top, width, height).to_image();
    let scale = f64::from(HEIGHT) / f64::from(cut.height());
    let small = match scale < 1.0 {
        true => resize(&cut, pixels(scale * f64::from(cut.width())), HEIGHT, FilterType::Triangle),
        false => cut,
    };
    let mut jpeg = Vec::new();
    JpegEncoder::new_with_quality(&mut jpeg, JPEG_QUALITY).write_image(
        &small,
        small.width(),
        small.height(),
        image::ExtendedColorType::Rgb8,
    )?;
    Ok(jpeg)
}
