//! What a model writes to look again, and what it writes when it is done.

mod schema; // what the tool is, for those who call it by JSON
mod stream; // tags in text that is still coming
mod syntax; // what stands inside the tags

pub use schema::{function_schema, mcp_tool};
pub use stream::{Event, StreamParser};

use serde::{Deserialize, Serialize};

/// Name of the tool, as DeepSport calls it.
pub const TOOL_NAME: &str = "frame_extraction_tool";

/// A request for the frames from `start` to `end`.
///
/// As written: numbers may lie outside the video or stand in the wrong order. An [`Episode`](crate::Episode) judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ToolCall {
    /// 0-based frame.
    pub start: i64,
    /// 0-based frame.
    pub end: i64,
}

/// The three ways to write a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Syntax {
    /// `<tool_call>frame_extraction_tool(S, E)</tool_call>`: DeepSport, and what we write by default.
    #[default]
    Function,
    /// `<tool_call>{"action":"choose_frames","frame_range":[S,E]}</tool_call>`: DeepSport's second version.
    Json,
    /// `<action>choose frames between S and E</action>`: FrameThinker.
    Text,
}

impl Syntax {
    /// All ways.
    pub const ALL: [Self; 3] = [Self::Function, Self::Json, Self::Text];
}

impl ToolCall {
    /// Writes the call, in the one way of `syntax` that every parser takes.
    #[must_use]
    pub fn to_text(self, syntax: Syntax) -> String {
        let Self { start, end } = self;
        match syntax {
            Syntax::Function => format!("<tool_call>{TOOL_NAME}({start}, {end})</tool_call>"),
            Syntax::Json => {
                format!(
                    r#"<tool_call>{{"action":"choose_frames","frame_range":[{start},{end}]}}</tool_call>"#
                )
            }
            Syntax::Text => format!("<action>choose frames between {start} and {end}</action>"),
        }
    }
}

/// What a turn does.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Asks for frames.
    Frames(ToolCall),
    /// Asks which frame is shown at a time, in seconds (FrameThinker).
    FrameAt(f64),
    /// Ends the episode.
    Answer(String),
}

/// How much of a writer's carelessness is forgiven.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tolerance {
    /// Nothing but white space: for rewards, where format counts.
    #[default]
    Strict,
    /// What people can read too: other cases, named arguments, `start`/`end` in JSON, tools called the Qwen way, code
    /// fences, a missing end tag at the end of the text, further actions behind the first. For inference.
    Lenient,
}

/// Why a turn is not well formed.
#[derive(Debug, Clone, PartialEq, thiserror::Error, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Malformed {
    /// Neither call nor answer.
    #[error("no tool call and no answer")]
    NoAction,
    /// More than one call or answer.
    #[error("{num} actions in one turn, one is allowed")]
    SeveralActions {
        /// How many.
        num: usize,
    },
    /// A turn begins with a thought.
    #[error("no <think> block before the action")]
    NoThought,
    /// A tag that does not end.
    #[error("<{tag}> is never closed")]
    Unclosed {
        /// Its name.
        tag: String,
    },
    /// Nothing between the tags.
    #[error("<{tag}> is empty")]
    Empty {
        /// Its name.
        tag: String,
    },
    /// Another tool.
    #[error("there is no tool {name:?}; the only one is frame_extraction_tool")]
    UnknownTool {
        /// What was called.
        name: String,
    },
    /// Too few or too many arguments.
    #[error("{found} arguments, expected 2: start and end")]
    ArgumentCount {
        /// How many.
        found: usize,
    },
    /// An argument that is not a whole number.
    #[error("{found:?} is not a frame number")]
    NotANumber {
        /// What stands there.
        found: String,
    },
    /// Not a moment.
    #[error("{found:?} is not a time; write MM:SS")]
    NotATime {
        /// What stands there.
        found: String,
    },
    /// JSON that is none.
    #[error("not valid JSON: {problem}")]
    Json {
        /// What is wrong with it.
        problem: String,
    },
    /// JSON without a field.
    #[error("field {field:?} is missing or of another kind")]
    Field {
        /// Its name.
        field: String,
    },
    /// Anything else.
    #[error("{text:?} is no call; write frame_extraction_tool(START, END)")]
    UnknownSyntax {
        /// The beginning of what stands there.
        text: String,
    },
}

/// A turn of a model, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Contents of the `<think>` blocks, in order.
    pub thoughts: Vec<String>,
    /// What it does, or why that is not clear.
    pub action: Result<Action, Malformed>,
}

impl Turn {
    /// Takes `text` apart.
    #[must_use]
    pub fn parse(text: &str, tolerance: Tolerance) -> Self {
        let mut parser = StreamParser::new(tolerance);
        let mut events = parser.push(text);
        events.extend(parser.finish());
        Self::from_events(events, tolerance)
    }

    /// Puts together what a [`StreamParser`] found in one turn.
    #[must_use]
    pub fn from_events(events: Vec<Event>, tolerance: Tolerance) -> Self {
        let mut thoughts = Vec::new();
        let mut actions = Vec::new();
        let mut thought_first = false;
        for event in events {
            match event {
                Event::Thought(thought) => {
                    thought_first |= actions.is_empty();
                    thoughts.push(thought);
                }
                Event::Action(action) => actions.push(action),
                Event::Text(_) => {}
            }
        }
        let num = actions.len();
        let strict = tolerance == Tolerance::Strict;
        let action = match actions.into_iter().next() {
            None => Err(Malformed::NoAction),
            Some(_) if strict && num > 1 => Err(Malformed::SeveralActions { num }),
            Some(Ok(_)) if strict && !thought_first => Err(Malformed::NoThought),
            Some(action) => action,
        };
        Self { thoughts, action }
    }

    /// The last two whole numbers of the last thought: the window that the model says it will look at.
    #[must_use]
    pub fn said_window(&self) -> Option<ToolCall> {
        let thought = self.thoughts.last()?;
        let numbers =
            thought.split(|c: char| !c.is_ascii_digit()).filter_map(|run| run.parse::<i64>().ok());
        let numbers: Vec<i64> = numbers.collect();
        let &[.., start, end] = numbers.as_slice() else { return None };
        Some(ToolCall { start, end })
    }
}
