//! The loop taken apart: one turn heard, one message given back. Whoever runs many dialogues at once drives them so.

use std::ops::ControlFlow;

use frame_tool::{Action, Episode, Frame, Malformed, Observation, Outcome, Turn, Video};

use super::message::{Message, Part, Role};
use super::speaker::Utterance;
use super::trajectory::{Stop, Trajectory, TurnRecord, VideoFacts};
use super::wording::Mode;
use super::{Agent, Progress, Seen};
use crate::{Error, Result};

/// One question about one video, turn by turn.
///
/// Give [`messages`](Self::messages) to a model, [`hear`](Self::hear) what it says, until that gives a [`Stop`].
#[derive(Debug)]
pub struct Dialogue<'a> {
    agent: &'a Agent,
    episode: Episode<'a>,
    messages: Vec<Message>,
    /// The turn that is being waited for: what it sees is known already.
    next: TurnRecord,
    num_malformed: usize,
    num_tokens: usize,
    trajectory: Trajectory,
    stop: Option<Stop>,
}

impl<'a> Dialogue<'a> {
    /// Shows the first frames and asks.
    ///
    /// # Errors
    ///
    /// [`Error::Video`](crate::Error::Video) where frames cannot be had or the policy shows none.
    pub fn start(agent: &'a Agent, video: &'a Video, question: &str) -> Result<Self> {
        let (episode, first_look) = Episode::start(video, agent.policy.clone())?;
        let system = agent.wording.system(agent.mode, agent.syntax, &agent.policy);
        let mut messages: Vec<Message> =
            system.map(|text| Message::text(Role::System, text)).into_iter().collect();
        let mut parts = labelled(agent, &first_look.frames);
        parts.push(Part::Text(question.to_owned()));
        messages.push(Message { role: Role::User, parts });
        let trajectory = Trajectory {
            question: question.to_owned(),
            video: VideoFacts {
                path: None,
                num_frames: video.num_frames(),
                fps: video.fps(),
                duration_s: video.duration_s(),
            },
            speaker: String::new(),
            mode: agent.mode,
            policy: agent.policy.clone(),
            turns: Vec::new(),
            answer: None,
            stop: Stop::Interrupted,
        };
        let next = seeing(&first_look);
        Ok(Self {
            agent,
            episode,
            messages,
            next,
            num_malformed: 0,
            num_tokens: 0,
            trajectory,
            stop: None,
        })
    }

