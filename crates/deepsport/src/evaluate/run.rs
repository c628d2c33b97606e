//! Answers and scores a data set, many questions at a time.

use std::collections::HashSet;
use std::ops::ControlFlow;
use std::path::Path;

use frame_tool::Video;

use super::graded::{Graded, Method, read_graded};
use super::judge::Judge;
use super::reading::{Reading, read_answer};
use crate::agent::{Agent, Chorus, Mode, Speaker, Trajectory, run_all};
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
pub(crate) type MakeSpeaker<'a> = dyn Fn(&Record) -> Box<dyn Speaker + 'a> + Sync + 'a;

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
        let (items, done) = self.items(records, path)?;
        let work = |(record, mode): &(&Record, Mode)| {
            let video = open(record)?;
            let agent = self.agent.clone().with_mode(*mode);
            let trajectory = agent.run(&video, &record.prompt(), &mut *speaker(record))?;
            grade(record, trajectory, judge)
        };
        jobs::run(path, &items, &done, self.num_workers, work, &mut |done| {
            on_progress(told(done))
        })?;
        graded_of(&items, path)
    }

    /// The same for a model that answers many questions at once: [`num_workers`](Self::num_workers) of them side by side.
    ///
    /// # Errors
    ///
    /// [`Error::Read`], [`Error::Format`] and [`Error::Write`] of `path`; and the last failure of a batch of which no question
    /// can be answered.
    pub fn run_in_chorus(
        &self,
        records: &[Record],
        path: &Path,
        open: &Open<'_>,
        chorus: &mut dyn Chorus,
        judge: Option<&MakeSpeaker<'_>>,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Vec<Graded>> {
        let (items, done) = self.items(records, path)?;
        let mut work = |batch: &[&(&Record, Mode)]| -> Vec<Result<Graded>> {
            let ask = |(record, mode): &&(&Record, Mode)| {
                Ok((self.agent.clone().with_mode(*mode), open(record)?, record.prompt()))
            };
            let asked: Vec<Result<(Agent, Video, String)>> = batch.iter().map(ask).collect();
            let runs = asked.iter().flatten().map(|(agent, video, text)| (agent, video, &**text));
            let mut answered = run_all(&runs.collect::<Vec<_>>(), chorus).into_iter();
            let grade = |((record, _), asked): (&&(&Record, Mode), Result<_>)| {
                asked?;
                let run = answered.next().unwrap_or_else(|| unreachable!("a run for each"))?;
                grade(record, run, judge)
            };
            batch.iter().zip(asked).map(grade).collect()
        };
        jobs::run_batches(path, &items, &done, self.num_workers, &mut work, &mut |done| {
            on_progress(told(done))
        })?;
        graded_of(&items, path)
    }

    /// What is asked, and the keys of what is in the file already.
    fn items<'r>(
        &self,
        records: &'r [Record],
        path: &Path,
    ) -> Result<(Vec<Item<'r>>, HashSet<String>)> {
        let done = read_graded(path)?.iter().map(|graded| key(&graded.id, graded.mode)).collect();
        let of = |record: &'r Record| {
            self.modes.iter().map(move |&mode| (key(&record.id, mode), (record, mode)))
        };
        Ok((records.iter().flat_map(of).collect(), done))
    }
}

/// A question in a mode, and the key by which it is found again.
type Item<'a> = (String, (&'a Record, Mode));

fn told<'a>(done: Done<'a, Graded>) -> Progress<'a> {
    match done {
        Done::Result(graded) => Progress::Graded(graded),
        Done::Failed { key, error } => Progress::Failed { key, error },
    }
}

/// Results of these items, in the order of the file.
fn graded_of(items: &[Item<'_>], path: &Path) -> Result<Vec<Graded>> {
    let wanted: HashSet<&str> = items.iter().map(|(key, _)| key.as_str()).collect();
    let mut run = read_graded(path)?;
    run.retain(|graded| wanted.contains(key(&graded.id, graded.mode).as_str()));
    Ok(run)
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
