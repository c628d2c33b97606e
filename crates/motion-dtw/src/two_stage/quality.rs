//! How far a match can be trusted.

/// Verdict on a match, from its cost.
///
/// Limits are ours, from composed recordings with known content (see the crate's README): at 0.3 one search in twenty
/// for something that is not there is taken for a find, most of them jumps of one kind for jumps of another. A very
/// different athlete or marker set can cost up to 0.45; [`MotionDtw::tuned`](crate::MotionDtw::tuned) with several
/// references sets the limit for them, [`MotionDtw::with_presence_limit`](crate::MotionDtw::with_presence_limit) by
/// hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Clearly this movement.
    Good,
    /// This movement, done differently or measured badly.
    Fair,
    /// Perhaps this movement; look before using it.
    Poor,
    /// The movement is not in the recording; the keyframes mean nothing.
    NotFound,
}

impl Tier {
    /// Highest cost of a movement that is there at all, by default.
    pub const PRESENCE_LIMIT: f64 = 0.3;
    /// Highest cost of each tier, as a share of that limit.
    const LIMITS: [(Tier, f64); 3] = [(Tier::Good, 0.8), (Tier::Fair, 0.93), (Tier::Poor, 1.0)];

    /// The verdict for a [`Quality::cost`] under the default limit.
    #[must_use]
    pub fn of(cost: f64) -> Self {
        Self::under(cost, Self::PRESENCE_LIMIT)
    }

    /// The verdict for a [`Quality::cost`] where present movements cost up to `presence_limit`.
    pub(crate) fn under(cost: f64, presence_limit: f64) -> Self {
        Self::LIMITS
            .into_iter()
            .find(|&(_, share)| cost <= share * presence_limit)
            .map_or(Tier::NotFound, |(tier, _)| tier)
    }

    /// Whether the movement was found at all.
    #[must_use]
    pub fn is_found(self) -> bool {
        self != Tier::NotFound
    }
}

/// Figures that tell how far to trust a match.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quality {
    /// Verdict, from `cost`.
    pub tier: Tier,
    /// Mean squared distance along the warp: 0 for the same movement, about 0.5 for unrelated ones.
    pub cost: f64,
    /// How much cheaper this match is than the best one elsewhere: 0 (a tie, as in repetitions) to 1.
    pub margin: f64,
    /// Share of the reference's features that the query measured along the warp, 0 to 1.
    pub coverage: f64,
    /// Least and largest local tempo between first and last keyframe, query seconds per reference second.
    ///
    /// Outside 0.5 to 2 part of the movement was stretched so much that its keyframes deserve a look.
    pub slope: (f64, f64),
}
