"""Stretches of long recordings: subsequences, streams, movements with keyframes."""

import numpy as np
import pytest

import motion_dtw
from motion_dtw import Dtw, MotionDtw, Reference, Stream


def squat(frames, deepest_s, fps=60.0, width_s=0.4):
    t = (np.arange(frames) / fps - deepest_s) / width_s
    return 175.0 - np.exp(-t**2)[:, None] * [85.0, 70.0]


def test_stretches_and_their_paths():
    bump = np.array([0.0, 3.0, 5.0, 3.0, 0.0])
    long = np.full(60, 9.0)
    long[10:15], long[30:36] = bump, [0.0, 3.0, 5.0, 5.0, 3.0, 0.0]
    long[50:55] = bump + 0.1
    dtw = Dtw()
    found = dtw.find_all(long, bump, 3)
    assert [(hit.start, hit.stop) for hit in found] == [(10, 15), (30, 36), (50, 55)]
    path = dtw.align_occurrence(long, bump, found[1]).path
    assert path.tolist() == [[30, 0], [31, 1], [32, 2], [33, 2], [34, 3], [35, 4]]

    stream = Stream(bump, 1.0)
    pushed = [hit for value in long for hit in [stream.push(value)] if hit]
    assert [(hit.start, hit.stop) for hit in pushed] == [(10, 15), (30, 36), (50, 55)]
    assert stream.num_frames == 60
    blocks = Stream(bump, 1.0)
    assert blocks.extend(long[:40]) + blocks.extend(long[40:]) == pushed


def test_a_stream_says_what_is_wrong_and_goes_on():
    stream = Stream([[0.0, 1.0]], 0.5)
    with pytest.raises(ValueError, match="query has 1 channels"):
        stream.push(0.0)
    stream.push([0.0, 1.0])
    assert stream.finish().stop == 1


def test_nearest_is_the_plain_search():
    rng = np.random.default_rng(3)
    candidates = [rng.normal(size=50).cumsum() for _ in range(30)]
    query = rng.normal(size=50).cumsum()
    distances = motion_dtw.pairwise([query], candidates, window=5)[0]
    idx, distance = motion_dtw.nearest(query, candidates, window=5)
    assert idx == distances.argmin() and distance == pytest.approx(distances.min(), rel=1e-12)
    assert motion_dtw.nearest(query, []) is None


def test_keyframes_of_a_movement():
    keyframes = {"fast_down": 73.0, "bottom": 90.0, "fast_up": 107.0}
    reference = Reference(squat(180, 1.5), 60.0, keyframes, margin_s=0.25)
    assert reference.keyframes == list(keyframes.items())
    recording = squat(1200, 14.0)
    recording[100:130, 0] = np.nan
    found = MotionDtw().align(recording, 60.0, reference)
    assert found.quality.is_found and found.quality.tier == "good"
    assert [k.name for k in found.keyframes] == list(keyframes)
    assert found.keyframes[1].time_s == pytest.approx(14.0, abs=0.01)
    frames = [k.frame for k in found.keyframes]
    assert found.interval == (round(frames[0]), round(frames[2]) + 1)
    other = recording * [1, -1] + [0, 280]  # the hip extends where it should bend
    nothing = MotionDtw().align(other, 60.0, reference)
    assert not nothing.quality.is_found and nothing.quality.tier == "not_found"
    assert len(MotionDtw().find_all(recording, 60.0, reference, 2)) == 2


def test_several_recordings_become_one_reference():
    recordings = [
        Reference(squat(180, s, width_s=w), 60.0, {"bottom": 60 * s, "up": 60 * (s + w)}, margin_s=0.5)
        for s, w in [(1.2, 0.3), (1.5, 0.4), (1.6, 0.5)]]
    mean, spread, sigma_s = Reference.average(recordings)
    (_, bottom), (_, up) = mean.keyframes
    assert up - bottom == pytest.approx(24.0)
    assert mean.values[round(bottom)] == pytest.approx([90.0, 105.0], abs=0.2)
    assert spread.shape == mean.values.shape
    assert sigma_s == pytest.approx([np.std([0.3, 0.4, 0.5])])


def test_several_references_vote_and_choose_settings():
    trials = [Reference(squat(180, 1.5, width_s=w), 60.0, {"bottom": frame}, margin_s=0.5)
              for w, frame in [(0.4, 90.0), (0.35, 90.0), (0.38, 96.0)]]
    recording = squat(900, 10.0)
    found = MotionDtw().align_many(recording, 60.0, trials)
    (bottom,) = found.keyframes
    assert found.is_found and bottom.name == "bottom"
    assert bottom.time_s == pytest.approx(10.0, abs=0.02)  # the third trial is marked 0.1 s late, and outvoted
    assert bottom.spread_frames > 1.0 and len(found.votes) == 3
    tuning = MotionDtw().tuned(trials)
    assert tuning.outcome in ("kept", "changed") and len(tuning.trials) == 12
    assert tuning.aligner.align(recording, 60.0, trials[0]).quality.is_found
    assert MotionDtw().tuned(trials[:1]).outcome == "single_reference"
    with pytest.raises(ValueError):
        MotionDtw().align_many(recording, 60.0, [])
