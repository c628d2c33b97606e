//! Sequences together with what the network remembers of them.

use std::sync::Arc;

use burn::tensor::Tensor;

use crate::batch::{Batch, Padding};
use crate::cache::KvCache;
use crate::language::Keep;
use crate::network::Network;
use crate::observe::Observer;
use crate::processor::Pixels;
use crate::sequence::Sequence;
use crate::{Error, Result};

use super::FeatureCache;

/// How a session reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionSettings {
    /// Tokens that go through the network at once; bounds the memory of a long prompt.
    pub chunk: usize,
    /// Tokens for which room is made behind each prompt, or behind the fork. More may come; it then grows by copying.
    pub room: usize,
}

impl Default for SessionSettings {
    fn default() -> Self {
        Self { chunk: 512, room: 512 }
    }
}

/// Sequences that are read and continued together.
#[derive(Debug)]
pub struct Session<'a> {
    network: &'a Network,
    settings: SessionSettings,
    rows: Vec<Row>,
    cache: KvCache,
}

#[derive(Debug, Clone)]
struct Row {
    sequence: Sequence,
    /// Tokens and media that the cache holds.
    read_tokens: usize,
    read_media: usize,
    /// Scores of the word behind what was read; empty before.
    logits: Vec<f32>,
}

impl<'a> Session<'a> {
    /// Starts with these sequences, of which nothing is read yet.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if there is no sequence, an empty one, or `chunk` is 0.
    pub fn new(
        network: &'a Network,
        sequences: Vec<Sequence>,
        settings: SessionSettings,
    ) -> Result<Self> {
        if sequences.is_empty() || sequences.iter().any(Sequence::is_empty) {
            let problem = "needs at least one sequence, and in each at least one token".into();
            return Err(Error::Request { field: "sequences", problem });
        }
        if settings.chunk == 0 {
            return Err(Error::Request {
                field: "chunk",
                problem: "is 0, at least one token must be read at once".into(),
            });
        }
        let longest = sequences.iter().map(Sequence::len).max().unwrap_or(0);
        let capacity = longest + settings.room;
        let device = network.device();
        let cache = KvCache::new(
            &network.config().text,
            sequences.len(),
            capacity,
            network.dtype(),
            &device,
        );
        let row = |sequence| Row { sequence, read_tokens: 0, read_media: 0, logits: vec![] };
        Ok(Self { network, settings, rows: sequences.into_iter().map(row).collect(), cache })
    }

