//! The model on this machine: as the policy that `grpo` trains, in an environment of questions about videos.
//!
//! [`Words`] turn what the agent says into tokens and pixels, [`NetworkPolicy`] writes and is trained, [`VideoEnvironment`]
//! answers it through the agent's [`Dialogue`](crate::agent::Dialogue): frames come from `frame-tool`, rules from
//! [`Agent`](crate::agent::Agent).

mod environment;
mod policy;
mod words;

pub use environment::{VideoEnvironment, VideoTask};
pub use policy::{NetworkPolicy, SeenPixels};
pub use words::Words;
