use crate::body::Body;
use crate::measure::Plane;
use crate::uncertainty::{
    Directions, PICTURE_FLOOR_DEG, SPACE_FLOOR_DEG, propagate, standard_deviation,
};
use crate::vector::{UP, Vec3, angle_deg, cross, dot, middle, norm, sub};
use crate::{Joint, Measure, Side, Signal, SignalUnit, SkeletonSeries, View};

/// No measure is claimed to be better than this (ours): leg lengths, ratio.
const FLOOR_LEG_LENGTHS: f64 = 0.02;
const FLOOR_RATIO: f64 = 0.05;
/// A segment shorter than this, in leg lengths, has no direction (ours).
pub(crate) const SHORTEST_SEGMENT: f64 = 0.02;
/// Ankles closer than this, in leg lengths, make no denominator (ours).
const NARROWEST_STANCE: f64 = 0.05;
/// Cosine of the inclination of thigh or shank below which a frontal knee angle means nothing (ours: 80 degrees).
const LEAST_HANGING_COSINE: f64 = 0.17;

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
            let directions = Directions::of(&body, frame_idx);
            let Some((points, sd)) = points(&body, measure, frame_idx) else { continue };
            let value = evaluate(measure, &points, directions, body.leg);
            let evaluate = |points: &[Vec3], directions: Directions| {
                evaluate(measure, points, directions, body.leg)
            };
            let turns = unit == SignalUnit::Degrees;
            let sigma = propagate(&body, &points, &sd, directions, turns, evaluate);
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
        // Sides are those of the joint asked for: a pelvis in place of a far hip is as doubtful as that hip.
        points.push(series.position_at(frame_idx, joint_idx)?);
        sd.push(standard_deviation(body, joint, joint_idx, frame_idx));
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
pub(crate) fn included_deg(a: Vec3, b: Vec3, c: Vec3, shortest: f64) -> f64 {
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
