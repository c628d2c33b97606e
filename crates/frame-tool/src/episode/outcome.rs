//! What a call leads to, in values and in words for the model.

use std::fmt;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::frame_label;
use crate::Frame;
use crate::call::{Malformed, ToolCall};

/// What a turn leads to. `Display` is the message for the model.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Outcome {
    /// Frames.
    Shown(Observation),
    /// The frame at a time that was asked for.
    Located {
        /// Seconds.
        time_s: f64,
        /// 0-based frame.
        frame_idx: usize,
    },
    /// No frames, and why.
    Refused {
        /// Why.
        refusal: Refusal,
        /// Whether nothing more will be shown.
        ends_episode: bool,
    },
    /// The answer, which ends the episode.
    Answered(String),
}

/// Frames that are shown.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Observation {
    /// The stretch they stand for, both ends included.
    pub window: RangeInclusive<usize>,
    /// In order.
    pub frames: Vec<Frame>,
    /// Frames that the stretch holds.
    pub num_available: usize,
    /// How the window differs from what was asked for.
    pub adjustment: Option<Adjustment>,
}

/// A window that was moved into the video or cut down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Adjustment {
    /// What was asked for.
    pub asked: ToolCall,
    /// What was shown.
    pub used: ToolCall,
}

impl Observation {
    pub(super) fn new(
        window: RangeInclusive<usize>,
        frames: Vec<Frame>,
        num_available: usize,
        adjustment: Option<Adjustment>,
    ) -> Self {
        Self { window, frames, num_available, adjustment }
    }
}

/// Why a call is not answered with frames.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Refusal {
    /// It cannot be read.
    #[error("The call cannot be read: {0}.")]
    Malformed(Malformed),
    /// It reaches beyond the video.
    #[error("Frames {} to {} are not in the video; its frames are 0 to {last_frame}.", call.start, call.end)]
    OutOfRange {
        /// What was asked for.
        call: ToolCall,
        /// The last frame there is.
        last_frame: i64,
    },
    /// It ends where it begins, or before.
    #[error("Frame {} does not come before frame {}; give the smaller number first.", call.start, call.end)]
    Backwards {
        /// What was asked for.
        call: ToolCall,
    },
    /// It was asked for before.
    #[error("Frames {} to {} were shown already; ask for another part, or answer.", earlier.start, earlier.end)]
    Repeated {
        /// What was asked for.
        call: ToolCall,
        /// The call that it repeats.
        earlier: ToolCall,
    },
    /// It is the whole video, which the first frames show.
    #[error("The whole video was shown at the start; ask for a part of it.")]
    WholeVideo {
        /// What was asked for.
        call: ToolCall,
    },
    /// It is no wider than what a call shows.
    #[error("The window has to be wider than {frames_per_call} frames.")]
    TooNarrow {
        /// What was asked for.
        call: ToolCall,
        /// Frames that a call shows.
        frames_per_call: usize,
    },
    /// The thought before it names another window.
    #[error("The call asks for frames {} to {}, the thought before it does not end with them.", call.start, call.end)]
    SaidOtherwise {
        /// What was asked for.
        call: ToolCall,
        /// What the thought ends with.
        said: Option<ToolCall>,
    },
    /// It leaves out the frame that was looked up just before.
    #[error("The window has to hold frame {frame_idx}, which was looked up.")]
    MissesLocated {
        /// What was asked for.
        call: ToolCall,
        /// The frame that was looked up.
        frame_idx: usize,
    },
    /// All calls are used up.
    #[error("All {max_calls} calls are used; answer now.")]
    NoCallsLeft {
        /// How many there were.
        max_calls: usize,
    },
    /// All frames are used up.
    #[error("All {max_frames} frames are used; answer now.")]
    NoFramesLeft {
        /// How many there were.
        max_frames: usize,
    },
    /// The episode has ended.
    #[error("The episode is over.")]
    Over,
}

impl Refusal {
    /// Whether the call shows nothing new.
    #[must_use]
    pub fn is_repeat(&self) -> bool {
        matches!(self, Self::Repeated { .. } | Self::WholeVideo { .. })
    }
}

impl fmt::Display for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (start, end) = (self.window.start(), self.window.end());
        if let Some(Adjustment { asked, .. }) = self.adjustment {
            write!(
                f,
                "Frames {} to {} reach too far; shown is {start} to {end}. ",
                asked.start, asked.end
            )?;
        }
        let num = self.frames.len();
        write!(f, "{num} of {} frames from {start} to {end}: ", self.num_available)?;
        let labels: Vec<_> = self.frames.iter().map(frame_label).collect();
        write!(f, "{}.", labels.join(", "))
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shown(observation) => observation.fmt(f),
            Self::Located { time_s, frame_idx } => {
                write!(f, "At {time_s:.2} s the video shows frame {frame_idx}.")
            }
            Self::Refused { refusal, ends_episode: false } => refusal.fmt(f),
            Self::Refused { refusal, ends_episode: true } => {
                write!(f, "{refusal} No more frames will be shown.")
            }
            Self::Answered(answer) => f.write_str(answer),
        }
    }
}
