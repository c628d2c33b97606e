//! From Python's values to sequences, and from our errors to Python's.

use std::error::Error as _;

use motion_dtw::{Error, Frames, Motion, Role, Sequence};
use ndarray::{Array2, Axis};
use numpy::{
    PyArrayDescrMethods, PyArrayDyn, PyArrayMethods, PyUntypedArray, PyUntypedArrayMethods, dtype,
};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A `ValueError` with the message of `error` and of what caused it.
pub(crate) fn value_error(error: Error) -> PyErr {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(source) = cause {
        message = format!("{message}: {source}");
        cause = source.source();
    }
    PyValueError::new_err(message)
}

/// Frames x channels in `f64`, whatever array-like of one or two dimensions comes in.
///
/// 32-bit numbers are widened; strides play no part; other types go through `numpy.asarray(value, float)`.
pub(crate) fn array(value: &Bound<'_, PyAny>) -> PyResult<Array2<f64>> {
    let py = value.py();
    let numpy = py.import("numpy")?;
    let found = numpy.call_method1("asarray", (value,))?;
    let kind: char = found.getattr("dtype")?.getattr("kind")?.extract()?;
    if !"fiub".contains(kind) {
        let name = found.getattr("dtype")?.str()?;
        return Err(PyTypeError::new_err(format!("a sequence must hold real numbers, not {name}")));
    }
    let untyped = found.cast::<PyUntypedArray>()?;
    let values = if untyped.dtype().is_equiv_to(&dtype::<f32>(py)) {
        found.cast::<PyArrayDyn<f32>>()?.readonly().as_array().mapv(f64::from)
    } else {
        let arguments = PyDict::new(py);
        arguments.set_item("dtype", dtype::<f64>(py))?;
        let wide = numpy.call_method("asarray", (found,), Some(&arguments))?;
        wide.cast::<PyArrayDyn<f64>>()?.readonly().as_array().to_owned()
    };
    let num_dimensions = values.ndim();
    let shape = values.shape().to_vec();
    let frames = match num_dimensions {
        1 => values.insert_axis(Axis(1)).into_dimensionality(),
        2 => values.into_dimensionality(),
        _ => {
            return Err(PyValueError::new_err(format!(
                "a sequence must be 1-D (frames) or 2-D (frames, channels), this one has shape {shape:?}"
            )));
        }
    };
    frames.map_err(|error| PyValueError::new_err(error.to_string()))
}

/// A motion at `fps`, NaN where missing, with confidence if given.
pub(crate) fn motion(
    values: &Bound<'_, PyAny>,
    fps: f64,
    confidence: Option<&Bound<'_, PyAny>>,
) -> PyResult<Motion> {
    let motion = Motion::new(array(values)?, fps).map_err(value_error)?;
    match confidence {
        None => Ok(motion),
        Some(confidence) => motion.with_confidence(array(confidence)?).map_err(value_error),
    }
}

/// A sequence as it came in, or with NaN read as missing.
pub(crate) enum Input {
    Plain(Array2<f64>),
    Gappy(Motion),
}

impl Input {
    pub(crate) fn new(value: &Bound<'_, PyAny>, missing: bool) -> PyResult<Self> {
        if missing {
            return Ok(Self::Gappy(motion(value, 1.0, None)?));
        }
        array(value).map(Self::Plain)
    }

    /// All of `values`: a list of sequences, or an array with one sequence per row.
    pub(crate) fn many(values: &Bound<'_, PyAny>, missing: bool) -> PyResult<Vec<Self>> {
        values
            .try_iter()?
            .enumerate()
            .map(|(idx, value)| {
                Self::new(&value?, missing).map_err(|error| {
                    let message = format!("series {idx}: {}", error.value(values.py()));
                    if error.is_instance_of::<PyTypeError>(values.py()) {
                        PyTypeError::new_err(message)
                    } else {
                        PyValueError::new_err(message)
                    }
                })
            })
            .collect()
    }
}

impl Sequence for Input {
    fn to_frames(&self, role: Role) -> motion_dtw::Result<Frames> {
        match self {
            Self::Plain(values) => values.to_frames(role),
            Self::Gappy(motion) => motion.to_frames(role),
        }
    }
}
