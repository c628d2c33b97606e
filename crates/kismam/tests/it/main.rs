//! What users of the crate rely on.

mod files; // knowledge files and bad input
mod fuzz; // whatever the bytes
mod learning; // calibration and agreement
mod model; // laws of the numeric model
mod recordings; // real movements
mod shipped; // the knowledge that comes with the crate
mod support;
