//! Who continues a conversation: a model here, a model behind a server, a record, an expert.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use super::message::Message;
use crate::{Error, Result};

/// Continues a conversation with pictures.
///
/// The seam between the agent and any model: what sees frames and writes text can think with videos.
pub trait Speaker {
    /// Who speaks, for records: a model's name.
    fn name(&self) -> String;

    /// Writes the next turn after `messages`, in at most `max_tokens` tokens.
    ///
    /// Text goes to `on_piece` while it is written. Where `on_piece` breaks, writing ends and what was written is the turn.
    ///
    /// # Errors
    ///
    /// [`Error::Service`] of servers, [`Error::Speaker`] of others.
    fn speak(
        &mut self,
        messages: &[Message],
        max_tokens: usize,
        on_piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Utterance>;
}

impl<S: Speaker + ?Sized> Speaker for Box<S> {
    fn name(&self) -> String {
        (**self).name()
    }

    fn speak(
        &mut self,
        messages: &[Message],
        max_tokens: usize,
        on_piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Utterance> {
        (**self).speak(messages, max_tokens, on_piece)
    }
}

/// A turn as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Utterance {
    /// The words.
    pub text: String,
    /// Tokens that were read, where the speaker counts them.
    pub prompt_tokens: Option<usize>,
    /// Tokens that were written, where the speaker counts them.
    pub completion_tokens: Option<usize>,
}

impl Utterance {
    /// Words without counts.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Tokens that were written; where they were not counted, a fourth of the bytes, as a rule of thumb.
    #[must_use]
    pub fn num_tokens(&self) -> usize {
        self.completion_tokens.unwrap_or_else(|| self.text.len().div_ceil(4))
    }
}

/// Says what was recorded, turn by turn: for tests, and to tell a run again without its model.
#[derive(Debug, Clone, Default)]
pub struct Recorded {
    turns: VecDeque<String>,
}

impl Recorded {
    /// Will say `turns` in order.
    pub fn new<S: Into<String>>(turns: impl IntoIterator<Item = S>) -> Self {
        Self { turns: turns.into_iter().map(Into::into).collect() }
    }
}

impl Speaker for Recorded {
    fn name(&self) -> String {
        "recorded".into()
    }

    fn speak(
        &mut self,
        _messages: &[Message],
        _max_tokens: usize,
        on_piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Utterance> {
        let text = self.turns.pop_front().ok_or_else(|| Error::Speaker {
            speaker: self.name(),
            reason: "the record has no further turn".into(),
        })?;
        let _ = on_piece(&text);
        Ok(Utterance::new(text))
    }
}
