//! Between what the agent says and what the network reads.

use std::path::Path;
use std::sync::Arc;

use deepsport_model::chat::{
    ChatTemplate, Content, Dialect, JinjaTemplate, Message as ChatMessage, Part as ChatPart,
    RenderOptions, Role as ChatRole, Transcript,
};
use deepsport_model::processor::{Picture, Pixels, Processor, ProcessorSettings, num_tokens};
use deepsport_model::tokenizer::Tokenizer;
use deepsport_model::{Error, Result};
use grpo::{MediaItem, Segment};

use super::SeenPixels;
use crate::agent::{Message, Part, Role};
use crate::world::WorldConfig;

/// Turns, and no system message where nobody wrote one: every token counts in a model of half a million weights.
const TOY_TEMPLATE: &str = "{% for message in messages %}<|im_start|>{{ message.role }}\n{% if message.content is string %}{{ message.content }}\
{% else %}{% for part in message.content %}{% if part.type == 'image' %}<|vision_start|><|image_pad|><|vision_end|>\
{% else %}{{ part.text }}{% endif %}{% endfor %}{% endif %}<|im_end|>\n{% endfor %}\
{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}";

/// Tokenizer, chat template and picture processor of one model.
#[derive(Debug)]
pub struct Words {
    tokenizer: Tokenizer,
    template: ChatTemplate,
    processor: Arc<Processor>,
    merge_size: usize,
}

/// What the agent said, as the template takes it.
struct Chat {
    messages: Vec<ChatMessage>,
    media: Vec<Pixels>,
    frames: Vec<(Grid, SeenPixels)>,
}

/// Patches along time, height and width.
type Grid = [usize; 3];

impl Words {
    /// Those of a checkpoint, say. `merge_size` is that of its processor.
    #[must_use]
    pub fn new(
        tokenizer: Tokenizer,
        template: ChatTemplate,
        processor: Processor,
        merge_size: usize,
    ) -> Self {
        Self { tokenizer, template, processor: Arc::new(processor), merge_size }
    }

    /// Those of a model of the [toy world](crate::world): a token for each of its words, frames in its frames' size.
    ///
    /// # Errors
    ///
    /// [`Error`] if the world's frames are too small for a token (28 x 28 pixels).
    pub fn toy(config: &WorldConfig) -> Result<Self> {
        // Frames of other videos come down to the size that the model knows.
        let side = config.frame_size as usize;
        let settings = ProcessorSettings {
            min_pixels: 28 * 28,
            max_pixels: (side * side).max(28 * 28),
            ..ProcessorSettings::default()
        };
        let merge_size = settings.merge_size;
        Ok(Self::new(
            Tokenizer::from_json(config.tokenizer_json().as_bytes())?,
            ChatTemplate::Jinja(JinjaTemplate::new(TOY_TEMPLATE)?),
            Processor::new(settings)?,
            merge_size,
        ))
    }

    /// Those of a checkpoint folder: `tokenizer.json`, `preprocessor_config.json`, and the chat template that it has, if any.
    ///
    /// # Errors
    ///
    /// [`Error`] names the file that is not there or cannot be read.
    pub fn from_dir(folder: impl AsRef<Path>) -> Result<Self> {
        let folder = folder.as_ref();
        let processor = Processor::from_dir(folder)?;
        let merge_size = processor.settings().merge_size;
        let (tokenizer, template) = (Tokenizer::from_dir(folder)?, ChatTemplate::from_dir(folder)?);
        Ok(Self::new(tokenizer, template, processor, merge_size))
    }

    /// Writes them as [`from_dir`](Self::from_dir) reads them.
    ///
    /// # Errors
    ///
    /// [`Error`] if a file cannot be written; [`Error::Template`] for a built-in template other than
    /// [`Dialect::Vision`], which no file could name.
    pub fn save(&self, folder: impl AsRef<Path>) -> Result<()> {
        let folder = folder.as_ref();
        match &self.template {
            ChatTemplate::Jinja(template) => template.save(folder)?,
            ChatTemplate::BuiltIn(Dialect::Vision) => {} // what a folder without a template has
            ChatTemplate::BuiltIn(dialect) => {
                let problem =
                    format!("{dialect:?} is built in and cannot be written; take a template");
                return Err(Error::Template { problem, source: None });
            }
        }
        self.tokenizer.save(folder)?;
        self.processor.settings().save(folder)
    }

