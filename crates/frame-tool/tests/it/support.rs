//! Clips and comparisons that several tests share.

use std::path::PathBuf;

use frame_tool::{Frame, VideoOptions};

/// A clip that `tests/fixtures/make_clips.sh` made.
pub(crate) fn clip(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/fixtures/clips", name].iter().collect()
}

/// Frames as they are stored.
pub(crate) fn full_size() -> VideoOptions {
    VideoOptions::new().with_fit(None)
}

/// Mean absolute difference of two pictures, in levels of 255.
#[track_caller]
pub(crate) fn mean_difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

/// What FFmpeg shows of frame 7 of a clip.
pub(crate) fn ffmpeg_shows(name: &str) -> image::RgbImage {
    image::open(clip(&format!("{name}.png"))).unwrap().into_rgb8()
}

/// A picture in which every frame and every place differs.
pub(crate) fn made_up(frame_idx: usize, width: u32, height: u32) -> Vec<u8> {
    let value = |i: usize| (i * 7 + frame_idx * 31 + i / 5) as u8;
    (0..width as usize * height as usize * 3).map(value).collect()
}

pub(crate) fn indices(frames: &[Frame]) -> Vec<usize> {
    frames.iter().map(Frame::index).collect()
}
