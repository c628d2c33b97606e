//! How far a value moves when every coordinate moves by what it is uncertain by.

use crate::body::Body;
use crate::vector::{UP, Vec3, rotate};
use crate::{Joint, View};

/// Standard deviation of a joint in space, metres (ours; what is left between repetitions of one marker set, less than
/// the centimetre by which skin moves against bone, which repeats from one repetition to the next).
const SPACE_SD_M: f64 = 0.005;
/// The same in a picture (or in space of unknown scale), in trunk lengths at confidence 1 (ours).
const PICTURE_SD_TRUNKS: f64 = 0.03;
/// A filled sample is this many times as uncertain, a joint on the side away from the camera this many (ours).
const FILLED_FACTOR: f64 = 3.0;
const FAR_FACTOR: f64 = 1.5;
/// Confidence below this does not raise the standard deviation any further (ours; such samples are gated anyway).
const LEAST_CONFIDENCE: f64 = 0.3;
/// Standard deviation of the facing direction in space, degrees (ours).
const FACING_SD_DEG: f64 = 3.0;
/// No angle is claimed to be better than this (ours), in space and in a picture.
pub(crate) const SPACE_FLOOR_DEG: f64 = 2.0;
pub(crate) const PICTURE_FLOOR_DEG: f64 = 3.0;

/// Directions in one frame; NaN where they cannot be told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Directions {
    pub(crate) forward: Vec3,
    pub(crate) right: Vec3,
}

impl Directions {
    pub(crate) fn of(body: &Body<'_>, frame_idx: usize) -> Directions {
        Directions { forward: body.forward[frame_idx], right: body.right[frame_idx] }
    }
}

/// One standard deviation of each coordinate of a joint, in the series' unit, from the kind of recording, the sample's
/// confidence, whether it was filled in, and whether the camera sees that side.
pub(crate) fn standard_deviation(
    body: &Body<'_>,
    joint: Joint,
    joint_idx: usize,
    frame_idx: usize,
) -> f64 {
    let series = &*body.series;
    let per_metre = series.unit().per_metre().filter(|_| series.num_dims() == 3);
    let base = per_metre.map_or(PICTURE_SD_TRUNKS * body.trunk, |k| SPACE_SD_M * k);
    let filled = if series.filled()[[frame_idx, joint_idx]] { FILLED_FACTOR } else { 1.0 };
    let far = if body.far.is_some() && joint.side() == body.far { FAR_FACTOR } else { 1.0 };
    let confidence = series.confidence()[[frame_idx, joint_idx]].clamp(LEAST_CONFIDENCE, 1.0);
    base * filled * far / confidence
}

/// One standard deviation of a value: each coordinate moved by its own each way, root mean square of the two changes,
/// all in quadrature. Unlike a derivative it sees that a straight knee can only bend.
///
/// `turns` says that the value is an angle, of which the shorter way round counts.
pub(crate) fn propagate(
    body: &Body<'_>,
    points: &[Vec3],
    sd: &[f64],
    directions: Directions,
    turns: bool,
    evaluate: impl Fn(&[Vec3], Directions) -> f64,
) -> f64 {
    let value = evaluate(points, directions);
    let change = |points: &[Vec3], directions: Directions| {
        let change = evaluate(points, directions) - value;
        let shortest = if turns { change - 360.0 * (change / 360.0).round() } else { change };
        shortest * shortest
    };
    // At the edge of where a measure is defined only one of the two steps may have a value: it stands for both.
    let mean = |a: f64, b: f64| match (a.is_nan(), b.is_nan()) {
        (false, false) => 0.5 * (a + b),
        (true, _) => b,
        (_, true) => a,
    };
    let mut variance = 0.0;
    let mut moved = points.to_vec();
    for (i, dim) in
        (0..points.len()).flat_map(|i| (0..body.series.num_dims()).map(move |dim| (i, dim)))
    {
        let steps = [sd[i], -sd[i]].map(|step| {
            moved[i][dim] = points[i][dim] + step;
            change(&moved, directions)
        });
        moved[i] = points[i];
        variance += mean(steps[0], steps[1]);
    }
    if body.view == View::Space && directions.right[0].is_finite() {
        let steps = [FACING_SD_DEG.to_radians(), -FACING_SD_DEG.to_radians()].map(|angle| {
            let forward = rotate(directions.forward, UP, angle);
            change(points, Directions { forward, right: rotate(directions.right, UP, angle) })
        });
        variance += mean(steps[0], steps[1]);
    }
    variance.sqrt()
}
