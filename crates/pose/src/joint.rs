use std::fmt;
use std::str::FromStr;

use crate::{Error, Result};

/// Side of the athlete's own body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Side {
    /// The athlete's left.
    Left,
    /// The athlete's right.
    Right,
}

impl Side {
    /// Both sides, left first.
    pub const BOTH: [Side; 2] = [Side::Left, Side::Right];

    /// The opposite side.
    #[must_use]
    pub fn other(self) -> Side {
        match self {
            Side::Left => Side::Right,
            Side::Right => Side::Left,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Side::Left => "left",
            Side::Right => "right",
        })
    }
}

/// A named point of the body; what a file does not record is simply absent from the series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Joint {
    /// Tip of the nose.
    Nose,
    /// Top (or centre) of the head.
    Head,
    /// Base of the neck; the middle of both shoulders when not recorded.
    Neck,
    /// Middle of the pelvis; the middle of both hips when not recorded.
    MidHip,
    /// Eye.
    Eye(Side),
    /// Corner of the eye beside the nose (BlazePose).
    EyeInner(Side),
    /// Corner of the eye beside the temple (BlazePose).
    EyeOuter(Side),
    /// Corner of the mouth (BlazePose).
    Mouth(Side),
    /// Ear.
    Ear(Side),
    /// Shoulder.
    Shoulder(Side),
    /// Elbow.
    Elbow(Side),
    /// Wrist.
    Wrist(Side),
    /// Knuckle of the thumb (BlazePose).
    Thumb(Side),
    /// Knuckle of the index finger (BlazePose); the end of the hand.
    Index(Side),
    /// Knuckle of the little finger (BlazePose).
    Pinky(Side),
    /// Hip.
    Hip(Side),
    /// Knee.
    Knee(Side),
    /// Ankle.
    Ankle(Side),
    /// Heel.
    Heel(Side),
    /// Big toe, or the front of the foot.
    Toe(Side),
    /// Small toe.
    SmallToe(Side),
}

impl Joint {
    /// Name in the house's files: `nose`, `mid_hip`, `shoulder_r`, `toe_l`, `small_toe_r`.
    #[must_use]
    pub fn name(self) -> String {
        let stem = self.stem();
        match self.side() {
            None => stem.to_owned(),
            Some(Side::Left) => format!("{stem}_l"),
            Some(Side::Right) => format!("{stem}_r"),
        }
    }

    /// Side of the joint; `None` on the midline.
    #[must_use]
    pub fn side(self) -> Option<Side> {
        use Joint::*;
        match self {
            Nose | Head | Neck | MidHip => None,
            Eye(s) | EyeInner(s) | EyeOuter(s) | Mouth(s) | Ear(s) | Shoulder(s) | Elbow(s)
            | Wrist(s) | Thumb(s) | Index(s) | Pinky(s) | Hip(s) | Knee(s) | Ankle(s) | Heel(s)
            | Toe(s) | SmallToe(s) => Some(s),
        }
    }

    /// The same joint on the other side; midline joints are their own mirror image.
    #[must_use]
    pub fn mirrored(self) -> Joint {
        self.side()
            .map_or(self, |side| Joint::from_stem(self.stem(), Some(side.other())).unwrap_or(self))
    }

    fn stem(self) -> &'static str {
        use Joint::*;
        match self {
            Nose => "nose",
            Head => "head",
            Neck => "neck",
            MidHip => "mid_hip",
            Eye(_) => "eye",
            EyeInner(_) => "eye_inner",
            EyeOuter(_) => "eye_outer",
            Mouth(_) => "mouth",
            Ear(_) => "ear",
            Shoulder(_) => "shoulder",
            Elbow(_) => "elbow",
            Wrist(_) => "wrist",
            Thumb(_) => "thumb",
            Index(_) => "index",
            Pinky(_) => "pinky",
            Hip(_) => "hip",
            Knee(_) => "knee",
            Ankle(_) => "ankle",
            Heel(_) => "heel",
            Toe(_) => "toe",
            SmallToe(_) => "small_toe",
        }
    }

    /// `None` for an unknown stem, or one whose side is absent (or present) against its nature.
    fn from_stem(stem: &str, side: Option<Side>) -> Option<Joint> {
        use Joint::*;
        let sided: fn(Side) -> Joint = match (stem, side) {
            ("nose", None) => return Some(Nose),
            ("head" | "head_top" | "top_head", None) => return Some(Head),
            ("neck", None) => return Some(Neck),
            // Pose2Sim and Sports2D call the middle of the pelvis plain "Hip".
            ("mid_hip" | "midhip" | "hip" | "pelvis" | "root", None) => return Some(MidHip),
            ("eye", _) => Eye,
            ("eye_inner", _) => EyeInner,
            ("eye_outer", _) => EyeOuter,
            ("mouth", _) => Mouth,
            ("ear", _) => Ear,
            ("shoulder", _) => Shoulder,
            ("elbow", _) => Elbow,
            ("wrist", _) => Wrist,
            ("thumb", _) => Thumb,
            ("index", _) => Index,
            ("pinky", _) => Pinky,
            ("hip", _) => Hip,
            ("knee", _) => Knee,
            ("ankle", _) => Ankle,
            ("heel", _) => Heel,
            ("toe" | "big_toe" | "bigtoe" | "foot_index", _) => Toe,
            ("small_toe" | "smalltoe", _) => SmallToe,
            _ => return None,
        };
        side.map(sided)
    }
}

