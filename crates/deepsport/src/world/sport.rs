//! The sports of the toy world, with their rules.

use serde::{Deserialize, Serialize};

/// A sport that is played in the toy world.
///
/// All work alike: play goes on, one decisive event happens, and a strip at the bottom lights up: play is over. Each has its
/// own pitch, players, event and rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Sport {
    /// Who touched the ball last before it went out? The others throw in.
    Soccer,
    /// Did red's ball land in, beyond the base line, or beyond the side line?
    Tennis,
    /// Did the ball bounce twice on blue's half, or was it played in time?
    TableTennis,
    /// Whose lamp came on first? Both together count for both, as in épée.
    Fencing,
    /// Did the shot go in, and what is the score then?
    Basketball,
}

/// What happened: an index into [`Sport::outcomes`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Outcome(pub(crate) u8);

impl Outcome {
    /// Index into [`Sport::outcomes`].
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl Sport {
    /// All sports.
    pub const ALL: [Self; 5] =
        [Self::Soccer, Self::Tennis, Self::TableTennis, Self::Fencing, Self::Basketball];

    /// One word in lower case, as prompts and records write it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Soccer => "soccer",
            Self::Tennis => "tennis",
            Self::TableTennis => "table_tennis",
            Self::Fencing => "fencing",
            Self::Basketball => "basketball",
        }
    }

    /// What can happen, in a word each.
    #[must_use]
    pub fn outcomes(self) -> &'static [&'static str] {
        match self {
            Self::Soccer => &["red", "blue"],
            Self::Tennis => &["in", "long", "wide"],
            Self::TableTennis => &["once", "twice"],
            Self::Fencing => &["red", "blue", "both"],
            Self::Basketball => &["basket", "miss"],
        }
    }

    /// The outcomes as values.
    pub fn all_outcomes(self) -> impl Iterator<Item = Outcome> {
        (0..self.outcomes().len() as u8).map(Outcome)
    }
}
