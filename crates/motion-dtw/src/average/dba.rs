//! DTW barycentre averaging: the mean of several motions that differ in tempo.

use ndarray::{Array2, ArrayView2};

use super::series::{Series, packed};
use crate::{Alignment, Dtw, Error, Motion, Result, Sequence, WarpingPath, Window};

/// Averages motions under time warping (Petitjean, Ketterlin & Gançarski 2011, DBA).
///
/// Starts from the medoid, the series nearest to all others. Each iteration aligns every series with the mean, then
/// replaces each frame of the mean by the weighted mean of the frames aligned with it. The sum of squared DTW distances
/// never grows (with missing values it may: the better mean is kept then). The mean has the medoid's length and tempo.
///
/// One iteration over S series of N frames costs S alignments, O(S N²) time and one byte per cell of one alignment in
/// memory (one alignment per core with the feature `rayon`); finding the medoid costs S (S - 1) / 2 distances. [`Dba::average_from`] goes on from any earlier mean, so a
/// long run can be cut into pieces.
///
/// ```
/// use motion_dtw::Dba;
/// let average = Dba::new().average(&[vec![0.0, 4.0, 0.0], vec![0.0, 5.0, 0.0], vec![0.0, 0.0, 6.0, 0.0]])?;
/// assert_eq!(average.mean().column(0).to_vec(), [0.0, 5.0, 0.0]);
/// assert_eq!(average.spread()[[1, 0]], (2.0_f64 / 3.0).sqrt()); // of the peaks 4, 5 and 6
/// # Ok::<(), motion_dtw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Dba {
    window: Window,
    channel_weights: Option<Vec<f64>>,
    weights: Option<Vec<f64>>,
    max_iterations: usize,
    tolerance: f64,
}

impl Default for Dba {
    fn default() -> Self {
        Self::new()
    }
}

impl Dba {
    /// No window, equal weights, up to 30 iterations (ours), until an iteration gains less than a hundred-thousandth.
    #[must_use]
    pub fn new() -> Self {
        Self {
            window: Window::Full,
            channel_weights: None,
            weights: None,
            max_iterations: 30,
            tolerance: 1e-5,
        }
    }

    /// Which frames may be aligned, as in [`Dtw::with_window`]; all by default.
    #[must_use]
    pub fn with_window(mut self, window: Window) -> Self {
        self.window = window;
        self
    }

    /// One weight per channel for the alignments, as in [`Dtw::with_channel_weights`]; all 1 by default.
    #[must_use]
    pub fn with_channel_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.channel_weights = Some(weights.into());
        self
    }

    /// How much each series counts; all 1 by default.
    #[must_use]
    pub fn with_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.weights = Some(weights.into());
        self
    }

    /// Most updates of the mean; 30 by default. 0 returns the initial mean with its paths and spread.
    #[must_use]
    pub fn with_max_iterations(mut self, max_iterations: usize) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Stops once an iteration lowers the inertia by less than this share of it; 1e-5 by default.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Averages `series`, starting from their medoid.
    ///
    /// # Errors
    ///
    /// [`Error::NoSeries`]; [`Error::Series`] for what is wrong with one of them; [`Error::SeriesWeightCount`],
    /// [`Error::WeightCount`], [`Error::InvalidWeights`], [`Error::InvalidSetting`]; what [`Dtw::align`] says.
    pub fn average<S: Sequence>(&self, series: &[S]) -> Result<Average> {
        let series = Series::new(series, self.weights.as_deref())?;
        let medoid = series.medoid(&self.dtw())?;
        self.refine(series.motions[medoid].clone(), &series)
    }

    /// Averages `series`, starting from `initial`, whose length the mean keeps.
    ///
    /// # Errors
    ///
    /// As [`Dba::average`], and what is wrong with `initial`.
    pub fn average_from<I, S>(&self, initial: &I, series: &[S]) -> Result<Average>
    where
        I: Sequence + ?Sized,
        S: Sequence,
    {
        let series = Series::new(series, self.weights.as_deref())?;
        self.refine(packed(initial)?, &series)
    }

    pub(super) fn dtw(&self) -> Dtw {
        let dtw = Dtw::new().with_window(self.window);
        match &self.channel_weights {
            None => dtw,
            Some(weights) => dtw.with_channel_weights(weights.clone()),
        }
    }

    pub(super) fn refine(&self, initial: Motion, series: &Series) -> Result<Average> {
        if self.tolerance.is_nan() || self.tolerance < 0.0 {
            return Err(Error::InvalidSetting {
                name: "tolerance",
                value: self.tolerance,
                expected: "it must not be negative",
            });
        }
        let dtw = self.dtw();
        let mut best = Fit::of(initial, series, &dtw)?;
        let (mut num_iterations, mut converged) = (0, false);
        while num_iterations < self.max_iterations && !converged {
            let next = Fit::of(best.update(series)?, series, &dtw)?;
            num_iterations += 1;
            let gain = best.inertia - next.inertia;
            converged = gain <= self.tolerance * best.inertia;
            if gain >= 0.0 {
                best = next;
            }
        }
        Ok(best.finish(series, num_iterations, converged))
    }
}

