//! The joints of the pose tools, in the order of their files: facts of their documentation.

use std::fmt;
use std::str::FromStr;

use ndarray::{Array2, Array3, s};

use crate::Joint::{
    self, Ankle, Ear, Elbow, Eye, EyeInner, EyeOuter, Head, Heel, Hip, Index, Knee, MidHip, Mouth,
    Neck, Nose, Pinky, Shoulder, SmallToe, Thumb, Toe, Wrist,
};
use crate::Side::{self, Left as L, Right as R};
use crate::{Error, Result, SkeletonSeries};

/// A named list of joints: what a pose network was trained to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum JointSet {
    /// COCO keypoints, 17: no feet.
    Coco17,
    /// Halpe, 26: COCO's, then head, neck, mid-hip and three points a foot (RTMPose, AlphaPose).
    Halpe26,
    /// OpenPose BODY_25.
    Body25,
    /// OpenPose's older COCO model, 18: COCO's points with a neck, in OpenPose's order.
    OpenPose18,
    /// BlazePose, 33 (MediaPipe): face corners, knuckles, heels and toes.
    BlazePose33,
}

impl JointSet {
    /// Every set.
    pub const ALL: [JointSet; 5] = [
        JointSet::Coco17,
        JointSet::Halpe26,
        JointSet::Body25,
        JointSet::OpenPose18,
        JointSet::BlazePose33,
    ];

    /// The joints in the order of the files.
    #[must_use]
    pub fn joints(self) -> &'static [Joint] {
        match self {
            JointSet::Coco17 => &HALPE_26[..17],
            JointSet::Halpe26 => &HALPE_26,
            JointSet::Body25 => &BODY_25,
            JointSet::OpenPose18 => &OPENPOSE_18,
            JointSet::BlazePose33 => &BLAZEPOSE_33,
        }
    }

    /// `coco17`, `halpe26`, `body25`, `openpose18` or `blazepose33`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            JointSet::Coco17 => "coco17",
            JointSet::Halpe26 => "halpe26",
            JointSet::Body25 => "body25",
            JointSet::OpenPose18 => "openpose18",
            JointSet::BlazePose33 => "blazepose33",
        }
    }
}

impl fmt::Display for JointSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for JointSet {
    type Err = Error;

    fn from_str(name: &str) -> Result<JointSet> {
        let known = JointSet::ALL.into_iter().find(|set| set.name() == name.to_ascii_lowercase());
        known.ok_or_else(|| Error::JointSetName { name: name.to_owned() })
    }
}

impl SkeletonSeries {
    /// The same recording with exactly the joints of `set`, in its order.
    ///
    /// What the set lacks is dropped; what the recording lacks is missing in every frame, but for the neck and the
    /// mid-hip, which are the middle of the shoulders and of the hips with the lower confidence of the two. A neck of
    /// OpenPose and one of Halpe are taken for the same point, as are their hips: networks place them some
    /// centimetres apart, which no table can mend.
    #[must_use]
    pub fn to_joint_set(&self, set: JointSet) -> SkeletonSeries {
        let joints = set.joints();
        let (num_frames, num_dims) = (self.num_frames(), self.num_dims());
        let mut positions = Array3::from_elem((num_frames, joints.len(), num_dims), f64::NAN);
        let mut confidence = Array2::zeros((num_frames, joints.len()));
        let mut filled = Array2::from_elem((num_frames, joints.len()), false);
        for (to, &joint) in joints.iter().enumerate() {
            for f in 0..num_frames {
                let Some(position) = self.position(f, joint) else { continue };
                let from: Vec<usize> = match (self.joint_idx(joint), middle_of(joint)) {
                    (Some(idx), _) => vec![idx],
                    (None, Some(pair)) => {
                        Side::BOTH.iter().filter_map(|side| self.joint_idx(pair(*side))).collect()
                    }
                    (None, None) => continue,
                };
                for (dim, value) in position.iter().take(num_dims).enumerate() {
                    positions[[f, to, dim]] = *value;
                }
                let lowest = from.iter().map(|idx| self.confidence()[[f, *idx]]);
                confidence[[f, to]] = lowest.fold(1.0, f64::min);
                filled[[f, to]] = from.iter().any(|idx| self.filled()[[f, *idx]]);
            }
        }
        self.with_samples(joints.to_vec(), positions, confidence, filled)
    }

