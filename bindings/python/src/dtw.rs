//! `Dtw`, its window, and what it returns.

use motion_dtw::{
    Distance, Dtw, Occurrence, OpenEnds, SlopeWeighting, StepPattern, WarpingPath, Window,
};
use ndarray::{Array2, s};
use numpy::{IntoPyArray, PyArray2};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::input::{Input, value_error};

/// Rows of a distance matrix between two looks at Python's signals: enough for all processors to have work.
const ROWS_AT_ONCE: usize = 32;

/// Which pairs of frames a path may visit.
#[pyclass(name = "Window", module = "motion_dtw", frozen, eq, from_py_object)]
#[derive(Clone, PartialEq)]
pub(crate) struct PyWindow(pub(crate) Window);

#[pymethods]
impl PyWindow {
    /// All pairs.
    #[staticmethod]
    fn full() -> Self {
        Self(Window::Full)
    }

    /// Within `radius` frames of the main diagonal, plus the difference in length.
    #[staticmethod]
    fn sakoe_chiba(radius: usize) -> Self {
        Self(Window::SakoeChiba { radius })
    }

    /// Within `radius` reference frames of the straight line from the first to the last pair.
    #[staticmethod]
    fn slanted(radius: usize) -> Self {
        Self(Window::Slanted { radius })
    }

    /// Itakura's parallelogram of slopes within `1 / max_slope` and `max_slope`, lengths scaled to 1.
    #[staticmethod]
    fn itakura(max_slope: f64) -> Self {
        Self(Window::Itakura { max_slope })
    }

    fn __repr__(&self) -> String {
        match self.0 {
            Window::Full => "Window.full()".to_owned(),
            Window::SakoeChiba { radius } => format!("Window.sakoe_chiba({radius})"),
            Window::Slanted { radius } => format!("Window.slanted({radius})"),
            Window::Itakura { max_slope } => format!("Window.itakura({max_slope})"),
            other => format!("{other:?}"),
        }
    }
}

/// A window, or a radius in frames for Sakoe and Chiba's.
#[derive(FromPyObject)]
pub(crate) enum WindowOrRadius {
    Window(PyWindow),
    Radius(usize),
}

impl WindowOrRadius {
    pub(crate) fn window(self) -> Window {
        match self {
            Self::Window(PyWindow(window)) => window,
            Self::Radius(radius) => Window::SakoeChiba { radius },
        }
    }
}

/// The cheapest way to match two sequences.
#[pyclass(name = "Alignment", module = "motion_dtw", frozen, get_all)]
pub(crate) struct PyAlignment {
    /// Sum of local distances along the path, with step weights and penalties.
    cost: f64,
    /// `cost` divided by what the step pattern normalises by.
    normalized_cost: f64,
    /// Pairs `(query frame, reference frame)`, integers of shape `(pairs, 2)`.
    path: Py<PyArray2<i64>>,
}

#[pymethods]
impl PyAlignment {
    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let pairs = self.path.bind(py).len()?;
        Ok(format!("Alignment(cost={}, {pairs} pairs)", self.cost))
    }
}

/// A stretch of the query that resembles the reference: frames `start..stop`.
#[pyclass(name = "Occurrence", module = "motion_dtw", frozen, get_all, eq)]
#[derive(PartialEq)]
pub(crate) struct PyOccurrence {
    /// First query frame.
    start: usize,
    /// One past the last query frame.
    stop: usize,
    /// Accumulated cost of the best path through it.
    cost: f64,
}

impl From<Occurrence> for PyOccurrence {
    fn from(found: Occurrence) -> Self {
        Self { start: found.frames.start, stop: found.frames.end, cost: found.cost }
    }
}

#[pymethods]
impl PyOccurrence {
    fn __repr__(&self) -> String {
        format!("Occurrence({}..{}, cost={})", self.start, self.stop, self.cost)
    }
}

/// Dynamic time warping with its settings; see the type stubs for what each means.
#[pyclass(name = "Dtw", module = "motion_dtw", frozen)]
pub(crate) struct PyDtw {
    pub(crate) settings: Dtw,
    squared: bool,
    /// Whether both orders of a pair have the same distance.
    symmetric: bool,
    pub(crate) missing: bool,
}

