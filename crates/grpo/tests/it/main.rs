//! What users rely on.

mod support; // small policies and environments

mod trajectory;
mod rewards;
mod advantages;
mod losses; // against trl and against plain loops
mod mismatch;
mod training; // a bandit learns with every loss
mod accumulation; // micro-batches do not matter
mod resume;
mod kill;
mod sft;
mod devices; // several train as one does
mod metrics;
mod estimate;
