//! What comes out: plain data, ready for JSON, for a report and for retrieval.

use serde::{Deserialize, Serialize};

use crate::Side;
use crate::assessor::Profile;
use crate::knowledge::{Direction, Role, Text};
use crate::target::{MissingReason, Target, TargetKind};

/// The assessment of one performance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Assessment {
    /// Id of the event.
    pub event: String,
    /// Which knowledge was applied.
    pub knowledge: KnowledgeStamp,
    /// Which numeric model was applied.
    pub profile: Profile,
    /// Present and possible issues, most certain first.
    pub issues: Vec<IssueAssessment>,
    /// Issues of which nothing can be said, with what was missing.
    pub not_assessable: Vec<IssueAssessment>,
    /// Issues that were well covered and not seen: what is good.
    pub strengths: Vec<IssueAssessment>,
    /// Issues that were not seen, but not covered well enough to call it a strength.
    pub not_seen: Vec<IssueAssessment>,
}

/// Identity of the knowledge base that was applied.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnowledgeStamp {
    /// Name.
    pub id: String,
    /// Version.
    pub version: String,
    /// SHA-256 of the content, hex.
    pub hash: String,
}

/// What is said of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Probability and confidence are at least one half.
    Present,
    /// Probability at least one quarter, or high but not well measured.
    Possible,
    /// Probability below one quarter, with enough of the evidence observed.
    NotSeen,
    /// Too little was observed, or too noisily, to say either.
    CannotTell,
}

/// Words for a severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SeverityBand {
    /// Below 0.33.
    Mild,
    /// From 0.33 to below 0.67.
    Moderate,
    /// From 0.67.
    Severe,
}

impl SeverityBand {
    /// The band of a severity in 0..=1.
    #[must_use]
    pub fn of(severity: f64) -> Self {
        match severity {
            s if s < 0.33 => SeverityBand::Mild,
            s if s < 0.67 => SeverityBand::Moderate,
            _ => SeverityBand::Severe,
        }
    }
}

/// One issue, judged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct IssueAssessment {
    /// Id of the issue.
    pub id: String,
    /// Name for readers.
    pub name: Text,
    /// Other names.
    pub aliases: Vec<String>,
    /// Why it matters.
    pub why: Text,
    /// The verdict.
    pub verdict: Verdict,
    /// Probability that the issue is there, as far as the observed evidence supports it; missing evidence
    /// supports nothing.
    pub probability: f64,
    /// The same before contrary and required rows and calibration; the shares of the evidence add up to
    /// `-ln((1 - support_probability) / (1 - leak))` under noisy-OR, to this number under the other rules.
    pub support_probability: f64,
    /// How far beyond tolerance, 0 to 1: weighted mean membership of the observed supporting rows.
    pub severity: f64,
    /// Severity in words.
    pub severity_band: SeverityBand,
    /// Coverage times how precisely the observed rows were measured, 0 to 1.
    pub confidence: f64,
    /// Share of the supporting weight that was observed, 0 to 1.
    pub coverage: f64,
    /// One record per observed row, largest share first.
    pub evidence: Vec<EvidenceRecord>,
    /// The rows that could not be read.
    pub missing: Vec<MissingEvidence>,
    /// The finding in words.
    pub explanation: Text,
}

/// One evidence row, read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EvidenceRecord {
    /// Feature id.
    pub feature: String,
    /// What was measured.
    pub measure: String,
    /// The side: the one measured, or for asymmetry the one with the larger value; none for the mean of both.
    pub side: Option<Side>,
    /// The keyframe.
    pub keyframe: String,
    /// Frame of the (first) measurement.
    pub frame: Option<f64>,
    /// Its time, in seconds.
    pub time_s: Option<f64>,
    /// Measured value; for asymmetry the absolute difference of the sides.
    pub value: f64,
    /// Standard deviation of the deviation: measurement and target together.
    pub sigma: f64,
    /// Unit of value, sigma, target and deviation.
    pub unit: String,
    /// The interval in which nothing is wrong.
    pub target: Target,
    /// Where the target came from.
    pub reference_kind: TargetKind,
    /// Which way the value is off; the row's own direction while it is within the target.
    pub direction: Direction,
    /// How far beyond the target, negative inside it.
    pub deviation: f64,
    /// Deviation up to which nothing is wrong.
    pub t_min: f64,
    /// Deviation from which the row speaks in full.
    pub t_max: f64,
    /// Whether the measured deviation exceeds `t_min` (for asymmetry also 1.96 `sigma`).
    pub beyond: bool,
    /// Membership behind the probability: the noise-aware ramp of the shrunk deviation, 0 to 1.
    pub membership: f64,
    /// Weight of the row.
    pub weight: f64,
    /// Evidence group.
    pub group: String,
    /// What the row does.
    pub role: Role,
    /// Additive share of the row, see [`IssueAssessment::support_probability`].
    pub share: f64,
    /// Ids of the sources of the row and of its reference.
    pub sources: Vec<String>,
    /// Each side measured.
    pub sides: Vec<SideValue>,
    /// Repetitions, where there was more than one.
    pub repeats: Option<Repeats>,
    /// What would clear it, while the value is beyond tolerance.
    pub counterfactual: Option<Text>,
}

/// One side of a reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SideValue {
    /// The side; none for measures without sides.
    pub side: Option<Side>,
    /// Mean over repetitions.
    pub value: f64,
    /// Its standard deviation.
    pub sigma: f64,
    /// Frame of the first repetition.
    pub frame: Option<f64>,
    /// Its time, in seconds.
    pub time_s: Option<f64>,
}

/// Repetitions behind a reading.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Repeats {
    /// How many.
    pub count: usize,
    /// How many of them deviate by more than `t_min` on their own.
    pub beyond: usize,
    /// Standard deviation between them, in the feature's unit.
    pub sd: f64,
}

/// An evidence row that could not be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MissingEvidence {
    /// Feature id.
    pub feature: String,
    /// What would have been measured.
    pub measure: String,
    /// The keyframe.
    pub keyframe: String,
    /// Weight of the row.
    pub weight: f64,
    /// What the row does.
    pub role: Role,
    /// Why it could not be read.
    pub reason: MissingReason,
}

impl Assessment {
    /// The issues to work on first: at most three.
    #[must_use]
    pub fn priorities(&self) -> &[IssueAssessment] {
        &self.issues[..self.issues.len().min(3)]
    }

    /// The issue with this id, in whichever list it is.
    #[must_use]
    pub fn issue(&self, id: &str) -> Option<&IssueAssessment> {
        [&self.issues, &self.not_assessable, &self.strengths, &self.not_seen]
            .into_iter()
            .flatten()
            .find(|issue| issue.id == id)
    }
}
