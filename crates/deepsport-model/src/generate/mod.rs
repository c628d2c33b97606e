//! Continuing sequences: reading prompts once, forking them, and writing token after token.
//!
//! A [`Session`] holds sequences and what the network remembers of them. Everything that is appended, be it a prompt, the
//! pictures of a tool's answer or a sampled token, is unread until [`Session::read`], which gives the scores of the next
//! word. [`generate`] is the loop over both.

mod features;
mod session;
mod writer;

use crate::sequence::Sequence;
use crate::{Error, Result};

pub use features::FeatureCache;
pub use session::{Session, SessionSettings};
pub use writer::{Writer, write};

/// A word chosen for a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Choice {
    /// Its id.
    pub id: u32,
    /// Its log-probability, to be recorded.
    pub log_prob: f32,
    /// Whether the row ends with it.
    pub is_last: bool,
}

/// Picks the next word of a row from its scores, which it may change on the way.
pub type Choose<'a> = dyn FnMut(usize, &mut [f32], &Sequence) -> Result<Choice> + 'a;

/// What was written to one row.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Completion {
    /// The chosen ids, the last included.
    pub ids: Vec<u32>,
    /// The log-probability of each, as it was chosen.
    pub log_probs: Vec<f32>,
    /// Whether it ended by itself; otherwise it was cut at the limit.
    pub is_finished: bool,
}

/// Continues every row of `session` until it ends or has `max_new_tokens` more.
///
/// `choose(row, logits, sequence)` picks the next word of a row and may change the scores on the way; it also is the place
/// to stream from. Rows that ended wait for the others. The session can be continued afterwards.
///
/// # Errors
///
/// [`Error::ContextLength`] before anything is computed, if a row could outgrow the model's context;
/// [`Error::PlaceholderChosen`] for the placeholder of a picture or clip, [`Error::TokenId`] for an id outside the vocabulary;
/// whatever `choose` and [`Session::read`] give.
pub fn generate(
    session: &mut Session<'_>,
    max_new_tokens: usize,
    choose: &mut Choose<'_>,
) -> Result<Vec<Completion>> {
    let config = session.network().config().clone();
    let context = config.text.max_position_embeddings;
    for (row, sequence) in session.sequences().iter().enumerate() {
        let length = sequence.len() + max_new_tokens;
        if length > context {
            return Err(Error::ContextLength { sequence: row, length, context });
        }
    }
    let mut completions = vec![Completion::default(); session.sequences().len()];
    for _ in 0..max_new_tokens {
        session.read()?;
        for (row, completion) in completions.iter_mut().enumerate() {
            if completion.is_finished {
                continue;
            }
            let (logits, sequence) = session.scores_mut(row);
            let choice = choose(row, logits, sequence)?;
            if choice.id == config.image_token_id || choice.id == config.video_token_id {
                return Err(Error::PlaceholderChosen { sequence: row, id: choice.id });
            }
            if choice.id as usize >= config.text.vocab_size {
                let vocab_size = config.text.vocab_size;
                return Err(Error::TokenId {
                    sequence: row,
                    place: sequence.len(),
                    id: choice.id,
                    vocab_size,
                });
            }
            session.push(row, choice.id);
            completion.ids.push(choice.id);
            completion.log_probs.push(choice.log_prob);
            completion.is_finished = choice.is_last;
        }
        if completions.iter().all(|completion| completion.is_finished) {
            break;
        }
    }
    Ok(completions)
}

/// Always the best word, with its log-probability by the unscaled scores; `is_end` says which ids end a row.
pub fn greedy(logits: &[f32], is_end: impl Fn(u32) -> bool) -> Choice {
    let best = (0..logits.len())
        .max_by(|a, b| logits[*a].total_cmp(&logits[*b]).then(b.cmp(a)))
        .unwrap_or(0);
    let id = best as u32;
    Choice { id, log_prob: log_prob(logits, best), is_last: is_end(id) }
}

/// `logits[index] - ln(sum(exp(logits)))`, summed in double precision.
fn log_prob(logits: &[f32], index: usize) -> f32 {
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let sum: f64 = logits.iter().map(|logit| f64::from(logit - largest).exp()).sum();
    (f64::from(logits[index] - largest) - sum.ln()) as f32
}
