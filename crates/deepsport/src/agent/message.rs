//! A conversation about a video.

use frame_tool::Frame;

/// Who speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// The rules.
    System,
    /// The question, and what the tool shows.
    User,
    /// The model.
    Assistant,
}

/// A piece of a message. Frames are cheap to clone.
#[derive(Debug, Clone)]
pub enum Part {
    /// Words.
    Text(String),
    /// A picture.
    Frame(Frame),
}

/// What one of them says.
#[derive(Debug, Clone)]
pub struct Message {
    /// Who.
    pub role: Role,
    /// Words and pictures in order.
    pub parts: Vec<Part>,
}

impl Message {
    /// A message of words.
    #[must_use]
    pub fn text(role: Role, text: impl Into<String>) -> Self {
        Self { role, parts: vec![Part::Text(text.into())] }
    }

    /// The pictures of the message.
    pub fn frames(&self) -> impl Iterator<Item = &Frame> {
        self.parts.iter().filter_map(|part| match part {
            Part::Frame(frame) => Some(frame),
            Part::Text(_) => None,
        })
    }
}
