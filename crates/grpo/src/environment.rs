use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{Error, Media, Result, Segment, Trajectory};

/// Where a policy acts: it sets tasks, answers tool calls and says how it ended.
///
/// One environment serves all rollouts; what belongs to one of them is in `State`.
pub trait Environment: Sync {
    /// One item of the data set.
    type Task: Sync;
    /// Pictures and clips it shows.
    type Media: Media;
    /// What one rollout remembers between its turns.
    type State: Send;

    /// The prompt of a task.
    ///
    /// # Errors
    ///
    /// Whatever stops it, as [`Error::environment`].
    fn reset(&self, task: &Self::Task) -> Result<(Trajectory<Self::Media>, Self::State)>;

    /// Answers the turn that `trajectory` now ends with.
    ///
    /// A tool that fails is an answer that says so: an error ends the whole training step.
    ///
    /// # Errors
    ///
    /// Whatever stops it, as [`Error::environment`].
    fn step(
        &self,
        task: &Self::Task,
        state: &mut Self::State,
        trajectory: &Trajectory<Self::Media>,
    ) -> Result<Reply<Self::Media>>;

    /// What became of a rollout, once it is over. This is where a judge is asked.
    ///
    /// # Errors
    ///
    /// Whatever stops it, as [`Error::environment`].
    fn outcome(
        &self,
        task: &Self::Task,
        state: Self::State,
        trajectory: &Trajectory<Self::Media>,
    ) -> Result<Outcome>;

    /// A name for the task in logs.
    fn task_name(&self, _task: &Self::Task) -> String {
        String::new()
    }

    /// The rollout in words, for the trajectory log: this crate knows no tokenizer. Any JSON.
    fn transcript(
        &self,
        _task: &Self::Task,
        _trajectory: &Trajectory<Self::Media>,
    ) -> serde_json::Value {
        serde_json::Value::Null
    }
}

/// How an environment answers a turn.
#[derive(Clone, Debug)]
pub enum Reply<M: Media> {
    /// The rollout is over.
    Done,
    /// A tool's answer, after which it is the policy's turn. If it does not fit, the rollout ends as truncated.
    Continue(Segment<M>),
}

/// What became of one rollout: the facts that rewards and metrics are made of.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// How right the answer is, in `[0, 1]`.
    pub accuracy: f64,
    /// Whether every turn kept to the format.
    pub format_valid: bool,
    /// Tool calls made.
    pub num_tool_calls: usize,
    /// Of them, calls that the tool refused.
    pub num_failed_calls: usize,
    /// Frames the tool has shown.
    pub num_frames: usize,
    /// Whether the base model fails this task from what the prompt shows; a column of the data set.
    pub base_model_fails: Option<bool>,
    /// Whatever else a reward wants to know, by name.
    pub facts: BTreeMap<String, f64>,
}

impl Outcome {
    pub(crate) fn check(self) -> Result<Self> {
        if !(0.0..=1.0).contains(&self.accuracy) {
            return Err(Error::Value {
                what: "the accuracy".into(),
                value: self.accuracy,
                expected: "0 to 1",
            });
        }
        for (name, value) in &self.facts {
            crate::error::finite(format!("the fact `{name}`"), *value)?;
        }
        Ok(self)
    }
}
