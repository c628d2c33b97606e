//! Python bindings of `motion-dtw`: numpy arrays in, numpy arrays out.
//!
//! Every input is copied while Python is held; the computation then runs with Python released. What Python sees is
//! described in `python/motion_dtw/__init__.pyi`.

mod input; // numpy to sequences, errors
mod dtw;
mod stream;
mod average;
mod soft;
mod motion;

use pyo3::prelude::*;

/// The compiled half of `motion_dtw`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use super::average::{PyAverage, PyClustering, dba, kmeans};
    #[pymodule_export]
    use super::dtw::{PyAlignment, PyDtw, PyOccurrence, PyWindow};
    #[pymodule_export]
    use super::motion::{
        PyConsensus, PyKeyframe, PyMatch, PyMotionDtw, PyQuality, PyReference, PyTuning,
        PyVotedKeyframe,
    };
    #[pymodule_export]
    use super::soft::{PySoftDtw, PySoftGradient};
    #[pymodule_export]
    use super::stream::PyStream;
}
