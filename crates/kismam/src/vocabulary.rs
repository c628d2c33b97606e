//! The measures that features may refer to: unit, names, and words for more and less of each.

/// A measure by name, with the words that explanations use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Measure {
    /// Name used in knowledge files.
    pub name: &'static str,
    /// Unit of its values: `deg`, `leg` (leg lengths) or `ratio`.
    pub unit: &'static str,
    /// Whether left and right are measured apart.
    pub sided: bool,
    /// Views that show it.
    pub views: &'static [&'static str],
    /// English name.
    pub en: &'static str,
    /// Chinese name.
    pub zh: &'static str,
    /// English words for a larger and for a smaller value.
    pub more_less_en: [&'static str; 2],
    /// Chinese words for a larger and for a smaller value.
    pub more_less_zh: [&'static str; 2],
}

const ANY: &[&str] = &["side", "front", "3d"];
const SAGITTAL: &[&str] = &["side", "3d"];
const FRONTAL: &[&str] = &["front", "3d"];

/// Every measure of the vocabulary.
///
/// Joint angles are included angles, 180 degrees when straight; inclinations are from the vertical, forward positive.
pub const MEASURES: &[Measure] = &[
    measure(
        "knee",
        "deg",
        true,
        SAGITTAL,
        ["knee angle", "膝关节角"],
        [["straighter", "more bent"], ["再伸直", "再弯曲"]],
    ),
    measure(
        "hip",
        "deg",
        true,
        SAGITTAL,
        ["hip angle", "髋关节角"],
        [["more open", "more closed"], ["再展开", "再收拢"]],
    ),
    measure(
        "ankle",
        "deg",
        true,
        SAGITTAL,
        ["ankle angle", "踝关节角"],
        [["more pointed", "more flexed"], ["再蹬直", "再勾起"]],
    ),
    measure(
        "elbow",
        "deg",
        true,
        SAGITTAL,
        ["elbow angle", "肘关节角"],
        [["straighter", "more bent"], ["再伸直", "再弯曲"]],
    ),
    measure(
        "shoulder",
        "deg",
        true,
        SAGITTAL,
        ["arm-to-trunk angle", "肩关节角"],
        [["higher", "lower"], ["再抬高", "再放低"]],
    ),
    measure(
        "thigh",
        "deg",
        true,
        SAGITTAL,
        ["thigh inclination", "大腿倾角"],
        [["further forward", "further back"], ["再向前", "再向后"]],
    ),
    measure(
        "shank",
        "deg",
        true,
        SAGITTAL,
        ["shank inclination", "小腿倾角"],
        [["further forward", "further back"], ["再前倾", "再后倾"]],
    ),
    measure(
        "knee_valgus",
        "deg",
        true,
        FRONTAL,
        ["inward knee angle", "膝内扣角"],
        [["further in", "further out"], ["再向内", "再向外"]],
    ),
    measure(
        "foot_ahead",
        "leg",
        true,
        SAGITTAL,
        ["foot position ahead of the hips", "足部超前距离"],
        [["further ahead", "less far ahead"], ["再靠前", "再靠后"]],
    ),
    measure(
        "push_line",
        "deg",
        true,
        SAGITTAL,
        ["lean of the line from toe to hips", "脚尖至髋连线倾角"],
        [["further forward", "steeper"], ["再前倾", "再陡"]],
    ),
    measure(
        "wrist_height",
        "leg",
        true,
        ANY,
        ["wrist height above the shoulder", "手腕高度"],
        [["higher", "lower"], ["再高", "再低"]],
    ),
    measure(
        "toe_clearance",
        "leg",
        true,
        ANY,
        ["height of the toes", "脚尖离地高度"],
        [["higher", "lower"], ["再高", "再低"]],
    ),
    measure(
        "trunk",
        "deg",
        false,
        SAGITTAL,
        ["trunk lean", "躯干前倾角"],
        [["further forward", "more upright"], ["再前倾", "再直立"]],
    ),
    measure(
        "trunk_side",
        "deg",
        false,
        FRONTAL,
        ["sideways trunk lean", "躯干侧倾角"],
        [["further to the right", "further to the left"], ["再向右", "再向左"]],
    ),
    measure(
        "hip_height",
        "leg",
        false,
        ANY,
        ["hip height", "髋部高度"],
        [["higher", "lower"], ["再高", "再低"]],
    ),
    measure(
        "pelvis_height",
        "leg",
        false,
        ANY,
        ["pelvis height", "骨盆高度"],
        [["higher", "lower"], ["再高", "再低"]],
    ),
    measure(
        "toe_height",
        "leg",
        false,
        ANY,
        ["toe height", "脚尖高度"],
        [["higher", "lower"], ["再高", "再低"]],
    ),
    measure(
        "pelvis_shift",
        "leg",
        false,
        FRONTAL,
        ["sideways shift of the hips", "髋部左右偏移"],
        [["further to the right", "further to the left"], ["再向右", "再向左"]],
    ),
    measure(
        "knee_gap",
        "ratio",
        false,
        FRONTAL,
        ["knee-to-ankle separation", "膝踝间距比"],
        [["wider", "narrower"], ["再宽", "再窄"]],
    ),
    measure(
        "stance_width",
        "leg",
        false,
        FRONTAL,
        ["distance between the ankles", "两踝间距"],
        [["wider", "narrower"], ["再宽", "再窄"]],
    ),
];

const fn measure(
    name: &'static str,
    unit: &'static str,
    sided: bool,
    views: &'static [&'static str],
    [en, zh]: [&'static str; 2],
    [more_less_en, more_less_zh]: [[&'static str; 2]; 2],
) -> Measure {
    Measure { name, unit, sided, views, en, zh, more_less_en, more_less_zh }
}

/// Whether a measure without sides is itself a lopsidedness: 0 when the body is symmetric, positive towards the right.
#[must_use]
pub fn is_lopsidedness(name: &str) -> bool {
    matches!(name, "pelvis_shift" | "trunk_side")
}

/// The measure with this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Measure> {
    MEASURES.iter().find(|measure| measure.name == name)
}

/// Error of a usual pose estimate, one standard deviation, by unit (ours).
///
/// 5 degrees: side-view sprint angles after filtering have an RMSE of 3.9 to 7.0 degrees (arXiv:2505.04713). Lengths:
/// the error of two keypoints a leg length apart that makes such an angle error is about 0.05 leg lengths.
#[must_use]
pub fn default_pose_error(unit: &str) -> f64 {
    match unit {
        "deg" => 5.0,
        "leg" => 0.05,
        "ratio" => 0.05,
        _ => 0.0,
    }
}
