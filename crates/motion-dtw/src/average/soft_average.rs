//! The mean of several motions under soft-DTW.

use ndarray::{Array2, ArrayView2};

use super::SoftDtw;
use super::lbfgs::minimise;
use super::series::{Series, packed};
use crate::{Dtw, Error, Motion, Result, Sequence};

/// Averages motions by minimising their summed soft-DTW to the mean (Cuturi & Blondel 2017, section 3.1).
///
/// Smoother than [`Dba`](super::Dba), and less apt to stop at a poor mean, at about ten times the time. L-BFGS from
/// the medoid of the series. Each evaluation costs one gradient per series; memory is one gradient's, 8 bytes a cell.
///
/// ```
/// use motion_dtw::{SoftAveraging, SoftDtw};
/// let series = [vec![0.0, 4.0, 0.0], vec![0.0, 0.0, 6.0, 0.0]];
/// let average = SoftAveraging::new(SoftDtw::new(0.01)?).average(&series)?;
/// assert!((average.mean()[[1, 0]] - 5.0).abs() < 1e-3);
/// # Ok::<(), motion_dtw::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct SoftAveraging {
    soft_dtw: SoftDtw,
    weights: Option<Vec<f64>>,
    max_iterations: usize,
    tolerance: f64,
}

/// The mean of several series under soft-DTW.
#[derive(Debug, Clone, PartialEq)]
pub struct SoftAverage {
    mean: Array2<f64>,
    objective: f64,
    num_iterations: usize,
    converged: bool,
}

impl SoftAveraging {
    /// Equal weights, up to 100 iterations, until one gains less than 1e-9 of the objective (ours).
    #[must_use]
    pub fn new(soft_dtw: SoftDtw) -> Self {
        Self { soft_dtw, weights: None, max_iterations: 100, tolerance: 1e-9 }
    }

    /// How much each series counts; all 1 by default.
    #[must_use]
    pub fn with_weights(mut self, weights: impl Into<Vec<f64>>) -> Self {
        self.weights = Some(weights.into());
        self
    }

    /// Most iterations; 100 by default.
    #[must_use]
    pub fn with_max_iterations(mut self, max_iterations: usize) -> Self {
        self.max_iterations = max_iterations;
        self
    }

    /// Stops once an iteration gains less than this share of the objective; 1e-9 by default.
    #[must_use]
    pub fn with_tolerance(mut self, tolerance: f64) -> Self {
        self.tolerance = tolerance;
        self
    }

    /// Averages `series`, starting from their medoid under [`Dtw`].
    ///
    /// # Errors
    ///
    /// As [`Dba::average`](super::Dba::average), and [`Error::TooLarge`] as [`SoftDtw::value_and_gradient`].
    pub fn average<S: Sequence>(&self, series: &[S]) -> Result<SoftAverage> {
        let series = Series::new(series, self.weights.as_deref())?;
        let medoid = series.medoid(&Dtw::new())?;
        self.minimise(&series.motions[medoid], &series)
    }

    /// Averages `series`, starting from `initial`, whose length the mean keeps.
    ///
    /// # Errors
    ///
    /// As [`SoftAveraging::average`], and what is wrong with `initial`.
    pub fn average_from<I, S>(&self, initial: &I, series: &[S]) -> Result<SoftAverage>
    where
        I: Sequence + ?Sized,
        S: Sequence,
    {
        let series = Series::new(series, self.weights.as_deref())?;
        self.minimise(&packed(initial)?, &series)
    }

    fn minimise(&self, initial: &Motion, series: &Series) -> Result<SoftAverage> {
        if self.tolerance.is_nan() || self.tolerance < 0.0 {
            return Err(Error::InvalidSetting {
                name: "tolerance",
                value: self.tolerance,
                expected: "it must not be negative",
            });
        }
        let shape = initial.channels().dim();
        let mut start = initial.channels().to_owned();
        let unmeasured = fill_gaps(&mut start, series);
        let total = series.total_weight();
        let objective = |values: &[f64]| -> Result<(f64, Vec<f64>)> {
            let mean = ArrayView2::from_shape(shape, values).expect("as many values as the start");
            let mut sum = 0.0;
            let mut gradient = Array2::zeros(shape);
            for (motion, weight) in series.motions.iter().zip(&series.weights) {
                let found = self.soft_dtw.value_and_gradient(&mean, motion)?;
                sum += weight / total * found.value;
                gradient.scaled_add(weight / total, &found.query);
            }
            Ok((sum, gradient.into_raw_vec_and_offset().0))
        };
        let start = start.into_raw_vec_and_offset().0;
        let found = minimise(objective, start, self.max_iterations, self.tolerance)?;
        let mut mean =
            Array2::from_shape_vec(shape, found.at).expect("as many values as the start");
        for channel in unmeasured {
            mean.column_mut(channel).fill(f64::NAN);
        }
        Ok(SoftAverage {
            mean,
            objective: found.value,
            num_iterations: found.num_iterations,
            converged: found.converged,
        })
    }
}

/// Replaces missing values by the mean of their channel over all series; returns channels that nobody measured.
fn fill_gaps(start: &mut Array2<f64>, series: &Series) -> Vec<usize> {
    let mut unmeasured = Vec::new();
    for (channel, mut column) in start.columns_mut().into_iter().enumerate() {
        let measured = || {
            let columns = series.motions.iter().map(|motion| motion.channels());
            columns.flat_map(move |c| c.column(channel).to_vec()).filter(|value| !value.is_nan())
        };
        let count = measured().count();
        if count == 0 {
            unmeasured.push(channel);
        }
        let mean = measured().sum::<f64>() / count.max(1) as f64;
        column.mapv_inplace(|value| if value.is_nan() { mean } else { value });
    }
    unmeasured
}

impl SoftAverage {
    /// The mean, `[frames, channels]`, in the series' unit; NaN in channels that no series measured.
    #[must_use]
    pub fn mean(&self) -> ArrayView2<'_, f64> {
        self.mean.view()
    }

    /// The mean as a motion at `fps` frames per second.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidFps`].
    pub fn motion(&self, fps: f64) -> Result<Motion> {
        Motion::new(self.mean.clone(), fps)
    }

    /// Weighted mean of the soft-DTW values of the series to the mean.
    #[must_use]
    pub fn objective(&self) -> f64 {
        self.objective
    }

    /// Steps taken.
    #[must_use]
    pub fn num_iterations(&self) -> usize {
        self.num_iterations
    }

    /// Whether the last step gained less than the tolerance.
    #[must_use]
    pub fn converged(&self) -> bool {
        self.converged
    }
}
