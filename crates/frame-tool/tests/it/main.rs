//! What users of the crate rely on.

mod bad_files;
mod calls;
mod episodes;
mod resizing;
mod sampling;
mod sources;
mod support;
mod video;
