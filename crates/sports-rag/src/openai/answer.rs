//! Requests and answers as the chat completion protocol writes them, reduced to what is used here.
//!
//! Own types instead of async-openai's: other servers leave fields out or know other reasons for stopping.

use openai_service::Problem;
use serde::{Deserialize, Serialize};

use crate::Prompt;

/// `POST /chat/completions`.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    model: &'a str,
    messages: [Message<'a>; 2],
    stream: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_tokens: Option<u32>,
}

#[derive(Debug, Serialize)]
struct Message<'a> {
    role: &'static str,
    content: &'a str,
}

/// A whole answer, or one that is being put together.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Answer {
    choices: Vec<Choice>,
}

#[derive(Debug, Default, Deserialize)]
struct Choice {
    #[serde(default)]
    message: Text,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Text {
    content: Option<String>,
    refusal: Option<String>,
}

/// A piece of a streamed answer; the last may have no choices at all.
#[derive(Debug, Deserialize)]
pub(super) struct Piece {
    #[serde(default)]
    choices: Vec<PieceChoice>,
    /// Some servers report a failure in the middle of the stream.
    error: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct PieceChoice {
    #[serde(default)]
    delta: Text,
    finish_reason: Option<String>,
}

impl<'a> Request<'a> {
    pub(super) fn new(
        model: &'a str,
        prompt: &'a Prompt,
        stream: bool,
        temperature: Option<f32>,
        max_tokens: Option<u32>,
    ) -> Self {
        let message = |role, content| Message { role, content };
        let messages = [message("system", prompt.system.as_str()), message("user", &prompt.user)];
        Self { model, messages, stream, temperature, max_tokens }
    }
}

impl Answer {
    /// Takes a piece in and gives the words it adds.
    pub(super) fn add(&mut self, piece: Piece) -> Option<String> {
        if let Some(error) = piece.error {
            self.choices.clear();
            let refusal = Some(format!("the stream broke off: {error}"));
            let message = Text { content: None, refusal };
            self.choices.push(Choice { message, finish_reason: None });
            return None;
        }
        let added = piece.choices.into_iter().next()?;
        if self.choices.is_empty() {
            self.choices.push(Choice::default());
        }
        let choice = self.choices.first_mut()?;
        choice.finish_reason = added.finish_reason.or(choice.finish_reason.take());
        if let Some(refusal) = added.delta.refusal {
            choice.message.refusal.get_or_insert_default().push_str(&refusal);
        }
        let text = added.delta.content.filter(|text| !text.is_empty())?;
        choice.message.content.get_or_insert_default().push_str(&text);
        Some(text)
    }

    /// What has arrived, complete or not.
    pub(super) fn so_far(self) -> String {
        self.choices
            .into_iter()
            .next()
            .and_then(|choice| choice.message.content)
            .unwrap_or_default()
    }

    /// The text, unless the model refused, was cut short or said nothing.
    pub(super) fn text(self) -> Result<String, Problem> {
        let malformed = |reason: &str| Problem::Malformed { reason: reason.into() };
        let Some(choice) = self.choices.into_iter().next() else {
            return Err(malformed("it holds no choice"));
        };
        let refusal = choice.message.refusal.filter(|refusal| !refusal.trim().is_empty());
        let text = choice.message.content.filter(|text| !text.trim().is_empty());
        match (choice.finish_reason.as_deref(), refusal, text) {
            (_, Some(reason), _) => Err(Problem::Refused { reason }),
            (Some("content_filter"), ..) => {
                let reason = "its content filter stopped the answer".into();
                Err(Problem::Refused { reason })
            }
            (Some("length"), ..) => Err(Problem::CutShort),
            (.., Some(text)) => Ok(text),
            (.., None) => Err(malformed("the answer is empty")),
        }
    }
}
