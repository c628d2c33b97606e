use std::path::Path;

use crate::Document;
use crate::read::markdown;

/// The cards' ids and texts, in path order.
macro_rules! cards {
    ($($id:literal),* $(,)?) => {
        &[$(($id, include_str!(concat!("../knowledge/cards/", $id, ".md")))),*]
    };
}

/// Every card below `knowledge/cards`; a test compares the list with the folder.
const CARDS: &[(&str, &str)] = cards![
    "countermovement_jump/asymmetric_landing",
    "countermovement_jump/excessive_countermovement",
    "countermovement_jump/incomplete_takeoff_extension",
    "countermovement_jump/limited_arm_swing",
    "countermovement_jump/shallow_countermovement",
    "countermovement_jump/stiff_landing-ladder",
    "countermovement_jump/stiff_landing",
    "drop_jump/asymmetric_landing",
    "drop_jump/excessive_knee_give",
    "drop_jump/incomplete_takeoff_extension",
    "drop_jump/knee_valgus-feedback",
    "drop_jump/knee_valgus",
    "drop_jump/limited_arm_swing",
    "drop_jump/stiff_landing",
    "drop_jump/upright_trunk_at_landing",
    "free_throw/incomplete_elbow_extension",
    "free_throw/limited_knee_dip",
    "free_throw/low_release",
    "free_throw/trunk_leans_back",
    "kick/bent_knee_at_impact",
    "kick/leaning_back_at_impact",
    "kick/limited_backswing",
    "kick/short_follow_through",
    "kick/stiff_support_knee",
    "pitch/lead_knee_collapse",
    "pitch/low_elbow_at_foot_plant",
    "pitch/low_knee_lift",
    "pitch/short_stride",
    "pitch/upright_trunk_at_release",
    "running/asymmetric_stride",
    "running/excessive_trunk_lean",
    "running/limited_hip_extension",
    "running/low_heel_recovery",
    "running/overstriding-hills",
    "running/overstriding",
    "sit_to_stand/asymmetric_rise",
    "sit_to_stand/excessive_trunk_lean",
    "sit_to_stand/incomplete_standing",
    "sit_to_stand/limited_trunk_lean-reach",
    "sit_to_stand/limited_trunk_lean",
    "sprint_acceleration/early_upright_posture",
    "sprint_acceleration/incomplete_push_off",
    "sprint_acceleration/limited_knee_drive",
    "sprint_acceleration/overreaching_touchdown",
    "sprint_acceleration/support_collapse",
    "sprint_late/late_recovery",
    "sprint_late/low_knee_lift",
    "sprint_late/overstriding",
    "sprint_late/support_collapse",
    "sprint_late/tight_arm_swing",
    "sprint_late/trunk_leans_back",
    "sprint_max_velocity/asymmetric_stride",
    "sprint_max_velocity/excessive_trunk_lean",
    "sprint_max_velocity/late_recovery",
    "sprint_max_velocity/low_knee_lift",
    "sprint_max_velocity/overlong_push",
    "sprint_max_velocity/overstriding",
    "sprint_max_velocity/support_collapse",
    "sprint_max_velocity/trunk_leans_back",
    "sprint_start/front_knee_too_open",
    "sprint_start/heel_drop_at_first_contact",
    "sprint_start/incomplete_front_push",
    "sprint_start/incomplete_rear_push",
    "sprint_start/low_hips_in_set",
    "sprint_start/overreaching_first_step",
    "sprint_start/popping_up",
    "sprint_start/rear_knee_too_open",
    "squat/asymmetric_squat",
    "squat/excessive_trunk_lean",
    "squat/hips_rise_first",
    "squat/knee_valgus-step-down",
    "squat/knee_valgus",
    "squat/limited_ankle_dorsiflexion",
    "squat/shallow_squat-counterbalance",
    "squat/shallow_squat",
    "standing_long_jump/asymmetric_takeoff",
    "standing_long_jump/excessive_countermovement",
    "standing_long_jump/incomplete_takeoff_extension",
    "standing_long_jump/limited_arm_swing",
    "standing_long_jump/limited_leg_reach",
    "standing_long_jump/shallow_countermovement",
    "standing_long_jump/stiff_landing-low-box",
    "standing_long_jump/stiff_landing",
    "standing_long_jump/trunk_collapse_at_landing",
    "walking/asymmetric_stride",
    "walking/excessive_trunk_lean",
    "walking/limited_hip_extension",
    "walking/short_step",
];

/// The coaching cards that come with the crate: one or more per named issue of every event.
///
/// Written for this crate. Each card says cause, correction, drill, progression and caution, and cites published
/// works; `source.checked` is `Some(false)` where nobody has yet compared the card with the works it cites.
///
/// # Panics
///
/// If a shipped card cannot be parsed; a test reads them all.
#[must_use]
pub fn shipped_cards() -> Vec<Document> {
    let read = |(id, text): &(&str, &str)| match markdown(text, id, Path::new(id)) {
        Ok(card) => card,
        Err(error) => panic!("shipped card {id}: {error}"),
    };
    CARDS.iter().map(read).collect()
}