#[pymethods]
impl PyDtw {
    #[new]
    #[pyo3(signature = (*, window=None, step_pattern="symmetric1", metric="squared_euclidean", channel_weights=None,
        penalty=0.0, open_ends=(0, 0, 0, 0), max_cost=None, missing=false))]
    #[expect(clippy::too_many_arguments, reason = "keyword arguments of Python")]
    fn new(
        window: Option<WindowOrRadius>,
        step_pattern: &str,
        metric: &str,
        channel_weights: Option<Vec<f64>>,
        penalty: f64,
        open_ends: (usize, usize, usize, usize),
        max_cost: Option<f64>,
        missing: bool,
    ) -> PyResult<Self> {
        let (query_begin, query_end, reference_begin, reference_end) = open_ends;
        let distance = distance_named(metric)?;
        let window = window.map_or(Window::Full, WindowOrRadius::window);
        let symmetric = step_pattern.starts_with("symmetric")
            && matches!(window, Window::Full | Window::SakoeChiba { .. })
            && (query_begin, query_end) == (reference_begin, reference_end);
        let mut settings = Dtw::new()
            .with_window(window)
            .with_step_pattern(pattern_named(step_pattern)?)
            .with_distance(distance)
            .with_penalty(penalty)
            .with_open_ends(OpenEnds { query_begin, query_end, reference_begin, reference_end });
        if let Some(weights) = channel_weights {
            settings = settings.with_channel_weights(weights);
        }
        if let Some(max_cost) = max_cost {
            settings = settings.with_max_cost(max_cost);
        }
        let squared = distance == Distance::SquaredEuclidean;
        Ok(Self { settings, squared, symmetric, missing })
    }

    /// Distance of two sequences; the root of the summed squares by default.
    fn distance(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        reference: &Bound<'_, PyAny>,
    ) -> PyResult<f64> {
        let (query, reference) = (self.input(query)?, self.input(reference)?);
        py.detach(|| self.settings.distance(&query, &reference)).map_err(value_error)
    }

    /// Cost and path of the cheapest alignment.
    fn align(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        reference: &Bound<'_, PyAny>,
    ) -> PyResult<PyAlignment> {
        let (query, reference) = (self.input(query)?, self.input(reference)?);
        let found = py.detach(|| self.settings.align(&query, &reference)).map_err(value_error)?;
        Ok(PyAlignment {
            cost: found.cost(),
            normalized_cost: found.normalized_cost(),
            path: pairs(py, found.path()),
        })
    }

    /// The stretch of `query` that resembles the whole `reference` most.
    fn find(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        reference: &Bound<'_, PyAny>,
    ) -> PyResult<PyOccurrence> {
        let (query, reference) = (self.input(query)?, self.input(reference)?);
        let found = py.detach(|| self.settings.find(&query, &reference)).map_err(value_error)?;
        Ok(found.into())
    }

    /// Up to `max` stretches of `query` that do not overlap, cheapest first.
    fn find_all(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        reference: &Bound<'_, PyAny>,
        max: usize,
    ) -> PyResult<Vec<PyOccurrence>> {
        let (query, reference) = (self.input(query)?, self.input(reference)?);
        let found =
            py.detach(|| self.settings.find_all(&query, &reference, max)).map_err(value_error)?;
        Ok(found.into_iter().map(PyOccurrence::from).collect())
    }

    /// The path of one stretch, in frames of the whole query.
    fn align_occurrence(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        reference: &Bound<'_, PyAny>,
        occurrence: &PyOccurrence,
    ) -> PyResult<PyAlignment> {
        let (query, reference) = (self.input(query)?, self.input(reference)?);
        let stretch =
            Occurrence { frames: occurrence.start..occurrence.stop, cost: occurrence.cost };
        let found = py
            .detach(|| self.settings.align_occurrence(&query, &reference, &stretch))
            .map_err(value_error)?;
        Ok(PyAlignment {
            cost: found.cost(),
            normalized_cost: found.normalized_cost(),
            path: pairs(py, found.path()),
        })
    }

    /// The candidate nearest to `query` and its distance, by lower bounds; `None` if there is none.
    fn nearest(
        &self,
        py: Python<'_>,
        query: &Bound<'_, PyAny>,
        candidates: &Bound<'_, PyAny>,
    ) -> PyResult<Option<(usize, f64)>> {
        let (query, candidates) = (self.input(query)?, Input::many(candidates, self.missing)?);
        let found =
            py.detach(|| self.settings.nearest(&query, &candidates)).map_err(value_error)?;
        Ok(found.map(|(idx, cost)| (idx, if self.squared { cost.sqrt() } else { cost })))
    }

    /// Distances of all pairs of `series`, or of each of `series` to each of `others`, on all processors;
    /// infinite where no path fits.
    #[pyo3(signature = (series, others=None))]
    fn pairwise<'py>(
        &self,
        py: Python<'py>,
        series: &Bound<'py, PyAny>,
        others: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyArray2<f64>>> {
        let series = Input::many(series, self.missing)?;
        let others = others.map(|others| Input::many(others, self.missing)).transpose()?;
        let columns = others.as_ref().unwrap_or(&series);
        let mirrored = self.symmetric && others.is_none();
        let mut distances = Array2::zeros((series.len(), columns.len()));
        for start in (0..series.len()).step_by(ROWS_AT_ONCE) {
            let rows = start..(start + ROWS_AT_ONCE).min(series.len());
            let left = if mirrored { start } else { 0 };
            let block = py
                .detach(|| self.settings.distances(&series[rows.clone()], &columns[left..]))
                .map_err(value_error)?;
            distances.slice_mut(s![rows.clone(), left..]).assign(&block);
            if mirrored {
                distances.slice_mut(s![left.., rows]).assign(&block.t());
            }
            py.check_signals()?; // Ctrl-C ends a long run
        }
        Ok(distances.into_pyarray(py))
    }
}

