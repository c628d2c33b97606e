//! Supervised fine-tuning on demonstrations: what comes before reinforcement.
//!
//! A demonstration is a [`Trajectory`](crate::Trajectory) whose turns a teacher wrote
//! ([`append_demonstration`](crate::Trajectory::append_demonstration)); they carry the loss, prompts and tool answers do
//! not. Several share a row ([`PackedRow`]) without seeing each other. [`Shard`]s follow one another as a curriculum.

mod pack;
mod state;
mod trainer;

pub use pack::{PackedModel, PackedRow, pack};
pub use trainer::{SftConfig, SftTrainer, Shard};
