//! One instant of the body: segment inclinations, and the joints that follow from them.

use super::body::{Body, centre, mass};

/// Sagittal inclinations of the segments, in degrees.
///
/// Trunk, thigh and shank lean from the vertical, the upper joint ahead of the lower one counts
/// positive for trunk and shank, the knee ahead of the hip for the thigh. Arms hang at 0 and point
/// straight ahead at 90. The foot is flat at 0 and stands on its toes at 90.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Posture {
    pub(super) foot: f64,
    pub(super) shank: f64,
    pub(super) thigh: f64,
    pub(super) trunk: f64,
    pub(super) upper_arm: f64,
    pub(super) forearm: f64,
}

impl Posture {
    pub(super) const NUM_ANGLES: usize = 6;

    pub(super) fn to_array(self) -> [f64; Self::NUM_ANGLES] {
        [self.foot, self.shank, self.thigh, self.trunk, self.upper_arm, self.forearm]
    }

    pub(super) fn from_array(a: [f64; Self::NUM_ANGLES]) -> Self {
        let [foot, shank, thigh, trunk, upper_arm, forearm] = a;
        Self { foot, shank, thigh, trunk, upper_arm, forearm }
    }
}

/// A point of the sagittal plane: forward and up, in metres.
pub(super) type Point = [f64; 2];

/// Joint positions in the sagittal plane, with the mid-hip at the origin unless moved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Figure {
    pub(super) toe: Point,
    pub(super) heel: Point,
    pub(super) ankle: Point,
    pub(super) knee: Point,
    pub(super) hip: Point,
    pub(super) shoulder: Point,
    pub(super) neck: Point,
    pub(super) head: Point,
    pub(super) elbow: Point,
    pub(super) wrist: Point,
}

impl Figure {
    /// Forward kinematics from the hip outwards.
    pub(super) fn new(body: &Body, posture: &Posture) -> Self {
        let hip = [0.0, 0.0];
        let knee = step(hip, body.thigh, posture.thigh, Down);
        let ankle = step(knee, body.shank, -posture.shank, Down);
        // In the foot's own axes the ankle stands `ankle_height` above the sole, a quarter of the
        // foot's length ahead of the heel; pitching turns the sole about the toe.
        let (sin, cos) = posture.foot.to_radians().sin_cos();
        let along = [cos, -sin]; // heel to toe
        let sole = [ankle[0] - body.ankle_height * sin, ankle[1] - body.ankle_height * cos];
        let heel = offset(sole, along, -0.25 * body.foot);
        let toe = offset(sole, along, 0.75 * body.foot);
        let shoulder = step(hip, body.trunk, posture.trunk, Up);
        let neck = step(shoulder, 0.5 * body.neck, posture.trunk, Up);
        // The head keeps half of the trunk's lean: eyes stay ahead.
        let head = step(neck, body.head, 0.5 * posture.trunk, Up);
        let elbow = step(shoulder, body.upper_arm, posture.upper_arm, Down);
        let wrist = step(elbow, body.forearm, posture.forearm, Down);
        Self { toe, heel, ankle, knee, hip, shoulder, neck, head, elbow, wrist }
    }

    /// The same figure, moved so that `joint` comes to lie at `place`.
    pub(super) fn moved(mut self, joint: Point, place: Point) -> Self {
        let shift = [place[0] - joint[0], place[1] - joint[1]];
        for point in [
            &mut self.toe,
            &mut self.heel,
            &mut self.ankle,
            &mut self.knee,
            &mut self.hip,
            &mut self.shoulder,
            &mut self.neck,
            &mut self.head,
            &mut self.elbow,
            &mut self.wrist,
        ] {
            point[0] += shift[0];
            point[1] += shift[1];
        }
        self
    }

    /// Centre of mass of the whole body.
    pub(super) fn centre_of_mass(&self) -> Point {
        let segments = [
            (mass::FEET, centre::FOOT, self.heel, self.toe),
            (mass::SHANKS, centre::SHANK, self.knee, self.ankle),
            (mass::THIGHS, centre::THIGH, self.hip, self.knee),
            (mass::TRUNK_AND_HEAD, centre::TRUNK_AND_HEAD, self.hip, self.shoulder),
            (mass::UPPER_ARMS, centre::UPPER_ARM, self.shoulder, self.elbow),
            (mass::FOREARMS, centre::FOREARM, self.elbow, self.wrist),
        ];
        let mut sum = [0.0, 0.0];
        for (share, at, from, to) in segments {
            sum[0] += share * (from[0] + at * (to[0] - from[0]));
            sum[1] += share * (from[1] + at * (to[1] - from[1]));
        }
        sum
    }
}

enum Direction {
    Up,
    Down,
}
use Direction::{Down, Up};

/// The far end of a segment that leans `lean_deg` forward, seen from its near end.
fn step(from: Point, length: f64, lean_deg: f64, direction: Direction) -> Point {
    let (sin, cos) = lean_deg.to_radians().sin_cos();
    let up = match direction {
        Up => cos,
        Down => -cos,
    };
    [from[0] + length * sin, from[1] + length * up]
}

fn offset(from: Point, direction: Point, length: f64) -> Point {
    [from[0] + length * direction[0], from[1] + length * direction[1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    const STANDING: Posture =
        Posture { foot: 0.0, shank: 0.0, thigh: 0.0, trunk: 0.0, upper_arm: 0.0, forearm: 0.0 };

    #[test]
    fn masses_sum_to_the_whole_body() {
        let total = mass::FEET
            + mass::SHANKS
            + mass::THIGHS
            + mass::UPPER_ARMS
            + mass::FOREARMS
            + mass::TRUNK_AND_HEAD;
        assert!((total - 1.0).abs() < 1e-12, "{total}");
    }

    #[test]
    fn a_standing_figure_is_as_tall_as_its_segments() {
        let body = Body::of_stature(1.8);
        let figure = Figure::new(&body, &STANDING);
        let height = figure.shoulder[1] - figure.toe[1];
        let expected = body.ankle_height + body.shank + body.thigh + body.trunk;
        assert!((height - expected).abs() < 1e-12);
        // A standing centre of mass lies at 0.55 to 0.57 of stature; the model's straight, heavy-topped trunk
        // puts it a little higher.
        let share = (figure.centre_of_mass()[1] - figure.toe[1]) / 1.8;
        assert!((0.55..0.59).contains(&share), "{share}");
    }

    #[test]
    fn the_knee_angle_is_what_thigh_and_shank_leave() {
        let body = Body::of_stature(1.8);
        let figure = Figure::new(&body, &Posture { shank: 30.0, thigh: 60.0, ..STANDING });
        let to = |p: Point| [p[0] - figure.knee[0], p[1] - figure.knee[1]];
        let (hip, ankle) = (to(figure.hip), to(figure.ankle));
        let cos = (hip[0] * ankle[0] + hip[1] * ankle[1]) / (body.thigh * body.shank);
        assert!((cos.acos().to_degrees() - 90.0).abs() < 1e-9);
    }
}
