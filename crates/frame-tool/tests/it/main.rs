//! What users of the crate rely on.

mod animations;
mod bad_files;
mod calls;
mod damage;
mod episodes;
mod fitting;
#[cfg(feature = "ffmpeg")]
mod programs;
mod sampling;
mod sources;
mod support;
mod video;
