//! The model on this machine: as the policy that `grpo` trains, in an environment of questions about videos.
//!
//! [`Words`] turn what the agent says into tokens and pixels, [`NetworkPolicy`] writes and is trained, [`VideoEnvironment`]
//! answers it through the agent's [`Dialogue`](crate::agent::Dialogue): frames come from `frame-tool`, rules from
//! [`Agent`](crate::agent::Agent).

mod seen; // a frame
mod words; // between what the agent says and what the network reads
pub mod folder; // a model in a folder
mod speaker; // it speaks
mod policy; // it writes, and is trained
mod packed; // from demonstrations too
mod environment; // who asks and answers it then

pub use environment::{EVENT_RECALL, EVENT_SEEN, EVENT_T_IOU, VideoEnvironment, VideoTask};
pub use folder::{Model, Settings};
pub use policy::NetworkPolicy;
pub use seen::SeenPixels;
pub use speaker::NetworkSpeaker;
pub use words::Words;
