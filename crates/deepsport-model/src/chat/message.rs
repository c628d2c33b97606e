//! What is said, by whom.

use serde::{Deserialize, Serialize};

use super::Json;

/// One turn of a conversation. Reads and writes the JSON of chat datasets and OpenAI-like services.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Message {
    /// Who speaks.
    pub role: Role,
    /// What is said.
    #[serde(default, deserialize_with = "or_default")]
    pub content: Content,
    /// Functions that the assistant calls.
    #[serde(default, deserialize_with = "or_default", skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall>,
}

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Whoever sets the task.
    System,
    /// Whoever asks.
    User,
    /// The model.
    Assistant,
    /// A function's answer.
    Tool,
}

impl Role {
    /// The name that templates print.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
            Self::Tool => "tool",
        }
    }
}

/// Plain text, or parts of text, pictures and clips.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// Text alone.
    Text(String),
    /// Parts in the order in which they are shown.
    Parts(Vec<Part>),
}

impl Default for Content {
    fn default() -> Self {
        Self::Text(String::new())
    }
}

impl From<&str> for Content {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Content {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Vec<Part>> for Content {
    fn from(parts: Vec<Part>) -> Self {
        Self::Parts(parts)
    }
}

/// A piece of a message. A source is the data set's own name of the medium (path, URL); the pixels are given apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "PartFile", into = "PartFile")]
pub enum Part {
    /// Text.
    Text(String),
    /// A picture.
    Image(Option<String>),
    /// A clip.
    Video(Option<String>),
}

/// A call of a function.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "ToolCallFile", into = "ToolCallFile")]
pub struct ToolCall {
    /// The function.
    pub name: String,
    /// Its arguments, an object.
    pub arguments: Json,
}

impl Message {
    /// A message without tool calls.
    #[must_use]
    pub fn new(role: Role, content: impl Into<Content>) -> Self {
        Self { role, content: content.into(), tool_calls: Vec::new() }
    }

    /// What the task is.
    #[must_use]
    pub fn system(content: impl Into<Content>) -> Self {
        Self::new(Role::System, content)
    }

    /// What is asked.
    #[must_use]
    pub fn user(content: impl Into<Content>) -> Self {
        Self::new(Role::User, content)
    }

    /// What the model said.
    #[must_use]
    pub fn assistant(content: impl Into<Content>) -> Self {
        Self::new(Role::Assistant, content)
    }

    /// What a function answered.
    #[must_use]
    pub fn tool(content: impl Into<Content>) -> Self {
        Self::new(Role::Tool, content)
    }
}

/// `null` counts as absent.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: serde::Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A part as files spell it: the type may be missing, and a URL may stand in an object of its own.
#[derive(Serialize, Deserialize)]
struct PartFile {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image_url: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video: Option<Source>,
    #[serde(skip_serializing_if = "Option::is_none")]
    video_url: Option<Source>,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Source {
    Name(String),
    Url { url: String },
    Names(Vec<String>), // a clip as a list of frames
}

impl Source {
    fn name(self) -> String {
        match self {
            Self::Name(name) | Self::Url { url: name } => name,
            Self::Names(names) => names.join(","),
        }
    }
}

impl TryFrom<PartFile> for Part {
    type Error = String;

    fn try_from(file: PartFile) -> Result<Self, String> {
        let PartFile { kind, text, image, image_url, video, video_url } = file;
        let image = image.or(image_url).map(Source::name);
        let video = video.or(video_url).map(Source::name);
        match (kind.as_deref(), text) {
            (Some("image" | "image_url"), _) => Ok(Self::Image(image)),
            (Some("video" | "video_url"), _) => Ok(Self::Video(video)),
            (Some("text") | None, Some(text)) => Ok(Self::Text(text)),
            (None, None) if image.is_some() => Ok(Self::Image(image)),
            (None, None) if video.is_some() => Ok(Self::Video(video)),
            (kind, _) => Err(format!(
                "a part of type {kind:?} without its content; text, image and video are known"
            )),
        }
    }
}

impl From<Part> for PartFile {
    fn from(part: Part) -> Self {
        let mut file = Self {
            kind: None,
            text: None,
            image: None,
            image_url: None,
            video: None,
            video_url: None,
        };
        match part {
            Part::Text(text) => (file.kind, file.text) = (Some("text".into()), Some(text)),
            Part::Image(name) => {
                (file.kind, file.image) = (Some("image".into()), name.map(Source::Name));
            }
            Part::Video(name) => {
                (file.kind, file.video) = (Some("video".into()), name.map(Source::Name));
            }
        }
        file
    }
}

/// A call bare, or wrapped in `{"type": "function", "function": {...}}`, as it is written.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum ToolCallFile {
    Wrapped {
        #[serde(rename = "type", default)]
        kind: Option<String>,
        function: Function,
    },
    Bare(Function),
}

#[derive(Serialize, Deserialize)]
struct Function {
    name: String,
    arguments: Json,
}

impl From<ToolCallFile> for ToolCall {
    fn from(file: ToolCallFile) -> Self {
        let (ToolCallFile::Wrapped { function, .. } | ToolCallFile::Bare(function)) = file;
        Self { name: function.name, arguments: function.arguments }
    }
}

impl From<ToolCall> for ToolCallFile {
    fn from(ToolCall { name, arguments }: ToolCall) -> Self {
        let function = Function { name, arguments };
        Self::Wrapped { kind: Some("function".into()), function }
    }
}
