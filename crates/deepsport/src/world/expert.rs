//! One who knows where play ended, and so where to look: demonstrations for the toy world.

use std::ops::ControlFlow;

use super::Item;
use crate::agent::{Message, Part, Speaker, Utterance};
use crate::{Error, Result};

/// Solves an item as a good student would, by what was shown so far and nothing else.
///
/// If a frame that was shown lies in the event, it names the frame, says what happened there (and from which score, where one is
/// kept), and answers by the rules. If not, it asks for the stretch between the
/// last frame before the end of play and the first one after it. Stretches shrink to an eighth from call to call, so that
/// clips of 1,000 frames and events of 2 take three calls at most.
///
/// As a [`Speaker`] it goes through the same loop as a model; what it says is the toy world's training set.
#[derive(Debug, Clone)]
pub struct Expert {
    item: Item,
    guesses: bool,
}

impl Expert {
    /// The expert for `item`.
    #[must_use]
    pub fn new(item: &Item) -> Self {
        Self { item: item.clone(), guesses: false }
    }

    /// A hasty expert, who never looks again: where the first look does not show the event, it claims to have seen it in the last
    /// frame before the end of play, and is right by luck. Such demonstrations pass every check of the answer, and a training set
    /// that was distilled from a teacher has some.
    #[must_use]
    pub fn guessing(mut self) -> Self {
        self.guesses = true;
        self
    }

    fn turn(&self, seen: &[usize]) -> Option<String> {
        let clip = &self.item.clip;
        let start = seen.iter().filter(|&&frame_idx| !clip.is_over_at(frame_idx)).max()?;
        let shown = seen.iter().find(|frame_idx| clip.event().contains(frame_idx));
        if let Some(frame_idx) = shown.or(self.guesses.then_some(start)) {
            let outcome = clip.sport().outcomes()[clip.outcome().index()];
            let before = match clip.score() {
                Some(score) => format!(" from {score}"),
                None => String::new(),
            };
            let answer = &self.item.question.answer;
            // Where comes before what: whoever has written the number finds its frame by it, and reads there what happened.
            return Some(format!(
                "<think> seen at {frame_idx} : {outcome}{before} </think> <answer> {answer} </answer>"
            ));
        }
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
