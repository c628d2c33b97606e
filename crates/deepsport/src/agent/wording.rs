//! What the agent says to a model. The papers print no prompts: all of it is ours.

use std::fmt::Write as _;

use frame_tool::{Frame, Malformed, Observation, Policy, Refusal, Syntax, TOOL_NAME, ToolCall};
use serde::{Deserialize, Serialize};

/// How a question may be answered (LongVT reports all three).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// At once.
    Direct,
    /// After thinking.
    Think,
    /// After thinking, and looking again.
    #[default]
    Tool,
}

impl Mode {
    /// All modes.
    pub const ALL: [Self; 3] = [Self::Direct, Self::Think, Self::Tool];

    /// In a word, as programs print it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Think => "think",
            Self::Tool => "tool",
        }
    }
}

/// In which words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wording {
    /// Whole sentences, for models that know the language.
    #[default]
    English,
    /// As few words as possible, for models that learn them in the [toy world](crate::world).
    Toy,
}

impl Wording {
    pub(super) fn system(self, mode: Mode, syntax: Syntax, policy: &Policy) -> Option<String> {
        if self == Self::Toy {
            return None;
        }
        let mut text = String::from(
            "You answer questions about sports videos. You see frames of the video in order, each under its frame number.",
        );
        match mode {
            Mode::Direct => text.push_str(
                " Give the answer alone, between <answer> and </answer>, without any explanation.",
            ),
            Mode::Think => text.push_str(
                " First think, between <think> and </think>; then give the answer alone, between <answer> and </answer>.",
            ),
            Mode::Tool => {
                let example = ToolCall { start: 40, end: 80 }.to_text(syntax);
                let name = if syntax == Syntax::Text { "an action" } else { TOOL_NAME };
                let _ = write!(
                    text,
                    " First think, between <think> and </think>. Then do one of two things. If the frames show what the \
                     question asks about, give the answer alone, between <answer> and </answer>. If they do not, look \
                     again with {name}, which shows up to {} frames spread over a shorter stretch: {example} shows frames \
                     40 to 80. End the thought with the two frame numbers that you ask for. Do not ask for a stretch \
                     twice. You can look again {} times.",
                    policy.frames_per_call, policy.max_calls,
                );
            }
        }
        Some(text)
    }

    pub(super) fn label(self, frame: &Frame) -> String {
        match self {
            Self::English => frame_tool::frame_label(frame),
            Self::Toy => format!("{} ", frame.index()), // the question may stand right behind it
        }
    }

    /// Whether a frame's label comes before it. In the toy world it comes after: a causal model then knows at the label what
    /// the frame shows, and can copy the number from there in one step.
    pub(super) fn labels_first(self) -> bool {
        self == Self::English
    }

    pub(super) fn shown(self, shown: &Observation, must_answer: bool) -> Option<String> {
        if self == Self::Toy {
            return None;
        }
        let mut text = shown.to_string();
        if must_answer {
            text.push_str(" You cannot look again; answer now.");
        }
        Some(text)
    }

    pub(super) fn refused(self, refusal: &Refusal, must_answer: bool) -> String {
        match self {
            Self::Toy => "no , answer".into(),
            Self::English if must_answer => format!("{refusal} You cannot look again; answer now."),
            Self::English => refusal.to_string(),
        }
    }

    pub(super) fn malformed(self, malformed: &Malformed, mode: Mode) -> String {
        match self {
            Self::Toy => "no , answer".into(),
            Self::English => {
                let form = match mode {
                    Mode::Direct => "<answer>...</answer>",
                    Mode::Think => "<think>...</think><answer>...</answer>",
                    Mode::Tool => "<think>...</think> and then a tool call or <answer>...</answer>",
                };
                format!("That cannot be read: {malformed}. Write {form}.")
            }
        }
    }

    pub(super) fn located(self, time_s: f64, frame_idx: usize) -> String {
        match self {
            Self::Toy => frame_idx.to_string(),
            Self::English => format!("At {time_s:.2} s the video shows frame {frame_idx}."),
        }
    }
}
