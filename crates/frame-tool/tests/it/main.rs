//! What users of the crate rely on.

mod bad_files;
mod resizing;
mod sources;
mod support;
mod video;