    /// Starts anew and hears `turns` once more: a dialogue is nothing but its turns, so that whoever cannot hold one, for it
    /// borrows the video, keeps these.
    ///
    /// # Errors
    ///
    /// As [`start`](Self::start).
    pub fn resume<'t>(
        agent: &'a Agent,
        video: &'a Video,
        question: &str,
        turns: impl IntoIterator<Item = &'t Utterance>,
    ) -> Result<Self> {
        let mut dialogue = Self::start(agent, video, question)?;
        for turn in turns {
            dialogue.hear(turn)?;
        }
        Ok(dialogue)
    }

    /// The conversation so far; the last message waits for the model.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Response tokens that are left, of all turns together.
    #[must_use]
    pub fn tokens_left(&self) -> usize {
        self.agent.max_response_tokens.saturating_sub(self.num_tokens)
    }

    /// Why it ended, if it did.
    #[must_use]
    pub fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// The turns so far; the one that is waited for is not among them.
    #[must_use]
    pub fn turns(&self) -> &[TurnRecord] {
        &self.trajectory.turns
    }

    /// Takes a turn, does what it says, and gives back why the dialogue ends, if it does.
    ///
    /// After the end nothing is heard any more.
    ///
    /// # Errors
    ///
    /// [`Error::Video`](crate::Error::Video) where frames cannot be had.
    pub fn hear(&mut self, utterance: &Utterance) -> Result<Option<Stop>> {
        if self.stop.is_some() {
            return Ok(self.stop);
        }
        self.num_tokens += utterance.num_tokens();
        self.messages.push(Message::text(Role::Assistant, &utterance.text));
        let turn = self.read(&utterance.text);
        let mut record = std::mem::take(&mut self.next);
        record.text.clone_from(&utterance.text);
        record.thought = turn.thoughts.join("\n");
        record.prompt_tokens = utterance.prompt_tokens;
        record.completion_tokens = utterance.completion_tokens;
        let was_over = self.episode.is_over();
        let turns_left = self.agent.max_turns.saturating_sub(self.trajectory.turns.len() + 1);
        let wording = self.agent.wording;

        let reply = match &turn.action {
            Err(malformed) => {
                self.num_malformed += 1;
                record.malformed = Some(malformed.clone());
                if self.num_malformed >= self.agent.max_malformed {
                    self.stop = Some(Stop::Malformed);
                }
                vec![Part::Text(wording.malformed(malformed, self.agent.mode))]
            }
            Ok(action) => {
                if let Action::Frames(call) = action {
                    record.call = Some(*call);
                }
                match self.episode.turn(&turn)? {
                    Outcome::Answered(answer) => {
                        record.answer = Some(answer);
                        self.stop = Some(Stop::Answered);
                        Vec::new()
                    }
                    Outcome::Shown(shown) => {
                        self.next = seeing(&shown);
                        let calls_left = self.agent.policy.max_calls > self.episode.num_calls();
                        let words = wording.shown(&shown, turns_left == 1 || !calls_left);
                        let mut parts: Vec<Part> = words.map(Part::Text).into_iter().collect();
                        parts.extend(labelled(self.agent, &shown.frames));
                        parts
                    }
                    Outcome::Located { time_s, frame_idx } => {
                        vec![Part::Text(wording.located(time_s, frame_idx))]
                    }
                    Outcome::Refused { refusal, ends_episode } => {
                        if was_over {
                            self.stop = Some(Stop::Repeated);
                        }
                        let text = wording.refused(&refusal, ends_episode || turns_left == 1);
                        record.refusal = Some(refusal);
                        vec![Part::Text(text)]
                    }
                    // The outcome may grow; what is unknown here shows nothing.
                    _ => Vec::new(),
                }
            }
        };
        self.trajectory.answer.clone_from(&record.answer);
        self.trajectory.turns.push(record);
        if self.stop.is_none() {
            if turns_left == 0 {
                self.stop = Some(Stop::MaxTurns);
            } else if self.tokens_left() == 0 {
                self.stop = Some(Stop::MaxTokens);
            } else {
                self.messages.push(Message { role: Role::User, parts: reply });
            }
        }
        Ok(self.stop)
    }

    /// Ends the dialogue for a failure that belongs to it: a conversation that has outgrown the model's context after the first
    /// turn. Others are given back, and so is this one before the first turn, for then the question itself does not fit.
    pub(super) fn fail(&mut self, error: Error) -> Result<()> {
        match error {
            Error::ContextLength { .. } if !self.turns().is_empty() => {
                self.stop = Some(Stop::ContextLength);
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Tells which frames the turn that is waited for begins with.
    pub(super) fn announce(
        &self,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some(window) = self.next.window else { return ControlFlow::Continue(()) };
        let (turn, frames) = (self.turns().len(), self.next.frames.as_slice());
        on_progress(Progress::Shown { turn, window, frames })
    }

    /// Takes a turn's text apart by the rules of the mode.
    fn read(&self, text: &str) -> Turn {
        let mut turn = Turn::parse(text, self.agent.tolerance);
        let bare = || text.trim().to_owned();
        match (self.agent.mode, &turn.action) {
            // Asked for the answer alone, many models leave the tags out.
            (Mode::Direct, Err(Malformed::NoAction)) if !bare().is_empty() => {
                turn.action = Ok(Action::Answer(bare()));
            }
            // Strict reading wants a thought first, which this mode does without.
            (Mode::Direct, Err(Malformed::NoThought)) => {
                turn.action = Turn::parse(text, frame_tool::Tolerance::Lenient).action;
            }
            _ => {}
        }
        turn
    }

    /// Ends the dialogue and hands over its record.
    #[must_use]
    pub fn into_trajectory(self) -> Trajectory {
        Trajectory { stop: self.stop.unwrap_or(Stop::Interrupted), ..self.trajectory }
    }
}

/// A turn that begins with these frames.
fn seeing(shown: &Observation) -> TurnRecord {
    TurnRecord {
        window: Some([*shown.window.start(), *shown.window.end()]),
        frames: shown.frames.iter().map(Seen::of).collect(),
        ..TurnRecord::default()
    }
}

/// Every frame with its label.
fn labelled(agent: &Agent, frames: &[Frame]) -> Vec<Part> {
    let pairs = frames.iter().map(|frame| {
        let (label, frame) = (Part::Text(agent.wording.label(frame)), Part::Frame(frame.clone()));
        if agent.wording.labels_first() { [label, frame] } else { [frame, label] }
    });
    pairs.flatten().collect()
}
