//! How far a match can be trusted.

/// Verdict on a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Clearly this movement.
    Good,
    /// This movement, done differently or measured badly.
    Fair,
    /// Perhaps this movement; look before using it.
    Poor,
    /// The movement is not in the recording.
    NotFound,
}

impl Tier {
    pub(crate) fn of(cost: f64) -> Self {
        match cost {
            cost if cost <= 0.5 => Tier::Good,
            cost if cost <= 0.7 => Tier::Fair,
            cost if cost <= 0.9 => Tier::Poor,
            _ => Tier::NotFound,
        }
    }
}

/// Figures that tell how far to trust a match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Verdict, from `cost`.
    pub tier: Tier,
    /// Mean distance per reference instant: 0 for the same movement, about 1 or more for unrelated ones.
    pub cost: f64,
    /// How much cheaper this match is than the next best elsewhere: 0 (a tie) to 1.
    pub margin: f64,
    /// Share of the features that were measured along the path, 0 to 1.
    pub coverage: f64,
    /// Least and largest local tempo, query seconds per reference second.
    pub slope: (f64, f64),
}
