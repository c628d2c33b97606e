#![doc = include_str!("../README.md")]

mod error;
mod trajectory; // what one rollout read and wrote
mod policy; // who writes
mod environment; // who answers
pub mod reward; // what it is worth
pub mod advantage; // compared with its group
pub mod loss; // and so, what to change
pub mod trainer; // all of it, again and again
pub mod sft; // what comes before: demonstrations
pub mod optim; // the step from gradients to weights
mod devices; // one step on several
mod schedule;
pub mod checkpoint;
pub mod metrics;
pub mod estimate; // what a run will take
mod stop;
pub mod toy; // a policy to try things with

pub use environment::{Environment, Outcome, Reply};
pub use error::{Cause, Error, Result};
pub use policy::{Policy, Rng, SampleRequest, Scores, draw};
pub use reward::{Reward, RewardSum};
pub use schedule::{Decay, Schedule};
pub use stop::Stop;
pub use trainer::{Trainer, TrainerConfig};
pub use trajectory::{Media, MediaItem, MediaRule, Role, Segment, Trajectory, Turn};
