//! The report as data: everything that the renderers show, and what scripts read as JSON.

use std::collections::BTreeMap;

use kismam::IssueAssessment;
use serde::{Deserialize, Serialize};
use sports_rag::GuidanceItem;

/// Version of the JSON layout; grows when a field changes its meaning or goes.
pub const SCHEMA: u32 = 1;

/// What was found in one motion.
///
/// Serialises to the `report.json` that programs build on; a field that is not known is absent or
/// `null`, never a made-up number.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of this layout, [`SCHEMA`].
    pub schema: u32,
    /// Event that was assessed, as the knowledge files name it: `squat`.
    pub event: String,
    /// The event's name for people.
    pub event_name: String,
    /// Whether athlete or reference come from a simulation instead of a recording.
    pub simulated: bool,
    /// The athlete's recording.
    pub athlete: Subject,
    /// The reference recording.
    pub reference: Subject,
    /// Where the reported repetition lies in the athlete's recording.
    pub interval: Interval,
    /// Every repetition that was found, in time order; the rest of the report is about one of them.
    pub repetitions: Vec<RepetitionReport>,
    /// How well athlete and reference could be aligned.
    pub alignment: AlignmentSummary,
    /// The reference's keyframes, found in the athlete's recording, in time order.
    pub keyframes: Vec<KeyframeReport>,
    /// Issues that are present or possible, the most pressing first.
    pub issues: Vec<IssueAssessment>,
    /// Issues nothing can be said about, with what was missing.
    pub not_assessable: Vec<IssueAssessment>,
    /// Issues that were looked for and not seen: what the athlete does well.
    pub strengths: Vec<IssueAssessment>,
    /// Issues that were not seen, but not covered well enough to praise.
    pub not_seen: Vec<IssueAssessment>,
    /// Advice, one entry per issue, in the order of `issues`.
    pub guidance: Vec<GuidanceItem>,
    /// The works and cards that the advice cites, by number.
    pub references: Vec<sports_rag::Reference>,
    /// Measures over time, for the plots.
    pub curves: Vec<Curve>,
    /// What the reader should know before trusting the rest.
    pub notes: Vec<String>,
    /// What the report was made from and by.
    pub provenance: Provenance,
}

/// A recording, in a few words.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Name of the recording, usually its file's.
    pub name: String,
    /// Frames a second.
    pub fps: f64,
    /// Number of frames.
    pub num_frames: usize,
    /// 2 for a camera's plane, 3 for space.
    pub num_dims: usize,
    /// Unit of the coordinates.
    pub unit: String,
    /// Share of the joint samples that are missing, 0 to 1.
    pub missing_share: f64,
}

/// Where the motion lies in the athlete's recording, from the first to the last keyframe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Interval {
    /// First frame.
    pub start_frame: usize,
    /// Frame after the last one.
    pub end_frame: usize,
    /// Time of the first keyframe, in seconds.
    pub start_s: f64,
    /// Time of the last keyframe, in seconds.
    pub end_s: f64,
}

/// One repetition of the motion.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RepetitionReport {
    /// Where it lies.
    #[serde(flatten)]
    pub interval: Interval,
    /// Cost of its alignment, see [`AlignmentSummary::cost`].
    pub cost: f64,
    /// Ids of its present and possible issues.
    pub issues: Vec<String>,
    /// Whether it is the one that the report is about.
    pub reported: bool,
}

impl Report {
    /// In how many of the repetitions an issue is present or possible.
    #[must_use]
    pub fn num_repetitions_with(&self, issue: &str) -> usize {
        self.repetitions.iter().filter(|r| r.issues.iter().any(|id| id == issue)).count()
    }
}

/// How well athlete and reference could be aligned.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlignmentSummary {
    /// `good`, `fair`, `poor` or `doubtful`, from `cost`.
    pub tier: String,
    /// Mean squared distance of aligned poses; 0 is identical, about 0.5 unrelated.
    pub cost: f64,
    /// How much cheaper this place is than the second-best in the recording, 0 (a tie, as in repetitions) to 1.
    pub margin: Option<f64>,
    /// Share of the measured channels, 0 to 1.
    pub coverage: f64,
    /// Whether the reference was mirrored, because the athlete moves on the other side.
    pub mirrored: bool,
}

/// One keyframe in the athlete's recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct KeyframeReport {
    /// Name, as the reference has it: `takeoff`.
    pub name: String,
    /// Name for people.
    pub label: String,
    /// Position in the athlete's recording, in frames from 0, with its fraction.
    pub frame: f64,
    /// The same in seconds.
    pub time_s: f64,
    /// Position as the alignment carried it over, before it was put where the keyframe's definition says.
    pub carried_frame: f64,
    /// Position in the reference recording, in frames from 0, as labelled.
    pub reference_frame: f64,
    /// Standard deviation of `frame`, in frames of the athlete's recording.
    pub sigma_frames: f64,
    /// The athlete at this keyframe.
    pub athlete: Figurine,
    /// The reference at this keyframe.
    #[serde(rename = "reference_pose")]
    pub reference: Figurine,
}

/// A pose projected onto the plane in which it is shown.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Figurine {
    /// Joint to (forward of the mid-hip, above the ground), in leg lengths; unseen joints are absent. The ground is where
    /// the lowest joint is most of the time.
    pub joints: BTreeMap<String, [f64; 2]>,
}

/// One measure over time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Curve {
    /// Measure, as the knowledge files name it: `knee`.
    pub measure: String,
    /// Name for people.
    pub label: String,
    /// `deg`, `leg lengths` or `ratio`.
    pub unit: String,
    /// Time in the athlete's recording, in seconds.
    pub time_s: Vec<f64>,
    /// The athlete; for a measure of two sides their mean.
    pub athlete: Vec<Option<f64>>,
    /// The athlete's left side; empty for a measure without sides.
    pub left: Vec<Option<f64>>,
    /// The athlete's right side; empty for a measure without sides.
    pub right: Vec<Option<f64>>,
    /// The reference, warped onto the athlete's time.
    pub reference: Vec<Option<f64>>,
    /// Half-width of the band around the reference in which no issue is seen.
    pub tolerance: f64,
}

/// What a report was made from and by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Provenance {
    /// Name and version of this crate.
    pub generator: String,
    /// Identity of the knowledge base.
    pub knowledge_id: String,
    /// Version of the knowledge base.
    pub knowledge_version: String,
    /// SHA-256 of the knowledge base's content, in hexadecimal.
    pub knowledge_hash: String,
    /// SHA-256 of the documents that advice was drawn from, in hexadecimal.
    pub documents_hash: String,
    /// SHA-256 of the athlete's joint positions, in hexadecimal.
    pub input_hash: String,
    /// SHA-256 of the reference's joint positions and keyframes, in hexadecimal.
    pub reference_hash: String,
}