    /// The picture processor.
    #[must_use]
    pub fn processor(&self) -> &Processor {
        &self.processor
    }

    /// The tokenizer.
    #[must_use]
    pub fn tokenizer(&self) -> &Tokenizer {
        &self.tokenizer
    }

    /// What the model wrote, without the token that ends a turn.
    #[must_use]
    pub fn text(&self, ids: &[u32]) -> String {
        self.tokenizer.decode_skip_special(ids)
    }

    /// The prompt of a conversation, up to where the model begins.
    pub(super) fn prompt(&self, messages: &[Message]) -> Result<Segment<SeenPixels>> {
        let Chat { messages, media, frames } = self.chat(messages)?;
        let transcript = self.transcript(messages, media)?;
        self.segment(transcript.ids(), frames)
    }

    /// What stands between a turn that the model has ended and its next one.
    ///
    /// The same wherever in the conversation: templates that read earlier turns differently later on are refused.
    pub(super) fn answer(&self, message: &Message) -> Result<Segment<SeenPixels>> {
        let Chat { messages, media, frames } = self.chat(std::slice::from_ref(message))?;
        let mut transcript = self.transcript(vec![ChatMessage::user("")], Vec::new())?;
        transcript.reply(&[self.tokenizer.special().im_end])?;
        let ids = transcript.extend(&messages, media)?.to_vec();
        self.segment(&ids, frames)
    }

    fn transcript(&self, messages: Vec<ChatMessage>, media: Vec<Pixels>) -> Result<Transcript<'_>> {
        let options = RenderOptions::default();
        Transcript::new(&self.template, &self.tokenizer, messages, options, media, self.merge_size)
    }

    fn chat(&self, messages: &[Message]) -> Result<Chat> {
        let (mut media, mut frames) = (Vec::new(), Vec::new());
        let mut all = Vec::with_capacity(messages.len());
        for message in messages {
            let mut parts = Vec::with_capacity(message.parts.len());
            for part in &message.parts {
                parts.push(match part {
                    Part::Text(text) => ChatPart::Text(text.clone()),
                    Part::Frame(frame) => {
                        let rgb = frame.rgb().to_vec();
                        let picture = Picture::from_rgb8(frame.width(), frame.height(), rgb)?;
                        let pixels = self.processor.picture(&picture)?;
                        frames.push((pixels.grid, SeenPixels::shown(picture, &self.processor)));
                        media.push(pixels);
                        ChatPart::Image(None)
                    }
                });
            }
            let role = match message.role {
                Role::System => ChatRole::System,
                Role::User => ChatRole::User,
                Role::Assistant => ChatRole::Assistant,
            };
            all.push(ChatMessage { role, content: Content::Parts(parts), tool_calls: Vec::new() });
        }
        Ok(Chat { messages: all, media, frames })
    }

    /// Puts the frames where their placeholders are.
    fn segment(&self, ids: &[u32], frames: Vec<(Grid, SeenPixels)>) -> Result<Segment<SeenPixels>> {
        let image_pad = self.tokenizer.special().image_pad;
        let mut items = Vec::with_capacity(frames.len());
        let mut from = 0;
        for (index, (grid, payload)) in frames.into_iter().enumerate() {
            let gap = ids[from..].iter().position(|id| *id == image_pad).ok_or_else(|| {
                Error::Pixels { index, problem: "has no placeholder among the tokens".into() }
            })?;
            let start = from + gap;
            from = start + num_tokens(grid, self.merge_size);
            let grid_thw = grid.map(|side| side as u32);
            items.push(MediaItem { tokens: start..from, grid_thw, payload });
        }
        Ok(Segment { ids: ids.to_vec(), media: items, positions: None })
    }
}
