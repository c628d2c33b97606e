use crate::body::Body;
use crate::measure::Plane;
use crate::vector::{UP, Vec3, angle_deg, cross, dot, middle, norm, rotate, sub};
use crate::{Joint, Measure, Side, Signal, SignalUnit, SkeletonSeries, View};

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
/// No measure is claimed to be better than this (ours): degrees in space and in a picture, leg lengths, ratio.
const SPACE_FLOOR_DEG: f64 = 2.0;
const PICTURE_FLOOR_DEG: f64 = 3.0;
const FLOOR_LEG_LENGTHS: f64 = 0.02;
const FLOOR_RATIO: f64 = 0.05;
/// A segment shorter than this, in leg lengths, has no direction (ours).
const SHORTEST_SEGMENT: f64 = 0.02;
/// Ankles closer than this, in leg lengths, make no denominator (ours).
const NARROWEST_STANCE: f64 = 0.05;
/// Cosine of the inclination of thigh or shank below which a frontal knee angle means nothing (ours: 80 degrees).
const LEAST_HANGING_COSINE: f64 = 0.17;

/// Directions in one frame; NaN where they cannot be told.
#[derive(Debug, Clone, Copy)]
struct Directions {
    forward: Vec3,
    right: Vec3,
}

impl SkeletonSeries {
    /// Measures `measure` in every frame, with its uncertainty.
    ///
    /// A value is NaN, never a guess, where a joint is missing, a segment has no length (under 2 % of the leg), the
    /// camera hides the measure ([`View`]), or the facing direction it needs cannot be told.
    ///
    /// `sigma` moves every coordinate by one standard deviation each way and adds the changes in quadrature (ours):
    /// 5 mm in space, 3 % of the trunk over confidence in a picture, 3 times that where filled, 1.5 times on the far
    /// side of a side view; at least 2 degrees in space and 3 in a picture, 0.02 leg lengths, or a ratio of
    /// 0.05. O(frames).
    #[must_use]
    pub fn measure(&self, measure: Measure) -> Signal {
        let body = Body::of(self);
        let unit = measure.unit();
        let mut signal = Signal {
            values: vec![f64::NAN; self.num_frames()],
            sigma: vec![f64::NAN; self.num_frames()],
            unit,
        };
        if !body.has_extent || hides(body.view, measure.plane()) {
            return signal;
        }
        for frame_idx in 0..self.num_frames() {
            let directions =
                Directions { forward: body.forward[frame_idx], right: body.right[frame_idx] };
            let Some((points, sd)) = points(&body, measure, frame_idx) else { continue };
            let value = evaluate(measure, &points, directions, body.leg);
            let sigma = propagate(&body, measure, &points, &sd, directions, value);
            if value.is_finite() && sigma.is_finite() {
                (signal.values[frame_idx], signal.sigma[frame_idx]) =
                    (value, sigma.max(floor(measure, body.view)));
            }
        }
        if matches!(measure, Measure::PelvisHeight | Measure::ToeHeight | Measure::ToeClearance(_))
        {
            let ground = ground(&body);
            signal.values.iter_mut().for_each(|value| *value -= ground);
        }
        signal
    }
}

/// Height above the origin, in leg lengths, that the lower toe (ankle, where toes are not recorded) rarely goes below;
/// 0 where neither is seen.
fn ground(body: &Body<'_>) -> f64 {
    let lowest = |joint: fn(Side) -> Joint| {
        let heights = (0..body.series.num_frames()).filter_map(|frame_idx| {
            let height = |side| Some(body.series.position(frame_idx, joint(side))?[1]);
            Some(height(Side::Left)?.min(height(Side::Right)?) / body.leg)
        });
        let mut heights: Vec<f64> = heights.collect();
        heights.sort_by(f64::total_cmp);
        heights.get(heights.len() / 20).copied()
    };
    lowest(Joint::Toe).or_else(|| lowest(Joint::Ankle)).unwrap_or(0.0)
}

