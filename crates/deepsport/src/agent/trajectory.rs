//! What a run leaves behind: every turn with what was seen, thought and done.

use std::ops::Range;

use frame_tool::{Malformed, Metrics, Policy, Refusal, Seen, ToolCall, Video};
use serde::{Deserialize, Serialize};

use super::wording::Mode;
use crate::{Error, Result};

/// A run on record, `((F_1, T_1, A_1), ..., (F_n, T_n, A_n))` (DeepSport, eq. 1). As JSON it is the same value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Trajectory {
    /// What was asked, options included.
    pub question: String,
    /// What it was asked about.
    pub video: VideoFacts,
    /// Who answered.
    pub speaker: String,
    /// How it could be answered.
    pub mode: Mode,
    /// The rules of looking.
    pub policy: Policy,
    /// In order.
    pub turns: Vec<TurnRecord>,
    /// The final answer.
    pub answer: Option<String>,
    /// Why it ended.
    pub stop: Stop,
}

/// A video on record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct VideoFacts {
    /// Where it came from, if anywhere.
    pub path: Option<String>,
    /// Frames.
    pub num_frames: usize,
    /// Frames a second, on average.
    pub fps: f64,
    /// Seconds.
    pub duration_s: f64,
}

/// One turn: the frames that were new, the thought, the action.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TurnRecord {
    /// The stretch whose frames came before this turn, both ends included: the whole video at first, then what the turn
    /// before asked for. None after a call that was refused.
    pub window: Option<[usize; 2]>,
    /// The frames of that stretch that were shown.
    pub frames: Vec<Seen>,
    /// What the model wrote, to the letter.
    pub text: String,
    /// What it thought.
    pub thought: String,
    /// The stretch that it asks for.
    pub call: Option<ToolCall>,
    /// The answer that it gives.
    pub answer: Option<String>,
    /// Why the call was not followed.
    pub refusal: Option<Refusal>,
    /// Why the turn could not be read.
    pub malformed: Option<Malformed>,
    /// Tokens read, where counted.
    pub prompt_tokens: Option<usize>,
    /// Tokens written, where counted.
    pub completion_tokens: Option<usize>,
}

/// Why a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stop {
    /// An answer was given.
    Answered,
    /// All turns were used.
    MaxTurns,
    /// All response tokens were used.
    MaxTokens,
    /// The conversation has outgrown what the model can read.
    ContextLength,
    /// Too many turns could not be read.
    Malformed,
    /// The model went on asking after it was told that nothing more is shown.
    Repeated,
    /// Somebody stopped it.
    Interrupted,
}

impl Trajectory {
    /// Windows that were asked for and seen, half-open, in order; the first look is not one.
    #[must_use]
    pub fn windows(&self) -> Vec<Range<usize>> {
        let asked = self.turns.iter().skip(1).filter_map(|turn| turn.window);
        asked.map(|[start, end]| start..end + 1).collect()
    }

    /// Frames that were shown, in order, the first look included.
    pub fn shown(&self) -> impl Iterator<Item = &Seen> {
        self.turns.iter().flat_map(|turn| &turn.frames)
    }

    /// Number of frames that were shown, repetitions included.
    #[must_use]
    pub fn num_frames(&self) -> usize {
        self.shown().count()
    }

    /// Calls whose frames a later turn saw.
    #[must_use]
    pub fn num_calls(&self) -> usize {
        self.windows().len()
    }

    /// Calls that were refused.
    #[must_use]
    pub fn num_refused(&self) -> usize {
        self.turns.iter().filter(|turn| turn.refusal.is_some()).count()
    }

    /// Whether every turn could be read and no call was refused, and an answer ends it: the format that rewards ask for.
    #[must_use]
    pub fn is_well_formed(&self) -> bool {
        self.stop == Stop::Answered
            && self.turns.iter().all(|turn| turn.refusal.is_none() && turn.malformed.is_none())
    }

    /// How well the calls looked, with respect to the frames of `event`, half-open.
    #[must_use]
    pub fn metrics(&self, event: Range<usize>) -> Metrics {
        let shown: Vec<usize> = self.shown().map(|seen| seen.index).collect();
        Metrics::of(&self.windows(), &shown, event, self.video.num_frames)
    }

    /// Tokens that were written, counted where the speaker counts and estimated where not.
    #[must_use]
    pub fn num_tokens(&self) -> usize {
        let of = |turn: &TurnRecord| {
            turn.completion_tokens.unwrap_or_else(|| turn.text.len().div_ceil(4))
        };
        self.turns.iter().map(of).sum()
    }

    /// Fetches every frame again and compares it with the record, bit for bit.
    ///
    /// # Errors
    ///
    /// [`Error::Replay`] names the first frame that differs; [`Error::Video`] where frames cannot be had.
    pub fn replay(&self, video: &Video) -> Result<Vec<Vec<frame_tool::Frame>>> {
        let mut turns = Vec::with_capacity(self.turns.len());
        for (turn, recorded) in self.turns.iter().enumerate() {
            let indices: Vec<usize> = recorded.frames.iter().map(|seen| seen.index).collect();
            let frames = video.frames(&indices)?;
            for (frame, seen) in frames.iter().zip(&recorded.frames) {
                if frame.sha256() != seen.sha256 {
                    return Err(Error::Replay { turn, frame_idx: seen.index });
                }
            }
            turns.push(frames);
        }
        Ok(turns)
    }

    /// The record as JSON.
    #[must_use]
    pub fn to_json(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() // plain data: cannot fail
    }

    /// Reads what [`to_json`](Self::to_json) wrote.
    ///
    /// # Errors
    ///
    /// [`Error::Json`].
    pub fn from_json(json: &str) -> Result<Self> {
        serde_json::from_str(json).map_err(|source| Error::Json { what: "trajectory", source })
    }
}
