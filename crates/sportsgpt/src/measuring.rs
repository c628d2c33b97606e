//! From skeletons and keyframes to the numbers that the assessment reads.

use kismam::{Extract, Feature, FeatureSide, Measurement};
use pose::{Joint, Side, Signal, SkeletonSeries};

use crate::alignment::Prepared;
use crate::signals::{Signals, sides};

/// A keyframe in one recording: its name, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Instant {
    pub(crate) name: String,
    /// Sub-frame position.
    pub(crate) frame: f64,
    /// Standard deviation of that position, in frames.
    pub(crate) sigma_frames: f64,
}

/// Takes every feature that the recording shows; one that cannot be measured is left out.
///
/// The sigma of a value joins the pose's own with what the keyframe's uncertainty costs, speed times
/// its standard deviation: `sigma^2 = sigma_pose^2 + (omega * e_t)^2`; an extremum does not move with
/// the window, so it pays only the first. The signed `omega * e_t` is handed on as well: the error of one keyframe is
/// common to both sides of the body.
///
/// What is to be taken on both sides is taken on the one towards the camera only, if there is one: of the other, pose
/// networks know less than they say (a hidden hip is placed beside the visible one), and a difference of the sides
/// would be theirs, not the athlete's.
pub(crate) fn measure(
    recording: &Prepared<'_>,
    features: &[&Feature],
    instants: &[Instant],
    dominant: Side,
) -> Vec<Measurement> {
    let (signals, fps) = (&recording.signals, recording.series.fps());
    let near = recording.series.camera_side();
    let mut measurements = Vec::new();
    for feature in features {
        let Some(window) = Window::of(feature, instants, fps) else { continue };
        for side in sides(feature.side, dominant) {
            if feature.side == FeatureSide::Both && near.is_some() && side != near {
                continue;
            }
            let Some(signal) = signals.get(&feature.measure, side) else { continue };
            let Some(taken) = take(signal, feature.extract, &window, fps) else { continue };
            let measurement = Measurement::new(&feature.id, taken.value, taken.sigma)
                .with_timing(taken.timing)
                .at(taken.frame, taken.frame / fps);
            measurements.push(match side {
                Some(side) => measurement.on(kismam_side(side)),
                None => measurement,
            });
        }
    }
    measurements
}

fn kismam_side(side: Side) -> kismam::Side {
    match side {
        Side::Left => kismam::Side::Left,
        Side::Right => kismam::Side::Right,
    }
}

/// The side that does the deciding part: the one whose wrist or ankle gets faster within `frames`, or whose foot is
/// further ahead at their start.
///
/// `rule` is the event's: `wrist`, `ankle`, `ahead`, `left` or `right`; right where it says nothing or nothing
/// was seen.
pub(crate) fn dominant_side(
    series: &SkeletonSeries,
    signals: &Signals,
    rule: Option<&str>,
    frames: std::ops::Range<usize>,
) -> Side {
    let joint: fn(Side) -> Joint = match rule {
        Some("left") => return Side::Left,
        Some("ahead") => return leading_side(signals, frames.start),
        Some("wrist") => Joint::Wrist,
        Some("ankle") => Joint::Ankle,
        _ => return Side::Right,
    };
    let top_speed = |side: Side| {
        let mut speeds: Vec<f64> = frames
            .clone()
            .filter_map(|frame_idx| {
                let from = series.position(frame_idx, joint(side))?;
                let to = series.position(frame_idx + 1, joint(side))?;
                Some((0..3).map(|axis| (to[axis] - from[axis]).powi(2)).sum::<f64>())
            })
            .collect();
        speeds.sort_by(f64::total_cmp);
        // Not the very fastest: one bad sample must not decide.
        speeds.get(speeds.len().saturating_sub(1 + speeds.len() / 20)).copied().unwrap_or(0.0)
    };
    if top_speed(Side::Left) > top_speed(Side::Right) { Side::Left } else { Side::Right }
}

/// The side whose foot is further ahead of the hips; right where that was not seen.
fn leading_side(signals: &Signals, frame_idx: usize) -> Side {
    let ahead = |side| {
        let foot = signals.get("foot_ahead", Some(side)).and_then(|foot| foot.at(frame_idx as f64));
        foot.map(|(ahead, _)| ahead)
    };
    if ahead(Side::Left) > ahead(Side::Right) { Side::Left } else { Side::Right }
}

/// The stretch of a recording that a feature looks at, in frames.
struct Window {
    /// The keyframe itself.
    centre: f64,
    start: f64,
    end: f64,
    /// Of the keyframe.
    sigma_frames: f64,
    /// End of the stretch and its sigma, for a rate between two keyframes.
    to: Option<f64>,
}

impl Window {
    fn of(feature: &Feature, instants: &[Instant], fps: f64) -> Option<Self> {
        let find = |name: &str| instants.iter().find(|instant| instant.name == name);
        let from = find(&feature.keyframe)?;
        let to = match &feature.to_keyframe {
            Some(name) => Some(find(name)?),
            None => None,
        };
        let frames = |ms: f64| ms / 1000.0 * fps;
        let last = to.unwrap_or(from);
        Some(Self {
            centre: from.frame,
            start: from.frame + frames(feature.window_ms[0]),
            end: last.frame + frames(feature.window_ms[1]),
            sigma_frames: from.sigma_frames.max(last.sigma_frames),
            to: to.map(|instant| instant.frame),
        })
    }

    /// Whole frames inside, and the two ends.
    fn positions(&self) -> Vec<f64> {
        let mut positions = vec![self.start];
        let mut frame = self.start.floor() + 1.0;
        while frame < self.end {
            positions.push(frame);
            frame += 1.0;
        }
        if self.end > self.start {
            positions.push(self.end);
        }
        positions
    }
}

