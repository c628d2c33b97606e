//! What users of `motion-dtw` rely on.

mod average;
mod bad_input;
mod bounds;
mod by_hand;
mod golden;
mod laws;
mod long;
mod plain;
mod real;
mod support;
mod two_stage;
