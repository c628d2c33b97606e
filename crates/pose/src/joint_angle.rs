use std::fmt;

use crate::angles::{SHORTEST_SEGMENT, included_deg};
use crate::body::Body;
use crate::joint_set::middle_of;
use crate::uncertainty::{
    Directions, PICTURE_FLOOR_DEG, SPACE_FLOOR_DEG, propagate, standard_deviation,
};
use crate::vector::{UP, Vec3, angle_deg, cross, dot, middle, norm, scale, sub};
use crate::{Joint, Side, Signal, SignalUnit, SkeletonSeries, View};

/// The angles of a gait laboratory, in degrees: 0 = upright, flexion positive.
///
/// Where a [`Measure`](crate::Measure) says what an assessment needs (an included angle, 180 = straight), these follow
/// the conventions of Sports2D in a side view, and of the International Society of Biomechanics in space.
///
/// - **Side view** (Sports2D): every angle lies in the picture, as if the athlete faced right, and keeps its sign:
///   an overstretched knee is negative. Segments are measured from the horizontal, counter-clockwise positive.
/// - **Space**: hinges (knee, elbow, wrist) are 180 degrees minus the included angle, so never negative: without the
///   hinge's own axis nothing tells overstretching from bending. Hip and shoulder are the first two angles of the joint
///   coordinate system (Grood & Suntay 1983; ISB, Wu et al. 2002, 2005), flexion about the body's left-right axis and
///   ab- or adduction out of the sagittal plane; rotation of thigh and upper arm about themselves needs more markers
///   than joint centres. The trunk stands for pelvis and thorax, whose own tilt joint centres do not show.
///   Segments are measured in the sagittal plane, pelvis and shoulders in the frontal one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Angle {
    /// Dorsiflexion: foot (heel to toe) against shank, 0 at a right angle, toes towards the shin positive.
    Ankle(Side),
    /// Flexion of the knee, 0 = straight.
    Knee(Side),
    /// Flexion of the hip: thigh against trunk, 0 = in line, knee forward positive.
    Hip(Side),
    /// Flexion of the shoulder: upper arm against trunk, 0 = hanging, elbow forward positive.
    Shoulder(Side),
    /// Flexion of the elbow, 0 = straight.
    Elbow(Side),
    /// Flexion of the wrist, 0 = straight; needs a knuckle ([`Joint::Index`]).
    Wrist(Side),
    /// Adduction of the hip, knee inwards positive; in space only.
    HipAdduction(Side),
    /// Abduction of the shoulder, elbow outwards positive; in space only.
    ShoulderAbduction(Side),
    /// Foot, heel to toe, from horizontal: 0 = flat, toes up positive.
    FootSegment(Side),
    /// Shank, knee to ankle, from horizontal: -90 = upright, ankle ahead of the knee above that.
    ShankSegment(Side),
    /// Thigh, hip to knee, from horizontal: -90 = upright, knee ahead of the hip above that.
    ThighSegment(Side),
    /// Upper arm, shoulder to elbow, from horizontal: -90 = hanging.
    ArmSegment(Side),
    /// Forearm, elbow to wrist, from horizontal: -90 = hanging.
    ForearmSegment(Side),
    /// Hand, wrist to knuckle, from horizontal: -90 = hanging.
    HandSegment(Side),
    /// Trunk, mid-hip to neck, from horizontal: 90 = upright, less when leaning forward.
    TrunkSegment,
    /// Head, neck to top of the head, from horizontal: 90 = upright.
    HeadSegment,
    /// Hips, from horizontal in the frontal plane, right side up positive; hidden in a side view.
    PelvisSegment,
    /// Shoulders, from horizontal in the frontal plane, right side up positive; hidden in a side view.
    ShouldersSegment,
}

/// A long axis closer to the flexion axis than this (sine) has no flexion angle (ours: 10 degrees).
const LEAST_SINE: f64 = 0.17;

