//! Which bone of whose rig is which joint.

use super::hierarchy::Hierarchy;
use crate::{Joint, Side};

/// Joints of a rig with the place of their node, the first of each.
///
/// Joint names of this crate and their relatives are known, and the bone names of Mixamo, CMU, Poser and Unreal, where a
/// bone is called after what it carries and so begins at the joint (`LeftLeg` at the knee). `LeftShoulder` is the collar
/// bone where there is a `LeftArm`, the shoulder otherwise.
pub(super) fn joints(hierarchy: &Hierarchy) -> Vec<(Joint, usize)> {
    let has_arms = hierarchy.nodes.iter().any(|n| {
        matches!(split(&n.name), (Some(_), stem) if matches!(stem.as_str(), "arm" | "upperarm" | "uparm" | "shldr"))
    });
    let mut joints: Vec<(Joint, usize)> = Vec::new();
    let mut add = |joint: Joint, node: usize| {
        if joints.iter().all(|(known, _)| *known != joint) {
            joints.push((joint, node));
        }
    };
    for (i, node) in hierarchy.nodes.iter().enumerate().filter(|(_, node)| !node.is_end) {
        let (side, stem) = split(&node.name);
        let is_collar = stem == "shoulder" && has_arms;
        let found = if is_collar { None } else { joint_of(side, &stem, node.parent.is_none()) };
        if let Some(joint) = found.filter(|joint| *joint != Joint::Head) {
            add(joint, i);
        }
    }
    // The end of the head's bone is its top, the end of a foot without a toe joint is its toe.
    let is = |node: usize, joint: &dyn Fn(&Joint) -> bool| {
        let (side, stem) = split(&hierarchy.nodes[node].name);
        joint_of(side, &stem, false).as_ref().is_some_and(joint)
    };
    for (i, node) in hierarchy.nodes.iter().enumerate() {
        let Some(parent) = node.parent.filter(|_| node.is_end) else { continue };
        if is(parent, &|joint| *joint == Joint::Head) {
            add(Joint::Head, i);
        }
        if let (Some(side), true) = (
            split(&hierarchy.nodes[parent].name).0,
            is(parent, &|joint| matches!(joint, Joint::Ankle(_))),
        ) {
            add(Joint::Toe(side), i);
        }
    }
    joints
}

/// Side and the rest of a name in small letters, without a rig's prefix (`mixamorig:LeftUpLeg` gives left, `upleg`).
fn split(name: &str) -> (Option<Side>, String) {
    let name = name.rsplit(':').next().unwrap_or(name);
    let plain: String =
        name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    let sides = [("left", Side::Left), ("right", Side::Right)];
    for (word, side) in sides {
        if let Some(stem) = plain.strip_prefix(word).or_else(|| plain.strip_suffix(word)) {
            return (Some(side), stem.to_owned());
        }
    }
    // One letter is a side only where a border marks it: "lThigh", "thigh_l", "L_Foot", but not "Leg".
    let letters: Vec<char> = name.chars().collect();
    let side = |c: char| match c.to_ascii_lowercase() {
        'l' => Some(Side::Left),
        'r' => Some(Side::Right),
        _ => None,
    };
    if let [first, second, ..] = letters[..]
        && let Some(side) = side(first)
        && (second.is_uppercase() || !second.is_alphanumeric())
    {
        return (Some(side), plain.chars().skip(1).collect());
    }
    if let [.., before, last] = letters[..]
        && let Some(side) = side(last)
        && !before.is_alphanumeric()
    {
        let num_kept = plain.chars().count() - 1;
        return (Some(side), plain.chars().take(num_kept).collect());
    }
    (None, plain)
}

fn joint_of(side: Option<Side>, stem: &str, is_root: bool) -> Option<Joint> {
    let Some(side) = side else {
        return match stem {
            "hips" | "hip" | "pelvis" | "root" | "midhip" if is_root || stem == "midhip" => {
                Some(Joint::MidHip)
            }
            "neck" => Some(Joint::Neck),
            "head" => Some(Joint::Head),
            "nose" => Some(Joint::Nose),
            _ => None,
        };
    };
    let joint: fn(Side) -> Joint = match stem {
        "upleg" | "upperleg" | "thigh" | "hip" | "femur" => Joint::Hip,
        "leg" | "lowerleg" | "lowleg" | "shin" | "calf" | "knee" | "tibia" => Joint::Knee,
        "foot" | "ankle" => Joint::Ankle,
        "toebase" | "toe" | "toes" | "ball" | "bigtoe" => Joint::Toe,
        "smalltoe" => Joint::SmallToe,
        "heel" => Joint::Heel,
        "shoulder" | "arm" | "upperarm" | "uparm" | "shldr" => Joint::Shoulder,
        "forearm" | "lowerarm" | "lowarm" | "elbow" => Joint::Elbow,
        "hand" | "wrist" => Joint::Wrist,
        "eye" => Joint::Eye,
        "ear" => Joint::Ear,
        _ => return None,
    };
    Some(joint(side))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sides_are_told_from_words_and_marked_letters() {
        for (name, side, stem) in [
            ("mixamorig:LeftUpLeg", Some(Side::Left), "upleg"),
            ("RightForeArm", Some(Side::Right), "forearm"),
            ("lThigh", Some(Side::Left), "thigh"),
            ("thigh_r", Some(Side::Right), "thigh"),
            ("R_Foot", Some(Side::Right), "foot"),
            ("Leg", None, "leg"),
            ("", None, ""),
            ("_l", Some(Side::Left), ""),
            ("l", None, "l"),
        ] {
            assert_eq!(split(name), (side, stem.to_owned()), "{name}");
        }
    }
}
