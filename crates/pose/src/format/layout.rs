//! Joint orders of the pose tools: facts of their output formats.

use crate::Joint::{
    self, Ankle, Ear, Elbow, Eye, Heel, Hip, Knee, MidHip, Neck, Nose, Shoulder, SmallToe, Toe,
    Wrist,
};
use crate::Side::{Left as L, Right as R};

/// COCO keypoints, 17.
pub(super) const COCO_17: [Joint; 17] = [
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
    Ankle(R),
];

/// OpenPose BODY_25.
pub(super) const BODY_25: [Joint; 25] = [
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

/// OpenPose's older COCO model, 18: COCO's points with a neck, in OpenPose's order.
pub(super) const OPENPOSE_18: [Joint; 18] = [
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
