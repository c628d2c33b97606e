//! What users of the crate rely on.

mod shipped; // the knowledge that comes with the crate
