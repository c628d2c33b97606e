//! Movements found in long recordings, with their keyframes.

use motion_dtw::{
    Consensus, Keyframe, Method, MotionDtw, MotionMatch, Reference, Tier, Tuning, TuningOutcome,
};
use numpy::{IntoPyArray, PyArray1, PyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyMapping;

use crate::dtw::pairs;
use crate::input::{motion, value_error};

/// A model recording with keyframes.
#[pyclass(name = "Reference", module = "motion_dtw", frozen)]
pub(crate) struct PyReference(Reference);

/// Mean reference, spread around it, spread of the times between keyframes.
type Averaged<'py> = (PyReference, Bound<'py, PyArray2<f64>>, Bound<'py, PyArray1<f64>>);

#[pymethods]
impl PyReference {
    #[new]
    #[pyo3(signature = (values, fps, keyframes, *, margin_s=None, confidence=None))]
    fn new(
        values: &Bound<'_, PyAny>,
        fps: f64,
        keyframes: &Bound<'_, PyMapping>,
        margin_s: Option<f64>,
        confidence: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let mut named: Vec<Keyframe> = Vec::new();
        for item in keyframes.items()?.iter() {
            let (name, frame): (String, f64) = item.extract()?;
            named.push(Keyframe::new(name, frame));
        }
        let reference =
            Reference::new(motion(values, fps, confidence)?, named).map_err(value_error)?;
        match margin_s {
            None => Ok(Self(reference)),
            Some(margin_s) => reference.trimmed(margin_s).map(Self).map_err(value_error),
        }
    }

    /// Averages several recordings of one movement by their keyframes.
    ///
    /// Returns the reference, the spread around it, and the standard deviation in seconds of each time between keyframes.
    #[staticmethod]
    #[pyo3(signature = (references, weights=None))]
    fn average<'py>(
        py: Python<'py>,
        references: Vec<PyRef<'py, Self>>,
        weights: Option<Vec<f64>>,
    ) -> PyResult<Averaged<'py>> {
        let references = owned(&references);
        let found = py
            .detach(|| Reference::average(&references, weights.as_deref()))
            .map_err(value_error)?;
        let (spread, sigma) = (found.spread.into_pyarray(py), found.phase_sigma_s.into_pyarray(py));
        Ok((Self(found.reference), spread, sigma))
    }

    /// The whole recording, `(frames, channels)`, a copy.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray2<f64>> {
        self.0.motion().channels().to_owned().into_pyarray(py)
    }

    /// Frames per second.
    #[getter]
    fn fps(&self) -> f64 {
        self.0.motion().fps()
    }

    /// Names and frames of the keyframes, in time order.
    #[getter]
    fn keyframes(&self) -> Vec<(String, f64)> {
        self.0.keyframes().iter().map(|k| (k.name.clone(), k.frame)).collect()
    }

    /// First and one past the last frame that are searched for.
    #[getter]
    fn active_frames(&self) -> (usize, usize) {
        let frames = self.0.active_frames();
        (frames.start, frames.end)
    }
}

/// A keyframe of the reference, found in the query.
#[pyclass(name = "MatchedKeyframe", module = "motion_dtw", frozen, get_all)]
pub(crate) struct PyKeyframe {
    /// Name in the reference.
    name: String,
    /// Position in query frames, between two frames if need be.
    frame: f64,
    /// Seconds after the first frame of the query.
    time_s: f64,
    /// Position in frames of the reference recording.
    reference_frame: f64,
    /// Seconds after the first frame of the reference recording.
    reference_time_s: f64,
    /// One standard deviation of `frame`.
    sigma_frames: f64,
}

#[pymethods]
impl PyKeyframe {
    fn __repr__(&self) -> String {
        format!("MatchedKeyframe({} at {:.2} ± {:.2})", self.name, self.frame, self.sigma_frames)
    }
}

/// How far to trust a match.
#[pyclass(name = "Quality", module = "motion_dtw", frozen, get_all)]
pub(crate) struct PyQuality {
    /// `"good"`, `"fair"`, `"poor"` or `"not_found"`.
    tier: &'static str,
    /// Whether the movement was found at all.
    is_found: bool,
    /// Mean squared distance along the warp: 0 for the same movement, about 0.5 for unrelated ones.
    cost: f64,
    /// How much cheaper this match is than the best one elsewhere, 0 to 1.
    margin: f64,
    /// Share of the reference that the query measured along the warp, 0 to 1.
    coverage: f64,
    /// Least and largest local tempo, query seconds per reference second.
    slope: (f64, f64),
}

