//! One question, answered and scored.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::judge::Verdict;
use crate::agent::{Mode, Trajectory};
use crate::data::Record;
use crate::{Difficulty, Dimension, Result};

/// Who gave the score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Method {
    /// Comparison by rules.
    Rule,
    /// A judge.
    Judge,
    /// Nobody: without an answer the score is 0.
    NoAnswer,
    /// Nobody: the answer can be read by no rule and there is no judge, or the judge could not be read. It counts as 0 and
    /// is counted apart.
    Unscored,
}

/// Why an answer is wrong, in the classes of DeepSport's error analysis. Known only where the evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorClass {
    /// No frame of the event was shown: the windows missed it (paper: 42.9 % of 70 failures).
    ToolGrounding,
    /// A frame of the event was shown and misread (paper: 37.1 %).
    VisualMisreading,
    /// No answer that could be read (paper: other, 20.0 %).
    Other,
}

impl ErrorClass {
    /// All classes.
    pub const ALL: [Self; 3] = [Self::ToolGrounding, Self::VisualMisreading, Self::Other];

    /// As tables print it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ToolGrounding => "tool grounding",
            Self::VisualMisreading => "visual misreading",
            Self::Other => "other",
        }
    }
}

/// How well the calls found the event; of several stretches of evidence, the one that was found best counts.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Grounding {
    /// Overlap of the last window with the event, intersection over union; 0 without a call.
    pub t_iou: f64,
    /// Overlap of the window that fits best.
    pub best_t_iou: f64,
    /// Share of the event inside some window.
    pub recall: f64,
    /// Whether a frame of the event was shown, the first look included.
    pub is_seen: bool,
}

/// A question with answer, score and how it came about. One line of JSON in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Graded {
    /// The record's.
    pub id: String,
    /// The cluster of the statistics.
    pub video_id: String,
    /// The record's.
    pub sport: String,
    /// The record's.
    pub dimension: Dimension,
    /// The record's.
    pub difficulty: Option<Difficulty>,
    /// How it could be answered.
    pub mode: Mode,
    /// The right answer.
    pub reference: String,
    /// 0 to 1.
    pub score: f64,
    /// Who scored.
    pub method: Method,
    /// What the judge said, if one was asked.
    pub verdict: Option<Verdict>,
    /// Where the record names its evidence.
    pub grounding: Option<Grounding>,
    /// Why it is wrong: score below 0.5, evidence known.
    pub error_class: Option<ErrorClass>,
    /// All that was seen and said.
    pub trajectory: Trajectory,
}

impl Graded {
    pub(super) fn new(
        record: &Record,
        trajectory: Trajectory,
        (score, method, verdict): (f64, Method, Option<Verdict>),
    ) -> Self {
        let grounding = grounding(record, &trajectory);
        let error_class = grounding.filter(|_| score < 0.5).map(|grounding| match method {
            Method::NoAnswer | Method::Unscored => ErrorClass::Other,
            Method::Rule | Method::Judge if grounding.is_seen => ErrorClass::VisualMisreading,
            Method::Rule | Method::Judge => ErrorClass::ToolGrounding,
        });
        Self {
            id: record.id.clone(),
            video_id: record.video_id.clone(),
            sport: record.sport.clone(),
            dimension: record.dimension,
            difficulty: record.difficulty,
            mode: trajectory.mode,
            reference: record.answer.to_string(),
            score,
            method,
            verdict,
            grounding,
            error_class,
            trajectory,
        }
    }
}

pub(crate) fn grounding(record: &Record, trajectory: &Trajectory) -> Option<Grounding> {
    let of_one = record.evidence.iter().map(|event| {
        let metrics = trajectory.metrics(event.clone());
        Grounding {
            t_iou: metrics.t_iou,
            best_t_iou: metrics.best_t_iou,
            recall: metrics.recall,
            is_seen: metrics.num_event_frames > 0,
        }
    });
    of_one.reduce(|best, other| Grounding {
        t_iou: best.t_iou.max(other.t_iou),
        best_t_iou: best.best_t_iou.max(other.best_t_iou),
        recall: best.recall.max(other.recall),
        is_seen: best.is_seen || other.is_seen,
    })
}

/// Reads a run; a last line that was cut off by an interruption is left out.
///
/// # Errors
///
/// [`Error::Read`](crate::Error::Read); [`Error::Format`](crate::Error::Format) names the line that is something else.
pub fn read_graded(path: &Path) -> Result<Vec<Graded>> {
    crate::jobs::read_lines(path, "a run")
}
