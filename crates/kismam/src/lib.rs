//! Names what is wrong with a movement, from numbers measured at its keyframes, and shows the evidence.
//!
//! ```
//! use kismam::{Assessor, KnowledgeBase, Measurement, Side, Verdict};
//!
//! let knowledge = KnowledgeBase::shipped().into_iter().find(|kb| kb.event("squat").is_some()).unwrap();
//! let knees = |deg: f64| [Side::Left, Side::Right].map(|side| Measurement::new("knee@bottom", deg, 3.0).on(side));
//!
//! let reference = knees(80.0); // the same feature on a reference recording
//! let assessment = Assessor::new(&knowledge, "squat")?.with_template(&reference).assess(&knees(112.0))?;
//!
//! let issue = &assessment.issues[0];
//! assert_eq!((issue.id.as_str(), issue.verdict), ("shallow_squat", Verdict::Present));
//! assert_eq!(issue.evidence[0].deviation, 32.0); // degrees above the reference
//! assert!(issue.explanation.en.contains("24 deg more bent would clear it"));
//! // Of what was not measured, nothing is claimed.
//! assert!(assessment.not_assessable.iter().any(|issue| issue.id == "excessive_trunk_lean"));
//! # Ok::<(), kismam::Error>(())
//! ```
//!
//! # Sources, and where we differ
//!
//! - Keyframe metrics, thresholds `T_min` and `T_max`, and a mapping matrix W from deviations to named issues: KISMAM in
//!   Tian et al. (2025), SportsGPT, arXiv:2512.14121. Its equations, thresholds and W were never released;
//!   [`Profile::Paper`] is the plainest reading: a linear ramp and a W-weighted mean.
//! - Ours: the ramp's mean under measurement noise in closed form ([`ramp::expected`]), deviations shrunk towards the
//!   target by their reliability ([`ramp::shrinkage`]), noisy-OR over evidence groups, required and contrary rows, four
//!   verdicts with a "cannot tell", left-right asymmetry as a signed difference.
//! - Ours: with a reference recording its values are the targets, and a published interval grows to take its value in,
//!   so that the reference athlete is without fault by definition. Nothing is an issue unless some measured value is
//!   itself out of tolerance, so a recording compared with itself never has an issue, whatever the noise.
//!
//! Not here: measuring (see [`vocabulary`] for what a measure means), finding keyframes, and advice.

mod measurement; // what goes in
mod athlete;
pub mod vocabulary;
mod knowledge; // what is known
mod observed; // measurements sorted and averaged
mod target; // what a number should be
pub mod ramp; // the noise-aware membership
mod score; // rows to issues
mod calibration; // probabilities from labelled cases
pub mod metrics; // agreement with an expert
mod assessor; // joins them
mod assessment; // what comes out
mod record; // a row's evidence
mod explain; // in words
mod error;

pub use assessment::{
    Assessment, EvidenceRecord, IssueAssessment, KnowledgeStamp, MissingEvidence, Repeats,
    SeverityBand, SideValue, Verdict,
};
pub use assessor::{Assessor, Profile, Score};
pub use athlete::{Athlete, Sex};
pub use calibration::Calibration;
pub use error::{Error, Result};
pub use explain::Lang;
pub use knowledge::*;
pub use measurement::{Measurement, Side};
pub use target::{MissingReason, Target, TargetKind};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
