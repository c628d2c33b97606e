//! One packed form for everything that can be aligned.

use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

use crate::{Error, Motion, Result, error::Role};

/// Anything that can be read as frames x channels: [`Motion`], `ndarray` matrices (rows are frames), and plain series.
///
/// A [`Motion`] may miss values (NaN) and carry confidence; plain numbers must all be finite. `f32` is widened: distances
/// and costs are always computed in `f64`.
pub trait Sequence {
    /// Copies the sequence into the packed form that the algorithms run on.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyMotion`], [`Error::NoChannels`], [`Error::InfiniteValue`] or [`Error::NotANumber`].
    fn to_frames(&self, role: Role) -> Result<Frames>;
}

/// Frames in rows, channels side by side, with weights where some are missing or uncertain.
#[derive(Debug, Clone, PartialEq)]
pub struct Frames {
    pub(crate) values: Vec<f64>,
    pub(crate) weights: Option<Vec<f64>>,
    pub(crate) num_channels: usize,
}

impl Frames {
    fn checked(
        values: Vec<f64>,
        num_frames: usize,
        num_channels: usize,
        role: Role,
    ) -> Result<Self> {
        if num_frames == 0 {
            return Err(Error::EmptyMotion);
        }
        if num_channels == 0 {
            return Err(Error::NoChannels);
        }
        // Counting first: unlike a search, it takes several values at a time.
        if values.iter().filter(|value| !value.is_finite()).count() > 0
            && let Some(at) = values.iter().position(|value| !value.is_finite())
        {
            let (frame, channel) = (at / num_channels, at % num_channels);
            return Err(if values[at].is_nan() {
                Error::NotANumber { role, frame, channel }
            } else {
                Error::InfiniteValue { frame, channel }
            });
        }
        Ok(Self { values, weights: None, num_channels })
    }

    pub(crate) fn num_frames(&self) -> usize {
        self.values.len() / self.num_channels
    }

    pub(crate) fn frame(&self, frame_idx: usize) -> &[f64] {
        &self.values[frame_idx * self.num_channels..][..self.num_channels]
    }

    /// Some of the frames.
    pub(crate) fn slice(&self, frames: std::ops::Range<usize>) -> Self {
        let part = frames.start * self.num_channels..frames.end * self.num_channels;
        Self {
            values: self.values[part.clone()].to_vec(),
            weights: self.weights.as_ref().map(|weights| weights[part].to_vec()),
            num_channels: self.num_channels,
        }
    }

    pub(crate) fn frame_weights(&self, frame_idx: usize) -> Option<&[f64]> {
        self.weights
            .as_ref()
            .map(|weights| &weights[frame_idx * self.num_channels..][..self.num_channels])
    }
}

impl Sequence for Motion {
    fn to_frames(&self, _role: Role) -> Result<Frames> {
        let channels = self.channels();
        let uncertain = self.confidence().is_some() || channels.iter().any(|value| value.is_nan());
        let weights = uncertain.then(|| {
            (0..self.num_frames())
                .flat_map(|frame| (0..self.num_channels()).map(move |channel| (frame, channel)))
                .map(|(frame, channel)| self.weight(frame, channel))
                .collect()
        });
        let values =
            channels.iter().map(|&value| if value.is_nan() { 0.0 } else { value }).collect();
        Ok(Frames { values, weights, num_channels: self.num_channels() })
    }
}

macro_rules! numbers {
    ($($number:ty),*) => {$(
        impl Sequence for ArrayView2<'_, $number> {
            fn to_frames(&self, role: Role) -> Result<Frames> {
                let values = match self.as_slice() {
                    Some(values) => values.iter().map(|&value| f64::from(value)).collect(),
                    None => self.iter().map(|&value| f64::from(value)).collect(),
                };
                Frames::checked(values, self.nrows(), self.ncols(), role)
            }
        }
        impl Sequence for Array2<$number> {
            fn to_frames(&self, role: Role) -> Result<Frames> {
                self.view().to_frames(role)
            }
        }
        impl Sequence for ArrayView1<'_, $number> {
            fn to_frames(&self, role: Role) -> Result<Frames> {
                Frames::checked(self.iter().map(|&value| f64::from(value)).collect(), self.len(), 1, role)
            }
        }
        impl Sequence for Array1<$number> {
            fn to_frames(&self, role: Role) -> Result<Frames> {
                self.view().to_frames(role)
            }
        }
        impl Sequence for [$number] {
            fn to_frames(&self, role: Role) -> Result<Frames> {
                ArrayView1::from(self).to_frames(role)
            }
        }
        impl Sequence for Vec<$number> {
            fn to_frames(&self, role: Role) -> Result<Frames> {
                self.as_slice().to_frames(role)
            }
        }
        impl<const N: usize> Sequence for [$number; N] {
            fn to_frames(&self, role: Role) -> Result<Frames> {
                self.as_slice().to_frames(role)
            }
        }
    )*};
}
numbers!(f32, f64);
