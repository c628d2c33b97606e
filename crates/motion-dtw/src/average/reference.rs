//! Several recordings of one movement become one reference.

use ndarray::Array2;

use super::series::check_series_weights;
use crate::{Keyframe, Motion, Reference, Result};

/// One reference made of several, and how far they differ.
#[derive(Debug, Clone, PartialEq)]
pub struct AverageReference {
    /// The mean movement with the mean times between keyframes, at the frame rate of the first recording.
    pub reference: Reference,
    /// Standard deviation of the recordings around the mean at the same phase, `[frames, channels]`, in the channels'
    /// units; divided by the sum of weights. NaN where no recording has a value.
    pub spread: Array2<f64>,
    /// Standard deviation among the recordings of the time from each keyframe to the next, in seconds.
    pub phase_sigma_s: Vec<f64>,
}

impl Reference {
    /// Averages several recordings of one movement, each as much as its weight says; all alike for `None`.
    ///
    /// The keyframes are the landmarks (Kneip & Gasser 1992): between two of them the time of each recording is
    /// stretched evenly so that they fall onto the mean times; before the first and after the last it is only shifted,
    /// as far as the active parts of *all* recordings reach. Values between frames are interpolated linearly, and
    /// missing ones leave the mean to the others. Frame rates may differ.
    ///
    /// Ours: not [`Dba`](crate::Dba), which knows no landmarks and pairs every frame deeper than the mean with its
    /// deepest one, so that a mean of bends comes out too deep. Use that where no keyframes are known.
    ///
    /// ```
    /// use motion_dtw::{Keyframe, Motion, Reference};
    /// let recording = |angles: [f64; 5], deepest: f64| {
    ///     Reference::new(Motion::from_angles(angles), vec![Keyframe::new("deepest", deepest)])
    /// };
    /// let quick = recording([170.0, 80.0, 170.0, 170.0, 170.0], 1.0)?;
    /// let slow = recording([170.0, 170.0, 100.0, 170.0, 170.0], 2.0)?;
    /// let mean = Reference::average(&[quick, slow], None)?;
    /// assert_eq!(mean.reference.motion().channels().column(0).to_vec(), [170.0, 90.0, 170.0, 170.0]);
    /// assert_eq!(mean.spread[[1, 0]], 10.0);
    /// # Ok::<(), motion_dtw::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`MotionDtw::align_many`](crate::MotionDtw::align_many) for references that are none or unlike each other;
    /// [`SeriesWeightCount`](crate::Error::SeriesWeightCount) and [`InvalidWeights`](crate::Error::InvalidWeights).
    pub fn average(references: &[Reference], weights: Option<&[f64]>) -> Result<AverageReference> {
        let first = Reference::check_alike(references)?;
        let weights = check_series_weights(weights, references.len())?;
        let timelines: Vec<Timeline> = references.iter().map(Timeline::of).collect();
        let phases = 1..first.keyframes().len();
        let (lasting_s, phase_sigma_s): (Vec<f64>, Vec<f64>) = phases
            .map(|k| weighted_mean(timelines.iter().map(|t| t.at_s[k] - t.at_s[k - 1]), &weights))
            .unzip();
        let shortest =
            |lead: fn(&Timeline) -> f64| timelines.iter().map(lead).fold(f64::INFINITY, f64::min);
        let mut target =
            Timeline { at_s: vec![shortest(|t| t.at_s[0] - t.start_s)], start_s: 0.0, end_s: 0.0 };
        for lasting_s in lasting_s {
            target.at_s.push(target.at_s[target.at_s.len() - 1] + lasting_s);
        }
        target.end_s = target.last_s() + shortest(|t| t.end_s - t.last_s());

        let fps = first.motion().fps();
        // Rounded up, so that a last keyframe between two frames stays inside; the recordings' last frames hold on.
        let num_frames = (target.end_s * fps - 1e-6).ceil().max(0.0) as usize + 1;
        let shape = (num_frames, first.motion().num_channels());
        let mut sums = Sums::new(shape);
        for ((reference, timeline), weight) in references.iter().zip(&timelines).zip(weights) {
            for frame in 0..num_frames {
                let at_s = target.moved_to(timeline, frame as f64 / fps);
                sums.add(frame, reference.motion(), at_s, weight);
            }
        }
        let (mean, spread) = sums.finish();
        let keyframes = first.keyframes().iter().zip(&target.at_s);
        let keyframes = keyframes
            .map(|(k, at_s)| {
                Keyframe::new(k.name.clone(), (at_s * fps).min((num_frames - 1) as f64))
            })
            .collect();
        let reference = Reference::new(Motion::new(mean, fps)?, keyframes)?;
        Ok(AverageReference { reference, spread, phase_sigma_s })
    }
}

