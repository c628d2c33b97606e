//! The model movement and the keyframes that it hands on.

use std::ops::Range;

use crate::{Error, Motion, Result};

/// A named moment of a movement.
#[derive(Debug, Clone, PartialEq)]
pub struct Keyframe {
    /// Name, such as `takeoff`.
    pub name: String,
    /// 0-based position in frames of its recording; may fall between two frames.
    pub frame: f64,
}

impl Keyframe {
    /// A keyframe called `name` at `frame`.
    pub fn new(name: impl Into<String>, frame: f64) -> Self {
        Self { name: name.into(), frame }
    }
}

/// A model recording, its keyframes, and the part of it that is searched for.
///
/// Positions always refer to the recording as it was given: [`Reference::trimmed`] narrows what is searched for and
/// keeps the frames outside as context, so that velocities at the cut are as good as anywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Reference {
    motion: Motion,
    keyframes: Vec<Keyframe>,
    active: Range<usize>,
}

impl Reference {
    /// A model recording with `keyframes` in time order, searched for as a whole.
    ///
    /// # Errors
    ///
    /// [`Error::NoKeyframes`], [`Error::KeyframeOutside`] (also for NaN), or [`Error::KeyframeOrder`] unless positions
    /// strictly increase.
    pub fn new(motion: Motion, keyframes: Vec<Keyframe>) -> Result<Self> {
        let last = motion.num_frames() - 1;
        if keyframes.is_empty() {
            return Err(Error::NoKeyframes);
        }
        if let Some(outside) =
            keyframes.iter().find(|keyframe| !(0.0..=last as f64).contains(&keyframe.frame))
        {
            return Err(Error::KeyframeOutside {
                name: outside.name.clone(),
                frame: outside.frame,
                last,
            });
        }
        if let Some(pair) = keyframes.windows(2).find(|pair| pair[0].frame >= pair[1].frame) {
            let [previous, found] = pair else { unreachable!("windows of two") };
            return Err(Error::KeyframeOrder {
                name: found.name.clone(),
                frame: found.frame,
                previous: previous.name.clone(),
            });
        }
        let active = 0..motion.num_frames();
        Ok(Self { motion, keyframes, active })
    }

    /// Searches only for the part from `margin_s` seconds before the first to `margin_s` after the last keyframe.
    ///
    /// Frames keep their numbers: outputs still refer to the original recording.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidSetting`] if the margin is negative or not finite.
    pub fn trimmed(&self, margin_s: f64) -> Result<Self> {
        if !(margin_s.is_finite() && margin_s >= 0.0) {
            return Err(Error::InvalidSetting {
                name: "margin_s",
                value: margin_s,
                expected: "it must be zero or more seconds",
            });
        }
        let margin = margin_s * self.motion.fps();
        let (first, last) = self.keyframe_span();
        let start = (first - margin).round().max(0.0) as usize;
        let end = ((last + margin).round() as usize + 1).min(self.motion.num_frames());
        Ok(Self {
            active: start.min(first as usize)..end.max(last.ceil() as usize + 1),
            ..self.clone()
        })
    }

    /// The whole recording, context included.
    #[must_use]
    pub fn motion(&self) -> &Motion {
        &self.motion
    }

    /// The keyframes in time order.
    #[must_use]
    pub fn keyframes(&self) -> &[Keyframe] {
        &self.keyframes
    }

    /// The frames that are searched for.
    #[must_use]
    pub fn active_frames(&self) -> Range<usize> {
        self.active.clone()
    }

    /// First and last keyframe, in frames.
    #[must_use]
    pub fn keyframe_span(&self) -> (f64, f64) {
        (self.keyframes[0].frame, self.keyframes[self.keyframes.len() - 1].frame)
    }

    /// Whether all have the channels and keyframes of the first, so that they can stand for each other.
    pub(crate) fn check_alike(references: &[Self]) -> Result<&Self> {
        let Some(first) = references.first() else { return Err(Error::NoSeries) };
        for (idx, other) in references.iter().enumerate() {
            first
                .check_like(other)
                .map_err(|source| Error::Series { idx, source: Box::new(source) })?;
        }
        Ok(first)
    }

    fn check_like(&self, other: &Self) -> Result<()> {
        let (query, reference) = (other.motion.num_channels(), self.motion.num_channels());
        if query != reference {
            return Err(Error::ChannelMismatch { query, reference });
        }
        let names = |reference: &Self| -> Vec<String> {
            reference.keyframes.iter().map(|keyframe| keyframe.name.clone()).collect()
        };
        let (expected, found) = (names(self), names(other));
        if expected == found {
            return Ok(());
        }
        Err(Error::KeyframeNames { expected: expected.join(", "), found: found.join(", ") })
    }
}
