//! Dynamic time warping of two whole sequences.

mod batch;
pub(crate) mod distance;
pub(crate) mod frames;
pub(crate) mod bounds;
mod kernel;
pub(crate) mod lattice;
mod linear;
pub(crate) mod step;
pub(crate) mod stream;
pub(crate) mod subsequence;
pub(crate) mod window;

use std::ops::Range;

use crate::alignment::{Alignment, WarpingPath};
use crate::error::Role;
use crate::{Error, Result};
use distance::{Distance, Measure};
use frames::{Frames, Sequence};
use kernel::{Pair, Terms};
use lattice::{Lattice, OpenEnds, Solution};
use linear::Linear;
use step::{Moves, Normalization, StepPattern};
use window::Window;

/// Most memory that [`Dtw::align`] keeps to find the path unless told otherwise: 1 GiB (ours).
const MAX_PATH_BYTES: usize = 1 << 30;

/// Dynamic time warping: finds the cheapest monotone matching of two sequences.
///
/// Accumulates `D[i, j] = min over moves (D[i - di, j - dj] + w d(i, j))` (Sakoe & Chiba 1978; Müller 2007, ch. 4).
///
/// ```
/// use motion_dtw::{Dtw, Window};
/// let dtw = Dtw::new().with_window(Window::SakoeChiba { radius: 2 });
/// assert_eq!(dtw.distance(&[0.0, 1.0, 2.0], &[0.0, 1.0, 1.0, 4.0])?, 2.0);
/// # Ok::<(), motion_dtw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dtw {
    window: Window,
    step_pattern: StepPattern,
    distance: Distance,
    channel_weights: Option<Vec<f64>>,
    penalty: f64,
    ends: OpenEnds,
    max_cost: f64,
    max_path_bytes: usize,
}

impl Default for Dtw {
    fn default() -> Self {
        Self::new()
    }
}

impl Dtw {
    /// Squared Euclidean distance, steps of [`StepPattern::symmetric1`], no window, ends tied together.
    #[must_use]
    pub fn new() -> Self {
        Self {
            window: Window::Full,
            step_pattern: StepPattern::symmetric1(),
            distance: Distance::SquaredEuclidean,
            channel_weights: None,
            penalty: 0.0,
            ends: OpenEnds::default(),
            max_cost: f64::INFINITY,
            max_path_bytes: MAX_PATH_BYTES,
        }
    }

    /// Keeps matched frames near the diagonal; [`Window::Full`] by default.
    #[must_use]
    pub fn with_window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// The moves a path may make; [`StepPattern::symmetric1`] by default.
    #[must_use]
    pub fn with_step_pattern(mut self, step_pattern: StepPattern) -> Self {
        self.step_pattern = step_pattern;
        self
    }

    /// Distance between two frames; squared Euclidean by default.
    #[must_use]
    pub fn with_distance(mut self, distance: Distance) -> Self {
        self.distance = distance;
        self
    }

