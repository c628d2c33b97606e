//! From a skeleton recording to a coaching report.
//!
//! The chain of SportsGPT (Tian et al. 2025, arXiv:2512.14121): [`motion_dtw`] finds a reference's motion in
//! a long recording and carries its keyframes over, [`kismam`] names what differs there, [`sports_rag`]
//! finds what to do about it. This crate joins them into a [`Pipeline`] and turns the result into a
//! [`Report`]: data first, then text, JSON or one self-contained page.
//!
//! ```
//! # #[cfg(feature = "simulation")] {
//! use sportsgpt::{Knowledge, Pipeline, Trial, simulation::StandingLongJump};
//!
//! let knowledge = Knowledge::shipped()?;
//! let athlete = Trial::new("athlete", StandingLongJump::club_athlete().record()?);
//! let reference = Trial::new("model technique", StandingLongJump::elite().record()?);
//!
//! let report = Pipeline::new(&knowledge, "standing_long_jump")?.run(&athlete, &reference)?;
//! assert_eq!(report.keyframes[1].name, "takeoff");
//! println!("{}", sportsgpt::render::text(&report));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Sources, and where we differ
//!
//! - The stages are the paper's. It aligns joint angles it does not list; we align ten included angles, five
//!   inclinations and four heights.
//! - Targets are the reference's own values (the paper contrasts "with the target"), widened by what the
//!   literature allows; the paper's thresholds and mapping matrix were not released.
//! - The paper lets a language model write the guidance. Ours is put together from retrieved passages
//!   word for word, so that it says nothing that no source says.
//!
//! # Features
//!
//! - `simulation`: the module of that name, a made-up standing long jump for a first run.

mod trial; // what goes in
mod knowledge;
mod pipeline; // the chain
mod alignment;
mod channels;
mod signals;
mod snapping;
mod measuring;
mod curves;
mod figurine;
mod notes;
pub mod report; // what comes out
pub mod render;
pub mod figure;
#[cfg(feature = "simulation")]
pub mod simulation;
mod error;

pub use alignment::{Aligned, Repetition};
pub use error::{Error, Result};
pub use knowledge::Knowledge;
pub use pipeline::{Assessed, Measured, Pipeline};
pub use report::Report;
pub use trial::Trial;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
