//! What users of the crate rely on.

mod simulated;
mod recordings;
mod rendering;
