//! Body proportions and segment masses.

/// Segment lengths of one body, in metres, and where each segment's mass sits.
///
/// Lengths are fractions of stature after Drillis & Contini (1966); masses and centres of mass are
/// those of Dempster as tabulated by Winter, *Biomechanics and Motor Control of Human Movement*.
#[derive(Debug, Clone, Copy)]
pub(super) struct Body {
    pub(super) foot: f64,
    pub(super) ankle_height: f64,
    pub(super) shank: f64,
    pub(super) thigh: f64,
    pub(super) trunk: f64,
    pub(super) neck: f64,
    pub(super) head: f64,
    pub(super) upper_arm: f64,
    pub(super) forearm: f64,
    pub(super) half_hips: f64,
    pub(super) half_shoulders: f64,
}

impl Body {
    /// The proportions of an adult of `stature_m`.
    pub(super) fn of_stature(stature_m: f64) -> Self {
        Self {
            foot: 0.152 * stature_m,
            ankle_height: 0.039 * stature_m,
            shank: 0.246 * stature_m,
            thigh: 0.245 * stature_m,
            trunk: 0.288 * stature_m,
            neck: 0.052 * stature_m,
            head: 0.065 * stature_m, // neck to the middle of the head
            upper_arm: 0.186 * stature_m,
            forearm: 0.146 * stature_m,
            half_hips: 0.191 / 2.0 * stature_m,
            half_shoulders: 0.259 / 2.0 * stature_m,
        }
    }
}

/// Share of body mass, both sides together, of each segment (they sum to one).
pub(super) mod mass {
    pub(in super::super) const FEET: f64 = 2.0 * 0.0145;
    pub(in super::super) const SHANKS: f64 = 2.0 * 0.0465;
    pub(in super::super) const THIGHS: f64 = 2.0 * 0.100;
    pub(in super::super) const UPPER_ARMS: f64 = 2.0 * 0.028;
    pub(in super::super) const FOREARMS: f64 = 2.0 * 0.022; // with the hands
    pub(in super::super) const TRUNK_AND_HEAD: f64 = 0.578;
}

/// Where a segment's centre of mass sits, as a share of its length from the proximal joint.
pub(super) mod centre {
    pub(in super::super) const FOOT: f64 = 0.5;
    pub(in super::super) const SHANK: f64 = 0.433;
    pub(in super::super) const THIGH: f64 = 0.433;
    pub(in super::super) const UPPER_ARM: f64 = 0.436;
    pub(in super::super) const FOREARM: f64 = 0.682; // with the hand
    pub(in super::super) const TRUNK_AND_HEAD: f64 = 0.66; // from the hip, of the trunk's length
}
