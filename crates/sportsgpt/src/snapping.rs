//! Puts a carried-over keyframe exactly where its definition says.
//!
//! An alignment carries a keyframe over to the frame that looks most alike, which is a frame or two off where
//! the two athletes differ. Where the knowledge defines the keyframe as an extremum or a crossing of one
//! measure ("pelvis lowest"), the nearest such instant is taken instead. Ours; the paper carries over only.

use kismam::{Snap, SnapTo};
use pose::Side;

use crate::signals::{Signals, sides};

/// Standard deviation of an instant found by its definition (ours: a frame at 100 a second, as the labels
/// of the recordings we measured it on).
pub(crate) const SIGMA_S: f64 = 0.010;

/// The instant nearest to `frame` that satisfies `snap`, in sub-frames; `None` if there is none within reach or
/// the measure was not seen throughout.
pub(crate) fn snap(
    rule: &Snap,
    signals: &Signals,
    dominant: Side,
    frame: f64,
    fps: f64,
) -> Option<f64> {
    let line = mean_line(rule, signals, dominant)?;
    let reach = rule.within_ms / 1000.0 * fps;
    let first = (frame - reach).floor().max(1.0) as usize;
    let last = ((frame + reach).ceil() as usize).min(line.len().checked_sub(2)?);
    if first + 2 > last || line[first - 1..=last + 1].iter().any(|value| !value.is_finite()) {
        return None;
    }
    let speed = |i: usize| 0.5 * (line[i + 1] - line[i - 1]);
    match rule.to {
        SnapTo::Min => peak(first, last, |i| -line[i]),
        SnapTo::Max => peak(first, last, |i| line[i]),
        SnapTo::FastestRise => peak(first, last, speed),
        SnapTo::FastestFall => peak(first, last, |i| -speed(i)),
        SnapTo::Rising => crossing(first, last, frame, |i| line[i] - rule.level),
        SnapTo::Falling => crossing(first, last, frame, |i| rule.level - line[i]),
    }
}

fn mean_line(rule: &Snap, signals: &Signals, dominant: Side) -> Option<Vec<f64>> {
    let sides = sides(rule.side, dominant);
    let lines: Vec<&[f64]> = sides
        .into_iter()
        .map(|side| signals.get(&rule.measure, side).map(|signal| signal.values.as_slice()))
        .collect::<Option<_>>()?;
    let num = lines.len() as f64;
    let num_frames = lines.iter().map(|line| line.len()).min()?;
    Some((0..num_frames).map(|i| lines.iter().map(|line| line[i]).sum::<f64>() / num).collect())
}

/// The highest point strictly inside `first..=last`, between samples by a parabola; at a border there is no peak.
fn peak(first: usize, last: usize, value: impl Fn(usize) -> f64) -> Option<f64> {
    let top = (first..=last).max_by(|&a, &b| value(a).total_cmp(&value(b)))?;
    if top == first || top == last {
        return None;
    }
    let (before, at, after) = (value(top - 1), value(top), value(top + 1));
    let bend = before - 2.0 * at + after;
    let shift = if bend < 0.0 { 0.5 * (before - after) / bend } else { 0.0 };
    Some(top as f64 + shift.clamp(-0.5, 0.5))
}

/// Where `value` rises through zero, nearest to `frame`.
fn crossing(first: usize, last: usize, frame: f64, value: impl Fn(usize) -> f64) -> Option<f64> {
    (first..last)
        .filter(|&i| value(i) < 0.0 && value(i + 1) >= 0.0)
        .map(|i| i as f64 + value(i) / (value(i) - value(i + 1)))
        .min_by(|a, b| (a - frame).abs().total_cmp(&(b - frame).abs()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_peak_lies_between_its_samples() {
        // Samples of 1 - (x - 4.3)^2: a parabola through three points gives its own top.
        let found = peak(1, 8, |i| 1.0 - (i as f64 - 4.3).powi(2)).unwrap();
        assert!((found - 4.3).abs() < 1e-12);
    }

    #[test]
    fn a_slope_has_no_peak() {
        assert_eq!(peak(1, 8, |i| i as f64), None);
    }

    #[test]
    fn of_two_crossings_the_nearer_counts() {
        let wave = |i: usize| {
            (i as f64 - 2.5).min(10.0) * if i > 6 { -1.0 } else { 1.0 }
                + if i > 9 { 30.0 } else { 0.0 }
        };
        assert_eq!(crossing(1, 14, 3.0, wave), Some(2.5));
        let far = crossing(1, 14, 12.0, wave).unwrap();
        assert!(far > 9.0, "{far}");
    }
}
