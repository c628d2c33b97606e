//! How well questions are answered: scores, where they come from, how sure they are, and what went wrong.

mod reading; // what an answer says
mod judge; // who scores free texts
mod graded; // one question, answered and scored
mod statistics; // means with intervals
mod summary; // a run in figures
mod compare; // two runs side by side
mod run; // answering and scoring a data set

pub use compare::{Comparison, compare};
#[cfg(feature = "local")]
pub(crate) use graded::grounding;
pub use graded::{ErrorClass, Graded, Grounding, Method, read_graded};
pub use judge::{JUDGE_PROMPT, Judge, Verdict};
pub use reading::{Reading, read_answer};
pub use run::{Evaluation, Progress};
pub(crate) use run::{MakeSpeaker, Open, grade};
pub use statistics::{Estimate, clustered_mean, clustered_share};
pub use summary::{Group, Summary};