#[pymethods]
impl PyQuality {
    fn __repr__(&self) -> String {
        format!("Quality({}, cost={:.3}, margin={:.3})", self.tier, self.cost, self.margin)
    }
}

/// The reference movement as found in a query.
#[pyclass(name = "MotionMatch", module = "motion_dtw", frozen, get_all)]
pub(crate) struct PyMatch {
    /// First and one past the last query frame, from the first to the last keyframe.
    interval: (usize, usize),
    /// The keyframes, strictly increasing.
    keyframes: Vec<Py<PyKeyframe>>,
    /// Pairs `(query frame, reference frame)` in the original recordings.
    path: Py<PyArray2<i64>>,
    /// How far to trust the match.
    quality: Py<PyQuality>,
}

impl PyMatch {
    fn new(py: Python<'_>, found: &MotionMatch) -> PyResult<Self> {
        let keyframes = found.keyframes.iter().map(|k| {
            let keyframe = PyKeyframe {
                name: k.name.clone(),
                frame: k.frame,
                time_s: k.time_s,
                reference_frame: k.reference_frame,
                reference_time_s: k.reference_time_s,
                sigma_frames: k.sigma_frames,
            };
            Py::new(py, keyframe)
        });
        let quality = PyQuality {
            tier: tier(found.quality.tier),
            is_found: found.quality.tier.is_found(),
            cost: found.quality.cost,
            margin: found.quality.margin,
            coverage: found.quality.coverage,
            slope: found.quality.slope,
        };
        Ok(Self {
            interval: (found.interval.start, found.interval.end),
            keyframes: keyframes.collect::<PyResult<_>>()?,
            path: pairs(py, &found.path),
            quality: Py::new(py, quality)?,
        })
    }
}

fn tier(tier: Tier) -> &'static str {
    match tier {
        Tier::Good => "good",
        Tier::Fair => "fair",
        Tier::Poor => "poor",
        Tier::NotFound => "not_found",
    }
}

/// A keyframe on which several references agreed.
#[pyclass(name = "VotedKeyframe", module = "motion_dtw", frozen, get_all)]
pub(crate) struct PyVotedKeyframe {
    /// Name in the references.
    name: String,
    /// Weighted median of the votes, in query frames.
    frame: f64,
    /// Seconds after the first frame of the query.
    time_s: f64,
    /// One standard deviation of `frame`.
    sigma_frames: f64,
    /// Standard deviation of the votes.
    spread_frames: f64,
}

#[pymethods]
impl PyVotedKeyframe {
    fn __repr__(&self) -> String {
        format!("VotedKeyframe({} at {:.2} ± {:.2})", self.name, self.frame, self.sigma_frames)
    }
}

/// A movement found by several references.
#[pyclass(name = "Consensus", module = "motion_dtw", frozen, get_all)]
pub(crate) struct PyConsensus {
    /// First and one past the last query frame, from the first to the last keyframe.
    interval: (usize, usize),
    /// The keyframes, strictly increasing.
    keyframes: Vec<Py<PyVotedKeyframe>>,
    /// `"good"`, `"fair"`, `"poor"` or `"not_found"`.
    tier: &'static str,
    /// Whether the movement was found at all.
    is_found: bool,
    /// Median of the references' costs.
    cost: f64,
    /// What each reference found in this stretch; `None` where it found nothing there.
    votes: Vec<Option<Py<PyMatch>>>,
}

impl PyConsensus {
    fn new(py: Python<'_>, found: &Consensus) -> PyResult<Self> {
        let keyframes = found.keyframes.iter().map(|k| {
            let (name, frame, time_s) = (k.name.clone(), k.frame, k.time_s);
            let (sigma_frames, spread_frames) = (k.sigma_frames, k.spread_frames);
            Py::new(py, PyVotedKeyframe { name, frame, time_s, sigma_frames, spread_frames })
        });
        let vote = |vote: &MotionMatch| Py::new(py, PyMatch::new(py, vote)?);
        Ok(Self {
            interval: (found.interval.start, found.interval.end),
            keyframes: keyframes.collect::<PyResult<_>>()?,
            tier: tier(found.tier),
            is_found: found.tier.is_found(),
            cost: found.cost,
            votes: found
                .votes
                .iter()
                .map(|found| found.as_ref().map(vote).transpose())
                .collect::<PyResult<_>>()?,
        })
    }
}

/// Settings chosen by cross-validation over references.
#[pyclass(name = "Tuning", module = "motion_dtw", frozen, get_all)]
pub(crate) struct PyTuning {
    /// Searches with the chosen settings.
    aligner: Py<PyMotionDtw>,
    /// `"single_reference"`, `"kept"` or `"changed"`.
    outcome: &'static str,
    /// Settings tried, the present ones first: feature weights, smoothing in seconds, mean error in seconds.
    trials: Vec<((f64, f64, f64), f64, f64)>,
}

