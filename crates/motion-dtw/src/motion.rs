//! What goes in: a motion, frames by channels.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};

use crate::{Error, Result};

/// A recorded movement: `[frames, channels]`, usually joint angles in degrees, at a constant frame rate.
///
/// NaN marks a value that was not measured. Missing values carry no weight; the remaining channels make up for them.
///
/// ```
/// use motion_dtw::Motion;
/// use ndarray::array;
/// let knees = Motion::new(array![[170.0, 171.0], [140.0, f64::NAN], [95.0, 97.0]], 60.0)?;
/// assert_eq!((knees.num_frames(), knees.num_channels()), (3, 2));
/// assert_eq!(knees.duration_s(), 0.05);
/// # Ok::<(), motion_dtw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Motion {
    channels: Array2<f64>,
    confidence: Option<Array2<f64>>,
    fps: f64,
}

impl Motion {
    /// Wraps `channels`, `[frames, channels]`, recorded at `fps` frames per second.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyMotion`], [`Error::NoChannels`], [`Error::InvalidFps`], or [`Error::InfiniteValue`] for a value
    /// that is neither finite nor NaN.
    pub fn new(channels: Array2<f64>, fps: f64) -> Result<Self> {
        let (num_frames, num_channels) = channels.dim();
        if num_frames == 0 {
            return Err(Error::EmptyMotion);
        }
        if num_channels == 0 {
            return Err(Error::NoChannels);
        }
        if !(fps.is_finite() && fps > 0.0) {
            return Err(Error::InvalidFps { fps });
        }
        if let Some(((frame, channel), _)) =
            channels.indexed_iter().find(|(_, value)| value.is_infinite())
        {
            return Err(Error::InfiniteValue { frame, channel });
        }
        Ok(Self { channels: channels.as_standard_layout().into_owned(), confidence: None, fps })
    }

    /// One channel at one frame per second, for examples and tests.
    ///
    /// # Panics
    ///
    /// If there are no angles or one is infinite; data from outside goes through [`Motion::new`].
    #[must_use]
    pub fn from_angles(angles: impl IntoIterator<Item = f64>) -> Self {
        let angles: Vec<f64> = angles.into_iter().collect();
        let channels = Array2::from_shape_vec((angles.len(), 1), angles).expect("one channel");
        Self::new(channels, 1.0).expect("finite angles, at least one")
    }

    /// Adds how far each value can be trusted: `[frames, channels]`, 0 (not at all) to 1.
    ///
    /// # Errors
    ///
    /// [`Error::ConfidenceShape`] or [`Error::ConfidenceRange`].
    pub fn with_confidence(mut self, confidence: Array2<f64>) -> Result<Self> {
        if confidence.dim() != self.channels.dim() {
            return Err(Error::ConfidenceShape {
                expected: self.channels.dim(),
                found: confidence.dim(),
            });
        }
        let outside = confidence.indexed_iter().find(|(_, value)| !(0.0..=1.0).contains(*value));
        if let Some(((frame, channel), &value)) = outside {
            return Err(Error::ConfidenceRange { frame, channel, value });
        }
        self.confidence = Some(confidence.as_standard_layout().into_owned());
        Ok(self)
    }

    /// Frames recorded, at least 1.
    #[must_use]
    pub fn num_frames(&self) -> usize {
        self.channels.nrows()
    }

    /// Channels per frame, at least 1.
    #[must_use]
    pub fn num_channels(&self) -> usize {
        self.channels.ncols()
    }

    /// Frames per second.
    #[must_use]
    pub fn fps(&self) -> f64 {
        self.fps
    }

    /// Number of frames divided by the frame rate, in seconds.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.num_frames() as f64 / self.fps
    }

    /// The values, `[frames, channels]`, NaN where missing.
    #[must_use]
    pub fn channels(&self) -> ArrayView2<'_, f64> {
        self.channels.view()
    }

    /// The confidence, `[frames, channels]`, if any was given.
    #[must_use]
    pub fn confidence(&self) -> Option<ArrayView2<'_, f64>> {
        self.confidence.as_ref().map(|confidence| confidence.view())
    }

    /// Weight of one value: 0 where missing, its confidence otherwise (1 if none was given).
    #[must_use]
    pub fn weight(&self, frame_idx: usize, channel_idx: usize) -> f64 {
        if self.channels[[frame_idx, channel_idx]].is_nan() {
            return 0.0;
        }
        self.confidence.as_ref().map_or(1.0, |confidence| confidence[[frame_idx, channel_idx]])
    }

    /// A part of the motion as a motion of its own; frame 0 is `frame_range.start`.
    ///
    /// # Errors
    ///
    /// [`Error::FrameRange`] if the range is empty or reaches past the end.
    pub fn slice(&self, frame_range: Range<usize>) -> Result<Self> {
        let Range { start, end } = frame_range;
        if start >= end || end > self.num_frames() {
            return Err(Error::FrameRange { start, end, num_frames: self.num_frames() });
        }
        Ok(Self {
            channels: self.channels.slice(s![start..end, ..]).to_owned(),
            confidence: self
                .confidence
                .as_ref()
                .map(|confidence| confidence.slice(s![start..end, ..]).to_owned()),
            fps: self.fps,
        })
    }
}
