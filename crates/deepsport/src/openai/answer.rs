//! Requests and answers as the chat completion protocol writes them, reduced to what is used here.
//!
//! Own types instead of async-openai's: other servers leave fields out or know other reasons for stopping.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use frame_tool::Frame;
use openai_service::Problem;
use serde::{Deserialize, Serialize};

use crate::agent::{Message, Part, Role, Utterance};

/// `POST /chat/completions`.
#[derive(Debug, Serialize)]
pub(super) struct Request<'a> {
    model: &'a str,
    messages: Vec<WireMessage<'a>>,
    stream: bool,
    stream_options: StreamOptions,
    max_tokens: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
}

#[derive(Debug, Serialize)]
struct StreamOptions {
    include_usage: bool,
}

#[derive(Debug, Serialize)]
struct WireMessage<'a> {
    role: &'static str,
    content: Content<'a>,
}

/// Plain text where there are no pictures: some servers take nothing else of an assistant.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(&'a str),
    Parts(Vec<WirePart<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum WirePart<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl },
}

#[derive(Debug, Serialize)]
struct ImageUrl {
    url: String,
}

impl<'a> Request<'a> {
    pub(super) fn new(
        model: &'a str,
        messages: &'a [Message],
        max_tokens: usize,
        temperature: Option<f32>,
        seed: Option<u64>,
    ) -> Result<Self, String> {
        let messages = messages.iter().map(WireMessage::of).collect::<Result<_, String>>()?;
        let stream_options = StreamOptions { include_usage: true };
        Ok(Self { model, messages, stream: true, stream_options, max_tokens, temperature, seed })
    }
}

impl<'a> WireMessage<'a> {
    fn of(message: &'a Message) -> Result<Self, String> {
        let role = match message.role {
            Role::System => "system",
            Role::User => "user",
            Role::Assistant => "assistant",
        };
        let content = match message.parts.as_slice() {
            [Part::Text(text)] => Content::Text(text),
            parts => Content::Parts(parts.iter().map(WirePart::of).collect::<Result<_, String>>()?),
        };
        Ok(Self { role, content })
    }
}

impl<'a> WirePart<'a> {
    fn of(part: &'a Part) -> Result<Self, String> {
        match part {
            Part::Text(text) => Ok(Self::Text { text }),
            Part::Frame(frame) => {
                Ok(Self::ImageUrl { image_url: ImageUrl { url: data_url(frame)? } })
            }
        }
    }
}

/// A frame as PNG in a data URL: nothing is lost on the way to the model.
fn data_url(frame: &Frame) -> Result<String, String> {
    let png = crate::picture::png(frame.width(), frame.height(), frame.rgb())
        .map_err(|error| format!("frame {} cannot be sent: {error}", frame.index()))?;
    Ok(format!("data:image/png;base64,{}", STANDARD.encode(png)))
}

/// A piece of a streamed answer; the last may have no choices at all.
#[derive(Debug, Deserialize)]
pub(super) struct Piece {
    #[serde(default)]
    choices: Vec<Choice>,
    usage: Option<Usage>,
    /// Some servers report a failure in the middle of the stream.
    error: Option<serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    finish_reason: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Delta {
    content: Option<String>,
    /// Models that think in a field of their own: vLLM and SGLang write it so.
    #[serde(alias = "reasoning")]
    reasoning_content: Option<String>,
    refusal: Option<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
struct Usage {
    prompt_tokens: Option<usize>,
    completion_tokens: Option<usize>,
}

/// An answer that is being put together.
#[derive(Debug, Default)]
pub(super) struct Answer {
    text: String,
    refusal: String,
    usage: Option<Usage>,
    is_reasoning: bool,
}

impl Answer {
    /// Takes a piece in and gives the words it adds.
    pub(super) fn add(&mut self, piece: Piece) -> Result<Option<String>, Problem> {
        if let Some(error) = piece.error {
            let reason = format!("the stream broke off: {error}");
            return Err(Problem::Refused { reason });
        }
        self.usage = piece.usage.or(self.usage);
        let Some(Choice { delta, finish_reason }) = piece.choices.into_iter().next() else {
            return Ok(None);
        };
        if finish_reason.as_deref() == Some("content_filter") {
            let reason = "its content filter stopped the answer".into();
            return Err(Problem::Refused { reason });
        }
        self.refusal.push_str(&delta.refusal.unwrap_or_default());
        let mut added = String::new();
        if let Some(reasoning) = delta.reasoning_content.filter(|text| !text.is_empty()) {
            if !self.is_reasoning {
                added.push_str("<think>");
                self.is_reasoning = true;
            }
            added.push_str(&reasoning);
        }
        if let Some(content) = delta.content.filter(|text| !text.is_empty()) {
            if std::mem::take(&mut self.is_reasoning) {
                added.push_str("</think>");
            }
            added.push_str(&content);
        }
        self.text.push_str(&added);
        Ok(Some(added).filter(|text| !text.is_empty()))
    }

    /// The whole turn. An answer that was cut off at the limit of tokens is a turn like any other: the agent judges it.
    pub(super) fn into_utterance(self) -> Result<Utterance, Problem> {
        if !self.refusal.trim().is_empty() {
            return Err(Problem::Refused { reason: self.refusal });
        }
        if self.text.trim().is_empty() {
            return Err(Problem::Malformed { reason: "the answer is empty".into() });
        }
        Ok(Utterance {
            text: self.text,
            prompt_tokens: self.usage.and_then(|usage| usage.prompt_tokens),
            completion_tokens: self.usage.and_then(|usage| usage.completion_tokens),
        })
    }
}