impl Angle {
    /// Every angle; those with sides left first.
    #[must_use]
    pub fn all() -> Vec<Angle> {
        use Angle::*;
        let sided = [
            Ankle,
            Knee,
            Hip,
            Shoulder,
            Elbow,
            Wrist,
            HipAdduction,
            ShoulderAbduction,
            FootSegment,
            ShankSegment,
            ThighSegment,
            ArmSegment,
            ForearmSegment,
            HandSegment,
        ];
        let mut all: Vec<_> = sided.iter().flat_map(|f| Side::BOTH.map(f)).collect();
        all.extend([TrunkSegment, HeadSegment, PelvisSegment, ShouldersSegment]);
        all
    }

    /// Name without the side: `knee_flexion`, `hip_adduction`, `thigh_segment`.
    #[must_use]
    pub fn name(self) -> &'static str {
        use Angle::*;
        match self {
            Ankle(_) => "ankle_dorsiflexion",
            Knee(_) => "knee_flexion",
            Hip(_) => "hip_flexion",
            Shoulder(_) => "shoulder_flexion",
            Elbow(_) => "elbow_flexion",
            Wrist(_) => "wrist_flexion",
            HipAdduction(_) => "hip_adduction",
            ShoulderAbduction(_) => "shoulder_abduction",
            FootSegment(_) => "foot_segment",
            ShankSegment(_) => "shank_segment",
            ThighSegment(_) => "thigh_segment",
            ArmSegment(_) => "arm_segment",
            ForearmSegment(_) => "forearm_segment",
            HandSegment(_) => "hand_segment",
            TrunkSegment => "trunk_segment",
            HeadSegment => "head_segment",
            PelvisSegment => "pelvis_segment",
            ShouldersSegment => "shoulders_segment",
        }
    }

    /// Side of the angle; `None` for those of the whole body.
    #[must_use]
    pub fn side(self) -> Option<Side> {
        use Angle::*;
        match self {
            Ankle(s) | Knee(s) | Hip(s) | Shoulder(s) | Elbow(s) | Wrist(s) | HipAdduction(s)
            | ShoulderAbduction(s) | FootSegment(s) | ShankSegment(s) | ThighSegment(s)
            | ArmSegment(s) | ForearmSegment(s) | HandSegment(s) => Some(s),
            TrunkSegment | HeadSegment | PelvisSegment | ShouldersSegment => None,
        }
    }

    /// Joints it is computed from, in the order the formula takes them.
    fn joints(self) -> Vec<Joint> {
        use Joint as J;
        match self {
            Angle::Ankle(s) => vec![J::Knee(s), J::Ankle(s), J::Heel(s), J::Toe(s)],
            Angle::Knee(s) => vec![J::Hip(s), J::Knee(s), J::Ankle(s)],
            Angle::Elbow(s) => vec![J::Shoulder(s), J::Elbow(s), J::Wrist(s)],
            Angle::Wrist(s) => vec![J::Elbow(s), J::Wrist(s), J::Index(s)],
            Angle::Hip(s) | Angle::HipAdduction(s) => {
                vec![
                    J::Hip(s),
                    J::Knee(s),
                    J::MidHip,
                    J::Neck,
                    J::Hip(Side::Left),
                    J::Hip(Side::Right),
                ]
            }
            Angle::Shoulder(s) | Angle::ShoulderAbduction(s) => vec![
                J::Shoulder(s),
                J::Elbow(s),
                J::MidHip,
                J::Neck,
                J::Shoulder(Side::Left),
                J::Shoulder(Side::Right),
            ],
            Angle::FootSegment(s) => vec![J::Heel(s), J::Toe(s)],
            Angle::ShankSegment(s) => vec![J::Knee(s), J::Ankle(s)],
            Angle::ThighSegment(s) => vec![J::Hip(s), J::Knee(s)],
            Angle::ArmSegment(s) => vec![J::Shoulder(s), J::Elbow(s)],
            Angle::ForearmSegment(s) => vec![J::Elbow(s), J::Wrist(s)],
            Angle::HandSegment(s) => vec![J::Wrist(s), J::Index(s)],
            Angle::TrunkSegment => vec![J::MidHip, J::Neck],
            Angle::HeadSegment => vec![J::Neck, J::Head],
            Angle::PelvisSegment => vec![J::Hip(Side::Left), J::Hip(Side::Right)],
            Angle::ShouldersSegment => vec![J::Shoulder(Side::Left), J::Shoulder(Side::Right)],
        }
    }

    /// How many of the joints a picture needs: in it the left-right axis comes out of the picture.
    fn num_points(self, view: View) -> usize {
        match self {
            Angle::Hip(_) | Angle::Shoulder(_) if view != View::Space => 4,
            _ => self.joints().len(),
        }
    }

    fn is_hidden(self, view: View) -> bool {
        use Angle::*;
        match (self, view) {
            (_, View::Space) => false,
            (HipAdduction(_) | ShoulderAbduction(_), _) | (_, View::Unclear) => true,
            (PelvisSegment | ShouldersSegment, View::Side) => true,
            (PelvisSegment | ShouldersSegment, View::Front) => false,
            (_, View::Front) => true,
            (_, View::Side) => false,
        }
    }
}

