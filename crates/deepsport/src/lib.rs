//! Thinks with sports videos: an agent that looks again where it matters, and all that makes, measures and teaches one.
//!
//! ```
//! use deepsport::agent::{Agent, Wording};
//! use deepsport::world::{Expert, World, WorldConfig};
//!
//! // A made-up clip whose decisive moment none of the eight first frames shows.
//! let world = World::new(WorldConfig { hard_share: 1.0, ..WorldConfig::default() })?;
//! let item = world.item(1);
//!
//! // Who sees where play ended looks there once more, and then knows.
//! let agent = Agent::new().with_wording(Wording::Toy);
//! let trajectory = agent.run(&item.clip.video()?, &item.question.text, &mut Expert::new(&item))?;
//! assert_eq!((trajectory.num_calls(), trajectory.num_frames()), (1, 16));
//! assert_eq!(item.question.reward(trajectory.answer.as_deref().unwrap_or_default()), 1.0);
//! # Ok::<(), deepsport::Error>(())
//! ```
//!
//! - [`agent`]: k indexed frames, a thought, a call or an answer, up to five turns; every step on record. Whoever writes text
//!   about pictures can be the [`Speaker`](agent::Speaker): a model behind a server ([`OpenAi`]), a record, an expert.
//! - [`world`]: clips with rules and one decisive event, easy and hard by construction, without end.
//! - [`data`]: one kind of [`Record`](data::Record); ten sources; splits that share no video.
//! - [`distill`]: a teacher's trajectories, kept if right, well formed, sound and supported by the frames.
//! - [`evaluate`]: scores by rule or judge, intervals clustered by video, temporal grounding, error classes, paired tests.
//! - [`report`]: runs as pages to look at.
//! - `local`: the model on this machine as the policy that `grpo` trains, in an environment of questions about videos.
//!
//! # Features
//!
//! - `local` (on by default): the model on this machine; brings burn.
//! - `openai` (on by default): models behind OpenAI-compatible servers.
//! - `openai-tls`: https for them, by rustls; needs a C compiler.
//!
//! # Sources, and where we differ
//!
//! - DeepSport (arXiv:2511.12908): the loop, k = 8, the call's syntax, 12,800 response tokens, splits by video, the steps of
//!   distillation, the error classes. Its prompts, templates and judges are not public: those here are ours.
//! - FrameThinker (arXiv:2509.24304): five turns, the consistency of thought and call.
//! - LongVT, DeepEyes: three modes of evaluation, judges that give 0, 0.5 or 1.
//! - Clustered errors: Liang & Zeger (1986); Miller (2024), "Adding error bars to evals", arXiv:2411.00640.
//! - Ours: the toy world, and all that it proves.

pub mod agent; // answers a question about a video
pub mod world; // a toy world in which all of it can be checked
pub mod data; // questions about videos
pub mod distill; // learning from a teacher
pub mod evaluate; // how well
pub mod report; // pages to look at
#[cfg(feature = "local")]
pub mod local; // the model here, to be trained
#[cfg(feature = "local")]
pub mod training; // recipes, and what comes of them
#[cfg(feature = "openai")]
mod openai; // a model behind a server
mod jobs; // long work, item by item
mod picture;
mod files;
mod error;

pub use data::{Difficulty, Dimension};
pub use error::{Error, Result};
pub use files::write_text;
#[cfg(feature = "openai")]
pub use openai::OpenAi;
pub use openai_service::Problem as ServiceProblem;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
