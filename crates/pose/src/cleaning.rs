use ndarray::s;

use crate::butterworth::stretches;
use crate::{Butterworth, Error, Joint, Result, SkeletonSeries};

/// How a gap is bridged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fill {
    /// A straight line between the last and the next sighting.
    Linear,
    /// A cubic that also leaves and arrives with the velocity of the samples beside the gap.
    Cubic,
}

/// Signal care: gates doubtful samples, fills short gaps, and smooths, in that order.
///
/// Defaults: confidence below 0.3 is missing; gaps up to 0.25 s between two sightings are filled by a [cubic](Fill::Cubic);
/// zero-lag Butterworth of 4th order (2nd order run twice) at 10 Hz, or 0.4 times the frame rate if that is lower.
/// The limits are those in common use; 10 Hz lies between the 6 Hz of gait and the 12-15 Hz of sprints and jumps.
#[derive(Debug, Clone)]
pub struct Cleaning {
    min_confidence: f64,
    max_gap_s: f64,
    fill: Fill,
    cutoff: CutOff,
}

#[derive(Debug, Clone, Copy)]
enum CutOff {
    Auto,
    Hz(f64),
    None,
}

const MIN_CONFIDENCE: f64 = 0.3;
const MAX_GAP_S: f64 = 0.25;
const CUTOFF_HZ: f64 = 10.0;
const MAX_CUTOFF_PER_FPS: f64 = 0.4;

/// What [`Cleaning`] did.
#[derive(Debug, Clone, PartialEq)]
pub struct CleaningReport {
    /// One entry a recorded joint, in the series' order.
    pub joints: Vec<JointCare>,
    /// Frames in the series.
    pub num_frames: usize,
    /// Cut-off of the low-pass filter, Hz; `None` if not filtered.
    pub cutoff_hz: Option<f64>,
}

/// What [`Cleaning`] did to one joint, in frames.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JointCare {
    /// The joint.
    pub joint: Joint,
    /// Samples dropped for their confidence.
    pub num_gated: usize,
    /// Samples filled in short gaps.
    pub num_filled: usize,
    /// Samples still missing.
    pub num_missing: usize,
}

impl Default for Cleaning {
    fn default() -> Self {
        Self::new()
    }
}

impl Cleaning {
    /// The defaults.
    #[must_use]
    pub fn new() -> Self {
        Self {
            min_confidence: MIN_CONFIDENCE,
            max_gap_s: MAX_GAP_S,
            fill: Fill::Cubic,
            cutoff: CutOff::Auto,
        }
    }

    /// Counts samples below this confidence as missing; 0.3 by default.
    #[must_use]
    pub fn with_min_confidence(mut self, min_confidence: f64) -> Self {
        self.min_confidence = min_confidence;
        self
    }

    /// Fills gaps up to this long, in seconds; 0.25 by default, 0 fills none. Ends are never extended.
    #[must_use]
    pub fn with_max_gap_s(mut self, max_gap_s: f64) -> Self {
        self.max_gap_s = max_gap_s;
        self
    }

    /// Fills by a cubic (default) or a line.
    ///
    /// The cubic halves the errors of long gaps, on markers as on a network's keypoints, and is about as good in gaps of one
    /// frame; what it makes of a gap beside a wild sample can be worse than a line. Figures: `docs/results.md`.
    #[must_use]
    pub fn with_fill(mut self, fill: Fill) -> Self {
        self.fill = fill;
        self
    }

    /// Cut-off of the low-pass filter, Hz.
    #[must_use]
    pub fn with_cutoff_hz(mut self, cutoff_hz: f64) -> Self {
        self.cutoff = CutOff::Hz(cutoff_hz);
        self
    }

    /// Leaves the samples unsmoothed.
    #[must_use]
    pub fn without_filter(mut self) -> Self {
        self.cutoff = CutOff::None;
        self
    }

    /// Applies the three steps to every joint. O(frames * joints).
    ///
    /// Filled samples are marked in [`SkeletonSeries::filled`] and get half the lower confidence of the two sightings
    /// (but stay above the gate), so that whatever weighs by confidence trusts them less.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] for a confidence outside 0..=1, a negative gap, or a cut-off that is not between 0 and half
    /// the frame rate.
    pub fn apply(&self, series: &SkeletonSeries) -> Result<(SkeletonSeries, CleaningReport)> {
        let setting = |name, value, expected: &str| {
            Err(Error::Setting { name, value, expected: expected.to_owned() })
        };
        if !(0.0..=1.0).contains(&self.min_confidence) {
            return setting("minimum confidence", self.min_confidence, "in 0..=1");
        }
        if !(self.max_gap_s >= 0.0 && self.max_gap_s.is_finite()) {
            return setting("longest gap in s", self.max_gap_s, "0 or more");
        }
        let fps = series.fps();
        let cutoff_hz = match self.cutoff {
            CutOff::Auto => Some(CUTOFF_HZ.min(MAX_CUTOFF_PER_FPS * fps)),
            CutOff::Hz(hz) => Some(hz),
            CutOff::None => None,
        };
        let filter = cutoff_hz.map(|hz| Butterworth::low_pass(2, hz, fps)).transpose()?;
        let mut cleaned = series.clone();
        let mut report =
            CleaningReport { joints: Vec::new(), num_frames: series.num_frames(), cutoff_hz };
        for (joint_idx, &joint) in series.joints().iter().enumerate() {
            let num_gated = gate(&mut cleaned, joint_idx, self.min_confidence);
            let num_filled = self.fill_gaps(&mut cleaned, joint_idx);
            if let Some(filter) = &filter {
                smooth(&mut cleaned, joint_idx, filter);
            }
            let num_missing =
                cleaned.confidence().column(joint_idx).iter().filter(|c| **c == 0.0).count();
            report.joints.push(JointCare { joint, num_gated, num_filled, num_missing });
        }
        Ok((cleaned, report))
    }

