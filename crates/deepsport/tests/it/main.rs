//! What users of the crate rely on.

mod agent;
mod data;
mod distill;
mod evaluate;
mod world;
#[cfg(feature = "openai")]
mod openai;
#[cfg(feature = "local")]
mod local;
#[cfg(feature = "local")]
mod folder;
#[cfg(feature = "local")]
mod speaker;
#[cfg(feature = "local")]
mod training;
