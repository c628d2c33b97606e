from collections.abc import Iterable, Mapping, Sequence
from typing import Literal, TypedDict, final
from typing_extensions import Unpack

import numpy as np
from numpy.typing import ArrayLike, NDArray

StepPattern = Literal[
    "symmetric1", "symmetric2", "asymmetric", "symmetric_p05", "symmetric_p1", "symmetric_p2",
    "rabiner_juang_1a", "rabiner_juang_1b", "rabiner_juang_1c", "rabiner_juang_1d",
    "rabiner_juang_2a", "rabiner_juang_2b", "rabiner_juang_2c", "rabiner_juang_2d",
    "rabiner_juang_3a", "rabiner_juang_3b", "rabiner_juang_3c", "rabiner_juang_3d",
    "rabiner_juang_4a", "rabiner_juang_4b", "rabiner_juang_4c", "rabiner_juang_4d",
    "rabiner_juang_5a", "rabiner_juang_5b", "rabiner_juang_5c", "rabiner_juang_5d",
    "rabiner_juang_6a", "rabiner_juang_6b", "rabiner_juang_6c", "rabiner_juang_6d",
    "rabiner_juang_7a", "rabiner_juang_7b", "rabiner_juang_7c", "rabiner_juang_7d",
]
Metric = Literal["squared_euclidean", "euclidean", "manhattan", "cosine"]
Method = Literal["two_stage", "one_stage", "fast_dtw", "subsequence"]

class Settings(TypedDict, total=False):
    """Keyword arguments of `Dtw`."""

    window: Window | int | None
    step_pattern: StepPattern
    metric: Metric
    channel_weights: Sequence[float] | None
    penalty: float
    open_ends: tuple[int, int, int, int]
    max_cost: float | None
    missing: bool

@final
class Window:
    """Which pairs of frames a path may visit."""

    @staticmethod
    def full() -> Window: ...
    @staticmethod
    def sakoe_chiba(radius: int) -> Window:
        """Within `radius` frames of the main diagonal, plus the difference in length.

        dtaidistance's `window` is `radius + 1`; tslearn's `sakoe_chiba_radius` is `radius`.
        """
    @staticmethod
    def slanted(radius: int) -> Window:
        """Within `radius` reference frames of the straight line from the first to the last pair of frames."""
    @staticmethod
    def itakura(max_slope: float) -> Window:
        """Slopes within `1 / max_slope` to `max_slope`, after both lengths are scaled to 1."""

@final
class Alignment:
    cost: float
    """Sum of local distances along the path, with step weights and penalties."""
    normalized_cost: float
    """`cost` divided by what the step pattern normalises by."""
    path: NDArray[np.int64]
    """Pairs `(query frame, reference frame)`, shape `(pairs, 2)`."""

@final
class Occurrence:
    """A stretch of the query: frames `start` to `stop`, the latter not included."""

    start: int
    stop: int
    cost: float

@final
class Dtw:
    """Dynamic time warping with its settings.

    `window`: a `Window`, or a radius in frames for Sakoe and Chiba's band; none by default.
    `step_pattern`: the moves a path may make, named as in the literature.
    `metric`: distance of two frames. For `"squared_euclidean"` distances are the root of the accumulated cost.
    `penalty`: added to the cost of every move that is not diagonal.
    `open_ends`: frames that may stay unmatched at the begin and end of the query and the begin and end of the reference.
    `max_cost`: gives up once the accumulated cost must exceed it (`ValueError`: no warping path fits).
    `missing`: NaN marks a value that was not measured; without it NaN is an error.
    """

    def __init__(
        self, *, window: Window | int | None = None, step_pattern: StepPattern = "symmetric1",
        metric: Metric = "squared_euclidean", channel_weights: Sequence[float] | None = None, penalty: float = 0.0,
        open_ends: tuple[int, int, int, int] = (0, 0, 0, 0), max_cost: float | None = None, missing: bool = False,
    ) -> None: ...
    def distance(self, query: ArrayLike, reference: ArrayLike) -> float: ...
    def align(self, query: ArrayLike, reference: ArrayLike) -> Alignment: ...
    def find(self, query: ArrayLike, reference: ArrayLike) -> Occurrence:
        """The stretch of `query` that resembles the whole `reference` most; window and steps play no part."""
    def find_all(self, query: ArrayLike, reference: ArrayLike, max: int) -> list[Occurrence]:
        """Up to `max` stretches of `query` that do not overlap, cheapest first."""
    def align_occurrence(self, query: ArrayLike, reference: ArrayLike, occurrence: Occurrence) -> Alignment:
        """The path of one stretch, in frames of the whole query."""
    def nearest(self, query: ArrayLike, candidates: Iterable[ArrayLike]) -> tuple[int, float] | None:
        """Index and distance of the nearest candidate; skips what lower bounds exclude."""
    def pairwise(
        self, series: Iterable[ArrayLike], others: Iterable[ArrayLike] | None = None
    ) -> NDArray[np.float64]:
        """Distances of all pairs, `(len(series), len(others or series))`, on all processors; infinite where no path fits."""

