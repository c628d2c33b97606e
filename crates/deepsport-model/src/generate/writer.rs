//! Text for a row: a sampler, what ends it, and the text as it grows.

use crate::Result;
use crate::sampling::{Constraint, Sampler, StopStrings};
use crate::sequence::Sequence;
use crate::tokenizer::{StreamDecoder, Tokenizer};

use super::{Choice, Completion, Session, generate};

/// Writes the text of one row.
pub struct Writer<'a> {
    tokenizer: &'a Tokenizer,
    sampler: Sampler,
    stops: StopStrings,
    constraint: Option<Box<dyn Constraint + 'a>>,
    decoder: StreamDecoder,
    text: String,
    stopped_at: Option<usize>,
}

impl<'a> Writer<'a> {
    /// A writer that ends at the tokenizer's end tokens.
    #[must_use]
    pub fn new(tokenizer: &'a Tokenizer, sampler: Sampler) -> Self {
        let (stops, decoder) = (StopStrings::new(Vec::<String>::new()), StreamDecoder::default());
        Self {
            tokenizer,
            sampler,
            stops,
            constraint: None,
            decoder,
            text: String::new(),
            stopped_at: None,
        }
    }

    /// Also ends where one of these strings appears, wherever token borders fall.
    #[must_use]
    pub fn with_stops(mut self, strings: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.stops = StopStrings::new(strings);
        self
    }

    /// Lets only those words through that `constraint` allows.
    #[must_use]
    pub fn with_constraint(mut self, constraint: impl Constraint + 'a) -> Self {
        self.constraint = Some(Box::new(constraint));
        self
    }

    /// What was written, without the end token or the stop string.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Which stop string ended it, by its place in the list.
    #[must_use]
    pub fn stopped_at(&self) -> Option<usize> {
        self.stopped_at
    }

    /// The next word, and the text that became certain with it: what [`write()`] does for every row, for whoever wants more of
    /// [`generate`], such as to end a row early. Special tokens leave no text.
    ///
    /// # Errors
    ///
    /// Those of the sampler and of the constraint.
    pub fn choose(&mut self, logits: &mut [f32], sequence: &Sequence) -> Result<(Choice, String)> {
        let seen = sequence.input_ids();
        let sampled = match &mut self.constraint {
            Some(constraint) => {
                self.sampler.sample_constrained(logits, seen, constraint.as_mut())?
            }
            None => self.sampler.sample(logits, seen)?,
        };
        let mut choice = Choice { id: sampled.id, log_prob: sampled.log_prob, is_last: true };
        if self.tokenizer.special().ends().contains(&sampled.id) {
            return Ok((choice, self.rest()));
        }
        if self.tokenizer.is_special(sampled.id) {
            choice.is_last = false;
            return Ok((choice, String::new()));
        }
        let piece = self.decoder.push(self.tokenizer, sampled.id);
        let watched = self.stops.push(&piece);
        self.text.push_str(&watched.text);
        self.stopped_at = watched.hit;
        choice.is_last = watched.hit.is_some();
        Ok((choice, watched.text))
    }

    /// What was withheld until now, where writing ends without an end token or stop string.
    pub fn rest(&mut self) -> String {
        let unfinished = std::mem::take(&mut self.decoder).finish();
        let again = StopStrings::new(self.stops.strings().to_vec());
        let rest = std::mem::replace(&mut self.stops, again).finish() + &unfinished;
        self.text.push_str(&rest);
        rest
    }
}

impl std::fmt::Debug for Writer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer")
            .field("text", &self.text)
            .field("stopped_at", &self.stopped_at)
            .finish_non_exhaustive()
    }
}

/// Continues every row of `session` with its writer; `stream(row, text)` is called as text becomes certain.
///
/// # Errors
///
/// Those of [`generate`] and of the samplers.
///
/// # Panics
///
/// If there is not one writer per row.
pub fn write(
    session: &mut Session<'_>,
    writers: &mut [Writer<'_>],
    max_new_tokens: usize,
    stream: &mut dyn FnMut(usize, &str),
) -> Result<Vec<Completion>> {
    assert_eq!(writers.len(), session.sequences().len(), "writers and rows");
    let completions = generate(session, max_new_tokens, &mut |row, logits, sequence| {
        let (choice, text) = writers[row].choose(logits, sequence)?;
        if !text.is_empty() {
            stream(row, &text);
        }
        Ok(choice)
    })?;
    for (row, (writer, completion)) in writers.iter_mut().zip(&completions).enumerate() {
        let rest = if completion.is_finished { String::new() } else { writer.rest() };
        if !rest.is_empty() {
            stream(row, &rest);
        }
    }
    Ok(completions)
}
