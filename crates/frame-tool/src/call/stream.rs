//! Tags in text that is still coming.

use super::syntax::{parse_action, parse_call};
use super::{Action, Malformed, Tolerance};

/// Something whole that was found in the text.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Text outside all tags, white space trimmed; never empty.
    Text(String),
    /// Contents of `<think>`.
    Thought(String),
    /// A call or an answer, or why it is neither.
    Action(Result<Action, Malformed>),
}

/// Finds thoughts, calls and answers in text that comes in pieces.
///
/// Where the pieces are cut makes no difference: all pushes together give what one push of the whole text gives.
#[derive(Debug, Clone)]
pub struct StreamParser {
    tolerance: Tolerance,
    /// What came and is not used up.
    buffer: String,
    /// Tag that is open: its kind, and where in `buffer` its contents begin.
    open: Option<(Tag, usize)>,
    /// Bytes of `buffer` that cannot hold the start of a tag any more.
    searched: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tag {
    Think,
    ToolCall,
    Action,
    Answer,
}

impl Tag {
    const ALL: [Self; 4] = [Self::Think, Self::ToolCall, Self::Action, Self::Answer];

    fn name(self) -> &'static str {
        match self {
            Self::Think => "think",
            Self::ToolCall => "tool_call",
            Self::Action => "action",
            Self::Answer => "answer",
        }
    }

    /// Whether `name` is this tag's; carelessly written, `Tool Call` is too.
    fn is_named(self, name: &str, tolerance: Tolerance) -> bool {
        match tolerance {
            Tolerance::Strict => name == self.name(),
            Tolerance::Lenient => {
                let fold =
                    |c: char| if c == ' ' || c == '-' { '_' } else { c.to_ascii_lowercase() };
                name.trim().chars().map(fold).eq(self.name().chars())
            }
        }
    }
}

/// The longest tag that counts, brackets included.
const MAX_TAG: usize = 24;

impl StreamParser {
    /// Begins a turn.
    #[must_use]
    pub fn new(tolerance: Tolerance) -> Self {
        Self { tolerance, buffer: String::new(), open: None, searched: 0 }
    }

    /// Takes the next piece; gives what is whole now.
    pub fn push(&mut self, piece: &str) -> Vec<Event> {
        self.buffer.push_str(piece);
        let mut events = Vec::new();
        while self.step(&mut events) {}
        events
    }

    /// Ends the turn; gives what was still waiting.
    pub fn finish(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let rest = std::mem::take(&mut self.buffer);
        match self.open.take() {
            None => text(&rest, &mut events),
            // A thought that fills the rest is no action, so that "no action" is what is wrong.
            Some((Tag::Think, start)) => {
                events.push(Event::Thought(rest[start..].trim().to_owned()))
            }
            Some((tag, start)) => events.push(Event::Action(match self.tolerance {
                Tolerance::Strict => Err(Malformed::Unclosed { tag: tag.name().to_owned() }),
                Tolerance::Lenient => contents(tag, &rest[start..], self.tolerance),
            })),
        }
        self.searched = 0;
        events
    }

    /// Finds the next tag that opens or closes; `false` if it has not come yet.
    fn step(&mut self, events: &mut Vec<Event>) -> bool {
        let from = self.searched;
        let Some((at, end, tag, closes)) = self.next_tag(from) else { return false };
        self.searched = end;
        match self.open {
            None if !closes => {
                text(&self.buffer[..at], events);
                self.buffer.drain(..end);
                (self.open, self.searched) = (Some((tag, 0)), 0);
            }
            Some((open, start)) if closes && tag == open => {
                let inside = &self.buffer[start..at];
                events.push(match tag {
                    Tag::Think => Event::Thought(inside.trim().to_owned()),
                    _ => Event::Action(contents(tag, inside, self.tolerance)),
                });
                self.buffer.drain(..end);
                (self.open, self.searched) = (None, 0);
            }
            // Carelessly written, an action ends the thought before it.
            Some((Tag::Think, start))
                if !closes && tag != Tag::Think && self.tolerance == Tolerance::Lenient =>
            {
                events.push(Event::Thought(self.buffer[start..at].trim().to_owned()));
                self.buffer.drain(..end);
                (self.open, self.searched) = (Some((tag, 0)), 0);
            }
            _ => {} // a stray end, or a tag inside another: part of the text
        }
        true
    }

    /// The next whole tag of ours from byte `from` on: its start, end, kind, and whether it closes.
    fn next_tag(&mut self, from: usize) -> Option<(usize, usize, Tag, bool)> {
        let mut at = from;
        while let Some(found) = self.buffer[at..].find('<') {
            at += found;
            self.searched = at;
            let window = &self.buffer.as_bytes()[at..];
            let close = window.iter().take(MAX_TAG).position(|&byte| byte == b'>');
            match close {
                Some(len) => {
                    let inside = &self.buffer[at + 1..at + len];
                    let (name, closes) =
                        inside.strip_prefix('/').map_or((inside, false), |name| (name, true));
                    if let Some(tag) =
                        Tag::ALL.into_iter().find(|tag| tag.is_named(name, self.tolerance))
                    {
                        return Some((at, at + len + 1, tag, closes));
                    }
                }
                None if window.len() < MAX_TAG => return None, // may still become a tag
                None => {}
            }
            at += 1;
        }
        self.searched = self.buffer.len();
        None
    }
}

fn contents(tag: Tag, inside: &str, tolerance: Tolerance) -> Result<Action, Malformed> {
    let inside = inside.trim();
    if inside.is_empty() {
        return Err(Malformed::Empty { tag: tag.name().to_owned() });
    }
    match tag {
        Tag::ToolCall => parse_call(inside, tolerance),
        Tag::Action => parse_action(inside, tolerance),
        Tag::Think | Tag::Answer => Ok(Action::Answer(inside.to_owned())),
    }
}

fn text(text: &str, events: &mut Vec<Event>) {
    let text = text.trim();
    if !text.is_empty() {
        events.push(Event::Text(text.to_owned()));
    }
}
