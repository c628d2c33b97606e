//! From pixels to metres, from one frame rate to another, and which side the camera sees.

use ndarray::{Array2, Array3};

use crate::body::Body;
use crate::series::check_fps;
use crate::vector::median;
use crate::{Error, Joint, Result, Side, SkeletonSeries, Unit, View};

impl SkeletonSeries {
    /// Metres in a unit of this series, from the true length of a segment: its median length in the recording.
    ///
    /// In a picture that holds for what moves in the plane of the segment, seen by a camera at right angles to it:
    /// a thigh that swings towards the camera is too short, and so all lengths come out too long.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless `length_m` is positive; [`Error::NoSegment`] if the two joints are never seen together
    /// or coincide.
    pub fn metres_per_unit(&self, from: Joint, to: Joint, length_m: f64) -> Result<f64> {
        if !(length_m > 0.0 && length_m.is_finite()) {
            let expected = "above 0".to_owned();
            return Err(Error::Setting { name: "length in m", value: length_m, expected });
        }
        let lengths = (0..self.num_frames()).filter_map(|f| {
            let (a, b) = (self.position(f, from)?, self.position(f, to)?);
            Some(a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum::<f64>().sqrt())
        });
        match median(lengths).filter(|length| *length > 0.0) {
            Some(length) => Ok(length_m / length),
            None => Err(Error::NoSegment { from, to }),
        }
    }

    /// The series in metres, every coordinate times `metres_per_unit`.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] unless the factor is positive.
    pub fn in_metres(&self, metres_per_unit: f64) -> Result<SkeletonSeries> {
        if !(metres_per_unit > 0.0 && metres_per_unit.is_finite()) {
            let expected = "above 0".to_owned();
            let name = "metres per unit";
            return Err(Error::Setting { name, value: metres_per_unit, expected });
        }
        let mut scaled = self.clone();
        scaled.parts_mut().0.mapv_inplace(|v| v * metres_per_unit);
        Ok(scaled.with_unit(Unit::Metre))
    }

    /// The series at another frame rate, straight lines between the samples: for recordings whose cameras differ.
    ///
    /// A sample is missing where either neighbour is; it has the lower confidence of the two. Lower rates want a
    /// low-pass below half of the new rate first, or fast movement folds over.
    ///
    /// # Errors
    ///
    /// [`Error::BadFps`] unless `fps` is positive and at most 100 000; [`Error::Setting`] if that would make more than
    /// 10 million frames.
    pub fn resampled(&self, fps: f64) -> Result<SkeletonSeries> {
        check_fps(fps)?;
        let last = (self.num_frames() - 1) as f64;
        let num_frames = (last / self.fps() * fps + 1e-9).floor() + 1.0;
        if num_frames > 1e7 {
            let expected = "a rate that gives at most 10 million frames".to_owned();
            return Err(Error::Setting { name: "fps", value: fps, expected });
        }
        let (num_frames, num_joints, num_dims) =
            (num_frames as usize, self.joints().len(), self.num_dims());
        let mut positions = Array3::from_elem((num_frames, num_joints, num_dims), f64::NAN);
        let mut confidence = Array2::zeros((num_frames, num_joints));
        let mut filled = Array2::from_elem((num_frames, num_joints), false);
        for f in 0..num_frames {
            let at = (f as f64 / fps * self.fps()).min(last);
            // A hair off a whole frame is that frame: its neighbour may be missing.
            let at = if (at - at.round()).abs() < 1e-9 { at.round() } else { at };
            let (before, t) = (at.floor() as usize, at.fract());
            let after = if t == 0.0 { before } else { before + 1 };
            for j in 0..num_joints {
                let (Some(a), Some(b)) = (self.position_at(before, j), self.position_at(after, j))
                else {
                    continue;
                };
                for dim in 0..num_dims {
                    positions[[f, j, dim]] = (1.0 - t) * a[dim] + t * b[dim];
                }
                confidence[[f, j]] =
                    self.confidence()[[before, j]].min(self.confidence()[[after, j]]);
                filled[[f, j]] = self.filled()[[before, j]] || self.filled()[[after, j]];
            }
        }
        self.with_samples(self.joints().to_vec(), positions, confidence, filled).with_fps(fps)
    }

    /// The side of the athlete towards the camera of a side view; `None` in any other view, or where the athlete turns
    /// round or facing cannot be told.
    #[must_use]
    pub fn camera_side(&self) -> Option<Side> {
        let body = Body::of(self);
        (body.view == View::Side).then_some(body.far).flatten().map(Side::other)
    }

    /// Applies a filter to every coordinate over time; it sees NaN where a sample is missing, and cannot fill it in.
    ///
    /// For [`SavitzkyGolay`](crate::SavitzkyGolay), [`OneEuro`](crate::OneEuro) and the like;
    /// [`Cleaning`](crate::Cleaning) has the common ones built in.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the filter gives another number of samples, [`Error::BadValue`] if it gives an infinite one.
    pub fn filtered(&self, mut filter: impl FnMut(&[f64]) -> Vec<f64>) -> Result<SkeletonSeries> {
        let mut filtered = self.clone();
        for (joint_idx, &joint) in self.joints().iter().enumerate() {
            for dim in 0..self.num_dims() {
                let track = self.positions().slice(ndarray::s![.., joint_idx, dim]).to_vec();
                let smooth = filter(&track);
                if smooth.len() != track.len() {
                    let (expected, found) = (track.len().to_string(), smooth.len().to_string());
                    return Err(Error::Shape { what: "filtered track", expected, found });
                }
                for (frame_idx, (value, smooth)) in track.iter().zip(smooth).enumerate() {
                    if value.is_nan() {
                        continue;
                    }
                    if !smooth.is_finite() {
                        return Err(Error::BadValue {
                            frame_idx,
                            joint,
                            what: "position",
                            value: smooth,
                        });
                    }
                    filtered.parts_mut().0[[frame_idx, joint_idx, dim]] = smooth;
                }
            }
        }
        Ok(filtered)
    }
}
