//! Many dialogues at once, for models that read and write many rows at the price of few.

use frame_tool::Video;

use super::Agent;
use super::dialogue::Dialogue;
use super::message::Message;
use super::speaker::Utterance;
use super::trajectory::Trajectory;
use crate::Result;

/// Continues many conversations at once.
pub trait Chorus {
    /// Who speaks, for records.
    fn name(&self) -> String;

    /// The next turn of every conversation, in order; one that fails takes no other with it.
    fn speak_all(&mut self, waiting: &[Waiting<'_>]) -> Vec<Result<Utterance>>;
}

/// A conversation that waits for its next turn.
#[derive(Debug, Clone, Copy)]
pub struct Waiting<'a> {
    /// What was said.
    pub messages: &'a [Message],
    /// Tokens that the turn may take.
    pub max_tokens: usize,
}

/// Answers questions about videos side by side, each under the rules of its agent; the records are those of
/// [`Agent::run`], in order.
pub fn run_all(
    runs: &[(&Agent, &Video, &str)],
    chorus: &mut dyn Chorus,
) -> Vec<Result<Trajectory>> {
    let mut dialogues: Vec<_> = runs
        .iter()
        .map(|&(agent, video, question)| Dialogue::start(agent, video, question))
        .collect();
    let mut live: Vec<usize> = (0..runs.len()).filter(|&idx| dialogues[idx].is_ok()).collect();
    while !live.is_empty() {
        let waiting: Vec<Waiting<'_>> = live
            .iter()
            .filter_map(|&idx| dialogues[idx].as_ref().ok())
            .map(|dialogue| Waiting {
                messages: dialogue.messages(),
                max_tokens: dialogue.tokens_left(),
            })
            .collect();
        let turns = chorus.speak_all(&waiting);
        let mut going = Vec::with_capacity(live.len());
        for (idx, turn) in live.into_iter().zip(turns) {
            let Ok(dialogue) = &mut dialogues[idx] else { continue };
            let heard = match turn {
                Ok(utterance) => dialogue.hear(&utterance).map(|_| ()),
                Err(error) => dialogue.fail(error),
            };
            match heard {
                Ok(()) if dialogue.stop().is_none() => going.push(idx),
                Ok(()) => {}
                Err(error) => dialogues[idx] = Err(error),
            }
        }
        live = going;
    }
    let name = chorus.name();
    let record =
        |dialogue: Dialogue<'_>| Trajectory { speaker: name.clone(), ..dialogue.into_trajectory() };
    dialogues.into_iter().map(|dialogue| dialogue.map(record)).collect()
}
