use std::ops::Range;

use ndarray::{Array2, Array3, ArrayView2, ArrayView3, Axis, s};

use crate::joint_set::middle_of;
use crate::{Error, Joint, Result, Side, View};

/// Unit of a series' coordinates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unit {
    /// Metres.
    Metre,
    /// Millimetres.
    Millimetre,
    /// Centimetres.
    Centimetre,
    /// Pixels of the picture.
    Pixel,
    /// The file does not say, and the body's size does not tell (some BVH files).
    Unknown,
}

impl Unit {
    /// Units in a metre; `None` where their size in the world is not known, as of pixels.
    #[must_use]
    pub fn per_metre(self) -> Option<f64> {
        match self {
            Unit::Metre => Some(1.0),
            Unit::Centimetre => Some(100.0),
            Unit::Millimetre => Some(1000.0),
            Unit::Pixel | Unit::Unknown => None,
        }
    }

    /// `metre`, `millimetre`, `centimetre`, `pixel` or `unknown`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Unit::Metre => "metre",
            Unit::Millimetre => "millimetre",
            Unit::Centimetre => "centimetre",
            Unit::Pixel => "pixel",
            Unit::Unknown => "unknown",
        }
    }
}

/// Joint positions of one athlete over time: checked, evenly sampled, **y up**.
///
/// A missing sample has a NaN position *and* confidence 0, whichever of the two the source gave.
#[derive(Debug, Clone)]
pub struct SkeletonSeries {
    joints: Vec<Joint>,
    positions: Array3<f64>,
    confidence: Array2<f64>,
    filled: Array2<bool>,
    fps: f64,
    unit: Unit,
    view: Option<View>,
}

