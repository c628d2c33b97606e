//! A stretch of video that somebody asks for, by frames or by seconds.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::timeline::TIME_TOLERANCE_S;
use crate::{Error, Result, Timeline};

/// Which of its ends belong to a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ends {
    /// Both, `[start, end]`: what people and models mean.
    #[default]
    Inclusive,
    /// The start only, `[start, end)`.
    HalfOpen,
    /// Neither, `(start, end)`: FrameThinker, whose model has usually seen the ends already.
    Exclusive,
}

/// A stretch of video.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Window {
    /// Between two frames.
    Frames {
        /// 0-based frame.
        start: usize,
        /// 0-based frame.
        end: usize,
        /// Which of the two belong to it.
        ends: Ends,
    },
    /// Between two moments, in seconds of presentation time.
    Seconds {
        /// Where it begins.
        start_s: f64,
        /// Where it ends.
        end_s: f64,
        /// Whether frames that appear just then belong to it.
        ends: Ends,
    },
}

impl Window {
    /// Frames `start` to `end`, both included.
    #[must_use]
    pub fn frames(start: usize, end: usize) -> Self {
        Self::Frames { start, end, ends: Ends::Inclusive }
    }

    /// From `start_s` to `end_s` seconds, both included.
    #[must_use]
    pub fn seconds(start_s: f64, end_s: f64) -> Self {
        Self::Seconds { start_s, end_s, ends: Ends::Inclusive }
    }

    /// Says which ends belong to it.
    #[must_use]
    pub fn with_ends(mut self, new: Ends) -> Self {
        match &mut self {
            Self::Frames { ends, .. } | Self::Seconds { ends, .. } => *ends = new,
        }
        self
    }

    /// The frames inside, half-open; empty where none lies inside.
    ///
    /// A window in seconds holds the frame on screen when it begins (unless its ends are exclusive) and all that
    /// appear before it ends.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if the window ends before it begins or a time is not a number,
    /// [`Error::FrameOutOfRange`] if it names a frame that does not exist.
    pub fn resolve(&self, timeline: &Timeline) -> Result<Range<usize>> {
        let num_frames = timeline.num_frames();
        let backwards = |value: String| Error::InvalidSetting {
            name: "window",
            value,
            expected: "it has to begin with a number, and end no earlier than it begins",
        };
        let (start, end, ends) = match *self {
            Self::Frames { start, end, ends } => {
                if start > end {
                    return Err(backwards(format!("{start} to {end}")));
                }
                if let Some(&frame_idx) =
                    [start, end].iter().find(|&&frame_idx| frame_idx >= num_frames)
                {
                    return Err(Error::FrameOutOfRange { frame_idx, num_frames });
                }
                (start, end, ends)
            }
            Self::Seconds { start_s, end_s, ends } => {
                if start_s.is_nan() || end_s.is_nan() || start_s > end_s {
                    return Err(backwards(format!("{start_s} s to {end_s} s")));
                }
                let times_s = timeline.timestamps_s();
                let until =
                    |time_s: f64| times_s.partition_point(|&t| t <= time_s + TIME_TOLERANCE_S);
                let before =
                    |time_s: f64| times_s.partition_point(|&t| t < time_s - TIME_TOLERANCE_S);
                let on_screen = if end_s < timeline.start_s() || start_s > timeline.end_s() {
                    before(start_s) // outside the video: nothing
                } else {
                    timeline.frame_at(start_s).unwrap_or(0)
                };
                return Ok(match ends {
                    Ends::Inclusive => on_screen..until(end_s).max(on_screen),
                    Ends::HalfOpen => on_screen..before(end_s).max(on_screen),
                    Ends::Exclusive => until(start_s)..before(end_s).max(until(start_s)),
                });
            }
        };
        Ok(match ends {
            Ends::Inclusive => start..end + 1,
            Ends::HalfOpen => start..end,
            Ends::Exclusive => start + 1..end.max(start + 1),
        })
    }
}
