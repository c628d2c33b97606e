//! Puts a carried-over keyframe exactly where its definition says.
//!
//! An alignment carries a keyframe over to the frame that looks most alike, which is a frame or two off where
//! the two athletes differ. Where the knowledge defines the keyframe as an extremum or a crossing of one
//! measure ("pelvis lowest"), the nearest such instant is taken instead. Ours; the paper carries over only. By the same
//! definitions a reference whose labels lack some of the event's keyframes gets them.

use kismam::{Event, KeyframeDef, Snap, SnapTo};
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
    instant(rule, &line, first, last, frame)
}

/// Of the instants in `first..=last` that satisfy `rule` the extreme one, of crossings the one nearest to `frame`.
fn instant(rule: &Snap, line: &[f64], first: usize, last: usize, frame: f64) -> Option<f64> {
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

/// The first instant after `from` and before `to` that satisfies `rule`, in sub-frames, whatever its reach.
pub(crate) fn find_between(
    rule: &Snap,
    signals: &Signals,
    dominant: Side,
    [from, to]: [f64; 2],
) -> Option<f64> {
    let line = mean_line(rule, signals, dominant)?;
    let first = (from.floor() + 1.0).max(1.0) as usize;
    let last = ((to.ceil() - 1.0).max(0.0) as usize).min(line.len().checked_sub(2)?);
    instant(rule, &line, first, last, from)
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

/// The labelled keyframes of a reference and those that its labels lack but their definition finds: between the
/// keyframes before and after it, in the event's order.
pub(crate) fn completed(
    event: &Event,
    labelled: &[(String, f64)],
    signals: &Signals,
    dominant: Side,
) -> Vec<(String, f64)> {
    let mut known = labelled.to_vec();
    for (index, keyframe) in event.keyframes.iter().enumerate() {
        let (Some(rule), None) = (&keyframe.snap, frame_of(&known, keyframe)) else { continue };
        let (before, after) = event.keyframes.split_at(index);
        let before = before.iter().rev().find_map(|other| frame_of(&known, other));
        let after = after.iter().find_map(|other| frame_of(&known, other));
        let (Some(before), Some(after)) = (before, after) else { continue };
        if let Some(frame) = find_between(rule, signals, dominant, [before, after]) {
            known.push((keyframe.name.clone(), frame));
        }
    }
    known.sort_by(|a, b| a.1.total_cmp(&b.1));
    known
}

fn frame_of(known: &[(String, f64)], keyframe: &KeyframeDef) -> Option<f64> {
    known.iter().find(|(name, _)| *name == keyframe.name).map(|(_, frame)| *frame)
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
