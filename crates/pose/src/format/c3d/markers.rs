//! Which marker is which joint.

use crate::{Joint, Side};

/// Joint of a marker, and how far it is from the joint's centre: 0 a centre, 1 a marker on the skin.
///
/// A subject's name before a colon is passed over. Names of joints in any of the usual spellings count as centres, so do
/// the `LHJC` family; then the markers of Plug-in Gait that sit on a joint.
pub(super) fn joint_of(label: &str) -> Option<(Joint, u8)> {
    let name = label.rsplit(':').next().unwrap_or(label).trim();
    if let Ok(joint) = name.parse::<Joint>() {
        return Some((joint, 0));
    }
    let upper = name.to_ascii_uppercase();
    let (side, stem) = match upper.split_at_checked(1)? {
        ("L", stem) => (Side::Left, stem),
        ("R", stem) => (Side::Right, stem),
        _ => return None,
    };
    Some(match stem {
        "HJC" => (Joint::Hip(side), 0),
        "KJC" => (Joint::Knee(side), 0),
        "AJC" => (Joint::Ankle(side), 0),
        "SJC" => (Joint::Shoulder(side), 0),
        "EJC" => (Joint::Elbow(side), 0),
        "WJC" => (Joint::Wrist(side), 0),
        "SHO" => (Joint::Shoulder(side), 1),
        "ELB" => (Joint::Elbow(side), 1),
        "WRA" => (Joint::Wrist(side), 1),
        "KNE" => (Joint::Knee(side), 1),
        "ANK" => (Joint::Ankle(side), 1),
        "HEE" => (Joint::Heel(side), 1),
        "TOE" => (Joint::Toe(side), 1),
        _ => return None,
    })
}
