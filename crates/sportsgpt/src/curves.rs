//! Measures over time, the reference warped onto the athlete's clock.

use std::ops::Range;

use kismam::{Evidence, Feature, FeatureSide};
use motion_dtw::WarpingPath;
use pose::{Measure, Side};

use crate::report::Curve;
use crate::signals::{Signals, sides};

/// How much is shown before the first and after the last keyframe, in seconds (ours).
const MARGIN_S: f64 = 0.3;

/// What curves are drawn from.
#[derive(Debug)]
pub(crate) struct Scene<'a> {
    pub(crate) athlete: &'a Signals,
    pub(crate) reference: &'a Signals,
    /// Frames a second of the athlete's recording.
    pub(crate) fps: f64,
    /// Frames in the athlete's recording.
    pub(crate) num_frames: usize,
    /// Frames in the reference recording.
    pub(crate) num_reference_frames: usize,
    pub(crate) path: &'a WarpingPath,
    /// Frames from the first to the last keyframe.
    pub(crate) interval: Range<usize>,
    /// Dominant side of athlete and reference.
    pub(crate) dominant: [Side; 2],
}

impl Scene<'_> {
    /// One curve for every measure that the features speak of, in their order.
    pub(crate) fn curves(&self, features: &[&Feature], evidence: &[&Evidence]) -> Vec<Curve> {
        let mut curves: Vec<Curve> = Vec::new();
        for feature in features {
            if curves.iter().any(|curve| curve.measure == feature.measure) {
                continue;
            }
            let tolerance = evidence
                .iter()
                .filter(|row| {
                    features.iter().any(|f| f.id == row.feature && f.measure == feature.measure)
                })
                .map(|row| row.t_min)
                .fold(f64::INFINITY, f64::min);
            let tolerance = if tolerance.is_finite() { tolerance } else { 0.0 };
            curves.extend(self.curve(&feature.measure, feature.side, tolerance));
        }
        curves
    }

    fn curve(&self, name: &str, side: FeatureSide, tolerance: f64) -> Option<Curve> {
        let unit = Measure::parse(name, Some(Side::Left)).ok()?.unit().name();
        let frames = self.frames();
        let both = matches!(side, FeatureSide::Both);
        let mut curve = Curve {
            measure: name.to_owned(),
            label: label(name, side),
            unit: unit.to_owned(),
            time_s: frames.clone().map(|f| rounded(f as f64 / self.fps)).collect(),
            athlete: self.line(self.athlete, name, side, self.dominant[0], &frames),
            left: Vec::new(),
            right: Vec::new(),
            reference: self.warped(name, side, &frames),
            tolerance,
        };
        if both {
            curve.left =
                self.line(self.athlete, name, FeatureSide::Left, self.dominant[0], &frames);
            curve.right =
                self.line(self.athlete, name, FeatureSide::Right, self.dominant[0], &frames);
        }
        curve.athlete.iter().any(Option::is_some).then_some(curve)
    }

    /// The athlete's frames that are shown.
    fn frames(&self) -> Range<usize> {
        let margin = (MARGIN_S * self.fps).ceil() as usize;
        let end = self.interval.end.saturating_add(margin).min(self.num_frames);
        self.interval.start.saturating_sub(margin)..end
    }

    /// The measure in `frames` of one recording; of both sides their mean.
    fn line(
        &self,
        signals: &Signals,
        name: &str,
        side: FeatureSide,
        dominant: Side,
        frames: &Range<usize>,
    ) -> Vec<Option<f64>> {
        let sides = sides(side, dominant).into_iter();
        let lines: Vec<&[f64]> = sides
            .filter_map(|side| signals.get(name, side).map(|signal| signal.values.as_slice()))
            .collect();
        frames
            .clone()
            .map(|frame_idx| {
                mean(lines.iter().map(|line| line[frame_idx]).filter(|value| value.is_finite()))
            })
            .collect()
    }

    /// The reference at the athlete's `frames`: the mean of the frames that the path pairs with each.
    fn warped(&self, name: &str, side: FeatureSide, frames: &Range<usize>) -> Vec<Option<f64>> {
        let whole = 0..self.num_reference_frames;
        let line = self.line(self.reference, name, side, self.dominant[1], &whole);
        frames
            .clone()
            .map(|frame_idx| {
                let paired = self.path.reference_frames(frame_idx);
                mean(paired.filter_map(|f| line.get(f).copied().flatten()))
            })
            .collect()
    }
}

/// Mean of what was seen, rounded; `None` if nothing was.
fn mean(seen: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, num) = seen.fold((0.0, 0), |(sum, num), value| (sum + value, num + 1));
    (num > 0).then(|| rounded(sum / f64::from(num)))
}

/// A measure's name for people: `foot_ahead` becomes "Foot ahead".
fn label(name: &str, side: FeatureSide) -> String {
    let mut words = name.replace('_', " ");
    if let Some(first) = words.get_mut(0..1) {
        first.make_ascii_uppercase();
    }
    match side {
        FeatureSide::None => words,
        FeatureSide::Both => format!("{words}, mean of both sides"),
        FeatureSide::Left => format!("{words}, left"),
        FeatureSide::Right => format!("{words}, right"),
        FeatureSide::Dominant => format!("{words}, dominant side"),
        FeatureSide::Other => format!("{words}, other side"),
    }
}

/// A thousandth of a degree, a second or a leg is finer than anything measured.
fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}
