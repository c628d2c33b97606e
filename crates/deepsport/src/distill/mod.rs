//! Distillation: a teacher solves questions with the frame tool, and what is right, well formed, sound and supported by the
//! frames becomes the training set.

mod checks; // what is kept
mod row; // an attempt on record

pub use checks::CHECK_PROMPTS;
pub use row::{Check, Cost, Demonstration, Distilled, Price, demonstrations, read_distilled};

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;

use frame_tool::Tolerance;

use crate::agent::{Agent, Mode, Utterance};
use crate::data::Record;
use crate::evaluate::{MakeSpeaker, Open, grade};
use crate::jobs::{self, Done};
use crate::{Error, Result};

/// How a data set is distilled.
///
/// The order of the checks is the paper's: the answer, the text, the frames; each is made only if those before it passed, as
/// judges cost. A check without its judge is not made, and says so.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Distillation {
    /// The rules for the teacher: strict in form, as what is learnt from is imitated.
    pub agent: Agent,
    /// Tries for each question until one is kept: 1 (ours).
    pub num_attempts: usize,
    /// Score from which an answer is right: 1 (ours; half-right answers teach half-truths).
    pub min_score: f64,
    /// Questions at the same time.
    pub num_workers: usize,
}

/// Who does what. Each closure makes a voice of its own for each record.
#[derive(Clone, Copy)]
pub struct Voices<'a> {
    /// Solves questions.
    pub teacher: &'a MakeSpeaker<'a>,
    /// Scores open answers, and says whether the reasoning is sound.
    pub text_judge: Option<&'a MakeSpeaker<'a>>,
    /// Looks at the frames that were cited, and says whether they show what is claimed.
    pub vision_judge: Option<&'a MakeSpeaker<'a>>,
}

impl std::fmt::Debug for Voices<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Voices")
            .field("text_judge", &self.text_judge.is_some())
            .field("vision_judge", &self.vision_judge.is_some())
            .finish_non_exhaustive()
    }
}

/// What happened to a question.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// It was solved and checked.
    Checked(&'a Distilled),
    /// It was not; the next call tries again.
    Failed {
        /// The record's id.
        id: &'a str,
        /// Why.
        error: &'a Error,
    },
}

impl Default for Distillation {
    fn default() -> Self {
        let mut agent = Agent::training();
        agent.tolerance = Tolerance::Strict;
        Self { agent, num_attempts: 1, min_score: 1.0, num_workers: 1 }
    }
}

impl Distillation {
    /// One question at a time, one attempt each.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Tries each question up to `num_attempts` times, until an attempt is kept.
    #[must_use]
    pub fn with_attempts(mut self, num_attempts: usize) -> Self {
        self.num_attempts = num_attempts.max(1);
        self
    }

    /// Works on several questions at the same time.
    #[must_use]
    pub fn with_workers(mut self, num_workers: usize) -> Self {
        self.num_workers = num_workers.max(1);
        self
    }

    /// Distils every record; gives back all that is in `path` then, kept or not.
    ///
    /// Each result is appended to `path` as soon as it is there, and what is there already is not asked again. See
    /// [`demonstrations`] for what is kept.
    ///
    /// # Errors
    ///
    /// [`Error::Read`], [`Error::Format`] and [`Error::Write`] of `path`; and the last failure, if five questions in a row fail.
    pub fn run(
        &self,
        records: &[Record],
        path: &Path,
        open: &Open<'_>,
        voices: Voices<'_>,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Distilled>> {
        let done: HashSet<String> = read_distilled(path)?.into_iter().map(|row| row.id).collect();
        let items: Vec<(String, &Record)> =
            records.iter().map(|record| (record.id.clone(), record)).collect();
        let work = |record: &&Record| self.distil(record, open, voices);
        jobs::run(path, &items, &done, self.num_workers, work, &mut |done| {
            on_progress(match done {
                Done::Result(row) => Progress::Checked(row),
                Done::Failed { key, error } => Progress::Failed { id: key, error },
            })
        })?;
        let wanted: HashSet<&str> = records.iter().map(|record| record.id.as_str()).collect();
        let mut rows = read_distilled(path)?;
        rows.retain(|row| wanted.contains(row.id.as_str()));
        Ok(rows)
    }

    /// Attempts until one is kept; the last one if none is.
    fn distil(&self, record: &Record, open: &Open<'_>, voices: Voices<'_>) -> Result<Distilled> {
        let video = open(record)?;
        let agent = self.agent.clone().with_mode(Mode::Tool);
        let mut teacher = (voices.teacher)(record);
        let mut cost = Cost::default();
        let mut attempt = 1;
        loop {
            let trajectory = agent.run(&video, &record.prompt(), &mut *teacher)?;
            cost.add_trajectory(&trajectory);
            let mut row = Distilled::new(record, trajectory, attempt);
            self.check(record, &video, voices, &mut row, &mut cost)?;
            row.cost = cost.clone();
            if row.is_kept() || attempt >= self.num_attempts {
                return Ok(row);
            }
            attempt += 1;
        }
    }

    /// Makes the checks in turn, up to the first that fails.
    fn check(
        &self,
        record: &Record,
        video: &frame_tool::Video,
        voices: Voices<'_>,
        row: &mut Distilled,
        cost: &mut Cost,
    ) -> Result<()> {
        row.well_formed = Check::of(row.trajectory.is_well_formed());
        if row.well_formed != Check::Passed {
            return Ok(());
        }
        let graded = grade(record, row.trajectory.clone(), voices.text_judge)?;
        row.score = Some(graded.score);
        row.correct = Check::of(graded.score >= self.min_score);
        row.said = graded.verdict.map(|verdict| verdict.raw).unwrap_or_default();
        row.said.iter().for_each(|said| cost.add(&Utterance::new(said)));
        if row.correct != Check::Passed {
            return Ok(());
        }
        if let Some(judge) = voices.text_judge {
            let reply = checks::is_sound(record, &row.trajectory, &mut *judge(record), cost)?;
            row.sound = reply.check;
            row.said.push(reply.raw);
            if row.sound == Check::Failed {
                return Ok(());
            }
        }
        if let Some(judge) = voices.vision_judge {
            let reply =
                checks::is_supported(record, &row.trajectory, video, &mut *judge(record), cost)?;
            row.supported = reply.check;
            row.said.push(reply.raw);
        }
        Ok(())
    }
}

/// Rows by what became of them, for a table: kept, and dropped by which check.
#[must_use]
pub fn tally(rows: &[Distilled]) -> BTreeMap<&'static str, usize> {
    let mut tally = BTreeMap::new();
    for row in rows {
        *tally.entry(row.fate()).or_insert(0) += 1;
    }
    tally
}
