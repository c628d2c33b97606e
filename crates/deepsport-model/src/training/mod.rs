//! Scoring tokens with gradients, adapters, and what training saves.

mod clip;
mod lora;
mod scores;

pub use clip::clip_global_norm;
pub use lora::LoraSettings;
pub use scores::{ScoreSettings, TokenScores};
