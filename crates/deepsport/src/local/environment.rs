//! Questions about videos, as `grpo` asks them.

use std::sync::Arc;

use frame_tool::Video;
use grpo::{Environment, Error, MediaRule, Outcome, Reply, Result, Trajectory};
use serde_json::Value;

use super::{SeenPixels, Words};
use crate::Difficulty;
use crate::agent::{Agent, Dialogue, Stop, Utterance};
use crate::data::{self, Record};
use crate::evaluate::{Reading, grounding, read_answer};
use crate::world::{Item, Question};

/// Fact of an [`Outcome`]: share of the event inside some window.
pub const EVENT_RECALL: &str = "event_recall";
/// Fact of an [`Outcome`]: overlap of the last window with the event.
pub const EVENT_T_IOU: &str = "event_t_iou";
/// Fact of an [`Outcome`]: 1 if a frame of the event was shown, the first look included.
pub const EVENT_SEEN: &str = "event_seen";

/// A question, its video, and how answers are valued.
#[derive(Debug)]
pub struct VideoTask {
    record: Record,
    video: Video,
    /// Of the toy world, whose rules score to the letter.
    question: Option<Question>,
}

impl VideoTask {
    /// A question about a video.
    #[must_use]
    pub fn new(record: Record, video: Video) -> Self {
        Self { record, video, question: None }
    }

    /// A question of the toy world; its clip is drawn here.
    ///
    /// # Errors
    ///
    /// [`Error::Video`](crate::Error::Video) if there is no memory for the clip.
    pub fn toy(item: Item) -> crate::Result<Self> {
        let (record, video) = (item.record(data::Media::None), item.clip.video()?);
        Ok(Self { record, video, question: Some(item.question) })
    }

    /// The question as data sets keep it.
    #[must_use]
    pub fn record(&self) -> &Record {
        &self.record
    }

    /// The video.
    #[must_use]
    pub fn video(&self) -> &Video {
        &self.video
    }

    /// 1 for a right answer, 0 for a wrong one and for what no rule can read.
    fn accuracy(&self, answer: &str) -> f64 {
        match &self.question {
            Some(question) => question.reward(answer),
            None => match read_answer(&self.record, answer) {
                Reading::Score(score) => score,
                Reading::Unread | Reading::Open => 0.0,
            },
        }
    }
}

/// Asks questions about videos under the rules of an [`Agent`], and answers its tool calls.
#[derive(Debug)]
pub struct VideoEnvironment {
    agent: Agent,
    words: Arc<Words>,
    rule: MediaRule,
    max_tokens: usize,
}

impl VideoEnvironment {
    /// `rule` is the policy's ([`NetworkPolicy::media_rule`](super::NetworkPolicy::media_rule)); `max_tokens` bounds a whole
    /// rollout, prompt included.
    #[must_use]
    pub fn new(
        agent: Agent,
        words: impl Into<Arc<Words>>,
        rule: MediaRule,
        max_tokens: usize,
    ) -> Self {
        Self { agent, words: words.into(), rule, max_tokens }
    }

    /// The words.
    #[must_use]
    pub fn words(&self) -> &Words {
        &self.words
    }

    /// The dialogue up to now: it borrows the video, so what a rollout keeps are the turns.
    fn dialogue<'a>(&'a self, task: &'a VideoTask, turns: &[Utterance]) -> Result<Dialogue<'a>> {
        Dialogue::resume(&self.agent, &task.video, &task.record.prompt(), turns)
            .map_err(Error::environment)
    }

    /// A rollout that a teacher wrote: its turns, and what the tool shows after each. Turns behind the end of the dialogue are
    /// left out.
    ///
    /// # Errors
    ///
    /// If there is no turn, or they do not fit.
    pub fn demonstration<'t>(
        &self,
        task: &VideoTask,
        turns: impl IntoIterator<Item = &'t str>,
    ) -> Result<Trajectory<SeenPixels>> {
        let tokenizer = self.words.tokenizer();
        let (mut trajectory, mut state) = self.reset(task)?;
        for turn in turns {
            let mut ids = tokenizer.encode(turn).map_err(Error::environment)?;
            ids.push(tokenizer.special().im_end);
            trajectory.append_demonstration(ids)?;
            match self.step(task, &mut state, &trajectory)? {
                Reply::Continue(shown) => trajectory.append_observation(shown)?,
                Reply::Done => break,
            }
        }
        Ok(trajectory)
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
        let mut outcome = Outcome {
            accuracy: if is_answered { task.accuracy(answer) } else { 0.0 },
            format_valid: record.is_well_formed() && !trajectory.truncated(),
            num_tool_calls: record.num_calls() + record.num_refused(),
            num_failed_calls: record.num_refused(),
            num_frames: record.num_frames(),
            base_model_fails: task
                .record
                .difficulty
                .map(|difficulty| difficulty == Difficulty::Hard),
            ..Outcome::default()
        };
        if let Some(grounding) = grounding(&task.record, &record) {
            let facts = [
                (EVENT_RECALL, grounding.recall),
                (EVENT_T_IOU, grounding.t_iou),
                (EVENT_SEEN, f64::from(u8::from(grounding.is_seen))),
            ];
            outcome.facts.extend(facts.map(|(name, value)| (name.to_owned(), value)));
        }
        Ok(outcome)
    }

    fn task_name(&self, task: &VideoTask) -> String {
        task.record.id.clone()
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
