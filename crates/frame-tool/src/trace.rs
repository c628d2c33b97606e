//! Evidence: which frames were shown when, so that looking can be scored and repeated.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::call::ToolCall;
use crate::episode::{Policy, Refusal};
use crate::metrics::Metrics;
use crate::{Error, Frame, Result, Video};

/// An episode on record. As JSON it is the same value: what is written is what is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trace {
    /// Frames of the video.
    pub num_frames: usize,
    /// Seconds of the video.
    pub duration_s: f64,
    /// The rules.
    pub policy: Policy,
    /// What was asked for and shown; the first step is what was shown before any call.
    pub steps: Vec<Step>,
}

/// One call and what it led to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Step {
    /// What was asked for; `None` for the first frames and where the call could not be read.
    pub request: Option<ToolCall>,
    /// The stretch that was shown, both ends included.
    pub window: Option<[usize; 2]>,
    /// The frames that were shown, in order.
    pub frames: Vec<Seen>,
    /// Why nothing was shown.
    pub refusal: Option<Refusal>,
}

/// A frame that was shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Seen {
    /// 0-based frame.
    pub index: usize,
    /// Presentation time in seconds.
    pub time_s: f64,
    /// Pixels across.
    pub width: u32,
    /// Pixels down.
    pub height: u32,
    /// SHA-256 of the RGB8 rows.
    pub sha256: String,
}

impl Seen {
    /// What is on record of `frame`.
    #[must_use]
    pub fn of(frame: &Frame) -> Self {
        Self {
            index: frame.index(),
            time_s: frame.timestamp_s(),
            width: frame.width(),
            height: frame.height(),
            sha256: frame.sha256().to_owned(),
        }
    }
}

impl Trace {
    pub(crate) fn new(video: &Video, policy: Policy) -> Self {
        Self {
            num_frames: video.num_frames(),
            duration_s: video.duration_s(),
            policy,
            steps: Vec::new(),
        }
    }

    /// The trace as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() // plain data: cannot fail
    }

    /// Reads a trace that [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Json`] if it is something else.
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|source| Error::Json { what: "trace", source })
    }

    /// Windows that calls were answered with, half-open, in order; the first look at the whole video is not one.
    #[must_use]
    pub fn windows(&self) -> Vec<Range<usize>> {
        self.steps
            .iter()
            .skip(1)
            .filter_map(|step| step.window.map(|[start, end]| start..end + 1))
            .collect()
    }

    /// Indices of all frames that were shown, in order, repetitions included.
    #[must_use]
    pub fn shown(&self) -> Vec<usize> {
        self.steps.iter().flat_map(|step| step.frames.iter().map(|seen| seen.index)).collect()
    }

    /// How well the calls looked, with respect to the frames of `event`, half-open.
    #[must_use]
    pub fn metrics(&self, event: Range<usize>) -> Metrics {
        Metrics::of(&self.windows(), &self.shown(), event, self.num_frames)
    }

    /// The frames of every step once more, each checked against the record bit for bit.
    ///
    /// # Errors
    ///
    /// [`Error::Replay`] names the first frame that is missing or differs; errors of decoding as in [`Video::frames`].
    pub fn replay(&self, video: &Video) -> Result<Vec<Vec<Frame>>> {
        let mut steps = Vec::with_capacity(self.steps.len());
        for (step, recorded) in self.steps.iter().enumerate() {
            let differs = |frame_idx, reason: String| Error::Replay { step, frame_idx, reason };
            if let Some(seen) = recorded.frames.iter().find(|seen| seen.index >= video.num_frames())
            {
                return Err(differs(
                    seen.index,
                    format!("the video has {} frames", video.num_frames()),
                ));
            }
            let indices: Vec<usize> = recorded.frames.iter().map(|seen| seen.index).collect();
            let frames = video.frames(&indices)?;
            for (frame, seen) in frames.iter().zip(&recorded.frames) {
                if (frame.width(), frame.height()) != (seen.width, seen.height) {
                    let reason = format!(
                        "{}x{} pixels, on record {}x{}",
                        frame.width(),
                        frame.height(),
                        seen.width,
                        seen.height
                    );
                    return Err(differs(seen.index, reason));
                }
                if frame.sha256() != seen.sha256 {
                    return Err(differs(seen.index, "other pixels than on record".into()));
                }
            }
            steps.push(frames);
        }
        Ok(steps)
    }
}
