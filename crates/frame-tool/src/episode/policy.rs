//! The rules of an episode.

use serde::{Deserialize, Serialize};

use crate::{Ends, Rule};

/// How much a call has to be consistent with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Well formed, inside the video, start before end, not seen before (DeepSport).
    #[default]
    Basic,
    /// Also: wider than the frames a call shows, the window that the thought ends with, and around a frame that was
    /// looked up just before (FrameThinker's cognitive consistency).
    Strict,
}

/// What becomes of a window that reaches beyond the video.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RangePolicy {
    /// It is refused.
    Reject,
    /// Its ends move to the video's; a window wholly outside is refused.
    #[default]
    Clamp,
    /// As `Clamp`; and what is wider than [`Policy::max_span`] is cut down to its middle.
    Shrink,
}

/// What may be asked for, and how much of it is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Policy {
    /// Frames shown before the first call: 8 (DeepSport).
    pub initial_frames: usize,
    /// Frames shown in answer to a call: 8 (ours, as DeepSport is silent; FrameThinker shows as many as at first).
    pub frames_per_call: usize,
    /// Calls that are answered: 4 (FrameThinker: 5 turns, the last of which is the answer).
    pub max_calls: usize,
    /// Frames shown in all, the first ones included: 40, all calls (ours).
    pub max_frames: usize,
    /// Frames of a window before [`RangePolicy::Shrink`] cuts it down: unlimited by default.
    pub max_span: usize,
    /// How frames are spread (FrameThinker: linspace, cut to integers).
    pub rule: Rule,
    /// Whether the ends of a window are shown: yes (ours: a model that asks for a frame wants to see it; FrameThinker
    /// leaves them out).
    pub ends: Ends,
    /// Windows beyond the video are clamped (ours).
    pub range_policy: RangePolicy,
    /// Basic (DeepSport).
    pub level: Level,
    /// Windows whose two ends differ by no more than this from an earlier one repeat it: 0 (DeepSport), 1 at
    /// inference (FrameThinker).
    pub near_frames: usize,
    /// Repeated calls that end the episode: 2 (ours: local models loop on the same call).
    pub max_repeats: usize,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            initial_frames: 8,
            frames_per_call: 8,
            max_calls: 4,
            max_frames: 40,
            max_span: usize::MAX >> 1,
            rule: Rule::LinspaceFloor,
            ends: Ends::Inclusive,
            range_policy: RangePolicy::Clamp,
            level: Level::Basic,
            near_frames: 0,
            max_repeats: 2,
        }
    }
}

impl Policy {
    /// DeepSport's rules where they are known, ours where they are not.
    #[must_use]
    pub fn deepsport() -> Self {
        Self::default()
    }

    /// FrameThinker's rules in training: strict, ends left out, nothing clamped.
    #[must_use]
    pub fn frame_thinker() -> Self {
        Self {
            level: Level::Strict,
            ends: Ends::Exclusive,
            range_policy: RangePolicy::Reject,
            max_repeats: 1,
            ..Self::default()
        }
    }
}
