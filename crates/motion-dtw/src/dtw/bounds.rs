//! Lower bounds of the DTW cost, and the search that they speed up.

use std::collections::VecDeque;
use std::ops::Range;

use super::Dtw;
use super::distance::Distance;
use super::frames::{Frames, Sequence};
use crate::error::Role;
use crate::{Error, Result};

/// Per query frame, the smallest and largest value of each channel that the window lets it be matched with.
///
/// ```
/// use motion_dtw::{Dtw, Envelope, Window};
/// let dtw = Dtw::new().with_window(Window::SakoeChiba { radius: 1 });
/// let (query, reference) = ([0.0, 4.0, 0.0, 0.0], [0.0, 1.0, 2.0, 0.0]);
/// let bound = Envelope::new(&dtw, query.len(), &reference)?.lb_keogh(&query)?;
/// assert_eq!(bound, 4.0); // 4 lies 2 above the envelope
/// assert!(bound <= dtw.align(&query, &reference)?.cost());
/// # Ok::<(), motion_dtw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Envelope {
    settings: Dtw,
    reference: Frames,
    band: Vec<Range<usize>>,
    lower: Vec<f64>,
    upper: Vec<f64>,
}

impl Envelope {
    /// Envelope of `reference` for queries of `num_query` frames under the window of `settings`.
    ///
    /// O(M) per channel (Lemire 2009's sliding extrema).
    ///
    /// # Errors
    ///
    /// As [`Dtw::align`]; [`Error::NotBounded`] unless steps are [`symmetric1`](crate::StepPattern::symmetric1) with
    /// tied ends, the distance is squared Euclidean or Manhattan, and no value is missing.
    pub fn new<R: Sequence + ?Sized>(
        settings: &Dtw,
        num_query: usize,
        reference: &R,
    ) -> Result<Self> {
        let reference = reference.to_frames(Role::Reference)?;
        settings.check_bounded(&reference)?;
        let band = settings.band(num_query, reference.num_frames())?;
        let (lower, upper) = extrema(&reference, &band);
        Ok(Self { settings: settings.clone(), reference, band, lower, upper })
    }

    /// LB_Keogh (Keogh & Ratanamahatana 2005): how far `query` leaves the envelope; never above the DTW cost.
    ///
    /// # Errors
    ///
    /// [`Error::ChannelMismatch`], [`Error::FrameCount`], or what is wrong with the query.
    pub fn lb_keogh<Q: Sequence + ?Sized>(&self, query: &Q) -> Result<f64> {
        let query = self.checked(query)?;
        Ok(self.settings.outside(&query.values, &self.lower, &self.upper, query.num_channels))
    }

    /// LB_Improved (Lemire 2009): LB_Keogh plus how far the reference leaves the envelope of the query's projection.
    ///
    /// # Errors
    ///
    /// As [`Envelope::lb_keogh`].
    pub fn lb_improved<Q: Sequence + ?Sized>(&self, query: &Q) -> Result<f64> {
        let query = self.checked(query)?;
        let num_channels = query.num_channels;
        let first = self.settings.outside(&query.values, &self.lower, &self.upper, num_channels);
        let bounds = self.lower.iter().zip(&self.upper);
        let projection = query
            .values
            .iter()
            .zip(bounds)
            .map(|(value, (low, high))| value.clamp(*low, *high))
            .collect();
        let projection = Frames { values: projection, weights: None, num_channels };
        let band = transposed(&self.band, self.reference.num_frames());
        let (lower, upper) = extrema(&projection, &band);
        Ok(first + self.settings.outside(&self.reference.values, &lower, &upper, num_channels))
    }

    fn checked<Q: Sequence + ?Sized>(&self, query: &Q) -> Result<Frames> {
        let query = query.to_frames(Role::Query)?;
        self.settings.check_bounded(&query)?;
        if query.num_channels != self.reference.num_channels {
            return Err(Error::ChannelMismatch {
                query: query.num_channels,
                reference: self.reference.num_channels,
            });
        }
        if query.num_frames() != self.band.len() {
            return Err(Error::FrameCount { expected: self.band.len(), found: query.num_frames() });
        }
        Ok(query)
    }
}