@final
class Stream:
    """Watches a stream for `reference`, one frame at a time, in memory that does not grow.

    Reports every stretch whose accumulated cost is at most `threshold` and lowest among those that overlap it.
    Of `dtw` the metric, channel weights and penalty count.
    """

    def __init__(self, reference: ArrayLike, threshold: float, *, dtw: Dtw | None = None) -> None: ...
    def push(self, frame: ArrayLike) -> Occurrence | None:
        """Takes one frame, a number or one value per channel, NaN where missing."""
    def extend(self, frames: ArrayLike) -> list[Occurrence]:
        """Takes many frames, 1-D or `(frames, channels)`."""
    def finish(self) -> Occurrence | None:
        """The stretch that was pending, as if the stream ended here; the stream may go on."""
    @property
    def num_frames(self) -> int: ...

@final
class Average:
    mean: NDArray[np.float64]
    """`(frames, channels)`; NaN where no series had a value."""
    spread: NDArray[np.float64]
    """Standard deviation of the values aligned with each frame, `(frames, channels)`."""
    paths: list[NDArray[np.int64]]
    """One path per series: pairs `(frame of the series, frame of the mean)`."""
    costs: NDArray[np.float64]
    """Squared distance of each series to the mean."""
    inertia: float
    """Weighted mean of `costs`."""
    num_iterations: int
    converged: bool

@final
class Clustering:
    labels: NDArray[np.int64]
    centers: list[Average]
    inertia: float
    num_rounds: int
    converged: bool

@final
class SoftGradient:
    value: float
    query: NDArray[np.float64]
    """Derivative by each value of the query, `(frames, channels)`."""
    reference: NDArray[np.float64]
    """Derivative by each value of the reference, `(frames, channels)`."""

@final
class SoftDtw:
    """DTW with a soft minimum (Cuturi & Blondel 2017); `gamma` in squared units of the data."""

    def __init__(
        self, gamma: float, *, channel_weights: Sequence[float] | None = None, missing: bool = False
    ) -> None: ...
    def value(self, query: ArrayLike, reference: ArrayLike) -> float: ...
    def value_and_gradient(self, query: ArrayLike, reference: ArrayLike) -> SoftGradient:
        """8 bytes of memory per pair of frames."""
    def divergence(self, query: ArrayLike, reference: ArrayLike) -> float:
        """0 for equal sequences and never negative (Blondel, Mensch & Vert 2021)."""
    def divergence_and_gradient(self, query: ArrayLike, reference: ArrayLike) -> SoftGradient: ...
    def expected_alignment(self, query: ArrayLike, reference: ArrayLike) -> NDArray[np.float64]:
        """How likely each pair of frames is matched."""
    def average(
        self, series: Iterable[ArrayLike], *, initial: ArrayLike | None = None,
        weights: Sequence[float] | None = None, max_iterations: int = 100, tolerance: float = 1e-9,
    ) -> tuple[NDArray[np.float64], float]:
        """The mean `(frames, channels)` that minimises the weighted mean of the values to `series`, and that minimum."""

@final
class Reference:
    """A model recording, `(frames, channels)` in degrees, NaN where missing, with keyframes `{name: frame}` in time order.

    `margin_s`: search only for what lies within so many seconds of the keyframes.
    """

    def __init__(
        self, values: ArrayLike, fps: float, keyframes: Mapping[str, float], *, margin_s: float | None = None,
        confidence: ArrayLike | None = None,
    ) -> None: ...
    @staticmethod
    def average(
        references: Sequence[Reference], weights: Sequence[float] | None = None
    ) -> tuple[Reference, NDArray[np.float64], NDArray[np.float64]]:
        """Mean of several recordings by their keyframes; the spread around it, `(frames, channels)`; and the standard
        deviation, in seconds, of the time from each keyframe to the next."""
    @property
    def values(self) -> NDArray[np.float64]: ...
    @property
    def fps(self) -> float: ...
    @property
    def keyframes(self) -> list[tuple[str, float]]: ...
    @property
    def active_frames(self) -> tuple[int, int]: ...

@final
class MatchedKeyframe:
    name: str
    frame: float
    time_s: float
    reference_frame: float
    reference_time_s: float
    sigma_frames: float
    """One standard deviation of `frame`, in query frames."""

