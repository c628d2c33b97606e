//! Soft-DTW.

use motion_dtw::{SoftAveraging, SoftDtw, SoftGradient};
use numpy::{IntoPyArray, PyArray2};
use pyo3::prelude::*;

use crate::input::{Input, value_error};

/// DTW with a soft minimum, differentiable in both sequences.
#[pyclass(name = "SoftDtw", module = "motion_dtw", frozen)]
pub(crate) struct PySoftDtw {
    settings: SoftDtw,
    missing: bool,
}

/// Value and derivatives by both sequences.
#[pyclass(name = "SoftGradient", module = "motion_dtw", frozen, get_all)]
pub(crate) struct PySoftGradient {
    /// The soft-DTW value or divergence.
    value: f64,
    /// Derivative by each value of the query, `(frames, channels)`.
    query: Py<PyArray2<f64>>,
    /// Derivative by each value of the reference, `(frames, channels)`.
    reference: Py<PyArray2<f64>>,
}

impl PySoftGradient {
    fn new(py: Python<'_>, found: SoftGradient) -> Self {
        Self {
            value: found.value,
            query: found.query.into_pyarray(py).unbind(),
            reference: found.reference.into_pyarray(py).unbind(),
        }
    }
}

#[pymethods]
impl PySoftDtw {
    #[new]
    #[pyo3(signature = (gamma, *, channel_weights=None, missing=false))]
    fn new(gamma: f64, channel_weights: Option<Vec<f64>>, missing: bool) -> PyResult<Self> {
        let mut settings = SoftDtw::new(gamma).map_err(value_error)?;
        if let Some(weights) = channel_weights {
            settings = settings.with_channel_weights(weights);
        }
        Ok(Self { settings, missing })
    }

    /// The soft-DTW value.
    fn value(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        reference: &Bound<'_, PyAny>,
    ) -> PyResult<f64> {
        let (query, reference) = self.inputs(query, reference)?;
        py.detach(|| self.settings.value(&query, &reference)).map_err(value_error)
    }

    /// Value and gradient.
    fn value_and_gradient(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        reference: &Bound<'_, PyAny>,
    ) -> PyResult<PySoftGradient> {
        let (query, reference) = self.inputs(query, reference)?;
        let found = py.detach(|| self.settings.value_and_gradient(&query, &reference));
        Ok(PySoftGradient::new(py, found.map_err(value_error)?))
    }

    /// Soft-DTW divergence: 0 for equal sequences, never negative.
    fn divergence(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        reference: &Bound<'_, PyAny>,
    ) -> PyResult<f64> {
        let (query, reference) = self.inputs(query, reference)?;
        py.detach(|| self.settings.divergence(&query, &reference)).map_err(value_error)
    }

    /// Divergence and gradient.
    fn divergence_and_gradient(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        reference: &Bound<'_, PyAny>,
    ) -> PyResult<PySoftGradient> {
        let (query, reference) = self.inputs(query, reference)?;
        let found = py.detach(|| self.settings.divergence_and_gradient(&query, &reference));
        Ok(PySoftGradient::new(py, found.map_err(value_error)?))
    }

    /// How likely each pair of frames is matched, `(query frames, reference frames)`.
    fn expected_alignment<'py>(
        &self,
        py: Python<'py>,
        query: &Bound<'py, PyAny>,
        reference: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let (query, reference) = self.inputs(query, reference)?;
        let found = py.detach(|| self.settings.expected_alignment(&query, &reference));
        Ok(found.map_err(value_error)?.into_pyarray(py))
    }

    /// The mean that minimises the summed soft-DTW to `series`, and that minimum.
    #[pyo3(signature = (series, *, initial=None, weights=None, max_iterations=100, tolerance=1e-9))]
    fn average<'py>(
        &self,
        py: Python<'py>,
        series: &Bound<'py, PyAny>,
        initial: Option<&Bound<'py, PyAny>>,
        weights: Option<Vec<f64>>,
        max_iterations: usize,
        tolerance: f64,
    ) -> PyResult<(Bound<'py, PyArray2<f64>>, f64)> {
        let mut averaging = SoftAveraging::new(self.settings.clone())
            .with_max_iterations(max_iterations)
            .with_tolerance(tolerance);
        if let Some(weights) = weights {
            averaging = averaging.with_weights(weights);
        }
        let series = Input::many(series, self.missing)?;
        let initial = initial.map(|initial| Input::new(initial, self.missing)).transpose()?;
        let found = py
            .detach(|| match &initial {
                None => averaging.average(&series),
                Some(initial) => averaging.average_from(initial, &series),
            })
            .map_err(value_error)?;
        Ok((found.mean().to_owned().into_pyarray(py), found.objective()))
    }
}

impl PySoftDtw {
    fn inputs(
        &self,
        query: &Bound<'_, PyAny>,
        reference: &Bound<'_, PyAny>,
    ) -> PyResult<(Input, Input)> {
        Ok((Input::new(query, self.missing)?, Input::new(reference, self.missing)?))
    }
}
