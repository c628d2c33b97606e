use std::path::Path;

use crate::Document;
use crate::read::markdown;

/// The cards' ids and texts, in id order.
macro_rules! cards {
    ($($id:literal),* $(,)?) => {
        &[$(($id, include_str!(concat!("../knowledge/cards/", $id, ".md")))),*]
    };
}

/// Every card below `knowledge/cards`; a test compares the list with the folder.
const CARDS: &[(&str, &str)] = cards![
    "drop_jump/asymmetric_landing",
    "drop_jump/excessive_knee_give",
    "drop_jump/incomplete_takeoff_extension",
    "drop_jump/knee_valgus",
    "drop_jump/limited_arm_swing",
    "drop_jump/stiff_landing",
    "drop_jump/upright_trunk_at_landing",
    "squat/asymmetric_squat",
    "squat/excessive_trunk_lean",
    "squat/hips_rise_first",
    "squat/knee_valgus",
    "squat/limited_ankle_dorsiflexion",
    "squat/shallow_squat",
    "standing_long_jump/asymmetric_takeoff",
    "standing_long_jump/excessive_countermovement",
    "standing_long_jump/incomplete_takeoff_extension",
    "standing_long_jump/limited_arm_swing",
    "standing_long_jump/limited_leg_reach",
    "standing_long_jump/shallow_countermovement",
    "standing_long_jump/stiff_landing",
    "standing_long_jump/trunk_collapse_at_landing",
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