    fn fill_gaps(&self, series: &mut SkeletonSeries, joint_idx: usize) -> usize {
        // A hair of tolerance: 0.25 s at 100 fps is 25 frames whatever the rounding of the product.
        let longest = (self.max_gap_s * series.fps() + 1e-9).floor() as usize;
        let (positions, confidence, filled) = series.parts_mut();
        let seen: Vec<f64> = positions.slice(s![.., joint_idx, 0]).to_vec();
        let mut num_filled = 0;
        for pair in stretches(&seen).windows(2) {
            let (before, after) = (pair[0].clone(), pair[1].clone());
            let gap = before.end..after.start;
            if gap.len() > longest {
                continue;
            }
            for mut track in positions.slice_mut(s![.., joint_idx, ..]).columns_mut() {
                let known = track.to_vec();
                for f in gap.clone() {
                    track[f] = match self.fill {
                        Fill::Linear => line(&known, before.end - 1, after.start, f),
                        Fill::Cubic => cubic(&known, before.clone(), after.clone(), f),
                    };
                }
            }
            let trust =
                confidence[[before.end - 1, joint_idx]].min(confidence[[after.start, joint_idx]]);
            for f in gap.clone() {
                confidence[[f, joint_idx]] =
                    (0.5 * trust).max(self.min_confidence).clamp(f64::MIN_POSITIVE, 1.0);
                filled[[f, joint_idx]] = true;
            }
            num_filled += gap.len();
        }
        num_filled
    }
}

impl CleaningReport {
    /// Share of samples of recorded joints still missing, 0..=1.
    #[must_use]
    pub fn missing_share(&self) -> f64 {
        let num_missing: usize = self.joints.iter().map(|care| care.num_missing).sum();
        num_missing as f64 / (self.num_frames * self.joints.len()) as f64
    }
}

fn gate(series: &mut SkeletonSeries, joint_idx: usize, min_confidence: f64) -> usize {
    let (positions, confidence, filled) = series.parts_mut();
    let mut num_gated = 0;
    for (f, confidence) in confidence.column_mut(joint_idx).iter_mut().enumerate() {
        if *confidence > 0.0 && *confidence < min_confidence {
            *confidence = 0.0;
            filled[[f, joint_idx]] = false;
            positions.slice_mut(s![f, joint_idx, ..]).fill(f64::NAN);
            num_gated += 1;
        }
    }
    num_gated
}

fn smooth(series: &mut SkeletonSeries, joint_idx: usize, filter: &Butterworth) {
    for mut track in series.parts_mut().0.slice_mut(s![.., joint_idx, ..]).columns_mut() {
        let smoothed = filter.filtfilt(&track.to_vec());
        track.assign(&ndarray::ArrayView1::from(&smoothed));
    }
}

fn line(known: &[f64], before: usize, after: usize, frame: usize) -> f64 {
    let t = (frame - before) as f64 / (after - before) as f64;
    (1.0 - t) * known[before] + t * known[after]
}

/// Frames beside a gap from which its entry and exit velocities are taken (ours): one would hand on all its noise.
const VELOCITY_FRAMES: usize = 3;

/// Cubic Hermite interpolation between the sightings beside the gap.
fn cubic(
    known: &[f64],
    before: std::ops::Range<usize>,
    after: std::ops::Range<usize>,
    frame: usize,
) -> f64 {
    let (start, end) = (before.end - 1, after.start);
    let (first, last) = (
        before.start.max(start.saturating_sub(VELOCITY_FRAMES)),
        (after.end - 1).min(end + VELOCITY_FRAMES),
    );
    let mean = (known[end] - known[start]) / (end - start) as f64;
    let slope = |from: usize, to: usize| {
        if to > from { (known[to] - known[from]) / (to - from) as f64 } else { mean }
    };
    let (leave, arrive) = (slope(first, start), slope(end, last));
    let span = (end - start) as f64;
    let t = (frame - start) as f64 / span;
    let (t2, t3) = (t * t, t * t * t);
    (2.0 * t3 - 3.0 * t2 + 1.0) * known[start]
        + (t3 - 2.0 * t2 + t) * span * leave
        + (3.0 * t2 - 2.0 * t3) * known[end]
        + (t3 - t2) * span * arrive
}
