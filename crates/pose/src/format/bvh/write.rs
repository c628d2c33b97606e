use std::fmt::Write as _;

use crate::format::Format;
use crate::vector::{
    Matrix3, Vec3, between, matrix_times, matrix_times_vector, median, norm, scale, sub, transposed,
};
use crate::{Error, Joint, Result, Side, SkeletonSeries};

/// A joint in the tree of bones.
#[derive(Debug)]
struct Bone {
    joint: Joint,
    parent: Option<usize>,
    children: Vec<usize>,
    /// Offset from the parent in the rest pose: a T, facing z, left is x.
    rest: Vec3,
}

/// A BVH file's text: bones of constant (median) length, each turned to where it points in every frame.
///
/// Directions of bones, and so all angles, are kept; lengths that change from frame to frame are not. A joint with
/// several children has a joint of no length before each of them, `<child>_aim`, since one rotation cannot point them
/// all. The twist of a bone about itself is not known from points: it turns the shortest way from the rest pose.
pub(in crate::format) fn to_text(series: &SkeletonSeries) -> Result<String> {
    let cannot = |problem: String| Error::CannotHold { format: Format::Bvh, problem };
    if series.num_dims() != 3 {
        return Err(cannot("it holds bones in space; this is a picture".into()));
    }
    let bones = bones(series).ok_or_else(|| {
        cannot("its root is the mid-hip, which this recording does not have".into())
    })?;
    let mut text = String::from("HIERARCHY\n");
    write_bone(&mut text, &bones, 0, 0);
    // Writing to a String cannot fail.
    let _ = write!(
        text,
        "MOTION\nFrames: {}\nFrame Time: {}\n",
        series.num_frames(),
        1.0 / series.fps()
    );
    for f in 0..series.num_frames() {
        let mut points = Vec::with_capacity(bones.len());
        for bone in &bones {
            points.push(series.position(f, bone.joint).ok_or_else(|| {
                let joint = bone.joint;
                cannot(format!(
                    "it has no way to say that {joint} is missing in frame {f}; bridge the gaps or cut the recording"
                ))
            })?);
        }
        let mut row: Vec<String> = points[0].iter().map(f64::to_string).collect();
        turns(&bones, 0, &points, &IDENTITY, &mut row);
        text.push_str(&row.join(" "));
        text.push('\n');
    }
    Ok(text)
}

const IDENTITY: Matrix3 = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]];

/// Depth first, the mid-hip first; `None` without one.
fn bones(series: &SkeletonSeries) -> Option<Vec<Bone>> {
    let has = |joint: Joint| {
        series.joint_idx(joint).is_some()
            || (0..series.num_frames()).any(|f| series.position(f, joint).is_some())
    };
    if !has(Joint::MidHip) {
        return None;
    }
    let mut joints: Vec<Joint> = series.joints().to_vec();
    if !joints.contains(&Joint::Neck) && has(Joint::Neck) {
        joints.push(Joint::Neck);
    }
    joints.retain(|joint| *joint != Joint::MidHip);
    let root = Bone { joint: Joint::MidHip, parent: None, children: Vec::new(), rest: [0.0; 3] };
    let mut bones = vec![root];
    // Depth first, so that the order of the list is that of the file.
    let mut waiting = vec![0];
    while let Some(parent) = waiting.pop() {
        for &joint in &joints {
            if parent_of(joint, &joints) != bones[parent].joint {
                continue;
            }
            let length = median((0..series.num_frames()).filter_map(|f| {
                let (from, to) =
                    (series.position(f, bones[parent].joint)?, series.position(f, joint)?);
                Some(norm(sub(to, from)))
            }));
            let rest = scale(rest_direction(joint), length.unwrap_or(0.0));
            let child = bones.len();
            bones.push(Bone { joint, parent: Some(parent), children: Vec::new(), rest });
            bones[parent].children.push(child);
            waiting.push(child);
        }
    }
    Some(bones)
}