    /// One weight per channel; all 1 by default.
    #[must_use]
    pub fn with_channel_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.channel_weights = Some(weights.into());
        self
    }

    /// Added to the cost of every move that is not diagonal; 0 by default.
    #[must_use]
    pub fn with_penalty(mut self, penalty: f64) -> Self {
        self.penalty = penalty;
        self
    }

    /// Frames that may stay unmatched at the ends; none by default.
    #[must_use]
    pub fn with_open_ends(mut self, ends: OpenEnds) -> Self {
        self.ends = ends;
        self
    }

    /// Gives up early once the cost must exceed `max_cost`; then [`Error::NoPath`]. Unlimited by default.
    #[must_use]
    pub fn with_max_cost(mut self, max_cost: f64) -> Self {
        self.max_cost = max_cost;
        self
    }

    /// Most memory that [`Dtw::align`] keeps to find the path; 1 GiB by default.
    ///
    /// For single-cell steps, complete frames and tied ends it keeps a few anti-diagonals, `24 cells^(2/3)` bytes (2 MiB
    /// for 5,000 x 5,000 frames), otherwise one byte per cell of the window. Beyond the limit the path is computed by
    /// halves (Hirschberg 1975): three times the work, O(N + M) memory.
    #[must_use]
    pub fn with_max_path_bytes(mut self, bytes: usize) -> Self {
        self.max_path_bytes = bytes;
        self
    }

    /// Aligns `query` with `reference` along the cheapest warping path.
    ///
    /// O(N M) time inside the window for N query and M reference frames; memory as [`Dtw::with_max_path_bytes`] says.
    ///
    /// # Errors
    ///
    /// What is wrong with an input ([`Error::EmptyMotion`], [`Error::ChannelMismatch`], [`Error::NotANumber`], ...) or
    /// with the weights; [`Error::NoPath`] if window, steps and ends leave no path; [`Error::TooLarge`] if the table
    /// of moves exceeds its limit and the path cannot be had by halves (steps of several cells, open ends).
    pub fn align<Q, R>(&self, query: &Q, reference: &R) -> Result<Alignment>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let (query, reference) = self.inputs(query, reference)?;
        self.align_frames(&query, &reference)
    }

    /// Distance of two sequences: the accumulated cost, and its square root for [`Distance::SquaredEuclidean`].
    ///
    /// Keeps a few anti-diagonals only: O(N + M) memory.
    ///
    /// # Errors
    ///
    /// As [`Dtw::align`].
    pub fn distance<Q, R>(&self, query: &Q, reference: &R) -> Result<f64>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let (query, reference) = self.inputs(query, reference)?;
        Ok(self.rooted(self.cost_of(&query, &reference)?))
    }

    fn rooted(&self, cost: f64) -> f64 {
        if self.distance == Distance::SquaredEuclidean { cost.sqrt() } else { cost }
    }

    /// [`Dtw::align`] with a distance of one's own: `distance(query_frame, reference_frame)`, not negative, not NaN.
    ///
    /// Settings for distance and channel weights play no part.
    ///
    /// # Errors
    ///
    /// [`Error::EmptyMotion`], [`Error::NoPath`], [`Error::TooLarge`], or [`Error::InvalidSetting`].
    pub fn align_by(
        &self,
        num_query: usize,
        num_reference: usize,
        mut distance: impl FnMut(usize, usize) -> f64,
    ) -> Result<Alignment> {
        let band = self.band(num_query, num_reference)?;
        let bytes = band.iter().map(Range::len).sum();
        let lattice = self.lattice(&band, num_reference);
        let solution = if bytes <= self.max_path_bytes {
            lattice.path(&mut distance)
        } else {
            let limit = self.max_path_bytes;
            let too_large =
                Error::TooLarge { query: num_query, reference: num_reference, bytes, limit };
            let linear = Linear { band: &band, moves: self.tied_moves().ok_or(too_large)? };
            lattice.cost(&mut distance).and_then(|cost| {
                let path = linear.path(&mut distance)?;
                Some(Solution { cost, path })
            })
        };
        let solution =
            solution.ok_or(Error::NoPath { query: num_query, reference: num_reference })?;
        Ok(self.alignment(solution))
    }

    fn alignment(&self, solution: Solution) -> Alignment {
        let (first, last) = (solution.path[0], solution.path[solution.path.len() - 1]);
        let divisor = match self.step_pattern.normalization() {
            Normalization::PathLength => solution.path.len(),
            Normalization::Sum => last.0 - first.0 + last.1 - first.1 + 2,
            Normalization::Query => last.0 - first.0 + 1,
            Normalization::Reference => last.1 - first.1 + 1,
        };
        Alignment {
            cost: solution.cost,
            normalized_cost: solution.cost / divisor as f64,
            path: WarpingPath::from_ordered(solution.path),
        }
    }

    /// Accumulated cost under a distance of one's own, in O(M) memory; see [`Dtw::align_by`].
    ///
    /// # Errors
    ///
    /// As [`Dtw::align_by`], except for the size.
    pub fn cost_by(
        &self,
        num_query: usize,
        num_reference: usize,
        distance: impl FnMut(usize, usize) -> f64,
    ) -> Result<f64> {
        let band = self.band(num_query, num_reference)?;
        self.lattice(&band, num_reference)
            .cost(distance)
            .ok_or(Error::NoPath { query: num_query, reference: num_reference })
    }

    /// [`Dtw::align`] of packed sequences, by the fast kernel where it applies.
    fn align_frames(&self, query: &Frames, reference: &Frames) -> Result<Alignment> {
        let measure = self.measure(query, reference);
        let usual = self.step_pattern.has_usual_order();
        let pair = self.pair(query, reference)?.filter(|_| usual);
        let Some(pair) = pair.filter(|pair| pair.path_bytes() <= self.max_path_bytes) else {
            let (num_query, num_reference) = (query.num_frames(), reference.num_frames());
            return self.align_by(num_query, num_reference, |i, j| measure.between(i, j));
        };
        let hopeless = self.max_cost.is_finite() && pair.cost(self.max_cost) == f64::INFINITY;
        let found = if hopeless { None } else { pair.path(|i, j| measure.between(i, j)) };
        match found {
            Some((cost, path)) if cost <= self.max_cost => {
                Ok(self.alignment(Solution { cost, path }))
            }
            _ => Err(no_path(query, reference)),
        }
    }

    /// Accumulated cost of packed sequences, by the fast kernel where it applies.
    fn cost_of(&self, query: &Frames, reference: &Frames) -> Result<f64> {
        let Some(pair) = self.pair(query, reference)? else {
            let (num_query, num_reference) = (query.num_frames(), reference.num_frames());
            let measure = self.measure(query, reference);
            return self.cost_by(num_query, num_reference, |i, j| measure.between(i, j));
        };
        let cost = pair.cost(self.max_cost);
        if cost.is_finite() { Ok(cost) } else { Err(no_path(query, reference)) }
    }

    /// The fast kernel's view of the problem, if it is one that the kernel solves.
    fn pair<'a>(&'a self, query: &'a Frames, reference: &'a Frames) -> Result<Option<Pair<'a>>> {
        self.check_penalty()?;
        let weights = self.channel_weights.as_deref();
        let terms = Terms::of(self.distance, weights, [query, reference]);
        let (Some(terms), Some(moves)) = (terms, self.tied_moves()) else { return Ok(None) };
        let band = self.window.band(query.num_frames(), reference.num_frames())?;
        Ok(Some(Pair::new(query, reference, band, terms, moves)))
    }

    /// The three single-cell moves, if the path can make no others and both ends are tied.
    fn tied_moves(&self) -> Option<Moves> {
        self.step_pattern.moves(self.penalty).filter(|_| self.ends == OpenEnds::default())
    }

    fn inputs<Q, R>(&self, query: &Q, reference: &R) -> Result<(Frames, Frames)>
    where
        Q: Sequence + ?Sized,
        R: Sequence + ?Sized,
    {
        let (query, reference) =
            (query.to_frames(Role::Query)?, reference.to_frames(Role::Reference)?);
        self.check_channels(&query, &reference)?;
        Ok((query, reference))
    }

    fn check_channels(&self, query: &Frames, reference: &Frames) -> Result<()> {
        if query.num_channels != reference.num_channels {
            return Err(Error::ChannelMismatch {
                query: query.num_channels,
                reference: reference.num_channels,
            });
        }
        match &self.channel_weights {
            Some(weights) => check_weights(weights, query.num_channels),
            None => Ok(()),
        }
    }

    fn measure<'a>(&'a self, query: &'a Frames, reference: &'a Frames) -> Measure<'a> {
        Measure {
            query,
            reference,
            channel_weights: self.channel_weights.as_deref(),
            distance: self.distance,
        }
    }

    fn band(&self, num_query: usize, num_reference: usize) -> Result<Vec<Range<usize>>> {
        if num_query == 0 || num_reference == 0 {
            return Err(Error::EmptyMotion);
        }
        self.check_penalty()?;
        self.window.rows(num_query, num_reference)
    }

    fn check_penalty(&self) -> Result<()> {
        if self.penalty.is_finite() && self.penalty >= 0.0 {
            return Ok(());
        }
        Err(Error::InvalidSetting {
            name: "penalty",
            value: self.penalty,
            expected: "it must be finite and not negative",
        })
    }

    fn lattice<'a>(&'a self, band: &'a [Range<usize>], num_columns: usize) -> Lattice<'a> {
        Lattice {
            band,
            num_columns,
            step: &self.step_pattern,
            penalty: self.penalty,
            ends: self.ends,
            skip_charge: 0.0,
            max_cost: self.max_cost,
        }
    }
}

fn no_path(query: &Frames, reference: &Frames) -> Error {
    Error::NoPath { query: query.num_frames(), reference: reference.num_frames() }
}

/// One finite weight per channel, none negative, not all zero.
pub(crate) fn check_weights(weights: &[f64], num_channels: usize) -> Result<()> {
    if weights.len() != num_channels {
        return Err(Error::WeightCount { expected: num_channels, found: weights.len() });
    }
    let usable = weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
    if usable && weights.iter().sum::<f64>() > 0.0 { Ok(()) } else { Err(Error::InvalidWeights) }
}