impl fmt::Display for Joint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.name())
    }
}

/// Reads the spellings in use: `shoulder_r`, `r_shoulder`, `RShoulder`, `right_shoulder`, `RBigToe`, `MidHip`, `Hip`.
impl FromStr for Joint {
    type Err = Error;

    fn from_str(name: &str) -> Result<Joint> {
        parse(name).ok_or_else(|| Error::UnknownJoint { name: name.to_owned() })
    }
}

fn parse(name: &str) -> Option<Joint> {
    let words = words(name);
    let mut side = None;
    let mut stem = Vec::new();
    for word in &words {
        match word.as_str() {
            "l" | "left" if side.is_none() => side = Some(Side::Left),
            "r" | "right" if side.is_none() => side = Some(Side::Right),
            _ => stem.push(word.as_str()),
        }
    }
    Joint::from_stem(&stem.join("_"), side).or_else(|| {
        // "rshoulder", "lbigtoe": the side is glued on and nothing marks the border.
        let [word] = words.as_slice() else { return None };
        let (side, stem) = match word.split_at_checked(1)? {
            ("l", stem) => (Side::Left, stem),
            ("r", stem) => (Side::Right, stem),
            _ => return None,
        };
        Joint::from_stem(stem, Some(side))
    })
}

/// Lower-case words of a name, split at separators and at capitals: `RBigToe` gives `r big toe`.
fn words(name: &str) -> Vec<String> {
    let letters: Vec<char> = name.trim().chars().collect();
    let mut words = vec![String::new()];
    for (i, &c) in letters.iter().enumerate() {
        let before = i.checked_sub(1).map(|j| letters[j]);
        let after_is_lower = letters.get(i + 1).is_some_and(|c| c.is_lowercase());
        let starts_word = c.is_uppercase()
            && before.is_some_and(|b| b.is_lowercase() || (b.is_uppercase() && after_is_lower));
        if !c.is_alphanumeric() || starts_word {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_joint_survives_its_own_name() {
        for joint in all() {
            assert_eq!(joint.name().parse::<Joint>().unwrap(), joint);
            assert_eq!(joint.mirrored().mirrored(), joint);
            assert_eq!(joint.mirrored().side(), joint.side().map(Side::other));
        }
    }

    #[test]
    fn the_spellings_of_other_tools_are_read() {
        use Joint::*;
        use Side::*;
        for (name, joint) in [
            ("r_shoulder", Shoulder(Right)),
            ("RShoulder", Shoulder(Right)),
            ("right_shoulder", Shoulder(Right)),
            ("rightShoulder", Shoulder(Right)),
            ("Left Knee", Knee(Left)),
            ("lknee", Knee(Left)),
            ("r_big_toe", Toe(Right)),
            ("RBigToe", Toe(Right)),
            ("LSmallToe", SmallToe(Left)),
            ("MidHip", MidHip),
            ("left_eye_inner", EyeInner(Left)),
            ("mouth_right", Mouth(Right)),
            ("right_foot_index", Toe(Right)),
            ("Hip", MidHip),
            ("hip_l", Hip(Left)),
            ("left.ear", Ear(Left)),
        ] {
            assert_eq!(name.parse::<Joint>().unwrap(), joint, "{name}");
        }
    }

    #[test]
    fn strangers_and_half_names_are_refused() {
        for name in
            ["", "_", "knee", "r", "r_nose", "l_r_knee", "patella_r", "é", "R", "shoulder_x"]
        {
            assert!(name.parse::<Joint>().is_err(), "{name}");
        }
    }

    fn all() -> Vec<Joint> {
        use Joint::*;
        let sided = [
            Eye, EyeInner, EyeOuter, Mouth, Ear, Shoulder, Elbow, Wrist, Thumb, Index, Pinky, Hip,
            Knee, Ankle, Heel, Toe, SmallToe,
        ];
        let mut joints = vec![Nose, Head, Neck, MidHip];
        joints.extend(sided.iter().flat_map(|f| Side::BOTH.map(f)));
        joints
    }
}