/// A mean, and every series aligned with it.
struct Fit {
    mean: Motion,
    alignments: Vec<Alignment>,
    inertia: f64,
}

impl Fit {
    fn of(mean: Motion, series: &Series, dtw: &Dtw) -> Result<Self> {
        let alignments = series.aligned(&mean, dtw)?;
        let weighted = alignments.iter().zip(&series.weights).map(|(a, weight)| weight * a.cost());
        let inertia = weighted.sum::<f64>() / series.total_weight();
        Ok(Self { mean, alignments, inertia })
    }

    /// Sums `value(x, frame, channel)` over the values aligned with each frame of the mean; and their weights.
    fn pooled(
        &self,
        series: &Series,
        value: impl Fn(f64, usize, usize) -> f64,
    ) -> (Array2<f64>, Array2<f64>) {
        let mut sums = Array2::zeros(self.mean.channels().dim());
        let mut weights = Array2::zeros(sums.dim());
        for ((motion, alignment), &series_weight) in
            series.motions.iter().zip(&self.alignments).zip(&series.weights)
        {
            for &(theirs, ours) in alignment.path().pairs() {
                for channel in 0..motion.num_channels() {
                    let weight = series_weight * motion.weight(theirs, channel);
                    if weight > 0.0 {
                        let x = motion.channels()[[theirs, channel]];
                        sums[[ours, channel]] += weight * value(x, ours, channel);
                        weights[[ours, channel]] += weight;
                    }
                }
            }
        }
        (sums, weights)
    }

    /// The mean of what is aligned with each frame; NaN where nothing was measured.
    fn update(&self, series: &Series) -> Result<Motion> {
        let (sums, weights) = self.pooled(series, |x, _, _| x);
        Motion::new(sums / weights, 1.0) // 0 / 0 is NaN: missing
    }

    fn finish(self, series: &Series, num_iterations: usize, converged: bool) -> Average {
        let mean = self.mean.channels();
        let (sums, weights) = self.pooled(series, |x, frame, channel| {
            let deviation = x - mean[[frame, channel]];
            // The initial mean may lack a value that a series has; then there is nothing to deviate from.
            if deviation.is_nan() { 0.0 } else { deviation * deviation }
        });
        let mut spread = (sums / weights).mapv_into(f64::sqrt);
        spread.zip_mut_with(&mean, |spread, mean| {
            if mean.is_nan() {
                *spread = f64::NAN;
            }
        });
        Average {
            spread,
            costs: self.alignments.iter().map(Alignment::cost).collect(),
            paths: self.alignments.into_iter().map(|alignment| alignment.path).collect(),
            inertia: self.inertia,
            num_iterations,
            converged,
            mean: self.mean,
        }
    }
}

/// The mean of several series, how they scatter around it, and how each is aligned with it.
#[derive(Debug, Clone, PartialEq)]
pub struct Average {
    pub(super) mean: Motion,
    spread: Array2<f64>,
    paths: Vec<WarpingPath>,
    costs: Vec<f64>,
    inertia: f64,
    num_iterations: usize,
    converged: bool,
}

impl Average {
    /// The mean, `[frames, channels]`, in the series' unit; NaN where no series had a value.
    #[must_use]
    pub fn mean(&self) -> ArrayView2<'_, f64> {
        self.mean.channels()
    }

    /// The mean as a motion at `fps` frames per second.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFps`].
    pub fn motion(&self, fps: f64) -> Result<Motion> {
        Motion::new(self.mean().to_owned(), fps)
    }

    /// Standard deviation of the values aligned with each frame, `[frames, channels]`, in the series' unit.
    ///
    /// Weighted, divided by the sum of weights (not by one less): with few series it is on the small side. NaN where
    /// no series had a value.
    #[must_use]
    pub fn spread(&self) -> ArrayView2<'_, f64> {
        self.spread.view()
    }

    /// How each series is aligned with the mean: pairs `(frame of the series, frame of the mean)`.
    #[must_use]
    pub fn paths(&self) -> &[WarpingPath] {
        &self.paths
    }

    /// Squared DTW distance of each series to the mean.
    #[must_use]
    pub fn costs(&self) -> &[f64] {
        &self.costs
    }

    /// Weighted mean of [`Average::costs`]: what DBA minimises.
    #[must_use]
    pub fn inertia(&self) -> f64 {
        self.inertia
    }

    /// Updates of the mean that were tried.
    #[must_use]
    pub fn num_iterations(&self) -> usize {
        self.num_iterations
    }

    /// Whether the last update gained less than the tolerance.
    #[must_use]
    pub fn converged(&self) -> bool {
        self.converged
    }
}