    /// Only the joints seen at least once, in their order; the series itself if there is none.
    #[must_use]
    pub fn without_unseen_joints(&self) -> SkeletonSeries {
        let seen: Vec<usize> = (0..self.joints().len())
            .filter(|j| self.confidence().column(*j).iter().any(|c| *c > 0.0))
            .collect();
        if seen.is_empty() {
            return self.clone();
        }
        self.with_samples(
            seen.iter().map(|j| self.joints()[*j]).collect(),
            self.positions().select(ndarray::Axis(1), &seen),
            self.confidence().select(ndarray::Axis(1), &seen),
            self.filled().slice(s![.., ..]).select(ndarray::Axis(1), &seen),
        )
    }
}

/// The pair whose middle stands in for a joint of the midline.
pub(crate) fn middle_of(joint: Joint) -> Option<fn(Side) -> Joint> {
    match joint {
        Neck => Some(Shoulder),
        MidHip => Some(Hip),
        _ => None,
    }
}

const HALPE_26: [Joint; 26] = [
    Nose,
    Eye(L),
    Eye(R),
    Ear(L),
    Ear(R),
    Shoulder(L),
    Shoulder(R),
    Elbow(L),
    Elbow(R),
    Wrist(L),
    Wrist(R),
    Hip(L),
    Hip(R),
    Knee(L),
    Knee(R),
    Ankle(L),
    Ankle(R), // as far as here COCO's 17
    Head,
    Neck,
    MidHip,
    Toe(L),
    Toe(R),
    SmallToe(L),
    SmallToe(R),
    Heel(L),
    Heel(R),
];

const BODY_25: [Joint; 25] = [
    Nose,
    Neck,
    Shoulder(R),
    Elbow(R),
    Wrist(R),
    Shoulder(L),
    Elbow(L),
    Wrist(L),
    MidHip,
    Hip(R),
    Knee(R),
    Ankle(R),
    Hip(L),
    Knee(L),
    Ankle(L),
    Eye(R),
    Eye(L),
    Ear(R),
    Ear(L),
    Toe(L),
    SmallToe(L),
    Heel(L),
    Toe(R),
    SmallToe(R),
    Heel(R),
];

const OPENPOSE_18: [Joint; 18] = [
    Nose,
    Neck,
    Shoulder(R),
    Elbow(R),
    Wrist(R),
    Shoulder(L),
    Elbow(L),
    Wrist(L),
    Hip(R),
    Knee(R),
    Ankle(R),
    Hip(L),
    Knee(L),
    Ankle(L),
    Eye(R),
    Eye(L),
    Ear(R),
    Ear(L),
];

const BLAZEPOSE_33: [Joint; 33] = [
    Nose,
    EyeInner(L),
    Eye(L),
    EyeOuter(L),
    EyeInner(R),
    Eye(R),
    EyeOuter(R),
    Ear(L),
    Ear(R),
    Mouth(L),
    Mouth(R),
    Shoulder(L),
    Shoulder(R),
    Elbow(L),
    Elbow(R),
    Wrist(L),
    Wrist(R),
    Pinky(L),
    Pinky(R),
    Index(L),
    Index(R),
    Thumb(L),
    Thumb(R),
    Hip(L),
    Hip(R),
    Knee(L),
    Knee(R),
    Ankle(L),
    Ankle(R),
    Heel(L),
    Heel(R),
    Toe(L),
    Toe(R),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_names_its_size_and_no_joint_twice() {
        for set in JointSet::ALL {
            let joints = set.joints();
            assert!(set.name().ends_with(&joints.len().to_string()), "{set}");
            assert!(joints.iter().enumerate().all(|(i, j)| !joints[..i].contains(j)), "{set}");
            assert_eq!(set.name().parse::<JointSet>().unwrap(), set);
            let sided = joints.iter().filter(|j| j.side().is_some());
            assert!(sided.clone().all(|j| joints.contains(&j.mirrored())), "{set}");
        }
    }
}
