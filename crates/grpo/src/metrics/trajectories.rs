use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::jsonl::{keep_lines, write_line};
use super::{Event, Observer};
use crate::{Error, Outcome, Result, Role};

/// One rollout as the trajectory log holds it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RolloutRecord {
    /// The training step that used it.
    pub step: u64,
    /// Which prompt of the run, counted over epochs; rollouts of a group share it.
    pub prompt_idx: u64,
    /// Place of the task in the data set.
    pub task_idx: usize,
    /// Name of the task.
    pub task: String,
    /// Place in the group.
    pub generation_idx: usize,
    /// The step whose weights sampled it.
    pub sampled_at_step: u64,
    /// Value of each reward by name.
    pub rewards: BTreeMap<String, f64>,
    /// Their weighted sum.
    pub reward: f64,
    /// How much better than its group.
    pub advantage: f64,
    /// What became of it.
    pub outcome: Outcome,
    /// Whether a limit ended it.
    pub truncated: bool,
    /// Who wrote which tokens: role, first, one past the last.
    pub parts: Vec<(Role, usize, usize)>,
    /// All token ids.
    pub ids: Vec<u32>,
    /// Media: first token, one past the last, grid of patches.
    pub media: Vec<(usize, usize, [u32; 3])>,
    /// The rollout in words, as the environment tells it.
    pub transcript: serde_json::Value,
}

/// Every rollout as a JSON line: a [`RolloutRecord`].
#[derive(Debug)]
pub struct TrajectoryLog {
    path: PathBuf,
    file: File,
    every: u64,
}

impl TrajectoryLog {
    /// Opens a log that takes the rollouts of each `every`-th step, to go on after `step` as
    /// [`JsonlLog::open`](super::JsonlLog::open) does.
    ///
    /// # Errors
    ///
    /// [`Error::File`].
    pub fn open(path: impl Into<PathBuf>, step: u64, every: u64) -> Result<Self> {
        let path = path.into();
        let file = keep_lines(&path, |line| line["step"].as_u64().is_some_and(|of| of <= step))?;
        Ok(Self { path, file, every: every.max(1) })
    }
}

impl Observer for TrajectoryLog {
    fn event(&mut self, event: &Event<'_>) -> Result<()> {
        let Event::Step { step, rollouts, .. } = event else { return Ok(()) };
        if step.is_multiple_of(self.every) {
            for rollout in *rollouts {
                let line = serde_json::to_value(rollout).map_err(Error::file(&self.path))?;
                write_line(&mut self.file, &self.path, &line)?;
            }
        }
        Ok(())
    }
}
