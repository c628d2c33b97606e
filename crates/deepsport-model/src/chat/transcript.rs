//! A conversation in tokens that grows turn by turn.

use super::{ChatTemplate, Message, RenderOptions, expand_placeholders};
use crate::processor::Pixels;
use crate::tokenizer::Tokenizer;
use crate::{Error, Result};

/// The ids of `next` after those of `previous`, with which it has to begin.
///
/// A policy is trained on the ids that it sampled. Text that was decoded, put into a template and encoded again often has
/// other ids; then log-probabilities belong to tokens that nobody sampled.
///
/// # Errors
///
/// [`Error::PrefixChanged`] with the first place that differs.
pub fn new_ids<'a>(previous: &[u32], next: &'a [u32]) -> Result<&'a [u32]> {
    let differs = |(place, &before): (usize, &u32)| {
        let after = next.get(place).copied();
        (after != Some(before)).then_some(Error::PrefixChanged { place, before, after })
    };
    match previous.iter().enumerate().find_map(differs) {
        Some(error) => Err(error),
        None => Ok(&next[previous.len()..]),
    }
}

/// A conversation as the model sees it: ids with expanded placeholders, and the media they stand for.
///
/// What was sampled stays as it was sampled, token by token; only what the environment adds is rendered and encoded. So the
/// ids of a turn begin with those of the turn before by construction, which [`Transcript::extend`] checks on the template.
#[derive(Debug, Clone)]
pub struct Transcript<'a> {
    template: &'a ChatTemplate,
    tokenizer: &'a Tokenizer,
    options: RenderOptions,
    merge_size: usize,
    /// All messages so far, replies as [`REPLY`].
    messages: Vec<Message>,
    ids: Vec<u32>,
    media: Vec<Pixels>,
    /// Text rendered so far, with [`REPLY`] for what was sampled.
    rendered: String,
    /// Whether the model has spoken since the last prompt.
    replied: bool,
}

/// Stands for a sampled reply while the text around it is rendered.
const REPLY: &str = "\u{e000}reply\u{e001}";

impl<'a> Transcript<'a> {
    /// The prompt of a conversation: `messages` and the opening of the assistant's turn.
    ///
    /// # Errors
    ///
    /// - [`Error::Template`] if the template refuses the messages
    /// - [`Error::PlaceholderCount`] if the messages have more or fewer pictures and clips than `media`
    pub fn new(
        template: &'a ChatTemplate,
        tokenizer: &'a Tokenizer,
        messages: Vec<Message>,
        options: RenderOptions,
        media: Vec<Pixels>,
        merge_size: usize,
    ) -> Result<Self> {
        let options = RenderOptions { add_generation_prompt: true, ..options };
        let rendered = template.render(&messages, &options)?;
        let ids = tokenizer.encode(&rendered)?;
        let ids = expand_placeholders(&ids, &media, tokenizer.special(), merge_size)?;
        Ok(Self {
            template,
            tokenizer,
            options,
            merge_size,
            messages,
            ids,
            media,
            rendered,
            replied: false,
        })
    }

    /// The ids so far.
    #[must_use]
    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    /// The pictures and clips so far, in prompt order.
    #[must_use]
    pub fn media(&self) -> &[Pixels] {
        &self.media
    }

    /// Appends what the model sampled, `<|im_end|>` included if it sampled that.
    ///
    /// # Errors
    ///
    /// - [`Error::Request`] if it replies twice without a prompt between
    /// - [`Error::Pixels`] if it sampled an id of pictures or clips; forbid these to the sampler
    pub fn reply(&mut self, sampled: &[u32]) -> Result<()> {
        if self.replied {
            let problem = "the model has replied already; extend the transcript first".into();
            return Err(Error::Request { field: "reply", problem });
        }
        let vision = self.tokenizer.special().vision();
        if let Some(id) = sampled.iter().find(|id| vision.contains(id)) {
            let problem =
                format!("the reply holds the vision token {id}; forbid it to the sampler");
            return Err(Error::Pixels { index: self.media.len(), problem });
        }
        self.ids.extend(sampled);
        self.messages.push(Message::assistant(REPLY));
        self.replied = true;
        Ok(())
    }

    /// Appends what the environment says after a reply, and the opening of the assistant's next turn. Gives the ids that
    /// are new: the end of the reply, if it was not sampled, the messages, the opening. Nothing changes on an error.
    ///
    /// # Errors
    ///
    /// - [`Error::Request`] if there is no reply to follow
    /// - [`Error::Template`] if the template refuses the messages, or renders earlier turns differently once others follow
    /// - [`Error::PlaceholderCount`] if the messages have more or fewer pictures and clips than `media`
    pub fn extend(&mut self, messages: &[Message], media: Vec<Pixels>) -> Result<&[u32]> {
        if !self.replied {
            let problem = "the model has not replied to the last prompt".into();
            return Err(Error::Request { field: "extend", problem });
        }
        let all: Vec<Message> = self.messages.iter().chain(messages).cloned().collect();
        let rendered = self.template.render(&all, &self.options)?;
        let glue = rendered
            .strip_prefix(&self.rendered)
            .and_then(|rest| rest.strip_prefix(REPLY))
            .ok_or_else(|| Error::Template {
                problem: "is not prefix-preserving: earlier turns read differently once later ones follow"
                    .into(),
                source: None,
            })?;
        let special = self.tokenizer.special();
        let mut new = self.tokenizer.encode(glue)?;
        if new.first() == Some(&special.im_end) && self.ids.last() == Some(&special.im_end) {
            new.remove(0);
        }
        let new = expand_placeholders(&new, &media, special, self.merge_size)?;

        let before = self.ids.len();
        self.ids.extend(new);
        self.media.extend(media);
        self.messages = all;
        self.rendered = rendered;
        self.replied = false;
        Ok(&self.ids[before..])
    }
}
