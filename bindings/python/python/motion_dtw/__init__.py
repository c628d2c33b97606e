"""Aligns motions frame by frame.

Two tools, the same as in the Rust crate of this name:

- `MotionDtw` finds a reference movement in a long recording and carries its keyframes over, with error bars and an
  honest "not found".
- `Dtw` aligns any two sequences: windows, step patterns, open ends, subsequence search, streams, averages, soft-DTW.

A sequence is anything that numpy reads as frames (1-D) or frames x channels (2-D). The functions `distance`, `path`,
`align`, `find`, `find_all`, `nearest` and `pairwise` take the settings of `Dtw` by keyword.

>>> import motion_dtw
>>> motion_dtw.distance([0, 0, 3, 5, 1], [0, 3, 5, 5, 2])
1.0
>>> motion_dtw.path([0, 3, 5], [0, 0, 3, 5]).tolist()
[[0, 0], [0, 1], [1, 2], [2, 3]]
"""

from ._native import (
    Alignment,
    Average,
    Clustering,
    Consensus,
    Dtw,
    MatchedKeyframe,
    MotionDtw,
    MotionMatch,
    Occurrence,
    Quality,
    Reference,
    SoftDtw,
    SoftGradient,
    Stream,
    Tuning,
    VotedKeyframe,
    Window,
    dba,
    kmeans,
)

__all__ = [
    "Alignment",
    "Average",
    "Clustering",
    "Consensus",
    "Dtw",
    "MatchedKeyframe",
    "MotionDtw",
    "MotionMatch",
    "Occurrence",
    "Quality",
    "Reference",
    "SoftDtw",
    "SoftGradient",
    "Stream",
    "Tuning",
    "VotedKeyframe",
    "Window",
    "align",
    "dba",
    "distance",
    "find",
    "find_all",
    "kmeans",
    "nearest",
    "pairwise",
    "path",
]


def distance(query, reference, **settings):
    """Distance of two sequences; the root of the summed squares unless `metric` says otherwise."""
    return Dtw(**settings).distance(query, reference)


def align(query, reference, **settings):
    """Cost and path of the cheapest alignment."""
    return Dtw(**settings).align(query, reference)


def path(query, reference, **settings):
    """Pairs `(query frame, reference frame)` of the cheapest alignment, an integer array of shape `(pairs, 2)`."""
    return Dtw(**settings).align(query, reference).path


def find(query, reference, **settings):
    """The stretch of the long `query` that resembles the whole `reference` most."""
    return Dtw(**settings).find(query, reference)


def find_all(query, reference, max, **settings):
    """Up to `max` stretches of `query` that do not overlap, cheapest first."""
    return Dtw(**settings).find_all(query, reference, max)


def nearest(query, candidates, **settings):
    """Index and distance of the candidate nearest to `query`, by lower bounds; `None` if there is no candidate."""
    return Dtw(**settings).nearest(query, candidates)


def pairwise(series, others=None, **settings):
    """Distances of all pairs of `series`, or of each of `series` to each of `others`, on all processors; infinite where none fits."""
    return Dtw(**settings).pairwise(series, others)
