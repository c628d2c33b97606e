//! Answers and scores a data set, many questions at a time.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use frame_tool::Video;

use super::graded::{Graded, Method, read_graded};
use super::judge::Judge;
use super::reading::{Reading, read_answer};
use crate::agent::{Agent, Mode, Speaker, Trajectory};
use crate::data::Record;
use crate::jobs::{self, Done};
use crate::{Error, Result};

/// How a data set is evaluated.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Evaluation {
    /// The rules; its own mode does not matter.
    pub agent: Agent,
    /// The modes to answer in, each question in each (LongVT reports all three).
    pub modes: Vec<Mode>,
    /// Questions that are answered at the same time.
    pub num_workers: usize,
}

/// What happened to a question.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// It was answered and scored.
    Graded(&'a Graded),
    /// It was not; the next call tries again.
    Failed {
        /// The record's id and the mode.
        key: &'a str,
        /// Why.
        error: &'a Error,
    },
}

/// Where videos and voices come from.
pub(crate) type Open<'a> = dyn Fn(&Record) -> Result<Video> + Sync + 'a;
pub(crate) type MakeSpeaker<'a> = dyn Fn(&Record) -> Box<dyn Speaker> + Sync + 'a;

impl Evaluation {
    /// With `agent`'s rules, in the mode with the tool, one question at a time.
    #[must_use]
    pub fn new(agent: Agent) -> Self {
        Self { agent, modes: vec![Mode::Tool], num_workers: 1 }
    }

    /// Chooses the modes.
    #[must_use]
    pub fn with_modes(mut self, modes: impl IntoIterator<Item = Mode>) -> Self {
        self.modes = modes.into_iter().collect();
        self
    }

    /// Answers several questions at the same time.
    #[must_use]
    pub fn with_workers(mut self, num_workers: usize) -> Self {
        self.num_workers = num_workers.max(1);
        self
    }

    /// Answers and scores every record in every mode; gives back all that is in `path` then.
    ///
    /// Each result is appended to `path` as soon as it is there. What is there already is not asked again, so that a run that
    /// was interrupted goes on where it was. `open` finds a record's video, `speaker` makes a voice for a record, and `judge`
    /// one that scores what rules cannot; without it such answers are [`Method::Unscored`].
    ///
    /// # Errors
    ///
    /// [`Error::Read`], [`Error::Format`] and [`Error::Write`] of `path`; and the last failure, if five questions in a row
    /// cannot be answered.
    pub fn run(
        &self,
        records: &[Record],
        path: &Path,
        open: &Open<'_>,
        speaker: &MakeSpeaker<'_>,
        judge: Option<&MakeSpeaker<'_>>,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Graded>> {
        let done: HashSet<String> =
            read_graded(path)?.iter().map(|graded| key(&graded.id, graded.mode)).collect();
        let items: Vec<(String, (&Record, Mode))> = records
            .iter()
            .flat_map(|record| {
                self.modes.iter().map(move |&mode| (key(&record.id, mode), (record, mode)))
            })
            .collect();
        let work = |(record, mode): &(&Record, Mode)| {
            let video = open(record)?;
            let agent = self.agent.clone().with_mode(*mode);
            let trajectory = agent.run(&video, &record.prompt(), &mut *speaker(record))?;
            grade(record, trajectory, judge)
        };
        jobs::run(path, &items, &done, self.num_workers, work, &mut |done| {
            on_progress(match done {
                Done::Result(graded) => Progress::Graded(graded),
                Done::Failed { key, error } => Progress::Failed { key, error },
            })
        })?;
        let wanted: HashSet<&str> = items.iter().map(|(key, _)| key.as_str()).collect();
        let mut run = read_graded(path)?;
        run.retain(|graded| wanted.contains(key(&graded.id, graded.mode).as_str()));
        Ok(run)
    }
}

fn key(id: &str, mode: Mode) -> String {
    format!("{id} ({})", mode.name())
}

/// Scores what a run answered: by rules first, by a judge where rules find nothing to compare.
pub(crate) fn grade(
    record: &Record,
    trajectory: Trajectory,
    judge: Option<&MakeSpeaker<'_>>,
) -> Result<Graded> {
    let Some(answer) = trajectory.answer.clone() else {
        return Ok(Graded::new(record, trajectory, (0.0, Method::NoAnswer, None)));
    };
    if let Reading::Score(score) = read_answer(record, &answer) {
        return Ok(Graded::new(record, trajectory, (score, Method::Rule, None)));
    }
    let Some(judge) = judge else {
        return Ok(Graded::new(record, trajectory, (0.0, Method::Unscored, None)));
    };
    let verdict = Judge::new(judge(record)).score(record, &answer)?;
    let scored = match verdict.score {
        Some(score) => (score, Method::Judge, Some(verdict)),
        None => (0.0, Method::Unscored, Some(verdict)),
    };
    Ok(Graded::new(record, trajectory, scored))
}
