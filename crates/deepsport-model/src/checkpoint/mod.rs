//! Checkpoint folders: reading and writing weights in the hub's layout.

mod report;

pub use report::Report;