impl PyDtw {
    fn input(&self, value: &Bound<'_, PyAny>) -> PyResult<Input> {
        Input::new(value, self.missing)
    }
}

/// Pairs of a path as an integer array.
pub(crate) fn pairs(py: Python<'_>, path: &WarpingPath) -> Py<PyArray2<i64>> {
    let pairs = path.pairs();
    Array2::from_shape_fn((pairs.len(), 2), |(at, side)| {
        (if side == 0 { pairs[at].0 } else { pairs[at].1 }) as i64
    })
    .into_pyarray(py)
    .unbind()
}

fn distance_named(name: &str) -> PyResult<Distance> {
    Ok(match name {
        "squared_euclidean" => Distance::SquaredEuclidean,
        "euclidean" => Distance::Euclidean,
        "manhattan" => Distance::Manhattan,
        "cosine" => Distance::Cosine,
        _ => {
            return Err(PyValueError::new_err(format!(
                "metric is '{name}'; it must be 'squared_euclidean', 'euclidean', 'manhattan' or 'cosine'"
            )));
        }
    })
}

fn pattern_named(name: &str) -> PyResult<StepPattern> {
    if let Some(kind) = name.strip_prefix("rabiner_juang_")
        && let [kind @ b'1'..=b'7', letter] = kind.as_bytes()
        && let Some(weighting) = slope_weighting(*letter)
    {
        return StepPattern::rabiner_juang(usize::from(kind - b'0'), weighting)
            .map_err(value_error);
    }
    Ok(match name {
        "symmetric1" => StepPattern::symmetric1(),
        "symmetric2" => StepPattern::symmetric2(),
        "asymmetric" => StepPattern::asymmetric(),
        "symmetric_p05" => StepPattern::symmetric_p05(),
        "symmetric_p1" => StepPattern::symmetric_p1(),
        "symmetric_p2" => StepPattern::symmetric_p2(),
        _ => {
            return Err(PyValueError::new_err(format!(
                "step_pattern is '{name}'; it must be 'symmetric1', 'symmetric2', 'asymmetric', 'symmetric_p05', \
                 'symmetric_p1', 'symmetric_p2' or 'rabiner_juang_1a' to 'rabiner_juang_7d'"
            )));
        }
    })
}

fn slope_weighting(letter: u8) -> Option<SlopeWeighting> {
    match letter {
        b'a' => Some(SlopeWeighting::Min),
        b'b' => Some(SlopeWeighting::Max),
        b'c' => Some(SlopeWeighting::Query),
        b'd' => Some(SlopeWeighting::Sum),
        _ => None,
    }
}
