//! `Stream`: one frame at a time.

use motion_dtw::Stream;
use pyo3::prelude::*;

use crate::dtw::{PyDtw, PyOccurrence};
use crate::input::{Input, array, value_error};

/// Watches a stream for a reference, in memory that does not grow.
#[pyclass(name = "Stream", module = "motion_dtw")]
pub(crate) struct PyStream(Stream);

#[pymethods]
impl PyStream {
    #[new]
    #[pyo3(signature = (reference, threshold, *, dtw=None))]
    fn new(reference: &Bound<'_, PyAny>, threshold: f64, dtw: Option<&PyDtw>) -> PyResult<Self> {
        let settings = dtw.map(|dtw| dtw.settings.clone()).unwrap_or_default();
        let reference = Input::new(reference, dtw.is_some_and(|dtw| dtw.missing))?;
        Stream::new(&settings, &reference, threshold).map(Self).map_err(value_error)
    }

    /// Takes the next frame; returns a stretch once it is certain.
    fn push(&mut self, frame: &Bound<'_, PyAny>) -> PyResult<Option<PyOccurrence>> {
        // The usual case first: a plain number or a list of them.
        let values = match frame.extract::<f64>() {
            Ok(value) => vec![value],
            Err(_) => array(frame)?.into_raw_vec_and_offset().0,
        };
        Ok(self.0.push(&values).map_err(value_error)?.map(PyOccurrence::from))
    }

    /// Takes many frames, in order; returns the stretches that became certain.
    fn extend(&mut self, py: Python<'_>, frames: &Bound<'_, PyAny>) -> PyResult<Vec<PyOccurrence>> {
        let frames = Input::new(frames, true)?;
        let stream = &mut self.0;
        let found = py.detach(|| stream.push_block(&frames));
        Ok(found.map_err(value_error)?.into_iter().map(PyOccurrence::from).collect())
    }

    /// The last stretch, if one was pending when the stream ended. The stream may go on.
    fn finish(&self) -> Option<PyOccurrence> {
        self.0.clone().finish().map(PyOccurrence::from)
    }

    /// Frames taken so far.
    #[getter]
    fn num_frames(&self) -> usize {
        self.0.num_frames()
    }
}
