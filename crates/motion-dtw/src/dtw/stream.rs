//! Subsequence DTW of a stream, in memory that does not grow.

use std::ops::Range;

use super::distance::{Distance, Measure};
use super::frames::{Frames, Sequence};
use super::kernel::{Search, Terms};
use super::subsequence::{Column, Occurrence};
use super::{Dtw, check_weights};
use crate::error::Role;
use crate::{Error, Result};

/// Watches a stream for a reference, one frame at a time, in memory that does not grow (Sakurai et al. 2007, SPRING).
///
/// Reports every stretch whose cost is at most a threshold and lowest among the stretches that overlap it, as soon as
/// no later frame can change that.
///
/// ```
/// use motion_dtw::{Dtw, Stream};
/// let mut stream = Stream::new(&Dtw::new(), &[0.0, 5.0, 0.0], 1.0)?;
/// let mut found = Vec::new();
/// for value in [9.0, 9.0, 0.0, 5.0, 5.0, 0.0, 9.0, 9.0] {
///     found.extend(stream.push(&[value])?);
/// }
/// found.extend(stream.finish());
/// assert_eq!(found.len(), 1);
/// assert_eq!((found[0].frames.clone(), found[0].cost), (2..6, 0.0));
/// # Ok::<(), motion_dtw::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Stream {
    reference: Frames,
    channel_weights: Option<Vec<f64>>,
    distance: Distance,
    penalty: f64,
    threshold: f64,
    column: Column,
    search: Search,
    next_frame: u64,
    pending: Option<Occurrence>,
}

impl Stream {
    /// Watches for `reference` under the distance, channel weights and penalty of `settings`.
    ///
    /// `threshold` is the highest accumulated cost that counts as an occurrence. Window, step pattern and open ends of
    /// `settings` play no part: both ends are free on the query's side, steps are
    /// [`symmetric1`](crate::StepPattern::symmetric1).
    ///
    /// # Errors
    ///
    /// What is wrong with the reference, or [`Error::InvalidSetting`] for a threshold that is NaN or negative.
    pub fn new<R: Sequence + ?Sized>(
        settings: &Dtw,
        reference: &R,
        threshold: f64,
    ) -> Result<Self> {
        if threshold.is_nan() || threshold < 0.0 {
            return Err(Error::InvalidSetting {
                name: "threshold",
                value: threshold,
                expected: "it must not be negative",
            });
        }
        let reference = reference.to_frames(Role::Reference)?;
        if let Some(weights) = &settings.channel_weights {
            check_weights(weights, reference.num_channels)?;
        }
        settings.check_penalty()?;
        Ok(Self {
            column: Column::new(reference.num_frames()),
            search: Search::new(&reference, settings.penalty),
            channel_weights: settings.channel_weights.clone(),
            distance: settings.distance,
            penalty: settings.penalty,
            reference,
            threshold,
            next_frame: 0,
            pending: None,
        })
    }

    /// Takes the next frame, one value per channel, NaN where missing; returns an occurrence once it is certain.
    ///
    /// # Errors
    ///
    /// [`Error::ChannelMismatch`] or [`Error::InfiniteValue`]; the stream is unchanged then.
    pub fn push(&mut self, frame: &[f64]) -> Result<Option<Occurrence>> {
        let num_channels = self.reference.num_channels;
        if frame.len() != num_channels {
            return Err(Error::ChannelMismatch { query: frame.len(), reference: num_channels });
        }
        if let Some(channel) = frame.iter().position(|value| value.is_infinite()) {
            return Err(Error::InfiniteValue { frame: self.num_frames(), channel });
        }
        let missing = frame.iter().any(|value| value.is_nan());
        let values: Vec<f64> =
            frame.iter().map(|&value| if value.is_nan() { 0.0 } else { value }).collect();
        let weights: Option<Vec<f64>> = missing
            .then(|| frame.iter().map(|value| f64::from(u8::from(!value.is_nan()))).collect());
        Ok(self.push_weighted(&values, weights.as_deref()))
    }

