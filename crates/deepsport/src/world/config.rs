//! Settings of the toy world.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::scene::UNITS;
use super::sport::Sport;
use crate::{Dimension, Error, Result};

/// What the toy world makes. Everything here is ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldConfig {
    /// Worlds of different seeds share no clip.
    pub seed: u64,
    /// Sports to draw from.
    pub sports: Vec<Sport>,
    /// Kinds of question to draw from.
    pub dimensions: Vec<Dimension>,
    /// Pixels across and down: a multiple of 28 up to 448. A merged token of Qwen2.5-VL covers 28 x 28.
    pub frame_size: u32,
    /// Fewest and most frames of a clip.
    pub num_frames: [usize; 2],
    /// Lengths that clips have, if they have but a few: frames, within `num_frames`. Any length by default.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lengths: Vec<usize>,
    /// Shortest and longest event, in frames.
    pub event_frames: [usize; 2],
    /// Share of hard items, 0 to 1.
    pub hard_share: f64,
    /// Frames that a model sees first; what is hard depends on it.
    pub initial_frames: usize,
    /// Frames a second.
    pub fps: u32,
    /// Levels that are added to or taken from every pixel at random.
    pub noise: u8,
}

impl Default for WorldConfig {
    fn default() -> Self {
        Self {
            seed: 0,
            sports: Sport::ALL.to_vec(),
            dimensions: Dimension::ALL.to_vec(),
            frame_size: UNITS,
            num_frames: [100, 100],
            lengths: Vec::new(),
            event_frames: [2, 6],
            hard_share: 0.5,
            initial_frames: 8,
            fps: 25,
            noise: 6,
        }
    }
}

/// Noise beyond this hides what is drawn.
const MAX_NOISE: u8 = 32;

impl WorldConfig {
    /// Frames of the first look: [`Rule::LinspaceFloor`](frame_tool::Rule::LinspaceFloor) over the whole clip, ascending.
    #[must_use]
    pub fn first_look(&self, num_frames: usize) -> Vec<usize> {
        let (last, k) = ((num_frames - 1) as f64, self.initial_frames);
        // In floating point as the rule computes it: whole numbers would differ where a quotient is just short of one.
        let step = last / (k - 1) as f64;
        (0..k)
            .map(|i| if i == k - 1 { num_frames - 1 } else { (i as f64 * step) as usize })
            .collect()
    }

    /// Reads settings from TOML; what is not named stays as it is by default.
    ///
    /// # Errors
    ///
    /// [`Error::Read`]; [`Error::Format`] names line and field.
    pub fn read(path: &Path) -> Result<Self> {
        let text = crate::files::read_text(path)?;
        toml::from_str(&text).map_err(|error| Error::Format {
            path: path.to_owned(),
            source_name: "toy world settings",
            reason: error.to_string(),
        })
    }

    pub(super) fn check(&self) -> Result<()> {
        let invalid = |name, value: String, expected: String| {
            Err(Error::InvalidSetting { name, value, expected })
        };
        let is_ascending = |[min, max]: [usize; 2]| min <= max;
        let [min_frames, max_frames] = self.num_frames;
        let [min_event, max_event] = self.event_frames;
        if self.sports.is_empty() {
            return invalid("sports", "empty".into(), "name at least one".into());
        }
        if self.dimensions.is_empty() {
            return invalid("dimensions", "empty".into(), "name at least one".into());
        }
        if self.frame_size == 0
            || !self.frame_size.is_multiple_of(UNITS)
            || self.frame_size > 16 * UNITS
        {
            let expected = "pixels come in multiples of 28, 448 at most".into();
            return invalid("frame_size", self.frame_size.to_string(), expected);
        }
        if self.initial_frames < 3 {
            let expected = "a first look has 3 frames or more".into();
            return invalid("initial_frames", self.initial_frames.to_string(), expected);
        }
        if !is_ascending(self.num_frames) || max_frames > 100_000 {
            let expected = "fewest first, most second, 100000 at most".into();
            return invalid("num_frames", format!("{:?}", self.num_frames), expected);
        }
        let is_between = |length: &usize| (min_frames..=max_frames).contains(length);
        if let Some(length) = self.lengths.iter().find(|length| !is_between(length)) {
            let expected = format!("from {min_frames} to {max_frames}, as num_frames says");
            return invalid("lengths", length.to_string(), expected);
        }
        if min_frames <= 2 * self.initial_frames {
            let expected = format!("more than {}: twice the first look", 2 * self.initial_frames);
            return invalid("num_frames", min_frames.to_string(), expected);
        }
        if !is_ascending(self.event_frames) || min_event == 0 || max_event > min_frames / 2 {
            let expected = format!("from 1 to {}, half a clip", min_frames / 2);
            return invalid("event_frames", format!("{:?}", self.event_frames), expected);
        }
        if !(0.0..=1.0).contains(&self.hard_share) {
            let expected = "a share from 0 to 1".into();
            return invalid("hard_share", self.hard_share.to_string(), expected);
        }
        // The widest gap between two first frames has to hide the longest event.
        let longest = (min_frames - 1).div_ceil(self.initial_frames - 1) - 1;
        if self.hard_share > 0.0 && max_event > longest {
            let expected = format!(
                "hard items of {min_frames} frames hide {longest} frames at most; shorten events, lengthen clips, or set \
                 hard_share to 0"
            );
            return invalid("event_frames", format!("{:?}", self.event_frames), expected);
        }
        if self.fps == 0 || self.fps > 1000 {
            return invalid("fps", self.fps.to_string(), "1 to 1000 frames a second".into());
        }
        if self.noise > MAX_NOISE {
            return invalid("noise", self.noise.to_string(), format!("{MAX_NOISE} at most"));
        }
        Ok(())
    }
}