impl PyTuning {
    fn new(py: Python<'_>, tuning: Tuning) -> PyResult<Self> {
        let trials = tuning.trials.iter().map(|trial| {
            let [angle, velocity, acceleration] = trial.feature_weights;
            ((angle, velocity, acceleration), trial.smoothing_s, trial.mean_error_s)
        });
        Ok(Self {
            outcome: match tuning.outcome {
                TuningOutcome::SingleReference => "single_reference",
                TuningOutcome::Changed => "changed",
                _ => "kept",
            },
            trials: trials.collect(),
            aligner: Py::new(py, PyMotionDtw(tuning.aligner))?,
        })
    }
}

fn owned(references: &[PyRef<'_, PyReference>]) -> Vec<Reference> {
    references.iter().map(|reference| reference.0.clone()).collect()
}

/// Two-stage alignment of a long recording with a short reference.
#[pyclass(name = "MotionDtw", module = "motion_dtw", frozen)]
pub(crate) struct PyMotionDtw(MotionDtw);

#[pymethods]
impl PyMotionDtw {
    #[new]
    #[pyo3(signature = (*, method="two_stage", feature_weights=None, channel_weights=None, smoothing_s=None,
        num_candidates=None, tempo_range=None))]
    fn new(
        method: &str,
        feature_weights: Option<(f64, f64, f64)>,
        channel_weights: Option<Vec<f64>>,
        smoothing_s: Option<f64>,
        num_candidates: Option<usize>,
        tempo_range: Option<(f64, f64)>,
    ) -> PyResult<Self> {
        let mut settings = MotionDtw::new().with_method(match method {
            "two_stage" => Method::TwoStage,
            "one_stage" => Method::OneStage,
            "fast_dtw" => Method::FastDtw { radius: 10 },
            "subsequence" => Method::Subsequence,
            _ => {
                return Err(PyValueError::new_err(format!(
                    "method is '{method}'; it must be 'two_stage', 'one_stage', 'fast_dtw' or 'subsequence'"
                )));
            }
        });
        if let Some((angle, velocity, acceleration)) = feature_weights {
            settings = settings.with_feature_weights(angle, velocity, acceleration);
        }
        if let Some(weights) = channel_weights {
            settings = settings.with_channel_weights(weights);
        }
        if let Some(width_s) = smoothing_s {
            settings = settings.with_smoothing_s(width_s);
        }
        if let Some(num_candidates) = num_candidates {
            settings = settings.with_num_candidates(num_candidates);
        }
        if let Some((shortest, longest)) = tempo_range {
            settings = settings.with_tempo_range(shortest, longest);
        }
        Ok(Self(settings))
    }

    /// The best match of `reference` in `query`.
    #[pyo3(signature = (query, fps, reference, *, confidence=None))]
    fn align(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        fps: f64,
        reference: &PyReference,
        confidence: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyMatch> {
        let query = motion(query, fps, confidence)?;
        let found = py.detach(|| self.0.align(&query, &reference.0)).map_err(value_error)?;
        PyMatch::new(py, &found)
    }

    /// Up to `max` matches that do not overlap, best first.
    #[pyo3(signature = (query, fps, reference, max, *, confidence=None))]
    fn find_all(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        fps: f64,
        reference: &PyReference,
        max: usize,
        confidence: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Vec<PyMatch>> {
        let query = motion(query, fps, confidence)?;
        let found =
            py.detach(|| self.0.find_all(&query, &reference.0, max)).map_err(value_error)?;
        found.iter().map(|found| PyMatch::new(py, found)).collect()
    }

    /// The best match of a movement of which there are several references, which vote on its keyframes.
    #[pyo3(signature = (query, fps, references, *, confidence=None))]
    fn align_many(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        fps: f64,
        references: Vec<PyRef<'_, PyReference>>,
        confidence: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<PyConsensus> {
        let query = motion(query, fps, confidence)?;
        let references = owned(&references);
        let found = py.detach(|| self.0.align_many(&query, &references)).map_err(value_error)?;
        PyConsensus::new(py, &found)
    }

    /// Chooses feature weights, smoothing and presence limit by cross-validation over the references.
    fn tuned(&self, py: Python<'_>, references: Vec<PyRef<'_, PyReference>>) -> PyResult<PyTuning> {
        let references = owned(&references);
        let tuning = py.detach(|| self.0.tuned(&references)).map_err(value_error)?;
        PyTuning::new(py, tuning)
    }
}
