//! One who knows where play ended, and so where to look: demonstrations for the toy world.

use std::ops::ControlFlow;

use super::Item;
use crate::agent::{Message, Part, Speaker, Utterance};
use crate::{Error, Result};

/// Solves an item as a good student would, by what was shown so far and nothing else.
///
/// If a frame that was shown lies in the event, it answers and names the frame. If not, it asks for the stretch between the
/// last frame before the end of play and the first one after it. Stretches shrink to an eighth from call to call, so that
/// clips of 1,000 frames and events of 2 take three calls at most.
///
/// As a [`Speaker`] it goes through the same loop as a model; what it says is the toy world's training set.
#[derive(Debug, Clone)]
pub struct Expert {
    item: Item,
}

impl Expert {
    /// The expert for `item`.
    #[must_use]
    pub fn new(item: &Item) -> Self {
        Self { item: item.clone() }
    }

    fn turn(&self, seen: &[usize]) -> Option<String> {
        let clip = &self.item.clip;
        if let Some(frame_idx) = seen.iter().find(|frame_idx| clip.event().contains(frame_idx)) {
            let answer = &self.item.question.answer;
            return Some(format!(
                "<think> seen at {frame_idx} </think> <answer> {answer} </answer>"
            ));
        }
        let start = seen.iter().filter(|&&frame_idx| !clip.is_over_at(frame_idx)).max()?;
        let end = seen.iter().filter(|&&frame_idx| clip.is_over_at(frame_idx)).min()?;
        Some(format!(
            "<think> over between {start} and {end} </think> <tool_call> frame_extraction_tool( {start} , {end} ) </tool_call>"
        ))
    }
}

impl Speaker for Expert {
    fn name(&self) -> String {
        "expert".into()
    }

    fn speak(
        &mut self,
        messages: &[Message],
        _max_tokens: usize,
        on_piece: &mut dyn FnMut(&str) -> ControlFlow<()>,
    ) -> Result<Utterance> {
        let frames =
            messages.iter().flat_map(|message| &message.parts).filter_map(|part| match part {
                Part::Frame(frame) => Some(frame.index()),
                Part::Text(_) => None,
            });
        let seen: Vec<usize> = frames.collect();
        let text = self.turn(&seen).ok_or_else(|| Error::Speaker {
            speaker: self.name(),
            reason: format!(
                "frames {seen:?} show no end of play; the first look has to span the clip"
            ),
        })?;
        let _ = on_piece(&text);
        let completion_tokens = Some(text.split_whitespace().count());
        Ok(Utterance { text, prompt_tokens: None, completion_tokens })
    }
}