/// The joint a bone hangs on, or the next one up that is recorded.
fn parent_of(joint: Joint, joints: &[Joint]) -> Joint {
    use Joint::*;
    let mut joint = joint;
    loop {
        joint = match joint {
            Knee(s) => Hip(s),
            Ankle(s) => Knee(s),
            Toe(s) | Heel(s) | SmallToe(s) => Ankle(s),
            Elbow(s) => Shoulder(s),
            Wrist(s) => Elbow(s),
            Thumb(s) | Index(s) | Pinky(s) => Wrist(s),
            Hip(_) | Neck | MidHip => MidHip,
            Nose | Head | Eye(_) | EyeInner(_) | EyeOuter(_) | Mouth(_) | Ear(_) | Shoulder(_) => {
                Neck
            }
        };
        if joint == MidHip || joints.contains(&joint) {
            return joint;
        }
    }
}

fn rest_direction(joint: Joint) -> Vec3 {
    use Joint::*;
    let out = |side| if side == Side::Left { 1.0 } else { -1.0 };
    match joint {
        Hip(s) | Shoulder(s) | Elbow(s) | Wrist(s) | Thumb(s) | Index(s) | Pinky(s) => {
            [out(s), 0.0, 0.0]
        }
        Knee(_) | Ankle(_) => [0.0, -1.0, 0.0],
        Toe(_) | SmallToe(_) => [0.0, 0.0, 1.0],
        Heel(_) => [0.0, 0.0, -1.0],
        _ => [0.0, 1.0, 0.0],
    }
}

fn write_bone(text: &mut String, bones: &[Bone], bone: usize, depth: usize) {
    let pad = "  ".repeat(depth);
    let Bone { joint, parent, children, rest } = &bones[bone];
    let kind = if parent.is_none() { "ROOT" } else { "JOINT" };
    let [x, y, z] = rest;
    let positions = if parent.is_none() { "6 Xposition Yposition Zposition" } else { "3" };
    let _ = write!(
        text,
        "{pad}{kind} {joint}\n{pad}{{\n{pad}  OFFSET {x} {y} {z}\n{pad}  CHANNELS {positions} Zrotation Xrotation Yrotation\n"
    );
    match children[..] {
        [] => {
            let _ = write!(text, "{pad}  End Site\n{pad}  {{\n{pad}    OFFSET 0 0 0\n{pad}  }}\n");
        }
        [only] => write_bone(text, bones, only, depth + 1),
        _ => {
            for child in children {
                let name = bones[*child].joint;
                let _ = write!(
                    text,
                    "{pad}  JOINT {name}_aim\n{pad}  {{\n{pad}    OFFSET 0 0 0\n{pad}    CHANNELS 3 Zrotation Xrotation Yrotation\n"
                );
                write_bone(text, bones, *child, depth + 2);
                let _ = writeln!(text, "{pad}  }}");
            }
        }
    }
    let _ = writeln!(text, "{pad}}}");
}

/// Angles of the joint and of what hangs on it, in the file's order; `frame` is how the joint's own frame is turned.
fn turns(bones: &[Bone], bone: usize, points: &[Vec3], frame: &Matrix3, row: &mut Vec<String>) {
    let children = &bones[bone].children;
    if children.len() != 1 {
        push_angles(row, &IDENTITY);
    }
    for &child in children {
        let direction = sub(points[child], points[bone]);
        // In the joint's own frame: what its rotation has to do.
        let wanted = matrix_times_vector(&transposed(frame), direction);
        let turn = between(bones[child].rest, wanted);
        push_angles(row, &turn);
        turns(bones, child, points, &matrix_times(frame, &turn), row);
    }
}

/// Angles about z, x, y, in degrees, of `turn = Rz Rx Ry`.
fn push_angles(row: &mut Vec<String>, turn: &Matrix3) {
    let x = turn[2][1].clamp(-1.0, 1.0).asin();
    let (z, y) = if turn[2][1].abs() < 1.0 - 1e-12 {
        ((-turn[0][1]).atan2(turn[1][1]), (-turn[2][0]).atan2(turn[2][2]))
    } else {
        (turn[1][0].atan2(turn[0][0]), 0.0)
    };
    row.extend([z, x, y].map(|angle| angle.to_degrees().to_string()));
}
