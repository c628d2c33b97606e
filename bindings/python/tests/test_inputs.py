"""What goes in: shapes, types, strides; and what is said about bad input."""

import doctest
import threading

import numpy as np
import pytest

import motion_dtw
from motion_dtw import Dtw, Window


def test_examples_in_the_documentation():
    assert doctest.testmod(motion_dtw).failed == 0
    assert doctest.testfile("../README.md", optionflags=doctest.NORMALIZE_WHITESPACE).failed == 0


@pytest.mark.parametrize("make", [
    list, tuple, np.array,
    lambda values: np.array(values, dtype=np.float32),
    lambda values: np.array(values, dtype=np.int16),
    lambda values: np.array(values, dtype=">f8"),
    lambda values: np.array(values)[:, None],
    lambda values: np.repeat(values, 3)[::3],
    lambda values: np.array(values[::-1])[::-1],
    lambda values: np.asfortranarray(np.stack([values, np.zeros(5)], axis=1))[:, :1],
])
def test_any_array_like_of_frames(make):
    assert motion_dtw.distance(make([0, 0, 3, 5, 1]), make([0, 3, 5, 5, 2])) == 1.0


def test_rows_are_frames():
    values = np.arange(12.0).reshape(2, 6).T  # 6 frames of 2 channels, columns first in memory
    assert motion_dtw.path(values, values).tolist() == [[k, k] for k in range(6)]
    single = motion_dtw.distance(values.astype(np.float32), values[::2].astype(np.float32))
    assert single == motion_dtw.distance(values, values[::2])


def test_missing_values():
    gappy = np.array([[0.0, 9.0], [4.0, np.nan], [0.0, 7.0]])
    whole = np.array([[0.0, 9.0], [4.0, 8.0], [0.0, 7.0]])
    assert motion_dtw.distance(gappy, whole, missing=True) == 0.0
    with pytest.raises(ValueError, match="query has no number at frame 1, channel 1"):
        motion_dtw.distance(gappy, whole)
    mean = motion_dtw.dba([gappy, whole + [[0, 0], [2, 0], [0, 0]]], missing=True)
    np.testing.assert_array_equal(mean.mean, [[0, 9], [5, 8], [0, 7]])


@pytest.mark.parametrize("call, error, message", [
    (lambda: motion_dtw.distance([], [1.0]), ValueError, "at least one frame"),
    (lambda: motion_dtw.distance([1.0], [np.inf]), ValueError, "frame 0, channel 0 is infinite"),
    (lambda: motion_dtw.distance(np.zeros((2, 2, 2)), [1.0]), ValueError, r"shape \[2, 2, 2\]"),
    (lambda: motion_dtw.distance(["a"], [1.0]), TypeError, "real numbers"),
    (lambda: motion_dtw.distance([1j], [1.0]), TypeError, "real numbers"),
    (lambda: motion_dtw.distance(np.zeros((3, 2)), np.zeros((3, 1))), ValueError, "query has 2 channels"),
    (lambda: motion_dtw.distance([1.0], [1.0], channel_weights=[0.0]), ValueError, "not all zero"),
    (lambda: motion_dtw.distance([0.0] * 9, [0.0] * 3, step_pattern="symmetric_p1"), ValueError, "no warping path"),
    (lambda: motion_dtw.distance([0.0], [9.0], max_cost=1.0), ValueError, "no warping path"),
    (lambda: Dtw(step_pattern="rabiner_juang_9z"), ValueError, "step_pattern is 'rabiner_juang_9z'"),
    (lambda: Dtw(metric="l2"), ValueError, "metric is 'l2'"),
    (lambda: Dtw(window=-1), (TypeError, OverflowError), "negative|Window"),
    (lambda: motion_dtw.distance([0.0], [0.0], window=Window.itakura(1.0)), ValueError, "above 1"),
    (lambda: motion_dtw.dba([[1.0], [np.nan]]), ValueError, "series 1 cannot be used: the query has no number"),
    (lambda: motion_dtw.dba([[1.0], ["a"]]), TypeError, "series 1: .*real numbers"),
    (lambda: motion_dtw.dba([]), ValueError, "at least one"),
    (lambda: motion_dtw.SoftDtw(0.0), ValueError, "gamma"),
    (lambda: motion_dtw.kmeans([[1.0]], 2), ValueError, "2 groups of 1 series"),
    (lambda: motion_dtw.Reference([1.0, 2.0], 60.0, {"a": 5.0}), ValueError, "keyframe `a` is at frame 5"),
    (lambda: motion_dtw.Reference([1.0, 2.0], 0.0, {"a": 0.0}), ValueError, "frame rate is 0"),
    (lambda: motion_dtw.MotionDtw(method="magic"), ValueError, "method is 'magic'"),
])
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_python_runs_meanwhile():
    """A thread makes progress while another computes."""
    long = np.random.default_rng(0).normal(size=(3000, 4)).cumsum(axis=0)
    done, ticks = threading.Event(), 0
    worker = threading.Thread(target=lambda: (motion_dtw.align(long, long[::-1]), done.set()))
    worker.start()
    while not done.wait(0.001):
        ticks += 1
    worker.join()
    assert ticks > 3


def test_inputs_are_not_changed_and_results_are_their_own():
    values = np.arange(5.0)
    kept = values.copy()
    mean = motion_dtw.dba([values, values]).mean
    mean[0] = 99.0
    np.testing.assert_array_equal(values, kept)
