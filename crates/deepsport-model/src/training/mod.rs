//! Scoring tokens with gradients, adapters, and what training saves.

mod scores;

pub use scores::{ScoreSettings, TokenScores};
