use std::f64::consts::PI;

use ndarray::s;

use crate::vector::{UNKNOWN, Vec3, add, angle_deg, cross, dot, norm, rotate, scale, sub};
use crate::{Error, Joint, Result, Side, SkeletonSeries};

/// Sines of the included angle between which the hinge axis passes from the body's own to that of the bent limb.
const STRAIGHT_SINE: f64 = 0.05;
const BENT_SINE: f64 = 0.15;

impl SkeletonSeries {
    /// Bends or straightens one joint around a moment, for what-if experiments: "20 degrees less knee bend".
    ///
    /// Everything beyond the joint turns rigidly about its hinge axis (perpendicular to the two segments; the body's
    /// left-right axis while they are nearly straight) by `degrees` times a raised cosine that is 1 at `centre_frame`
    /// and 0 from `half_width_s` on. Positive is straighter. A joint goes no further than straight (180) and no further
    /// than closed (0). Frames in which the joint or a neighbour is missing stay as they are.
    ///
    /// Knee, elbow, hip, ankle and shoulder can be changed; the included angle is that of the measure of that name.
    ///
    /// # Errors
    ///
    /// [`Error::NotAHinge`] for another joint or one whose neighbours are not recorded; [`Error::Setting`] unless
    /// `degrees` is finite within 180, `centre_frame` lies in the series and `half_width_s` is positive.
    pub fn with_flexion_change(
        &self,
        joint: Joint,
        degrees: f64,
        centre_frame: f64,
        half_width_s: f64,
    ) -> Result<SkeletonSeries> {
        let hinge = Hinge::of(joint)
            .filter(|h| self.joint_idx(joint).is_some() && self.joint_idx(h.proximal).is_some());
        let hinge = hinge
            .filter(|h| self.joint_idx(h.distal).is_some())
            .ok_or(Error::NotAHinge { joint })?;
        self.check_flexion_settings(degrees, centre_frame, half_width_s)?;
        let mut changed = self.clone();
        for (frame_idx, facing) in self.facing().into_iter().enumerate() {
            let t = (frame_idx as f64 - centre_frame) / self.fps() / half_width_s;
            if t.abs() >= 1.0 {
                continue;
            }
            let wanted = degrees * 0.5 * (1.0 + (PI * t).cos());
            self.turn_limb(&mut changed, &hinge, joint, frame_idx, wanted, facing);
        }
        Ok(changed)
    }

    fn check_flexion_settings(
        &self,
        degrees: f64,
        centre_frame: f64,
        half_width_s: f64,
    ) -> Result<()> {
        let setting = |name, value, expected: String| Err(Error::Setting { name, value, expected });
        let last = (self.num_frames() - 1) as f64;
        if !(-180.0..=180.0).contains(&degrees) {
            return setting("flexion change in degrees", degrees, "in -180..=180".into());
        }
        if !(0.0..=last).contains(&centre_frame) {
            return setting("centre frame", centre_frame, format!("in 0..={last}"));
        }
        if !(half_width_s > 0.0 && half_width_s.is_finite()) {
            return setting("half width in s", half_width_s, "above 0".into());
        }
        Ok(())
    }

    fn turn_limb(
        &self,
        changed: &mut SkeletonSeries,
        hinge: &Hinge,
        joint: Joint,
        frame_idx: usize,
        wanted_deg: f64,
        facing: Option<Vec3>,
    ) {
        let at = |joint| self.position(frame_idx, joint);
        let (Some(pivot), Some(proximal), Some(distal)) =
            (at(joint), at(hinge.proximal), at(hinge.distal))
        else {
            return;
        };
        let (a, b) = (sub(proximal, pivot), sub(distal, pivot));
        let included = angle_deg(a, b);
        let Some(axis) = hinge_axis(a, b, hinge, facing.unwrap_or(UNKNOWN), self.num_dims()) else {
            return;
        };
        let turn = (included + wanted_deg).clamp(0.0, 180.0) - included;
        for &moved in &hinge.beyond {
            let (Some(joint_idx), Some(point)) = (self.joint_idx(moved), at(moved)) else {
                continue;
            };
            let turned = add(pivot, rotate(sub(point, pivot), axis, turn.to_radians()));
            let mut target = changed.parts_mut().0.slice_mut(s![frame_idx, joint_idx, ..]);
            target.iter_mut().zip(turned).for_each(|(to, from)| *to = from);
        }
    }
}

/// Unit axis about which a positive turn opens the joint; `None` where no axis can be told.
fn hinge_axis(a: Vec3, b: Vec3, hinge: &Hinge, forward: Vec3, num_dims: usize) -> Option<Vec3> {
    let lengths = norm(a) * norm(b);
    if lengths == 0.0 {
        return None;
    }
    let normal = scale(cross(a, b), 1.0 / lengths); // length: sine of the included angle
    let sine = norm(normal);
    if sine >= BENT_SINE {
        return Some(scale(normal, 1.0 / sine));
    }
    // The way a nearly straight limb would bend: the distal end moves forward (elbow) or backward (knee).
    let towards = scale(forward, if hinge.bends_forward { 1.0 } else { -1.0 });
    let mut natural = cross(a, add(b, scale(towards, 0.5 * norm(b))));
    natural = sub(natural, scale(a, dot(natural, a) / dot(a, a)));
    let length = norm(natural);
    let natural_is_known = length.is_finite() && length > 1e-9 * lengths;
    let blend = ((sine - STRAIGHT_SINE) / (BENT_SINE - STRAIGHT_SINE)).clamp(0.0, 1.0);
    let mixed = match natural_is_known {
        true => add(scale(normal, blend / sine.max(1e-12)), scale(natural, (1.0 - blend) / length)),
        false => normal,
    };
    // In a picture the axis must stay perpendicular to it, however the mixing went.
    let mixed = if num_dims == 2 { [0.0, 0.0, mixed[2]] } else { mixed };
    (norm(mixed) > 1e-9).then(|| scale(mixed, 1.0 / norm(mixed)))
}

/// A joint between two segments and what hangs on its far side.
#[derive(Debug)]
struct Hinge {
    proximal: Joint,
    distal: Joint,
    beyond: Vec<Joint>,
    bends_forward: bool,
}

impl Hinge {
    fn of(joint: Joint) -> Option<Hinge> {
        let foot = |s: Side| [Joint::Heel(s), Joint::Toe(s), Joint::SmallToe(s)];
        let (proximal, distal, beyond, bends_forward) = match joint {
            Joint::Knee(s) => {
                (Joint::Hip(s), Joint::Ankle(s), [&[Joint::Ankle(s)][..], &foot(s)].concat(), false)
            }
            Joint::Elbow(s) => (Joint::Shoulder(s), Joint::Wrist(s), vec![Joint::Wrist(s)], true),
            Joint::Hip(s) => (
                Joint::Shoulder(s),
                Joint::Knee(s),
                [&[Joint::Knee(s), Joint::Ankle(s)][..], &foot(s)].concat(),
                true,
            ),
            Joint::Ankle(s) => (Joint::Knee(s), Joint::Toe(s), foot(s).to_vec(), true),
            Joint::Shoulder(s) => {
                (Joint::Hip(s), Joint::Elbow(s), vec![Joint::Elbow(s), Joint::Wrist(s)], true)
            }
            _ => return None,
        };
        Some(Hinge { proximal, distal, beyond, bends_forward })
    }
}
