//! Questions about videos, as `grpo` asks them.

use frame_tool::Video;
use grpo::{Environment, Error, MediaRule, Outcome, Reply, Result, Trajectory};
use serde_json::Value;

use super::{SeenPixels, Words};
use crate::Difficulty;
use crate::agent::{Agent, Dialogue, Stop, Utterance};
use crate::world::{Item, Question};

/// A question, its video, and how answers are valued.
#[derive(Debug)]
pub struct VideoTask {
    item: Item,
    video: Video,
}

impl VideoTask {
    /// A question of the toy world; its clip is drawn here.
    ///
    /// # Errors
    ///
    /// [`Error::Video`](crate::Error::Video) if there is no memory for the clip.
    pub fn toy(item: Item) -> crate::Result<Self> {
        let video = item.clip.video()?;
        Ok(Self { item, video })
    }

    fn question(&self) -> &Question {
        &self.item.question
    }
}

/// Asks questions about videos under the rules of an [`Agent`], and answers its tool calls.
#[derive(Debug)]
pub struct VideoEnvironment {
    agent: Agent,
    words: Words,
    rule: MediaRule,
    max_tokens: usize,
}

impl VideoEnvironment {
    /// `rule` is the policy's ([`NetworkPolicy::media_rule`](super::NetworkPolicy::media_rule)); `max_tokens` bounds a whole
    /// rollout, prompt included.
    #[must_use]
    pub fn new(agent: Agent, words: Words, rule: MediaRule, max_tokens: usize) -> Self {
        Self { agent, words, rule, max_tokens }
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// The dialogue up to now: it borrows the video, so what a rollout keeps are the turns.
    fn dialogue<'a>(&'a self, task: &'a VideoTask, turns: &[Utterance]) -> Result<Dialogue<'a>> {
        Dialogue::resume(&self.agent, &task.video, &task.question().text, turns)
            .map_err(Error::environment)
    }
}

impl Environment for VideoEnvironment {
    type Task = VideoTask;
    type Media = SeenPixels;
    type State = Vec<Utterance>;

    fn reset(&self, task: &VideoTask) -> Result<(Trajectory<SeenPixels>, Vec<Utterance>)> {
        let dialogue = self.dialogue(task, &[])?;
        let prompt = self.words.prompt(dialogue.messages()).map_err(Error::environment)?;
        Ok((Trajectory::new(prompt, self.rule.clone(), self.max_tokens)?, Vec::new()))
    }

    fn step(
        &self,
        task: &VideoTask,
        turns: &mut Vec<Utterance>,
        trajectory: &Trajectory<SeenPixels>,
    ) -> Result<Reply<SeenPixels>> {
        turns.push(self.last_turn(trajectory));
        let dialogue = self.dialogue(task, turns)?;
        match (dialogue.stop(), dialogue.messages().last()) {
            (None, Some(message)) => {
                Ok(Reply::Continue(self.words.answer(message).map_err(Error::environment)?))
            }
            _ => Ok(Reply::Done),
        }
    }

    fn outcome(
        &self,
        task: &VideoTask,
        mut turns: Vec<Utterance>,
        trajectory: &Trajectory<SeenPixels>,
    ) -> Result<Outcome> {
        // A turn that was cut off was not answered.
        if turns.len() < trajectory.num_turns() {
            turns.push(self.last_turn(trajectory));
        }
        let record = self.dialogue(task, &turns)?.into_trajectory();
        let answer = record.answer.as_deref().unwrap_or_default();
        let is_answered = record.stop == Stop::Answered;
        let event = task.item.clip.event();
        let metrics = record.metrics(event);
        let mut outcome = Outcome {
            accuracy: if is_answered { task.question().reward(answer) } else { 0.0 },
            format_valid: record.is_well_formed() && !trajectory.truncated(),
            num_tool_calls: record.num_calls() + record.num_refused(),
            num_failed_calls: record.num_refused(),
            num_frames: record.num_frames(),
            base_model_fails: Some(task.item.difficulty == Difficulty::Hard),
            ..Outcome::default()
        };
        outcome.facts.insert("event_recall".into(), metrics.recall);
        Ok(outcome)
    }

    fn task_name(&self, task: &VideoTask) -> String {
        task.item.id.clone()
    }

    fn transcript(&self, _task: &VideoTask, trajectory: &Trajectory<SeenPixels>) -> Value {
        let ranges = trajectory.parts().iter();
        ranges
            .map(|(role, range)| {
                let text = self.words.tokenizer().decode(&trajectory.ids()[range.clone()]);
                serde_json::json!({ "role": role, "text": text })
            })
            .collect()
    }
}

impl VideoEnvironment {
    /// What the policy wrote last.
    fn last_turn(&self, trajectory: &Trajectory<SeenPixels>) -> Utterance {
        let ids = trajectory
            .parts()
            .last()
            .map_or(&[][..], |(_, range)| &trajectory.ids()[range.clone()]);
        Utterance { completion_tokens: Some(ids.len()), ..Utterance::new(self.words.text(ids)) }
    }
}
