//! Means under time warping, and groups.

use motion_dtw::{Average, Dba, KMeans};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::prelude::*;

use crate::dtw::{WindowOrRadius, pairs};
use crate::input::{Input, value_error};

/// The mean of several series, how they scatter around it, and how each is aligned with it.
#[pyclass(name = "Average", module = "motion_dtw", frozen, get_all)]
pub(crate) struct PyAverage {
    /// The mean, `(frames, channels)`; NaN where no series had a value.
    mean: Py<PyArray2<f64>>,
    /// Standard deviation of the values aligned with each frame, `(frames, channels)`.
    spread: Py<PyArray2<f64>>,
    /// One path per series: pairs `(frame of the series, frame of the mean)`.
    paths: Vec<Py<PyArray2<i64>>>,
    /// Squared distance of each series to the mean.
    costs: Py<PyArray1<f64>>,
    /// Weighted mean of the costs.
    inertia: f64,
    /// Updates of the mean that were tried.
    num_iterations: usize,
    /// Whether the last update gained less than the tolerance.
    converged: bool,
}

impl PyAverage {
    fn new(py: Python<'_>, average: &Average) -> Self {
        Self {
            mean: average.mean().to_owned().into_pyarray(py).unbind(),
            spread: average.spread().to_owned().into_pyarray(py).unbind(),
            paths: average.paths().iter().map(|path| pairs(py, path)).collect(),
            costs: average.costs().to_vec().into_pyarray(py).unbind(),
            inertia: average.inertia(),
            num_iterations: average.num_iterations(),
            converged: average.converged(),
        }
    }
}

/// Averages series under time warping (DBA), from `initial` or from the series nearest to all others.
#[pyfunction]
#[pyo3(signature = (series, *, initial=None, weights=None, window=None, channel_weights=None, max_iterations=30,
    tolerance=1e-5, missing=false))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub(crate) fn dba(
    py: Python<'_>,
    series: &Bound<'_, PyAny>,
    initial: Option<&Bound<'_, PyAny>>,
    weights: Option<Vec<f64>>,
    window: Option<WindowOrRadius>,
    channel_weights: Option<Vec<f64>>,
    max_iterations: usize,
    tolerance: f64,
    missing: bool,
) -> PyResult<PyAverage> {
    let mut dba = settings(window, channel_weights)
        .with_max_iterations(max_iterations)
        .with_tolerance(tolerance);
    if let Some(weights) = weights {
        dba = dba.with_weights(weights);
    }
    let series = Input::many(series, missing)?;
    let initial = initial.map(|initial| Input::new(initial, missing)).transpose()?;
    let average = py
        .detach(|| match &initial {
            None => dba.average(&series),
            Some(initial) => dba.average_from(initial, &series),
        })
        .map_err(value_error)?;
    Ok(PyAverage::new(py, &average))
}

/// Series in groups, each with its mean.
#[pyclass(name = "Clustering", module = "motion_dtw", frozen, get_all)]
pub(crate) struct PyClustering {
    /// Group of each series.
    labels: Py<PyArray1<i64>>,
    /// Mean, spread and paths of each group.
    centers: Vec<Py<PyAverage>>,
    /// Sum of squared distances to the centres.
    inertia: f64,
    /// Rounds of the start that won.
    num_rounds: usize,
    /// Whether no series changed its group in the last round.
    converged: bool,
}

/// Groups series by k-means with DTW distances and DBA means; the same seed gives the same groups.
#[pyfunction]
#[pyo3(signature = (series, num_clusters, *, seed=0, num_starts=3, max_rounds=50, window=None, channel_weights=None,
    missing=false))]
#[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
pub(crate) fn kmeans(
    py: Python<'_>,
    series: &Bound<'_, PyAny>,
    num_clusters: usize,
    seed: u64,
    num_starts: usize,
    max_rounds: usize,
    window: Option<WindowOrRadius>,
    channel_weights: Option<Vec<f64>>,
    missing: bool,
) -> PyResult<PyClustering> {
    let kmeans = KMeans::new(num_clusters)
        .with_dba(settings(window, channel_weights))
        .with_seed(seed)
        .with_num_starts(num_starts)
        .with_max_rounds(max_rounds);
    let series = Input::many(series, missing)?;
    let found = py.detach(|| kmeans.fit(&series)).map_err(value_error)?;
    let labels: Vec<i64> = found.labels.iter().map(|&label| label as i64).collect();
    let centers = found.centers.iter().map(|average| Py::new(py, PyAverage::new(py, average)));
    Ok(PyClustering {
        labels: labels.into_pyarray(py).unbind(),
        centers: centers.collect::<PyResult<_>>()?,
        inertia: found.inertia,
        num_rounds: found.num_rounds,
        converged: found.converged,
    })
}

fn settings(window: Option<WindowOrRadius>, channel_weights: Option<Vec<f64>>) -> Dba {
    let mut dba = Dba::new();
    if let Some(window) = window {
        dba = dba.with_window(window.window());
    }
    if let Some(weights) = channel_weights {
        dba = dba.with_channel_weights(weights);
    }
    dba
}