impl Dtw {
    /// LB_Kim (Kim, Park & Chu 2001, first and last frames): the cost of the two tied ends; never above the DTW cost.
    ///
    /// # Errors
    ///
    /// As [`Envelope::new`].
    pub fn lb_kim<Q, R>(&self, query: &Q, reference: &R) -> Result<f64>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let (query, reference) = self.inputs(query, reference)?;
        self.check_bounded(&query)?;
        self.check_bounded(&reference)?;
        let measure = self.measure(&query, &reference);
        let (last_query, last_reference) = (query.num_frames() - 1, reference.num_frames() - 1);
        let first = measure.between(0, 0);
        if last_query + last_reference == 0 {
            return Ok(first);
        }
        Ok(first + measure.between(last_query, last_reference))
    }

    /// The candidate with the lowest cost against `query`, and that cost; the first of equals.
    ///
    /// Tries LB_Kim, LB_Keogh and LB_Improved before the full computation, which stops once it exceeds the best so
    /// far. The answer is that of the plain search. `None` if there are no candidates, or no path to any.
    ///
    /// # Errors
    ///
    /// As [`Envelope::new`].
    pub fn nearest<Q, R>(&self, query: &Q, candidates: &[R]) -> Result<Option<(usize, f64)>>
    where
        Q: Sequence + ?Sized,
        R: Sequence,
    {
        let query_frames = query.to_frames(Role::Query)?;
        let mut best: Option<(usize, f64)> = None;
        for (idx, candidate) in candidates.iter().enumerate() {
            let limit = best.map_or(f64::INFINITY, |(_, cost)| cost);
            if self.lb_kim(query, candidate)? >= limit {
                continue;
            }
            let envelope = Envelope::new(self, query_frames.num_frames(), candidate)?;
            if envelope.lb_keogh(query)? >= limit || envelope.lb_improved(query)? >= limit {
                continue;
            }
            let settings = self.clone().with_max_cost(limit.min(self.max_cost));
            let (query_frames, reference) = settings.inputs(query, candidate)?;
            match settings.cost_of(&query_frames, &reference) {
                Ok(cost) if cost < limit => best = Some((idx, cost)),
                Ok(_) | Err(Error::NoPath { .. }) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(best)
    }

    /// Bounds hold for plain numbers, tied ends, single steps of weight 1, and distances that sum over channels.
    fn check_bounded(&self, frames: &Frames) -> Result<()> {
        let sums = matches!(self.distance, Distance::SquaredEuclidean | Distance::Manhattan);
        let tied = self.ends == super::lattice::OpenEnds::default();
        let single = self.step_pattern == super::step::StepPattern::symmetric1();
        if sums && tied && single && frames.weights.is_none() {
            Ok(())
        } else {
            Err(Error::NotBounded)
        }
    }

    /// Sum over frames and channels of the distance from a value to `lower..=upper`.
    fn outside(&self, values: &[f64], lower: &[f64], upper: &[f64], num_channels: usize) -> f64 {
        let excess = values.iter().zip(lower.iter().zip(upper)).enumerate().map(
            |(at, (&value, (&low, &high)))| {
                let outside = (value - high).max(low - value).max(0.0);
                let weight =
                    self.channel_weights.as_ref().map_or(1.0, |weights| weights[at % num_channels]);
                weight
                    * if self.distance == Distance::Manhattan { outside } else { outside * outside }
            },
        );
        excess.sum()
    }
}

/// Smallest and largest value of each channel over each range of frames, in one pass.
fn extrema(frames: &Frames, ranges: &[Range<usize>]) -> (Vec<f64>, Vec<f64>) {
    let num_channels = frames.num_channels;
    let mut lower = vec![0.0; ranges.len() * num_channels];
    let mut upper = vec![0.0; ranges.len() * num_channels];
    for channel in 0..num_channels {
        let value = |frame: usize| frames.frame(frame)[channel];
        let (mut smallest, mut largest) = (VecDeque::new(), VecDeque::new()); // frames, values in order
        let mut taken = 0;
        for (at, range) in ranges.iter().enumerate() {
            while taken < range.end {
                while smallest.back().is_some_and(|&frame| value(frame) >= value(taken)) {
                    smallest.pop_back();
                }
                while largest.back().is_some_and(|&frame| value(frame) <= value(taken)) {
                    largest.pop_back();
                }
                smallest.push_back(taken);
                largest.push_back(taken);
                taken += 1;
            }
            for queue in [&mut smallest, &mut largest] {
                while queue.front().is_some_and(|&frame| frame < range.start) {
                    queue.pop_front();
                }
            }
            lower[at * num_channels + channel] = value(smallest[0]);
            upper[at * num_channels + channel] = value(largest[0]);
        }
    }
    (lower, upper)
}

/// Rows allowed for each column; a column that no row reaches borrows its neighbour's (no path uses it).
fn transposed(band: &[Range<usize>], num_columns: usize) -> Vec<Range<usize>> {
    let mut row_start = 0;
    let mut row_end = 0;
    (0..num_columns)
        .map(|column| {
            while row_start + 1 < band.len() && band[row_start].end <= column {
                row_start += 1;
            }
            while row_end < band.len() && band[row_end].start <= column {
                row_end += 1;
            }
            row_start..row_end.max(row_start + 1)
        })
        .collect()
}
