"""Held to the stubs by `mypy --strict` (see test.sh); not a test that runs."""

import numpy as np

import motion_dtw
from motion_dtw import Dtw, MotionDtw, Reference, SoftDtw, Stream, Window

series = np.zeros((10, 2))
distance: float = motion_dtw.distance(series, series, window=3, step_pattern="symmetric2")
cost: float = Dtw(window=Window.itakura(2.0), metric="manhattan").align(series, series).cost
first: int = int(motion_dtw.path(series, series)[0, 0])
hit = Stream(series, 1.0).push([0.0, 1.0])
stop: int = 0 if hit is None else hit.stop
gradient = SoftDtw(1.0).value_and_gradient(series, series).query.sum()
mean = motion_dtw.dba([series, series], window=2).mean.shape
reference = Reference(series, 60.0, {"bottom": 4.0})
names: list[str] = [keyframe.name for keyframe in MotionDtw().align(series, 60.0, reference).keyframes]
