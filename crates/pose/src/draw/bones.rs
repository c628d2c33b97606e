//! Which joints are joined by a line, and in which colour.

use plotters::style::RGBColor;

use super::{LEFT, MIDDLE, RIGHT};
use crate::{Joint, Side, SkeletonSeries};

/// Lines of a skeleton between joints that the series records; a foot without a heel hangs on the ankle.
pub(super) fn bones(series: &SkeletonSeries) -> Vec<(Joint, Joint)> {
    use Joint::*;
    let has = |joint: Joint| series.joint_idx(joint).is_some();
    let mut bones = vec![
        (Shoulder(Side::Left), Shoulder(Side::Right)),
        (Hip(Side::Left), Hip(Side::Right)),
        (MidHip, Neck),
        (Neck, if has(Head) { Head } else { Nose }),
    ];
    for side in Side::BOTH {
        bones.extend([
            (Shoulder(side), Elbow(side)),
            (Elbow(side), Wrist(side)),
            (Wrist(side), Index(side)),
            (Hip(side), Knee(side)),
            (Knee(side), Ankle(side)),
            (Heel(side), Toe(side)),
        ]);
        bones.push(if has(Heel(side)) {
            (Ankle(side), Heel(side))
        } else {
            (Ankle(side), Toe(side))
        });
    }
    bones
}

/// The colour of a side; of the middle where the two ends differ.
pub(super) fn colour(from: Joint, to: Joint) -> RGBColor {
    match (from.side(), to.side()) {
        (Some(a), Some(b)) if a == b => side_colour(Some(a)),
        _ => MIDDLE,
    }
}

pub(super) fn side_colour(side: Option<Side>) -> RGBColor {
    match side {
        Some(Side::Left) => LEFT,
        Some(Side::Right) => RIGHT,
        None => MIDDLE,
    }
}
