//! Subsequence DTW: the stretches of a long query that resemble a short reference.

use std::ops::Range;

use super::Dtw;
use super::frames::{Frames, Sequence};
use super::kernel::{Search, Terms};
use crate::alignment::Alignment;
use crate::{Error, Result, WarpingPath};

/// A stretch of the query that resembles the reference.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    /// Query frames, half-open.
    pub frames: Range<usize>,
    /// Accumulated cost of the best path through them.
    pub cost: f64,
}

/// Costs of the best paths that end at the latest query frame, per reference frame, and where each began.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) costs: Vec<f64>,
    pub(crate) starts: Vec<u64>,
}

impl Column {
    pub(crate) fn new(num_reference: usize) -> Self {
        Self { costs: vec![f64::INFINITY; num_reference], starts: vec![0; num_reference] }
    }

    /// Takes one query frame: `C(j) = min(C'(j-1) + d(j), C(j-1) + d(j) + p, C'(j) + d(j) + p)`, where `C'` are the costs
    /// one frame earlier; a path may begin at any frame. [`Search`](super::kernel::Search) does the same to many frames.
    pub(crate) fn advance(
        &mut self,
        frame: u64,
        penalty: f64,
        mut distance: impl FnMut(usize) -> f64,
    ) {
        let (mut diagonal_cost, mut diagonal_start) = (0.0, frame);
        let (mut below_cost, mut below_start) = (f64::INFINITY, frame);
        for (idx, (cost, start)) in self.costs.iter_mut().zip(&mut self.starts).enumerate() {
            let (stay_cost, stay_start) = (*cost, *start);
            let local = distance(idx);
            (*cost, *start) = (diagonal_cost + local, diagonal_start);
            if below_cost + local + penalty < *cost {
                (*cost, *start) = (below_cost + local + penalty, below_start);
            }
            if stay_cost + local + penalty < *cost {
                (*cost, *start) = (stay_cost + local + penalty, stay_start);
            }
            (diagonal_cost, diagonal_start) = (stay_cost, stay_start);
            (below_cost, below_start) = (*cost, *start);
        }
    }

    pub(crate) fn end(&self) -> (f64, u64) {
        let last = self.costs.len() - 1;
        (self.costs[last], self.starts[last])
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
        let (query, reference) = self.inputs(query, reference)?;
        let mut best: Option<Occurrence> = None;
        self.each_end(&query, &reference, |frames, cost| {
            if cost.is_finite() && best.as_ref().is_none_or(|best| cost < best.cost) {
                best = Some(Occurrence { frames, cost });
            }
        })?;
        best.ok_or(Error::NothingInCommon)
    }

    /// Up to `max` stretches of `query` that do not overlap, cheapest first.
    ///
    /// Every query frame ends one best stretch; they are taken in order of cost, leaving out those that overlap one
    /// already taken. 24 bytes per query frame.
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
        let mut ends: Vec<(f64, Range<usize>)> = Vec::with_capacity(query.num_frames());
        self.each_end(&query, &reference, |frames, cost| ends.push((cost, frames)))?;
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
        let stretch = query.slice(start..end);
        let whole = Dtw {
            distance: self.distance,
            channel_weights: self.channel_weights.clone(),
            penalty: self.penalty,
            max_path_bytes: self.max_path_bytes,
            ..Dtw::new()
        };
        let found = whole.align_frames(&stretch, &reference)?;
        let pairs = found.path.pairs().iter().map(|&(i, j)| (i + start, j)).collect();
        Ok(Alignment { path: WarpingPath::from_ordered(pairs), ..found })
    }

    /// The cheapest stretch that ends with each query frame, and its cost, in order of time.
    fn each_end(
        &self,
        query: &Frames,
        reference: &Frames,
        mut ended: impl FnMut(Range<usize>, f64),
    ) -> Result<()> {
        self.check_penalty()?;
        let mut column = Column::new(reference.num_frames());
        let weights = self.channel_weights.as_deref();
        if let Some(terms) = Terms::of(self.distance, weights, [query, reference]) {
            let mut search = Search::new(reference, self.penalty);
            let frames = 0..query.num_frames();
            search.feed(&mut column, terms, query, frames, 0, |frame, cost, start| {
                ended(start as usize..frame as usize + 1, cost);
            });
            return Ok(());
        }
        let measure = self.measure(query, reference);
        for frame in 0..query.num_frames() {
            column.advance(frame as u64, self.penalty, |i| measure.between(frame, i));
            let (cost, start) = column.end();
            ended(start as usize..frame + 1, cost);
        }
        Ok(())
    }
}