/// When a recording's keyframes occur, and from when to when it counts; seconds.
struct Timeline {
    at_s: Vec<f64>,
    start_s: f64,
    end_s: f64,
}

impl Timeline {
    fn of(reference: &Reference) -> Self {
        let (fps, active) = (reference.motion().fps(), reference.active_frames());
        Self {
            at_s: reference.keyframes().iter().map(|keyframe| keyframe.frame / fps).collect(),
            start_s: active.start as f64 / fps,
            end_s: (active.end - 1) as f64 / fps,
        }
    }

    fn last_s(&self) -> f64 {
        self.at_s[self.at_s.len() - 1]
    }

    /// Where `time_s` of this timeline lies in `other`: even between keyframes, shifted outside.
    fn moved_to(&self, other: &Timeline, time_s: f64) -> f64 {
        let next = self.at_s.partition_point(|&at_s| at_s <= time_s);
        if next == 0 {
            return other.at_s[0] + (time_s - self.at_s[0]);
        }
        if next == self.at_s.len() {
            return other.last_s() + (time_s - self.last_s());
        }
        let share = (time_s - self.at_s[next - 1]) / (self.at_s[next] - self.at_s[next - 1]);
        other.at_s[next - 1] + share * (other.at_s[next] - other.at_s[next - 1])
    }
}

/// Weighted sums of values and squares around the first value seen, which loses fewer digits.
struct Sums {
    origin: Array2<f64>,
    weight: Array2<f64>,
    value: Array2<f64>,
    square: Array2<f64>,
}

impl Sums {
    fn new(shape: (usize, usize)) -> Self {
        let zeros = || Array2::zeros(shape);
        Self {
            origin: Array2::from_elem(shape, f64::NAN),
            weight: zeros(),
            value: zeros(),
            square: zeros(),
        }
    }

    fn add(&mut self, frame: usize, motion: &Motion, at_s: f64, weight: f64) {
        let last = motion.num_frames() - 1;
        let position = (at_s * motion.fps()).clamp(0.0, last as f64);
        // Rounding of the times must not bring in a neighbour that may be missing.
        let nearest = position.round();
        let position = if (position - nearest).abs() < 1e-6 { nearest } else { position };
        let (before, share) = (position as usize, position.fract());
        let after = if share > 0.0 { before + 1 } else { before };
        for channel in 0..motion.num_channels() {
            let trust = (1.0 - share) * motion.weight(before, channel)
                + share * motion.weight(after, channel);
            let (a, b) =
                (motion.channels()[[before, channel]], motion.channels()[[after, channel]]);
            let (x, weight) = (a + share * (b - a), weight * trust);
            if x.is_nan() || weight <= 0.0 {
                continue;
            }
            let at = [frame, channel];
            if self.origin[at].is_nan() {
                self.origin[at] = x;
            }
            let x = x - self.origin[at];
            self.weight[at] += weight;
            self.value[at] += weight * x;
            self.square[at] += weight * x * x;
        }
    }

    /// Mean and standard deviation, NaN where nothing was added.
    fn finish(self) -> (Array2<f64>, Array2<f64>) {
        let mean = &self.value / &self.weight;
        let variance = &self.square / &self.weight - &mean * &mean;
        let spread = variance.mapv(|variance| if variance < 0.0 { 0.0 } else { variance.sqrt() });
        (mean + self.origin, spread)
    }
}

fn weighted_mean(values: impl Iterator<Item = f64> + Clone, weights: &[f64]) -> (f64, f64) {
    let total: f64 = weights.iter().sum();
    let mean =
        values.clone().zip(weights).map(|(value, weight)| value * weight).sum::<f64>() / total;
    let variance =
        values.zip(weights).map(|(value, weight)| weight * (value - mean).powi(2)).sum::<f64>();
    (mean, (variance / total).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_stretched_between_keyframes_and_shifted_outside() {
        let from = Timeline { at_s: vec![1.0, 2.0, 4.0], start_s: 0.0, end_s: 6.0 };
        let to = Timeline { at_s: vec![5.0, 9.0, 10.0], start_s: 4.0, end_s: 12.0 };
        for (time_s, expected) in
            [(0.5, 4.5), (1.0, 5.0), (1.25, 6.0), (2.0, 9.0), (3.0, 9.5), (4.0, 10.0), (5.0, 11.0)]
        {
            assert_eq!(from.moved_to(&to, time_s), expected);
        }
    }
}