struct Taken {
    value: f64,
    sigma: f64,
    /// Part of `sigma`: change of the value if the keyframe lay one standard deviation later.
    timing: f64,
    frame: f64,
}

/// At least this share of a window must have been seen before a number is taken from it (ours).
const MIN_SEEN: f64 = 0.5;

fn take(signal: &Signal, extract: Extract, window: &Window, fps: f64) -> Option<Taken> {
    let positions = window.positions();
    let seen: Vec<(f64, f64, f64)> = positions
        .iter()
        .filter_map(|&frame| signal.at(frame).map(|(value, sigma)| (frame, value, sigma)))
        .collect();
    if seen.is_empty() || (seen.len() as f64) < MIN_SEEN * positions.len() as f64 {
        return None;
    }
    let num = seen.len() as f64;
    // Errors of neighbouring frames go together, so averaging does not shrink them.
    let pose_sigma = seen.iter().map(|s| s.2).sum::<f64>() / num;
    let by_value = |a: &&(f64, f64, f64), b: &&(f64, f64, f64)| a.1.total_cmp(&b.1);
    let lowest = seen.iter().min_by(by_value)?;
    let highest = seen.iter().max_by(by_value)?;
    let taken = match extract {
        Extract::Value => {
            let timing = slope(signal, window) * window.sigma_frames;
            Taken {
                value: seen.iter().map(|s| s.1).sum::<f64>() / num,
                sigma: pose_sigma.hypot(timing),
                timing,
                frame: window.centre,
            }
        }
        Extract::Min => Taken { value: lowest.1, sigma: lowest.2, timing: 0.0, frame: lowest.0 },
        Extract::Max => Taken { value: highest.1, sigma: highest.2, timing: 0.0, frame: highest.0 },
        Extract::Range => Taken {
            value: highest.1 - lowest.1,
            sigma: highest.2.hypot(lowest.2),
            timing: 0.0,
            frame: highest.0.max(lowest.0),
        },
        Extract::Rate => {
            let (from, to) = match window.to {
                Some(to) => (window.centre, to),
                None => (window.start, window.end),
            };
            let seconds = (to - from) / fps;
            if seconds <= 0.0 {
                return None;
            }
            let (first, last) = (signal.at(from)?, signal.at(to)?);
            let sigma = first.1.hypot(last.1) / seconds;
            Taken { value: (last.0 - first.0) / seconds, sigma, timing: 0.0, frame: to }
        }
    };
    (taken.value.is_finite() && taken.sigma.is_finite()).then_some(taken)
}

/// Change per frame of the mean over `window` as the window moves: what it gains in front less what it loses behind.
/// A window of less than two frames is judged by a frame each way; 0 where the ends were not seen.
fn slope(signal: &Signal, window: &Window) -> f64 {
    let middle = 0.5 * (window.start + window.end);
    let half = (0.5 * (window.end - window.start)).max(1.0);
    match (signal.at(middle - half), signal.at(middle + half)) {
        (Some(before), Some(after)) => (after.0 - before.0) / (2.0 * half),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use pose::SignalUnit;

    use super::*;

    /// A measure that rises by 2 a frame to 20 at frame 10 and falls again.
    fn tent() -> Signal {
        let values: Vec<f64> = (0..=20).map(|i| 20.0 - 2.0 * f64::from(i - 10_i32).abs()).collect();
        Signal { sigma: vec![3.0; values.len()], values, unit: SignalUnit::Degrees }
    }

    fn window(centre: f64, half: f64, sigma_frames: f64) -> Window {
        Window { centre, start: centre - half, end: centre + half, sigma_frames, to: None }
    }

    #[test]
    fn a_value_on_a_slope_pays_for_the_keyframes_uncertainty() {
        let taken = take(&tent(), Extract::Value, &window(5.0, 0.0, 2.0), 100.0).unwrap();
        assert_eq!(taken.value, 10.0);
        assert_eq!(taken.sigma, 5.0); // 3 of the pose and 2 deg/frame * 2 frames: 3-4-5
        assert_eq!(taken.timing, 4.0);
        let falling = take(&tent(), Extract::Value, &window(15.0, 3.0, 2.0), 100.0).unwrap();
        assert_eq!((falling.sigma, falling.timing), (5.0, -4.0));
    }

    #[test]
    fn the_speed_is_that_in_the_window_not_at_the_keyframe() {
        let after = Window { centre: 5.0, start: 12.0, end: 16.0, sigma_frames: 2.0, to: None };
        assert_eq!(take(&tent(), Extract::Value, &after, 100.0).unwrap().timing, -4.0);
        assert_eq!(
            take(&tent(), Extract::Value, &window(10.0, 4.0, 2.0), 100.0).unwrap().timing,
            0.0
        );
    }

    #[test]
    fn an_extremum_does_not_pay_for_it() {
        let taken = take(&tent(), Extract::Max, &window(9.0, 4.0, 2.0), 100.0).unwrap();
        assert_eq!((taken.value, taken.sigma, taken.frame), (20.0, 3.0, 10.0));
    }

    #[test]
    fn a_rate_is_per_second() {
        let taken = take(&tent(), Extract::Rate, &window(5.0, 2.0, 0.0), 100.0).unwrap();
        assert_eq!(taken.value, 200.0);
    }

    #[test]
    fn a_window_that_was_hardly_seen_gives_nothing() {
        let mut signal = tent();
        for frame_idx in 3..8 {
            signal.values[frame_idx] = f64::NAN;
        }
        assert!(take(&signal, Extract::Value, &window(5.0, 1.0, 0.0), 100.0).is_none());
        assert!(take(&signal, Extract::Value, &window(40.0, 1.0, 0.0), 100.0).is_none());
    }
}