/// `knee_flexion_left`, `trunk_segment`.
impl fmt::Display for Angle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.side() {
            Some(side) => f.pad(&format!("{}_{side}", self.name())),
            None => f.pad(self.name()),
        }
    }
}

impl SkeletonSeries {
    /// Measures `angle` in every frame, in degrees within -180..=180, with its uncertainty.
    ///
    /// NaN, never a guess, under the same conditions as [`SkeletonSeries::measure`], and where a thigh or upper arm
    /// points along the axis it flexes about. `sigma` as there: from confidence, gaps, the far side, and the length of
    /// the segments, since a short one turns further for the same error; at least 2 degrees in space and 3 in a picture.
    #[must_use]
    pub fn angle(&self, angle: Angle) -> Signal {
        let body = Body::of(self);
        let unmeasured = vec![f64::NAN; self.num_frames()];
        let mut signal =
            Signal { values: unmeasured.clone(), sigma: unmeasured, unit: SignalUnit::Degrees };
        if !body.has_extent || angle.is_hidden(body.view) {
            return signal;
        }
        let floor = if body.view == View::Space { SPACE_FLOOR_DEG } else { PICTURE_FLOOR_DEG };
        let mut joints = angle.joints();
        joints.truncate(angle.num_points(body.view));
        for frame_idx in 0..self.num_frames() {
            let samples: Option<Vec<(Vec3, f64)>> =
                joints.iter().map(|joint| sample(&body, *joint, frame_idx)).collect();
            let Some(samples) = samples else { continue };
            let (points, sd): (Vec<Vec3>, Vec<f64>) = samples.into_iter().unzip();
            let directions = Directions::of(&body, frame_idx);
            let evaluate =
                |points: &[Vec3], directions: Directions| degrees(angle, points, directions, &body);
            let value = evaluate(&points, directions);
            let sigma = propagate(&body, &points, &sd, directions, true, evaluate);
            if value.is_finite() && sigma.is_finite() {
                (signal.values[frame_idx], signal.sigma[frame_idx]) = (value, sigma.max(floor));
            }
        }
        signal
    }
}

/// Position and standard deviation of a joint; of the middle of a pair where the joint itself is not recorded.
fn sample(body: &Body<'_>, joint: Joint, frame_idx: usize) -> Option<(Vec3, f64)> {
    let series = &*body.series;
    let of = |joint: Joint| {
        let joint_idx = series.joint_idx(joint)?;
        let position = series.position_at(frame_idx, joint_idx)?;
        Some((position, standard_deviation(body, joint, joint_idx, frame_idx)))
    };
    match (series.joint_idx(joint), middle_of(joint)) {
        (None, Some(pair)) => {
            let (left, right) = (of(pair(Side::Left))?, of(pair(Side::Right))?);
            Some((middle(left.0, right.0), 0.5 * left.1.hypot(right.1)))
        }
        _ => of(joint),
    }
}

