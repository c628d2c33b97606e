//! What users of the crate rely on.

mod model; // laws of the numeric model
mod shipped; // the knowledge that comes with the crate
mod support;
