//! Which frames of a video are shown.

use crate::{Error, Result};

/// How frames are spread over a video. The two libraries around the model differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum FrameRule {
    /// `qwen-vl-utils`: from the first to the last frame, rounded half to even. The model was trained with it.
    #[default]
    FirstToLast,
    /// transformers' video processor: equal steps from frame 0, cut to whole frames; never the last frame.
    EqualSteps,
}

/// Frames chosen of a video.
#[derive(Debug, Clone, PartialEq)]
pub struct FrameChoice {
    /// Indices of the frames, ascending.
    pub frame_idxs: Vec<usize>,
    /// Rate of the chosen frames, in frames per second: what [`Processor::clip`](super::Processor::clip) takes.
    pub fps: f64,
}

/// An even number of frames, since the temporal patch pairs them.
const FRAME_FACTOR: f64 = 2.0;
const MIN_FRAMES: usize = 4;
const MAX_FRAMES: usize = 768;

impl FrameRule {
    /// Chooses about `wanted_fps` frames a second of a video of `num_frames` at `video_fps`: an even number, from 4 (or as
    /// many as there are) to 768.
    ///
    /// # Errors
    ///
    /// - [`Error::TooFewFrames`] if the video has fewer than 2
    /// - [`Error::Request`] if a rate is not positive
    pub fn choose(self, num_frames: usize, video_fps: f64, wanted_fps: f64) -> Result<FrameChoice> {
        for (field, fps) in [("video_fps", video_fps), ("wanted_fps", wanted_fps)] {
            if !(fps.is_finite() && fps > 0.0) {
                let problem = format!("found {fps}, needs frames per second above 0");
                return Err(Error::Request { field, problem });
            }
        }
        if num_frames < 2 {
            return Err(Error::TooFewFrames { found: num_frames, needed: 2 });
        }
        let even = |count: f64| (count / FRAME_FACTOR).floor() * FRAME_FACTOR;
        let most = even(MAX_FRAMES.min(num_frames) as f64);
        let wanted = num_frames as f64 / video_fps * wanted_fps;
        let count = even(wanted.max(MIN_FRAMES as f64).min(most)) as usize;
        let frame_idxs = match self {
            Self::FirstToLast => first_to_last(num_frames, count),
            Self::EqualSteps => equal_steps(num_frames, count),
        };
        Ok(FrameChoice { frame_idxs, fps: count as f64 / num_frames as f64 * video_fps })
    }
}

/// torch's `linspace(0, num_frames - 1, count).round()`: in f32, and from both ends, so that it is symmetric.
fn first_to_last(num_frames: usize, count: usize) -> Vec<usize> {
    let last = (num_frames - 1) as f32;
    let step = last / (count - 1) as f32;
    let at = |i: usize| {
        if i < count / 2 { step * i as f32 } else { last - step * (count - 1 - i) as f32 }
    };
    (0..count).map(|i| at(i).round_ties_even() as usize).collect()
}

/// torch's `arange(0, num_frames, num_frames / count).int()`.
fn equal_steps(num_frames: usize, count: usize) -> Vec<usize> {
    let step = num_frames as f64 / count as f64;
    (0..count).map(|i| ((i as f64 * step) as f32) as usize).collect()
}
