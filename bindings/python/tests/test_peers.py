"""The same numbers as dtaidistance and tslearn, to 1e-9."""

import numpy as np
import pytest
from dtaidistance import dtw as dtai
from dtaidistance import dtw_ndim as dtai_ndim
from tslearn import barycenters, metrics
from tslearn.clustering import TimeSeriesKMeans
from tslearn.utils import to_time_series_dataset

import motion_dtw

# Sums of some thousand terms in another order differ by about 1e-13 of their value.
CLOSE = {"rel": 1e-9, "abs": 1e-9}


def walk(seed, *shape):
    return np.cumsum(np.random.default_rng(seed).normal(size=shape), axis=0)


@pytest.mark.parametrize("frames", [(1, 1), (1, 7), (50, 50), (120, 90), (400, 700)])
def test_distance(frames):
    s, t = walk(1, frames[0]), walk(2, frames[1])
    expected = dtai.distance(s, t)
    assert motion_dtw.distance(s, t) == pytest.approx(expected, **CLOSE)
    assert motion_dtw.distance(s, t) == pytest.approx(metrics.dtw(s, t), **CLOSE)


def test_many_channels():
    s, t = walk(1, 80, 36), walk(2, 100, 36)
    assert motion_dtw.distance(s, t) == pytest.approx(dtai_ndim.distance(s, t), **CLOSE)
    assert motion_dtw.distance(s, t) == pytest.approx(metrics.dtw(s, t), **CLOSE)


@pytest.mark.parametrize("radius", [0, 3, 40])
def test_sakoe_chiba(radius):
    s, t = walk(3, 120), walk(4, 90)
    found = motion_dtw.distance(s, t, window=radius)
    assert found == pytest.approx(dtai.distance(s, t, window=radius + 1), **CLOSE)
    constraint = {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": radius}
    assert found == pytest.approx(metrics.dtw(s, t, **constraint), **CLOSE)


def test_itakura():
    s, t = walk(5, 100), walk(6, 100)
    found = motion_dtw.distance(s, t, window=motion_dtw.Window.itakura(2.0))
    expected = metrics.dtw(s, t, global_constraint="itakura", itakura_max_slope=2.0)
    assert found == pytest.approx(expected, **CLOSE)


def test_penalty_and_open_ends():
    s, t = walk(7, 120), walk(8, 90)
    # dtaidistance adds the square of its penalty to squared costs.
    found = motion_dtw.distance(s, t, penalty=0.3**2)
    assert found == pytest.approx(dtai.distance(s, t, penalty=0.3), **CLOSE)
    found = motion_dtw.distance(s, t, open_ends=(4, 9, 2, 7))
    assert found == pytest.approx(dtai.distance(s, t, psi=(4, 9, 2, 7)), **CLOSE)


def test_path():
    s, t = walk(9, 200), walk(10, 150)
    expected, distance = metrics.dtw_path(s, t)
    found = motion_dtw.align(s, t)
    np.testing.assert_array_equal(found.path, expected)
    np.testing.assert_array_equal(motion_dtw.path(s, t), dtai.warping_path(s, t))
    assert found.cost == pytest.approx(distance**2, **CLOSE)


def test_subsequence():
    long, short = walk(11, 1000), walk(12, 30)
    path, distance = metrics.dtw_subsequence_path(short, long)
    found = motion_dtw.find(long, short)
    assert (found.start, found.stop - 1) == (path[0][1], path[-1][1])
    assert found.cost == pytest.approx(distance**2, **CLOSE)


def test_pairwise():
    series = [walk(20 + k, 40 + 3 * k) for k in range(6)]
    expected = metrics.cdist_dtw(to_time_series_dataset(series))
    np.testing.assert_allclose(motion_dtw.pairwise(series), expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(
        motion_dtw.pairwise(series[:2], series[2:]), expected[:2, 2:], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(motion_dtw.pairwise(series), dtai.distance_matrix(series), rtol=1e-9, atol=1e-9)


def test_mean():
    series = [walk(30 + k, 40 + 5 * k, 2) for k in range(5)]
    weights = np.array([1.0, 2.0, 0.5, 0.0, 1.5])
    expected = barycenters.dtw_barycenter_averaging(
        to_time_series_dataset(series), init_barycenter=series[2], max_iter=5, tol=0.0, weights=weights)
    found = motion_dtw.dba(series, initial=series[2], weights=weights, max_iterations=5, tolerance=0.0)
    np.testing.assert_allclose(found.mean, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("gamma", [0.01, 1.0, 30.0])
def test_soft_dtw(gamma):
    s, t = walk(40, 30, 3), walk(41, 40, 3)
    soft = motion_dtw.SoftDtw(gamma)
    assert soft.value(s, t) == pytest.approx(metrics.soft_dtw(s, t, gamma=gamma), **CLOSE)
    squared = metrics.SquaredEuclidean(s, t)
    ours = soft.value_and_gradient(s, t)
    peer = metrics.SoftDTW(squared, gamma=gamma)
    assert ours.value == pytest.approx(peer.compute(), **CLOSE)
    np.testing.assert_allclose(ours.query, squared.jacobian_product(peer.grad()), rtol=1e-9, atol=1e-8)
    expected, _ = metrics.soft_dtw_alignment(s, t, gamma=gamma)
    np.testing.assert_allclose(soft.expected_alignment(s, t), expected, rtol=1e-9, atol=1e-9)


def test_groups():
    t = np.linspace(0, 1, 60)
    def bump(centre): return np.exp(-(((t - centre) / 0.07) ** 2))
    series = [bump(0.3 + 0.01 * k) + (k % 3 == 0) * bump(0.7) for k in range(12)]
    found = motion_dtw.kmeans(series, 2)
    expected = TimeSeriesKMeans(2, metric="dtw", n_init=3, random_state=0).fit_predict(to_time_series_dataset(series))
    same = lambda labels: np.equal.outer(labels, labels)
    np.testing.assert_array_equal(same(found.labels), same(expected))
    np.testing.assert_array_equal(same(found.labels), same(np.arange(12) % 3 == 0))
