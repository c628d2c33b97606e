//! Subsequence DTW: the stretches of a long query that resemble a short reference.

use std::ops::Range;

use super::Dtw;
use super::distance::{Distance, Measure};
use super::frames::{Frames, Sequence};
use crate::alignment::Alignment;
use crate::error::Role;
use crate::{Error, Result, WarpingPath};

/// A stretch of the query that resembles the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// Query frames, half-open.
    pub frames: Range<usize>,
    /// Accumulated cost of the best path through them.
    pub cost: f64,
}

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
    next_frame: usize,
    pending: Option<Occurrence>,
}

/// Costs of the best paths that end at the current query frame, per reference frame, and where each began.
#[derive(Debug, Clone)]
struct Column {
    costs: Vec<f64>,
    starts: Vec<usize>,
}

impl Column {
    fn new(len: usize) -> Self {
        Self { costs: vec![f64::INFINITY; len], starts: vec![0; len] }
    }

    /// `C(i, j) = d(i, j) + min(C(i-1, j-1), C(i-1, j) + p, C(i, j-1) + p)`; a path may begin at any `j`.
    fn advance(&mut self, frame: usize, penalty: f64, mut distance: impl FnMut(usize) -> f64) {
        let (mut diagonal_cost, mut diagonal_start) = (0.0, frame);
        let (mut below_cost, mut below_start) = (f64::INFINITY, frame);
        for i in 0..self.costs.len() {
            let (stay_cost, stay_start) = (self.costs[i], self.starts[i]);
            let (mut cost, mut start) = (diagonal_cost, diagonal_start);
            if below_cost + penalty < cost {
                (cost, start) = (below_cost + penalty, below_start);
            }
            if stay_cost + penalty < cost {
                (cost, start) = (stay_cost + penalty, stay_start);
            }
            cost += distance(i);
            (self.costs[i], self.starts[i]) = (cost, start);
            (diagonal_cost, diagonal_start) = (stay_cost, stay_start);
            (below_cost, below_start) = (cost, start);
        }
    }

    fn end(&self) -> (f64, usize) {
        let last = self.costs.len() - 1;
        (self.costs[last], self.starts[last])
    }
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
            super::check_weights(weights, reference.num_channels)?;
        }
        settings.check_penalty()?;
        Ok(Self {
            column: Column::new(reference.num_frames()),
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
            return Err(Error::InfiniteValue { frame: self.next_frame, channel });
        }
        let missing = frame.iter().any(|value| value.is_nan());
        let values: Vec<f64> =
            frame.iter().map(|&value| if value.is_nan() { 0.0 } else { value }).collect();
        let weights: Option<Vec<f64>> = missing
            .then(|| frame.iter().map(|value| f64::from(u8::from(!value.is_nan()))).collect());
        Ok(self.push_weighted(&values, weights.as_deref()))
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
        if cost <= self.threshold && self.pending.as_ref().is_none_or(|pending| cost < pending.cost)
        {
            self.pending = Some(Occurrence { frames: start..frame + 1, cost });
        }
        certain
    }

    /// The pending occurrence, once every path still alive either costs more or begins after it.
    fn take_certain(&mut self) -> Option<Occurrence> {
        let pending = self.pending.as_ref()?;
        let alive = self.column.costs.iter().zip(&self.column.starts);
        if alive.clone().any(|(&cost, &start)| cost < pending.cost && start < pending.frames.end) {
            return None;
        }
        // Paths that began inside it can only be occurrences that overlap it.
        for (cost, start) in self.column.costs.iter_mut().zip(&self.column.starts) {
            if *start < pending.frames.end {
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
        self.next_frame
    }
}

impl Dtw {
    /// The stretch of `query` that resembles the whole `reference` most: lowest accumulated cost, first of equals.
    ///
    /// Both ends are free on the query's side (Müller 2007, ch. 7.2); steps are
    /// [`symmetric1`](crate::StepPattern::symmetric1). O(N M) time, O(N + M) memory.
    ///
    /// # Errors
    ///
    /// As [`Dtw::align`].
    pub fn find<Q, R>(&self, query: &Q, reference: &R) -> Result<Occurrence>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let mut found = self.find_all(query, reference, 1)?;
        found.pop().ok_or(Error::NothingInCommon)
    }

    /// Up to `max` stretches of `query` that do not overlap, cheapest first.
    ///
    /// Every query frame ends one best stretch; they are taken in order of cost, leaving out those that overlap one
    /// already taken.
    ///
    /// # Errors
    ///
    /// As [`Dtw::align`].
    pub fn find_all<Q, R>(&self, query: &Q, reference: &R, max: usize) -> Result<Vec<Occurrence>>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let (query, reference) = self.inputs(query, reference)?;
        self.check_penalty()?;
        let measure = self.measure(&query, &reference);
        let mut column = Column::new(reference.num_frames());
        let mut ends: Vec<(f64, Range<usize>)> = Vec::with_capacity(query.num_frames());
        for frame in 0..query.num_frames() {
            column.advance(frame, self.penalty, |i| measure.between(frame, i));
            let (cost, start) = column.end();
            ends.push((cost, start..frame + 1));
        }
        ends.sort_by(|a, b| a.0.total_cmp(&b.0)); // stable: the earlier of equals comes first
        let mut found: Vec<Occurrence> = Vec::new();
        for (cost, frames) in ends {
            if found.len() == max {
                break;
            }
            let clear = |other: &Occurrence| {
                frames.end <= other.frames.start || other.frames.end <= frames.start
            };
            if cost.is_finite() && found.iter().all(clear) {
                found.push(Occurrence { frames, cost });
            }
        }
        Ok(found)
    }

    /// The warping path of one occurrence, in frames of the whole query.
    ///
    /// # Errors
    ///
    /// As [`Dtw::align`], and [`Error::FrameRange`] if the occurrence lies outside the query.
    pub fn align_occurrence<Q, R>(
        &self,
        query: &Q,
        reference: &R,
        occurrence: &Occurrence,
    ) -> Result<Alignment>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let (query, reference) = self.inputs(query, reference)?;
        let Range { start, end } = occurrence.frames;
        if start >= end || end > query.num_frames() {
            return Err(Error::FrameRange { start, end, num_frames: query.num_frames() });
        }
        let measure = self.measure(&query, &reference);
        let whole =
            Dtw { penalty: self.penalty, max_path_bytes: self.max_path_bytes, ..Dtw::new() };
        let found = whole
            .align_by(end - start, reference.num_frames(), |i, j| measure.between(start + i, j))?;
        let pairs = found.path.pairs().iter().map(|&(i, j)| (i + start, j)).collect();
        Ok(Alignment { path: WarpingPath::from_ordered(pairs), ..found })
    }
}