impl SkeletonSeries {
    /// Checks and takes the samples of one athlete.
    ///
    /// A sample is missing if any of its coordinates is NaN or its confidence is 0. Confidence above 1 is clamped to
    /// 1: estimators of the SimCC family (RTMPose) give scores up to about 1.2.
    ///
    /// # Shapes
    ///
    /// - `positions`: `[frames, joints, dims]`, dims 2 (x right, y up) or 3 (right-handed, y up), in `unit`
    /// - `confidence`: `[frames, joints]`
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] if the arrays do not fit or hold no frame or joint, [`Error::DuplicateJoint`],
    /// [`Error::BadFps`], [`Error::BadValue`] for an infinite coordinate or a confidence that is negative, or not
    /// finite where the position is.
    pub fn new(
        joints: Vec<Joint>,
        positions: Array3<f64>,
        confidence: Array2<f64>,
        fps: f64,
        unit: Unit,
    ) -> Result<Self> {
        check_shapes(&joints, &positions, &confidence)?;
        check_fps(fps)?;
        let filled = Array2::from_elem(confidence.dim(), false);
        let mut series = Self { joints, positions, confidence, filled, fps, unit, view: None };
        series.settle_missing()?;
        Ok(series)
    }

    /// Makes position and confidence agree on what is missing.
    fn settle_missing(&mut self) -> Result<()> {
        let (num_frames, num_joints) = self.confidence.dim();
        for (frame_idx, joint_idx) in
            (0..num_frames).flat_map(|f| (0..num_joints).map(move |j| (f, j)))
        {
            let joint = self.joints[joint_idx];
            let mut position = self.positions.slice_mut(s![frame_idx, joint_idx, ..]);
            let confidence = &mut self.confidence[[frame_idx, joint_idx]];
            let bad = |what, value| Err(Error::BadValue { frame_idx, joint, what, value });
            if let Some(&value) = position.iter().find(|v| v.is_infinite()) {
                return bad("position", value);
            }
            let has_position = position.iter().all(|v| v.is_finite());
            if *confidence < 0.0
                || confidence.is_infinite()
                || (confidence.is_nan() && has_position)
            {
                return bad("confidence", *confidence);
            }
            if has_position && *confidence > 0.0 {
                *confidence = confidence.min(1.0);
            } else {
                position.fill(f64::NAN);
                *confidence = 0.0;
            }
        }
        Ok(())
    }

    /// Frames in the series, at least 1.
    #[must_use]
    pub fn num_frames(&self) -> usize {
        self.positions.len_of(Axis(0))
    }

    /// Recorded joints, in the order of the arrays' second axis.
    #[must_use]
    pub fn joints(&self) -> &[Joint] {
        &self.joints
    }

    /// 2 for a picture plane, 3 for space.
    #[must_use]
    pub fn num_dims(&self) -> usize {
        self.positions.len_of(Axis(2))
    }

    /// Frames a second.
    #[must_use]
    pub fn fps(&self) -> f64 {
        self.fps
    }

    /// Unit of the coordinates.
    #[must_use]
    pub fn unit(&self) -> Unit {
        self.unit
    }

    /// Coordinates `[frames, joints, dims]`, NaN where missing.
    #[must_use]
    pub fn positions(&self) -> ArrayView3<'_, f64> {
        self.positions.view()
    }

    /// Confidence `[frames, joints]` in 0..=1, 0 where missing.
    #[must_use]
    pub fn confidence(&self) -> ArrayView2<'_, f64> {
        self.confidence.view()
    }

    /// `[frames, joints]`, true where [`Cleaning`](crate::Cleaning) filled a gap: a guess between two sightings.
    #[must_use]
    pub fn filled(&self) -> ArrayView2<'_, bool> {
        self.filled.view()
    }

    /// Position of a joint, z = 0 in 2-D; `None` if missing or the frame does not exist.
    ///
    /// [`Joint::Neck`] and [`Joint::MidHip`] are the middle of the shoulders and hips where not recorded.
    #[must_use]
    pub fn position(&self, frame_idx: usize, joint: Joint) -> Option<[f64; 3]> {
        if let Some(joint_idx) = self.joint_idx(joint) {
            return self.position_at(frame_idx, joint_idx);
        }
        let pair = middle_of(joint)?;
        let [left, right] = Side::BOTH.map(|side| self.joint_idx(pair(side)));
        let (left, right) =
            (self.position_at(frame_idx, left?)?, self.position_at(frame_idx, right?)?);
        Some(std::array::from_fn(|i| 0.5 * (left[i] + right[i])))
    }

    /// Length of the recording: frames / fps, in seconds.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.num_frames() as f64 / self.fps
    }

    /// The frames of `frame_range`, half open.
    ///
    /// # Errors
    ///
    /// [`Error::FrameRange`] if the range is empty or leaves the series.
    pub fn slice(&self, frame_range: Range<usize>) -> Result<Self> {
        let Range { start, end } = frame_range;
        if start >= end || end > self.num_frames() {
            return Err(Error::FrameRange { start, end, num_frames: self.num_frames() });
        }
        Ok(Self {
            joints: self.joints.clone(),
            positions: self.positions.slice(s![start..end, .., ..]).to_owned(),
            confidence: self.confidence.slice(s![start..end, ..]).to_owned(),
            filled: self.filled.slice(s![start..end, ..]).to_owned(),
            ..*self
        })
    }

    /// The athlete in a mirror: sides swapped, x negated, so that a left-hander becomes a right-hander.
    ///
    /// In space any upright mirror gives the same body, turned about the vertical.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        let mut mirrored = self.clone();
        mirrored.joints.iter_mut().for_each(|joint| *joint = joint.mirrored());
        mirrored.positions.slice_mut(s![.., .., 0]).mapv_inplace(|x| -x);
        mirrored
    }

    /// The same samples at another frame rate (no resampling).
    ///
    /// # Errors
    ///
    /// [`Error::BadFps`] unless `fps` is positive and at most 100 000.
    pub fn with_fps(self, fps: f64) -> Result<Self> {
        check_fps(fps)?;
        Ok(Self { fps, ..self })
    }

    /// States where a 2-D recording was filmed from, in place of the guess of [`SkeletonSeries::view`]. A recording in
    /// space stays one, and [`View::Space`] leaves the guess to stand.
    #[must_use]
    pub fn with_view(self, view: View) -> Self {
        Self { view: Some(view), ..self }
    }

    /// Share of frames, 0..=1, in which `joint` is missing; 1 for a joint that is not recorded at all.
    #[must_use]
    pub fn missing_share(&self, joint: Joint) -> f64 {
        let num_missing =
            (0..self.num_frames()).filter(|&f| self.position(f, joint).is_none()).count();
        num_missing as f64 / self.num_frames() as f64
    }

    pub(crate) fn joint_idx(&self, joint: Joint) -> Option<usize> {
        self.joints.iter().position(|&j| j == joint)
    }

    pub(crate) fn position_at(&self, frame_idx: usize, joint_idx: usize) -> Option<[f64; 3]> {
        if frame_idx >= self.num_frames() || self.confidence[[frame_idx, joint_idx]] == 0.0 {
            return None;
        }
        let mut position = [0.0; 3];
        for (to, from) in
            position.iter_mut().zip(self.positions.slice(s![frame_idx, joint_idx, ..]))
        {
            *to = *from;
        }
        Some(position)
    }

    pub(crate) fn stated_view(&self) -> Option<View> {
        self.view
    }

    /// Positions, confidence and filled flags, for care and edits that keep the invariants.
    pub(crate) fn parts_mut(&mut self) -> (&mut Array3<f64>, &mut Array2<f64>, &mut Array2<bool>) {
        (&mut self.positions, &mut self.confidence, &mut self.filled)
    }

    /// The same numbers in another unit.
    pub(crate) fn with_unit(self, unit: Unit) -> Self {
        Self { unit, ..self }
    }

    /// Other joints and samples of the same recording, which must keep the invariants.
    pub(crate) fn with_samples(
        &self,
        joints: Vec<Joint>,
        positions: Array3<f64>,
        confidence: Array2<f64>,
        filled: Array2<bool>,
    ) -> Self {
        Self { joints, positions, confidence, filled, ..*self }
    }

    /// A 2-D series from the named axes of this one.
    pub(crate) fn projected(&self, axes: [usize; 2]) -> Self {
        Self {
            joints: self.joints.clone(),
            positions: self.positions.select(Axis(2), &axes),
            confidence: self.confidence.clone(),
            filled: self.filled.clone(),
            ..*self
        }
    }
}

