//! Conversations, the text and ids they become, and how a conversation grows without changing what was said.

mod builtin;
mod json;
mod media;
mod message;
mod template;
mod transcript;

pub use builtin::Dialect;
pub use json::Json;
pub use media::expand_placeholders;
pub use message::{Content, Message, Part, Role, ToolCall};
pub use template::JinjaTemplate;
pub use transcript::{Transcript, new_ids};

use std::path::Path;

use crate::Result;

/// What is asked of a rendering beside the messages.
#[derive(Debug, Clone, Default)]
pub struct RenderOptions {
    /// Functions that the model may call, as JSON schemas (`{"type": "function", "function": {...}}`).
    pub tools: Vec<Json>,
    /// Whether the text ends with the opening of the assistant's turn.
    pub add_generation_prompt: bool,
    /// Whether pictures and clips are numbered, "Picture 1: ".
    pub add_vision_id: bool,
}

impl RenderOptions {
    /// Settings for a prompt: the assistant speaks next.
    #[must_use]
    pub fn prompt() -> Self {
        Self { add_generation_prompt: true, ..Self::default() }
    }

    /// Adds tools.
    #[must_use]
    pub fn with_tools(mut self, tools: impl IntoIterator<Item = Json>) -> Self {
        self.tools.extend(tools);
        self
    }
}

/// How messages become text: a checkpoint's own Jinja template, or one of the formats built in.
#[derive(Debug, Clone)]
pub enum ChatTemplate {
    /// A template as checkpoints carry it.
    Jinja(JinjaTemplate),
    /// A format of the Qwen2.5 family, without a template.
    BuiltIn(Dialect),
}

impl Default for ChatTemplate {
    fn default() -> Self {
        Self::BuiltIn(Dialect::default())
    }
}

impl ChatTemplate {
    /// The template of a checkpoint folder; [`Dialect::Vision`] where it has none.
    ///
    /// The published Qwen2.5-VL template knows no tools: it drops them without a word. For a conversation with tools take
    /// [`Dialect::VisionTools`].
    ///
    /// # Errors
    ///
    /// Those of [`JinjaTemplate::from_dir`].
    pub fn from_dir(dir: impl AsRef<Path>) -> Result<Self> {
        let template = JinjaTemplate::from_dir(dir)?;
        Ok(template.map_or(Self::BuiltIn(Dialect::Vision), Self::Jinja))
    }

    /// The text of a conversation.
    ///
    /// ```
    /// use deepsport_model::chat::{ChatTemplate, Message, RenderOptions};
    /// let text = ChatTemplate::default().render(&[Message::user("Who scored?")], &RenderOptions::prompt())?;
    /// assert!(text.ends_with("<|im_start|>user\nWho scored?<|im_end|>\n<|im_start|>assistant\n"));
    /// # Ok::<(), deepsport_model::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Template`](crate::Error::Template) if the template refuses the messages.
    pub fn render(&self, messages: &[Message], options: &RenderOptions) -> Result<String> {
        match self {
            Self::Jinja(template) => template.render(messages, options),
            Self::BuiltIn(dialect) => dialect.render(messages, options),
        }
    }
}
