//! The formats of the Qwen2.5 family without a template engine.

use super::{Content, Message, Part, RenderOptions, Role};
use crate::{Error, Result};

/// A format of the family. They share turns (`<|im_start|>role`, text, `<|im_end|>`) and differ in what they know.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Dialect {
    /// Pictures, clips and tools: the turns of [`Dialect::Vision`] with the tool format of [`Dialect::Text`]. Ours: no
    /// published template has both. Equal to each of the two wherever that one knows all that is said.
    #[default]
    VisionTools,
    /// As published with Qwen2.5-VL: no tools (it drops them and the calls), tool results under a role of their own.
    Vision,
    /// As published with Qwen2.5: tools, but text only.
    Text,
}

impl Dialect {
    /// The text of a conversation.
    ///
    /// # Errors
    ///
    /// [`Error::Template`] if [`Dialect::Text`] is given a picture or clip.
    pub fn render(self, messages: &[Message], options: &RenderOptions) -> Result<String> {
        let mut writer =
            Writer { dialect: self, options, out: String::new(), pictures: 0, clips: 0 };
        writer.system(messages.first())?;
        for (i, message) in messages.iter().enumerate() {
            let previous = i.checked_sub(1).map(|i| messages[i].role);
            let next = messages.get(i + 1).map(|message| message.role);
            match message.role {
                Role::System if i == 0 => {} // written above
                Role::Tool if self.knows_tools() => writer.tool_result(message, previous, next)?,
                _ => writer.turn(message)?,
            }
        }
        if options.add_generation_prompt {
            writer.out.push_str("<|im_start|>assistant\n");
        }
        Ok(writer.out)
    }

    fn knows_tools(self) -> bool {
        self != Self::Vision
    }

    fn default_system(self) -> &'static str {
        match self {
            Self::VisionTools | Self::Vision => "You are a helpful assistant.",
            Self::Text => "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
        }
    }
}

struct Writer<'a> {
    dialect: Dialect,
    options: &'a RenderOptions,
    out: String,
    pictures: usize,
    clips: usize,
}

impl Writer<'_> {
    /// The system's turn, made up if the first message is another's, with the tools at its end.
    fn system(&mut self, first: Option<&Message>) -> Result<()> {
        let Some(first) = first else { return Ok(()) };
        self.out.push_str("<|im_start|>system\n");
        if first.role == Role::System {
            self.content(&first.content)?;
        } else {
            self.out.push_str(self.dialect.default_system());
        }
        if self.dialect.knows_tools() && !self.options.tools.is_empty() {
            self.tools();
        }
        self.out.push_str("<|im_end|>\n");
        Ok(())
    }

    fn tools(&mut self) {
        self.out.push_str(
            "\n\n# Tools\n\nYou may call one or more functions to assist with the user query.\n\n\
             You are provided with function signatures within <tools></tools> XML tags:\n<tools>",
        );
        for tool in &self.options.tools {
            self.out.push_str(&format!("\n{tool}"));
        }
        self.out.push_str(
            "\n</tools>\n\nFor each function call, return a json object with function name and arguments \
             within <tool_call></tool_call> XML tags:\n<tool_call>\n\
             {\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>",
        );
    }

    fn turn(&mut self, message: &Message) -> Result<()> {
        self.out.push_str(&format!("<|im_start|>{}\n", message.role.name()));
        self.content(&message.content)?;
        if message.role == Role::Assistant && self.dialect.knows_tools() {
            let is_empty = match &message.content {
                Content::Text(text) => text.is_empty(),
                Content::Parts(parts) => parts.is_empty(),
            };
            for (i, call) in message.tool_calls.iter().enumerate() {
                let gap = if i == 0 && is_empty { "" } else { "\n" };
                let (name, arguments) = (&call.name, &call.arguments);
                self.out.push_str(&format!(
                    "{gap}<tool_call>\n{{\"name\": \"{name}\", \"arguments\": {arguments}}}\n</tool_call>"
                ));
            }
        }
        self.out.push_str("<|im_end|>\n");
        Ok(())
    }

    /// Results of tools come from the user, those that follow each other in one turn.
    fn tool_result(
        &mut self,
        message: &Message,
        previous: Option<Role>,
        next: Option<Role>,
    ) -> Result<()> {
        if previous != Some(Role::Tool) {
            self.out.push_str("<|im_start|>user");
        }
        self.out.push_str("\n<tool_response>\n");
        self.content(&message.content)?;
        self.out.push_str("\n</tool_response>");
        if next != Some(Role::Tool) {
            self.out.push_str("<|im_end|>\n");
        }
        Ok(())
    }

    fn content(&mut self, content: &Content) -> Result<()> {
        match content {
            Content::Text(text) => self.out.push_str(text),
            Content::Parts(parts) => {
                for part in parts {
                    self.part(part)?;
                }
            }
        }
        Ok(())
    }

    fn part(&mut self, part: &Part) -> Result<()> {
        let (label, number, pad) = match part {
            Part::Text(text) => {
                self.out.push_str(text);
                return Ok(());
            }
            Part::Image(_) => ("Picture", &mut self.pictures, "<|image_pad|>"),
            Part::Video(_) => ("Video", &mut self.clips, "<|video_pad|>"),
        };
        if self.dialect == Dialect::Text {
            let problem = "the format of Qwen2.5 takes text only; choose one with pictures".into();
            return Err(Error::Template { problem, source: None });
        }
        *number += 1;
        if self.options.add_vision_id {
            self.out.push_str(&format!("{label} {number}: "));
        }
        self.out.push_str(&format!("<|vision_start|>{pad}<|vision_end|>"));
        Ok(())
    }
}
