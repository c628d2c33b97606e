//! Thinks with a video: sees a few frames, thinks, looks again where it matters, answers.

mod message; // what is said
mod speaker; // who says it
mod wording; // in which words the agent asks
mod dialogue; // turn by turn
mod chorus; // many dialogues side by side
mod trajectory; // the record

pub use chorus::{Chorus, Waiting, run_all};
pub use dialogue::Dialogue;
pub use message::{Message, Part, Role};
pub use speaker::{Recorded, Speaker, Utterance};
pub use trajectory::{Stop, Trajectory, TurnRecord, VideoFacts};
pub use wording::{Mode, Wording};

use std::ops::ControlFlow;

use frame_tool::{Policy, Seen, Syntax, Tolerance, Video};
use serde::{Deserialize, Serialize};

use crate::Result;

/// The rules under which questions are answered. The defaults are for inference; see [`training`](Self::training).
///
/// ```
/// use deepsport::agent::{Agent, Recorded, Stop};
/// # let frames = (0..100_u8).map(|i| vec![2 * i; 8 * 6 * 3]).collect();
/// # let video = frame_tool::Video::from_frames(8, 6, frames, 25.0, &Default::default())?;
/// let mut model = Recorded::new([
///     "<think>It gets bright late.</think><tool_call>frame_extraction_tool(80, 99)</tool_call>",
///     "<think>All white now.</think><answer>white</answer>",
/// ]);
/// let trajectory = Agent::new().run(&video, "How does it end?", &mut model)?;
/// assert_eq!(trajectory.answer.as_deref(), Some("white"));
/// assert_eq!((trajectory.stop, trajectory.num_calls(), trajectory.num_frames()), (Stop::Answered, 1, 16));
/// # Ok::<(), deepsport::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Agent {
    /// Whether it may think and look again.
    pub mode: Mode,
    /// In which words it asks.
    pub wording: Wording,
    /// How the model is told to write calls; all ways are read (paper: `function` in version 1, `json` in version 2).
    pub syntax: Syntax,
    /// How carelessly turns may be written.
    pub tolerance: Tolerance,
    /// What is shown: 8 frames at first (paper), 8 for each of at most 4 calls.
    pub policy: Policy,
    /// Turns at most, the answer included: 5 (ancestor: FrameThinker).
    pub max_turns: usize,
    /// Response tokens of all turns together: 12,800 (paper).
    pub max_response_tokens: usize,
    /// Turns that cannot be read before the run ends: 2 (ours).
    pub max_malformed: usize,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            mode: Mode::Tool,
            wording: Wording::English,
            syntax: Syntax::Function,
            tolerance: Tolerance::Lenient,
            policy: Policy::deepsport(),
            max_turns: 5,
            max_response_tokens: 12_800,
            max_malformed: 2,
        }
    }
}

/// What happens in a run, as it happens.
#[derive(Debug)]
#[non_exhaustive]
pub enum Progress<'a> {
    /// Frames are shown before a turn: the first ones, or those asked for.
    Shown {
        /// 0-based turn.
        turn: usize,
        /// The stretch, both ends included.
        window: [usize; 2],
        /// Its frames.
        frames: &'a [Seen],
    },
    /// The model writes.
    Text(&'a str),
    /// A turn is complete.
    Turn(&'a TurnRecord),
}

impl Agent {
    /// The rules of inference: what people can read is read.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The rules of training: the form counts, and the first turn that breaks it ends the run (paper: such a run is worth
    /// -0.05).
    #[must_use]
    pub fn training() -> Self {
        Self { tolerance: Tolerance::Strict, max_malformed: 1, ..Self::default() }
    }

    /// The same rules, reading turns as inference does: for a model that was trained under them.
    #[must_use]
    pub fn at_inference(mut self) -> Self {
        let lenient = Self::default();
        (self.tolerance, self.max_malformed) = (lenient.tolerance, lenient.max_malformed);
        self
    }

    /// Changes the mode. Without the tool there is one turn, and no call is answered.
    #[must_use]
    pub fn with_mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        if mode != Mode::Tool {
            (self.policy.max_calls, self.max_turns) = (0, 1);
        }
        self
    }

    /// Changes the words.
    #[must_use]
    pub fn with_wording(mut self, wording: Wording) -> Self {
        self.wording = wording;
        self
    }

    /// Changes the way in which the model is told to write calls.
    #[must_use]
    pub fn with_syntax(mut self, syntax: Syntax) -> Self {
        self.syntax = syntax;
        self
    }

    /// Changes what is shown.
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Changes how many response tokens all turns may take together.
    #[must_use]
    pub fn with_max_response_tokens(mut self, max_response_tokens: usize) -> Self {
        self.max_response_tokens = max_response_tokens;
        self
    }

    /// Answers a question about a video.
    ///
    /// # Errors
    ///
    /// Of the speaker, see [`Speaker::speak`]; [`Error::Video`](crate::Error::Video) where frames cannot be had.
    pub fn run(
        &self,
        video: &Video,
        question: &str,
        speaker: &mut dyn Speaker,
    ) -> Result<Trajectory> {
        self.run_watched(video, question, speaker, &mut |_| ControlFlow::Continue(()))
    }

    /// As [`run`](Self::run), telling `on_progress` what happens as it happens. Where that breaks, the run ends with what
    /// there is, as [`Stop::Interrupted`].
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_watched(
        &self,
        video: &Video,
        question: &str,
        speaker: &mut dyn Speaker,
        on_progress: &mut dyn FnMut(Progress<'_>) -> ControlFlow<()>,
    ) -> Result<Trajectory> {
        let mut dialogue = Dialogue::start(self, video, question)?;
        loop {
            if dialogue.announce(on_progress).is_break() {
                break;
            }
            let mut is_broken = false;
            let spoken = speaker.speak(dialogue.messages(), dialogue.tokens_left(), &mut |piece| {
                let flow = on_progress(Progress::Text(piece));
                is_broken |= flow.is_break();
                flow
            });
            if is_broken {
                break;
            }
            let utterance = match spoken {
                Ok(utterance) => utterance,
                Err(error) => {
                    dialogue.fail(error)?;
                    break;
                }
            };
            let stop = dialogue.hear(&utterance)?;
            let turn = dialogue.turns().last();
            let is_broken = turn.is_some_and(|turn| on_progress(Progress::Turn(turn)).is_break());
            if stop.is_some() || is_broken {
                break;
            }
        }
        let mut trajectory = dialogue.into_trajectory();
        trajectory.speaker = speaker.name();
        Ok(trajectory)
    }
}