fn hides(view: View, plane: Plane) -> bool {
    match view {
        View::Space => false,
        View::Side => plane == Plane::Frontal,
        View::Front => plane == Plane::Sagittal,
        View::Unclear => plane != Plane::Vertical,
    }
}

fn floor(measure: Measure, view: View) -> f64 {
    match measure.unit() {
        // A toe is a point on the shoe: unlike a joint's centre it is seen, not inferred.
        SignalUnit::LegLengths
            if view == View::Space
                && matches!(measure, Measure::ToeHeight | Measure::ToeClearance(_)) =>
        {
            0.0
        }
        SignalUnit::Degrees if view == View::Space => SPACE_FLOOR_DEG,
        SignalUnit::Degrees => PICTURE_FLOOR_DEG,
        SignalUnit::LegLengths => FLOOR_LEG_LENGTHS,
        SignalUnit::Ratio => FLOOR_RATIO,
    }
}

/// Points of a measure with their standard deviations; `None` if one is missing.
fn points(body: &Body<'_>, measure: Measure, frame_idx: usize) -> Option<(Vec<Vec3>, Vec<f64>)> {
    let series = &*body.series;
    let per_metre = series.unit().per_metre().filter(|_| series.num_dims() == 3);
    let base = per_metre.map_or(PICTURE_SD_TRUNKS * body.trunk, |k| SPACE_SD_M * k);
    let joints = measure.joints();
    let mut points = Vec::with_capacity(joints.len());
    let mut sd = Vec::with_capacity(joints.len());
    for joint in joints {
        // Files that record the pelvis as one point have no hips to take the middle of; the same for the neck.
        let joint_idx = series.joint_idx(joint).or_else(|| match (measure, joint) {
            (
                Measure::Trunk
                | Measure::TrunkSide
                | Measure::HipHeight
                | Measure::PelvisHeight
                | Measure::FootAhead(_)
                | Measure::PushLine(_)
                | Measure::PelvisShift,
                Joint::Hip(_),
            ) => series.joint_idx(Joint::MidHip),
            (Measure::Trunk | Measure::TrunkSide, Joint::Shoulder(_)) => {
                series.joint_idx(Joint::Neck)
            }
            _ => None,
        })?;
        points.push(series.position_at(frame_idx, joint_idx)?);
        let filled = if series.filled()[[frame_idx, joint_idx]] { FILLED_FACTOR } else { 1.0 };
        let far = if body.far.is_some() && joint.side() == body.far { FAR_FACTOR } else { 1.0 };
        let confidence = series.confidence()[[frame_idx, joint_idx]].clamp(LEAST_CONFIDENCE, 1.0);
        sd.push(base * filled * far / confidence);
    }
    Some((points, sd))
}

