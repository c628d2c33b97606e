//! Aligns an athlete's motion with a reference motion, frame by frame.
//!
//! ```
//! use motion_dtw::{Dtw, Motion};
//! let reference = Motion::from_angles([0.0, 40.0, 90.0, 40.0]); // knee flexion, degrees
//! let athlete = Motion::from_angles([0.0, 0.0, 40.0, 90.0, 40.0]);
//! let alignment = Dtw::new().align(&athlete, &reference)?;
//! assert_eq!(alignment.query_frames(2), 3..4); // deepest flexion: one frame later
//! # Ok::<(), motion_dtw::Error>(())
//! ```

mod motion; // what goes in
mod reference;
mod features;
mod two_stage; // the two-stage alignment of movements
mod dtw; // the core algorithm
mod alignment; // what comes out
mod error;

pub use alignment::{Alignment, WarpingPath};
pub use dtw::Dtw;
pub use dtw::bounds::Envelope;
pub use dtw::distance::Distance;
pub use dtw::frames::{Frames, Sequence};
pub use dtw::lattice::OpenEnds;
pub use dtw::step::{Normalization, SlopeWeighting, Step, StepPattern};
pub use dtw::subsequence::{Occurrence, Stream};
pub use dtw::window::Window;
pub use error::{Error, Result, Role};
pub use motion::Motion;
pub use reference::{Keyframe, Reference};
pub use two_stage::{MatchedKeyframe, Method, MotionDtw, MotionMatch, Quality, Tier};
