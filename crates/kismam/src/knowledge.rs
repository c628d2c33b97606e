//! Knowledge as reviewable data: what can be measured, what it should be, what is wrong when it is not.

mod rows; // the tables of a file
mod base; // reading and finding
mod lint; // what rows say of each other
mod matrix; // W, visible
mod diff; // two versions
mod shipped; // what comes with the crate

pub use base::KnowledgeBase;
pub use diff::{Change, ChangeKind};
pub use lint::{Finding, LintSummary, Severity};
pub use matrix::Matrix;
pub use rows::*;