    /// Takes many frames; the same as [`Stream::push`] for each, but several times as fast where nothing is found.
    ///
    /// Blocks of some hundred frames use the processor best; 36 channels need only about 64.
    ///
    /// # Errors
    ///
    /// [`Error::ChannelMismatch`] or what is wrong with `frames`; the stream is unchanged then. Missing values come in
    /// a [`Motion`](crate::Motion).
    pub fn push_block<Q: Sequence + ?Sized>(&mut self, frames: &Q) -> Result<Vec<Occurrence>> {
        let block = frames.to_frames(Role::Query)?;
        let num_channels = self.reference.num_channels;
        if block.num_channels != num_channels {
            return Err(Error::ChannelMismatch {
                query: block.num_channels,
                reference: num_channels,
            });
        }
        let mut found = Vec::new();
        let mut taken = 0;
        while taken < block.num_frames() {
            let next = (taken + self.search.block_len()).min(block.num_frames());
            if !self.skim(&block, taken..next) {
                for frame in taken..next {
                    found
                        .extend(self.push_weighted(block.frame(frame), block.frame_weights(frame)));
                }
            }
            taken = next;
        }
        Ok(found)
    }

    /// Takes `frames` of `block` at once if nothing is pending before them and nothing to report among them.
    fn skim(&mut self, block: &Frames, frames: Range<usize>) -> bool {
        let weights = self.channel_weights.as_deref();
        let Some(terms) = Terms::of(self.distance, weights, [block, &self.reference]) else {
            return false;
        };
        if self.pending.is_some() {
            return false;
        }
        let before = self.column.clone();
        let (num_frames, mut lowest) = (frames.len() as u64, f64::INFINITY);
        self.search.feed(&mut self.column, terms, block, frames, self.next_frame, |_, cost, _| {
            lowest = lowest.min(cost)
        });
        if lowest.is_finite() && lowest <= self.threshold {
            self.column = before;
            return false;
        }
        self.next_frame += num_frames;
        true
    }

    fn push_weighted(&mut self, values: &[f64], weights: Option<&[f64]>) -> Option<Occurrence> {
        let measure = Measure {
            query: &self.reference, // only pairs are asked for
            reference: &self.reference,
            channel_weights: self.channel_weights.as_deref(),
            distance: self.distance,
        };
        let reference = &self.reference;
        let frame = self.next_frame;
        self.column.advance(frame, self.penalty, |i| {
            measure.pair((values, weights), (reference.frame(i), reference.frame_weights(i)))
        });
        self.next_frame += 1;
        let certain = self.take_certain();
        let (cost, start) = self.column.end();
        if cost.is_finite()
            && cost <= self.threshold
            && self.pending.as_ref().is_none_or(|pending| cost < pending.cost)
        {
            self.pending = Some(Occurrence { frames: start as usize..frame as usize + 1, cost });
        }
        certain
    }

    /// The pending occurrence, once every path still alive either costs more or begins after it.
    fn take_certain(&mut self) -> Option<Occurrence> {
        let pending = self.pending.as_ref()?;
        let end = pending.frames.end as u64;
        let alive = self.column.costs.iter().zip(&self.column.starts);
        if alive.clone().any(|(&cost, &start)| cost < pending.cost && start < end) {
            return None;
        }
        // Paths that began inside it can only be occurrences that overlap it.
        for (cost, start) in self.column.costs.iter_mut().zip(&self.column.starts) {
            if *start < end {
                *cost = f64::INFINITY;
            }
        }
        self.pending.take()
    }

    /// The last occurrence, if one was pending when the stream ended.
    #[must_use]
    pub fn finish(self) -> Option<Occurrence> {
        self.pending
    }

    /// Frames taken so far.
    #[must_use]
    pub fn num_frames(&self) -> usize {
        self.next_frame as usize
    }
}
