//! Qwen2.5-VL in burn: checkpoints, processor, forward with gradients, generation.

pub mod processor; // pictures and clips in
pub mod tokenizer; // text to ids and back
pub mod chat; // conversations
pub mod sampling; // logits to the next token
mod batch;
mod cache;
pub mod checkpoint;
mod config;
pub mod estimate; // sizes and memory
mod error;
pub mod generate;
pub mod language;
mod layers;
mod network;
mod observe;
mod positions;
mod quantise;
mod recompute;
mod rope;
mod sequence;
pub mod training;
pub mod vision;

pub use batch::Padding;
pub use cache::KvCache;
pub use config::{ModelConfig, TextConfig, VisionConfig};
pub use error::{Error, Result};
pub use layers::{Init, Linear, Mlp, RmsNorm};
pub use network::{Network, Pass};
pub use observe::{Observer, Stage};
pub use positions::{PositionRule, Positions};
pub use quantise::Bits;
pub use rope::Rope;
pub use sequence::Sequence;