    /// The network.
    #[must_use]
    pub fn network(&self) -> &'a Network {
        self.network
    }

    /// The sequences with all that was appended.
    #[must_use]
    pub fn sequences(&self) -> Vec<&Sequence> {
        self.rows.iter().map(|row| &row.sequence).collect()
    }

    /// Scores of the word behind what was read of a row; empty before the first [`read`](Self::read).
    ///
    /// # Panics
    ///
    /// If there is no such row.
    #[must_use]
    pub fn logits(&self, row: usize) -> &[f32] {
        &self.rows[row].logits
    }

    pub(super) fn scores_mut(&mut self, row: usize) -> (&mut [f32], &Sequence) {
        let row = &mut self.rows[row];
        (&mut row.logits, &row.sequence)
    }

    /// Appends tokens and their pictures and clips to a row.
    ///
    /// # Errors
    ///
    /// Those of [`Sequence::extend`]; nothing is appended then.
    ///
    /// # Panics
    ///
    /// If there is no such row.
    pub fn append(&mut self, row: usize, input_ids: &[u32], media: &[Arc<Pixels>]) -> Result<()> {
        self.rows[row].sequence.extend(input_ids, media, self.network.config())
    }

    pub(super) fn push(&mut self, row: usize, id: u32) {
        self.rows[row].sequence.push(id);
    }

    /// Reads what is unread in all rows.
    ///
    /// # Errors
    ///
    /// [`Error::Numeric`] if the scores are not finite.
    pub fn read(&mut self) -> Result<()> {
        self.read_with(None)
    }

    /// The same, looking up the features of pictures and clips that were seen before.
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn read_with(&mut self, known: Option<&mut FeatureCache>) -> Result<()> {
        let unread = |row: &Row| row.sequence.len() - row.read_tokens;
        if self.rows.iter().all(|row| unread(row) == 0) {
            return Ok(());
        }
        let (network, device) = (self.network, self.network.device());
        let starts: Vec<usize> = self.rows.iter().map(|row| row.read_tokens).collect();
        let sequences: Vec<&Sequence> = self.rows.iter().map(|row| &row.sequence).collect();
        let batch = Batch::behind(&sequences, &starts, network.config(), Padding::Left);
        let media =
            self.rows.iter().flat_map(|row| &row.sequence.media()[row.read_media..]).cloned();
        let media: Vec<Arc<Pixels>> = media.collect();
        let features = match known {
            Some(known) => known.features(network, &media),
            None => network.features(&media, Keep::Everything, &mut Observer::none()),
        };
        let embeds = batch.merge(network.model().embed(batch.ids(&device)), features);
        let mut last = None;
        for start in (0..batch.width).step_by(self.settings.chunk) {
            let len = (batch.width - start).min(self.settings.chunk);
            let positions: Vec<&[[u32; 3]]> =
                batch.positions.iter().map(|row| &row[start..start + len]).collect();
            let live: Vec<Vec<bool>> =
                batch.live.iter().map(|row| row[start..start + len].to_vec()).collect();
            let rope = network.model().rope(&positions, &device);
            let chunk = embeds.clone().narrow(1, start, len);
            last = Some(
                network.model().forward_cached(chunk, &rope, &live, None, &mut self.cache).narrow(
                    1,
                    len - 1,
                    1,
                ),
            );
        }
        let Some(last) = last else { return Ok(()) }; // [rows, 1, hidden]
        self.keep_logits(last)
    }

    fn keep_logits(&mut self, last: Tensor<3>) -> Result<()> {
        let logits = self.network.logits(last).into_data();
        let logits: Vec<f32> = logits
            .try_into_vec()
            .map_err(|error| Error::Numeric { stage: format!("logits: {error:?}") })?;
        let vocab_size = logits.len() / self.rows.len();
        for (index, (row, logits)) in
            self.rows.iter_mut().zip(logits.chunks(vocab_size)).enumerate()
        {
            if row.sequence.len() == row.read_tokens {
                continue; // rode along
            }
            if logits.iter().any(|logit| !logit.is_finite()) {
                return Err(Error::Numeric { stage: format!("the head, in sequence {index},") });
            }
            row.logits.clear();
            row.logits.extend_from_slice(logits);
            row.read_tokens = row.sequence.len();
            row.read_media = row.sequence.media().len();
        }
        Ok(())
    }

    /// Every row `forks` times, side by side; what was read is not read again, and not copied either.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if `forks` is 0.
    pub fn fork(self, forks: usize) -> Result<Self> {
        if forks == 0 {
            return Err(Error::Request { field: "forks", problem: "is 0, needs 1 or more".into() });
        }
        let rows = self.rows.into_iter().flat_map(|row| std::iter::repeat_n(row, forks)).collect();
        Ok(Self { rows, cache: self.cache.fork(forks, self.settings.room), ..self })
    }

    /// Keeps these rows, in this order, and frees the others.
    ///
    /// # Errors
    ///
    /// [`Error::Request`] if there is no such row or none is kept.
    pub fn keep_rows(&mut self, rows: &[usize]) -> Result<()> {
        if rows.is_empty() || rows.iter().any(|row| *row >= self.rows.len()) {
            let problem = format!("{rows:?} are not rows of {}", self.rows.len());
            return Err(Error::Request { field: "rows", problem });
        }
        self.cache.keep_rows(rows);
        self.rows = rows.iter().map(|row| self.rows[*row].clone()).collect();
        Ok(())
    }
}