fn check_shapes(joints: &[Joint], positions: &Array3<f64>, confidence: &Array2<f64>) -> Result<()> {
    let (num_frames, num_joints, num_dims) = positions.dim();
    let shape = |what, expected: String, found: String| Err(Error::Shape { what, expected, found });
    if num_frames == 0 {
        return shape("frames", "at least 1".into(), "0".into());
    }
    if joints.is_empty() {
        return shape("joints", "at least 1".into(), "0".into());
    }
    if num_dims != 2 && num_dims != 3 {
        return shape("dims", "2 or 3".into(), num_dims.to_string());
    }
    if num_joints != joints.len() {
        return shape("joints of positions", joints.len().to_string(), num_joints.to_string());
    }
    if confidence.dim() != (num_frames, num_joints) {
        return shape(
            "confidence",
            format!("[{num_frames}, {num_joints}]"),
            format!("{:?}", confidence.shape()),
        );
    }
    match joints.iter().enumerate().find(|(i, joint)| joints[..*i].contains(joint)) {
        Some((_, &joint)) => Err(Error::DuplicateJoint { joint }),
        None => Ok(()),
    }
}

/// More frames a second than this are a slip of the pen, not a camera (ours); it bounds every window in frames.
const MAX_FPS: f64 = 100_000.0;

pub(crate) fn check_fps(fps: f64) -> Result<()> {
    if fps > 0.0 && fps <= MAX_FPS { Ok(()) } else { Err(Error::BadFps { fps }) }
}
