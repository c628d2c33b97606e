//! Qwen2.5-VL in burn: checkpoints, processor, forward with gradients, generation.
//!
//! ```
//! use burn::tensor::Device;
//! use deepsport_model::generate::{Session, SessionSettings, generate, greedy};
//! use deepsport_model::{Init, ModelConfig, Network, Sequence};
//!
//! // a small network of random weights; `checkpoint::Checkpoint` reads real ones
//! let config = ModelConfig::from_json(&serde_json::json!({
//!     "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4,
//!     "num_key_value_heads": 2, "vocab_size": 100, "rope_scaling": { "mrope_section": [1, 1, 2] },
//!     "image_token_id": 90, "video_token_id": 91,
//!     "vision_config": { "depth": 1, "hidden_size": 32, "num_heads": 2, "intermediate_size": 48, "out_hidden_size": 32,
//!         "fullatt_block_indexes": [0] },
//! }))?;
//! let network = Network::init(&config, &Init::new(&Device::flex()));
//! let prompt = Sequence::new(&[1, 2, 3], &[], &config)?;
//! let mut session = Session::new(&network, vec![prompt], SessionSettings::default())?;
//! let completions = generate(&mut session, 5, &mut |_, logits, _| {
//!     logits[90..=91].fill(f32::NEG_INFINITY); // nothing would stand behind a placeholder
//!     Ok(greedy(logits, |id| id == 0))
//! })?;
//! assert!(completions[0].ids.len() <= 5);
//! # Ok::<(), deepsport_model::Error>(())
//! ```
//!
//! # Sources, and where we differ
//!
//! - The network: Qwen2.5-VL (Bai et al. 2025), arXiv:2502.13923, and its published configs and weights.
//! - Positions follow the code that the model was trained with; transformers 5.3 and later differ behind clips, see
//!   [`PositionRule`].
//! - Low-rank adapters: Hu et al. (2021), arXiv:2106.09685; over packed weights: Dettmers et al. (2023), arXiv:2305.14314.
//! - Ours: attention by equal windows instead of masks, forks that share a prefix, whole parts computed again in the
//!   backward pass.
//!
//! # Features
//!
//! `flex` (default): the CPU, in pure Rust; AVX-512 where the CPU has it. `cuda`: NVIDIA GPUs.

pub mod processor; // pictures and clips in
pub mod tokenizer; // text to ids and back
pub mod chat; // conversations
pub mod sampling; // logits to the next token
mod attend;
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
pub use rope::{Rope, mrope_axes};
pub use sequence::Sequence;

/// Compiles the code of the README.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
