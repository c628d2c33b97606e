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
//!
//! Three tools, and what they are made of:
//!
//! - [`MotionDtw`] finds a reference movement in a long recording and carries its keyframes over, with error bars and
//!   an honest "not found". It takes [`Motion`]s (frames x joint angles, with gaps) and a [`Reference`] with keyframes.
//! - [`Dtw`] aligns any two [`Sequence`]s: windows, step patterns, open ends, distances, lower bounds ([`Envelope`]),
//!   subsequence search ([`Dtw::find_all`]) and [`Stream`]s.
//! - [`Reference::average`] makes one reference with a spread of several good recordings; [`Dba`] averages series without
//!   keyframes, [`KMeans`] groups them, [`SoftDtw`] has gradients.
//!
//! A simulated jump found in 20 seconds of somebody else's movements (`cargo run -p align` draws this picture). Every
//! pair of frames has a distance; the path runs along the valley and carries the keyframes over:
//!
//! <div style="overflow-x: auto">
//!
#![doc = include_str!("../docs/warping-path.svg")]
//!
//! </div>
//!
//! Common settings run on a vectorised kernel (several times as fast as other libraries, and in less memory); the rest on
//! general code with the same results. Feature `rayon`: batches ([`Dtw::distances`]) and means use all
//! cores.
//!
//! What this crate leaves out: skeletons, files, sports. Angles come in, frames go out.
//!
//! # Sources, and where we differ
//!
//! - Warping path, window, slope constraints: Sakoe & Chiba (1978); Itakura (1975); Rabiner & Juang (1993).
//! - Subsequences: Müller (2007), ch. 7; streams: Sakurai, Faloutsos & Yamamuro (2007).
//! - Lower bounds: Kim, Park & Chu (2001); Keogh & Ratanamahatana (2005); Lemire (2009).
//! - Means: Petitjean, Ketterlin & Gançarski (2011); soft-DTW: Cuturi & Blondel (2017), Blondel, Mensch & Vert (2021).
//! - Two stages: Tian et al. (2025), arXiv:2512.14121, whose window rule, weights, rates and keyframe rule are not
//!   public: ours are stated at [`MotionDtw`].
//! - Ours: ties prefer the diagonal step, so that equal inputs always give the same path; features are scaled by the
//!   reference only; the warp is smoothed between frames; every keyframe has a standard deviation.

mod motion; // what goes in
mod reference;
mod features;
mod two_stage; // the two-stage alignment of movements
mod dtw; // the core algorithm
mod average; // means and groups
mod alignment; // what comes out
mod error;

pub use alignment::{Alignment, WarpingPath};
pub use average::{
    Average, AverageReference, Clustering, Dba, KMeans, SoftAverage, SoftAveraging, SoftDtw,
    SoftGradient,
};
pub use dtw::Dtw;
pub use dtw::bounds::Envelope;
pub use dtw::distance::Distance;
pub use dtw::frames::{Frames, Sequence};
pub use dtw::lattice::OpenEnds;
pub use dtw::step::{Normalization, SlopeWeighting, Step, StepPattern};
pub use dtw::stream::Stream;
pub use dtw::subsequence::Occurrence;
pub use dtw::window::Window;
pub use error::{Error, Result, Role};
pub use motion::Motion;
pub use reference::{Keyframe, Reference};
pub use two_stage::{
    Consensus, MatchedKeyframe, Method, MotionDtw, MotionMatch, Quality, Tier, Tuning,
    TuningOutcome, TuningTrial, VotedKeyframe,
};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
