//! Names what is wrong with a movement, from numbers measured at its keyframes, and shows the evidence.

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
