//! Qwen2.5-VL in burn: checkpoints, processor, forward with gradients, generation.

pub mod checkpoint;
mod error;

pub use error::{Error, Result};