/// Value of a measure from its points, in the order of [`Measure::joints`]; NaN where it is not defined.
fn evaluate(
    measure: Measure,
    p: &[Vec3],
    Directions { forward, right }: Directions,
    leg: f64,
) -> f64 {
    let shortest = SHORTEST_SEGMENT * leg;
    match measure {
        Measure::Knee(_)
        | Measure::Hip(_)
        | Measure::Ankle(_)
        | Measure::Elbow(_)
        | Measure::Shoulder(_) => included_deg(p[0], p[1], p[2], shortest),
        Measure::Thigh(_) => {
            inclination_deg(sub(p[0], p[1]), forward, shortest).map_or(f64::NAN, |deg| -deg)
        }
        Measure::Shank(_) => {
            inclination_deg(sub(p[0], p[1]), forward, shortest).unwrap_or(f64::NAN)
        }
        Measure::KneeValgus(side) => valgus_deg(p, side, right, shortest),
        Measure::FootAhead(_) => dot(sub(p[2], middle(p[0], p[1])), forward) / leg,
        Measure::PushLine(_) => {
            inclination_deg(sub(middle(p[0], p[1]), p[2]), forward, shortest).unwrap_or(f64::NAN)
        }
        Measure::WristHeight(_) => (p[1][1] - p[0][1]) / leg,
        Measure::Trunk => trunk_deg(p, forward, shortest),
        Measure::TrunkSide => trunk_deg(p, right, shortest),
        Measure::HipHeight => (middle(p[0], p[1])[1] - p[2][1].min(p[3][1])) / leg,
        Measure::PelvisShift => dot(sub(middle(p[0], p[1]), middle(p[2], p[3])), right) / leg,
        // Above the recording's origin; `measure` takes the ground off.
        Measure::PelvisHeight => middle(p[0], p[1])[1] / leg,
        Measure::ToeClearance(_) => p[0][1] / leg,
        Measure::ToeHeight => p[0][1].min(p[1][1]) / leg,
        Measure::KneeGap => {
            let ankles = dot(sub(p[3], p[2]), right);
            if ankles > NARROWEST_STANCE * leg {
                dot(sub(p[1], p[0]), right) / ankles
            } else {
                f64::NAN
            }
        }
        Measure::StanceWidth => dot(sub(p[1], p[0]), right).abs() / leg,
    }
}

/// Angle at `b` between the segments to `a` and `c`.
fn included_deg(a: Vec3, b: Vec3, c: Vec3, shortest: f64) -> f64 {
    let (a, c) = (sub(a, b), sub(c, b));
    // Written so that a NaN length fails as well.
    if norm(a) > shortest && norm(c) > shortest { angle_deg(a, c) } else { f64::NAN }
}

/// Angle of `v` from straight up towards `ahead`, -180..=180, in the plane of the two.
fn inclination_deg(v: Vec3, ahead: Vec3, shortest: f64) -> Option<f64> {
    let (ahead, up) = (dot(v, ahead), dot(v, UP));
    (ahead.hypot(up) > shortest).then(|| ahead.atan2(up).to_degrees())
}

fn trunk_deg(p: &[Vec3], ahead: Vec3, shortest: f64) -> f64 {
    inclination_deg(sub(middle(p[2], p[3]), middle(p[0], p[1])), ahead, shortest)
        .unwrap_or(f64::NAN)
}

fn valgus_deg(p: &[Vec3], side: Side, right: Vec3, shortest: f64) -> f64 {
    let frontal = |v: Vec3| [dot(v, right), dot(v, UP), 0.0];
    let (thigh, shank) = (sub(p[0], p[1]), sub(p[2], p[1]));
    let hangs =
        |segment: Vec3, up: f64| up * dot(segment, UP) > LEAST_HANGING_COSINE * norm(segment);
    if !hangs(thigh, 1.0) || !hangs(shank, -1.0) || norm(frontal(thigh)) <= shortest {
        return f64::NAN;
    }
    let bend = 180.0 - included_deg(frontal(p[0]), frontal(p[1]), frontal(p[2]), shortest);
    // Positive z: the knee lies to the athlete's right of the line from hip to ankle.
    let to_right = cross(frontal(sub(shank, thigh)), frontal(sub([0.0; 3], thigh)))[2];
    let inside = match side {
        Side::Left => to_right,
        Side::Right => -to_right,
    };
    bend.copysign(inside)
}

/// One standard deviation of a measure: each coordinate moved by its own each way, root mean square of the two
/// changes, all in quadrature. Unlike a derivative it sees that a straight knee can only bend.
fn propagate(
    body: &Body<'_>,
    measure: Measure,
    points: &[Vec3],
    sd: &[f64],
    directions: Directions,
    value: f64,
) -> f64 {
    let change = |points: &[Vec3], directions: Directions| {
        let moved = evaluate(measure, points, directions, body.leg);
        let change = moved - value;
        let wrapped = if measure.unit() == SignalUnit::Degrees {
            change - 360.0 * (change / 360.0).round()
        } else {
            change
        };
        wrapped * wrapped
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