fn degrees(angle: Angle, p: &[Vec3], directions: Directions, body: &Body<'_>) -> f64 {
    use Angle::*;
    let shortest = SHORTEST_SEGMENT * body.leg;
    let is_long = |v: Vec3| norm(v) > shortest; // false for a NaN
    let in_space = body.view == View::Space;
    let Directions { forward, right } = directions;
    // Forward and up in the sagittal plane.
    let flat = |v: Vec3| [dot(v, forward), dot(v, UP), 0.0];
    match angle {
        Knee(_) | Elbow(_) | Wrist(_) => {
            let (upper, lower) = (sub(p[1], p[0]), sub(p[2], p[1]));
            if in_space {
                180.0 - included_deg(p[0], p[1], p[2], shortest)
            } else if is_long(upper) && is_long(lower) {
                // A knee bends backwards, an elbow and a wrist forwards.
                let turn = turn_deg(flat(upper), flat(lower));
                if matches!(angle, Knee(_)) { -turn } else { turn }
            } else {
                f64::NAN
            }
        }
        Ankle(_) => {
            let (shin, foot) = (sub(p[0], p[1]), sub(p[3], p[2]));
            if !is_long(shin) || !is_long(foot) {
                f64::NAN
            } else if in_space {
                90.0 - angle_deg(shin, foot)
            } else {
                wrapped(90.0 + turn_deg(flat(shin), flat(foot)))
            }
        }
        Hip(_) | Shoulder(_) if !in_space => {
            let (limb, trunk) = (sub(p[0], p[1]), sub(p[3], p[2]));
            if is_long(limb) && is_long(trunk) {
                -turn_deg(flat(limb), flat(trunk))
            } else {
                f64::NAN
            }
        }
        Hip(_) | Shoulder(_) | HipAdduction(_) | ShoulderAbduction(_) => {
            let (limb, trunk, across) = (sub(p[0], p[1]), sub(p[3], p[2]), sub(p[5], p[4]));
            if is_long(limb) && is_long(trunk) && is_long(across) {
                of_joint_coordinate_system(angle, limb, trunk, across)
            } else {
                f64::NAN
            }
        }
        PelvisSegment | ShouldersSegment => {
            let across = sub(p[1], p[0]);
            if is_long(across) {
                dot(across, UP).atan2(dot(across, right)).to_degrees()
            } else {
                f64::NAN
            }
        }
        FootSegment(_) | ShankSegment(_) | ThighSegment(_) | ArmSegment(_) | ForearmSegment(_)
        | HandSegment(_) | TrunkSegment | HeadSegment => {
            let segment = flat(sub(p[1], p[0]));
            if is_long(segment) { segment[1].atan2(segment[0]).to_degrees() } else { f64::NAN }
        }
    }
}

/// Grood and Suntay's angles of a limb (distal to proximal) against the trunk's axes: x forward, y up, z right.
fn of_joint_coordinate_system(angle: Angle, limb: Vec3, trunk: Vec3, across: Vec3) -> f64 {
    let unit = |v: Vec3| scale(v, 1.0 / norm(v));
    let z = unit(across);
    let y = unit(sub(trunk, scale(z, dot(trunk, z))));
    let x = cross(y, z);
    let limb = unit(limb);
    let outwards = dot(limb, z).clamp(-1.0, 1.0).asin().to_degrees();
    match angle {
        Angle::HipAdduction(Side::Right) | Angle::ShoulderAbduction(Side::Left) => outwards,
        Angle::HipAdduction(Side::Left) | Angle::ShoulderAbduction(Side::Right) => -outwards,
        _ => {
            let floating = cross(limb, z);
            if norm(floating) < LEAST_SINE {
                return f64::NAN;
            }
            dot(floating, y).atan2(dot(floating, x)).to_degrees()
        }
    }
}

/// Turn from `a` to `b` in the plane, counter-clockwise positive, -180..=180 degrees.
fn turn_deg(a: Vec3, b: Vec3) -> f64 {
    cross(a, b)[2].atan2(dot(a, b)).to_degrees()
}

fn wrapped(degrees: f64) -> f64 {
    degrees - 360.0 * (degrees / 360.0).round()
}