@final
class Quality:
    tier: Literal["good", "fair", "poor", "not_found"]
    is_found: bool
    cost: float
    """Mean squared distance along the warp: 0 for the same movement, about 0.5 for unrelated ones."""
    margin: float
    """How much cheaper this match is than the best one elsewhere, 0 to 1."""
    coverage: float
    """Share of the reference that the query measured along the warp, 0 to 1."""
    slope: tuple[float, float]
    """Least and largest local tempo, query seconds per reference second."""

@final
class MotionMatch:
    interval: tuple[int, int]
    keyframes: list[MatchedKeyframe]
    path: NDArray[np.int64]
    quality: Quality

@final
class VotedKeyframe:
    """A keyframe on which several references agreed."""

    name: str
    frame: float
    """Weighted median of the votes, in query frames."""
    time_s: float
    sigma_frames: float
    """One standard deviation of `frame`, in query frames."""
    spread_frames: float
    """Standard deviation of the votes; 0 for a single one."""

@final
class Consensus:
    """A movement found by several references."""

    interval: tuple[int, int]
    keyframes: list[VotedKeyframe]
    tier: Literal["good", "fair", "poor", "not_found"]
    is_found: bool
    cost: float
    """Median of the references' costs."""
    votes: list[MotionMatch | None]
    """What each reference found in this stretch."""

@final
class Tuning:
    """Settings chosen by cross-validation over references."""

    aligner: MotionDtw
    outcome: Literal["single_reference", "kept", "changed"]
    trials: list[tuple[tuple[float, float, float], float, float]]
    """Feature weights, smoothing in seconds and mean error in seconds of each setting tried, the present one first."""

@final
class MotionDtw:
    """Finds a reference movement in a long recording; the defaults suit human movement in degrees."""

    def __init__(
        self, *, method: Method = "two_stage", feature_weights: tuple[float, float, float] | None = None,
        channel_weights: Sequence[float] | None = None, smoothing_s: float | None = None,
        num_candidates: int | None = None, tempo_range: tuple[float, float] | None = None,
    ) -> None: ...
    def align(
        self, query: ArrayLike, fps: float, reference: Reference, *, confidence: ArrayLike | None = None
    ) -> MotionMatch:
        """The best match; `quality.is_found` says whether the movement is there at all."""
    def find_all(
        self, query: ArrayLike, fps: float, reference: Reference, max: int, *, confidence: ArrayLike | None = None
    ) -> list[MotionMatch]:
        """Up to `max` matches that do not overlap, best first, also those that are not found."""
    def align_many(
        self, query: ArrayLike, fps: float, references: Sequence[Reference], *, confidence: ArrayLike | None = None
    ) -> Consensus:
        """The best match of a movement of which there are several references, which vote on its keyframes."""
    def tuned(self, references: Sequence[Reference]) -> Tuning:
        """Chooses feature weights, smoothing and presence limit so that each reference finds the others best."""

def distance(query: ArrayLike, reference: ArrayLike, **settings: Unpack[Settings]) -> float: ...
def align(query: ArrayLike, reference: ArrayLike, **settings: Unpack[Settings]) -> Alignment: ...
def path(query: ArrayLike, reference: ArrayLike, **settings: Unpack[Settings]) -> NDArray[np.int64]: ...
def find(query: ArrayLike, reference: ArrayLike, **settings: Unpack[Settings]) -> Occurrence: ...
def find_all(query: ArrayLike, reference: ArrayLike, max: int, **settings: Unpack[Settings]) -> list[Occurrence]: ...
def nearest(
    query: ArrayLike, candidates: Iterable[ArrayLike], **settings: Unpack[Settings]
) -> tuple[int, float] | None: ...
def pairwise(
    series: Iterable[ArrayLike], others: Iterable[ArrayLike] | None = None, **settings: Unpack[Settings]
) -> NDArray[np.float64]: ...
def dba(
    series: Iterable[ArrayLike], *, initial: ArrayLike | None = None, weights: Sequence[float] | None = None,
    window: Window | int | None = None, channel_weights: Sequence[float] | None = None, max_iterations: int = 30,
    tolerance: float = 1e-5, missing: bool = False,
) -> Average:
    """Mean of several series under time warping (Petitjean et al. 2011), from `initial` or the medoid."""

def kmeans(
    series: Iterable[ArrayLike], num_clusters: int, *, seed: int = 0, num_starts: int = 3, max_rounds: int = 50,
    window: Window | int | None = None, channel_weights: Sequence[float] | None = None, missing: bool = False,
) -> Clustering:
    """k-means with DTW distances and DBA means; the same seed gives the same groups."""
