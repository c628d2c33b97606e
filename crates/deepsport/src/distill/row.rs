//! An attempt of the teacher, with what was found about it.

use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Result;
use crate::agent::{Trajectory, Utterance};
use crate::data::Record;

/// What a check found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// It was not made: an earlier one failed, or there is no judge for it.
    #[default]
    NotMade,
    /// Yes.
    Passed,
    /// No, or the judge could not be read.
    Failed,
}

impl Check {
    pub(super) fn of(passed: bool) -> Self {
        if passed { Self::Passed } else { Self::Failed }
    }
}

/// Tokens that were paid for.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Read by teacher and judges, as far as their servers count.
    pub prompt_tokens: usize,
    /// Written by teacher and judges; estimated where servers do not count.
    pub completion_tokens: usize,
    /// Requests.
    pub num_requests: usize,
}

/// What tokens cost.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Price {
    /// For a million tokens read.
    pub prompt_per_million: f64,
    /// For a million tokens written.
    pub completion_per_million: f64,
}

impl Cost {
    pub(super) fn add_trajectory(&mut self, trajectory: &Trajectory) {
        self.num_requests += trajectory.turns.len();
        self.prompt_tokens +=
            trajectory.turns.iter().filter_map(|turn| turn.prompt_tokens).sum::<usize>();
        self.completion_tokens += trajectory.num_tokens();
    }

    pub(super) fn add(&mut self, utterance: &Utterance) {
        self.num_requests += 1;
        self.prompt_tokens += utterance.prompt_tokens.unwrap_or_default();
        self.completion_tokens += utterance.num_tokens();
    }

    /// The sum over rows.
    #[must_use]
    pub fn total<'a>(rows: impl IntoIterator<Item = &'a Distilled>) -> Self {
        rows.into_iter().fold(Self::default(), |sum, row| Self {
            prompt_tokens: sum.prompt_tokens + row.cost.prompt_tokens,
            completion_tokens: sum.completion_tokens + row.cost.completion_tokens,
            num_requests: sum.num_requests + row.cost.num_requests,
        })
    }

    /// In the currency of `price`.
    #[must_use]
    pub fn at(&self, price: Price) -> f64 {
        let million = 1e6;
        self.prompt_tokens as f64 / million * price.prompt_per_million
            + self.completion_tokens as f64 / million * price.completion_per_million
    }
}

/// An attempt on record. One line of JSON.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Distilled {
    /// The record's.
    pub id: String,
    /// The record's.
    pub video_id: String,
    /// Which attempt it was, from 1.
    pub attempt: usize,
    /// No turn that could not be read, no refused call, an answer.
    pub well_formed: Check,
    /// The answer is right.
    pub correct: Check,
    /// The reasoning leads to the answer (text judge).
    pub sound: Check,
    /// The frames show what is claimed (vision judge).
    pub supported: Check,
    /// 0 to 1.
    pub score: Option<f64>,
    /// What judges wrote, to the letter.
    pub said: Vec<String>,
    /// All attempts and judges together.
    pub cost: Cost,
    /// What the teacher did.
    pub trajectory: Trajectory,
}

impl Distilled {
    pub(super) fn new(record: &Record, trajectory: Trajectory, attempt: usize) -> Self {
        Self {
            id: record.id.clone(),
            video_id: record.video_id.clone(),
            attempt,
            well_formed: Check::NotMade,
            correct: Check::NotMade,
            sound: Check::NotMade,
            supported: Check::NotMade,
            score: None,
            said: Vec::new(),
            cost: Cost::default(),
            trajectory,
        }
    }

    /// Right, well formed, and not found unsound or unsupported.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.fate() == "kept"
    }

    /// `kept`, or the check that it failed.
    #[must_use]
    pub fn fate(&self) -> &'static str {
        let checks = [
            (self.well_formed, "not well formed"),
            (self.correct, "not right"),
            (self.sound, "not sound"),
            (self.supported, "not supported"),
        ];
        let failed = checks.into_iter().find(|(check, _)| *check == Check::Failed);
        failed.map_or("kept", |(_, fate)| fate)
    }
}

/// What is learnt from: a question and how it was solved. One line of JSON in a training set.
///
/// The trajectory is all that is needed: [`Dialogue`](crate::agent::Dialogue) makes the same messages of the same turns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Demonstration {
    /// The question, with its video.
    pub record: Record,
    /// How it was solved.
    pub trajectory: Trajectory,
}

/// The training set: rows that are kept, with their records.
#[must_use]
pub fn demonstrations(rows: &[Distilled], records: &[Record]) -> Vec<Demonstration> {
    let by_id: std::collections::HashMap<&str, &Record> =
        records.iter().map(|record| (record.id.as_str(), record)).collect();
    let kept = rows.iter().filter(|row| row.is_kept());
    kept.filter_map(|row| {
        let record = (*by_id.get(row.id.as_str())?).clone();
        Some(Demonstration { record, trajectory: row.trajectory.clone() })
    })
    .collect()
}

impl Demonstration {
    /// Writes a training set, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Write`](crate::Error::Write).
    pub fn write_all(path: &Path, demonstrations: &[Self]) -> Result<()> {
        let mut bytes = Vec::new();
        for demonstration in demonstrations {
            serde_json::to_writer(&mut bytes, demonstration).map_err(|error| {
                crate::Error::Write { path: path.to_owned(), source: error.into() }
            })?;
            bytes.push(b'\n');
        }
        crate::files::write_atomically(path, &bytes)
    }

    /// Reads a training set.
    ///
    /// # Errors
    ///
    /// [`Error::Read`](crate::Error::Read); [`Error::Format`](crate::Error::Format) names the line that is something else.
    pub fn read_all(path: &Path) -> Result<Vec<Self>> {
        crate::jobs::read_lines(path, "a training set")
    }
}

/// Reads what a distillation left; a last line that was cut off is left out.
///
/// # Errors
///
/// [`Error::Read`](crate::Error::Read); [`Error::Format`](crate::Error::Format) names the line that is something else.
pub fn read_distilled(path: &Path) -> Result<Vec<Distilled>> {
    crate::jobs::read_lines(path, "a distillation")
}
