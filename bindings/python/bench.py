"""Processor time beside dtaidistance and tslearn on the same inputs, in turns: `python bindings/python/bench.py`.

Prints a table: milliseconds of processor time (least of the rounds) and the ratio to the fastest peer. Every answer is
compared first.
"""

import time

import numpy as np
from dtaidistance import dtw as dtai
from dtaidistance import dtw_ndim as dtai_ndim
from tslearn import barycenters, metrics

import motion_dtw

ROUNDS = 5


def walk(seed, *shape):
    return np.cumsum(np.random.default_rng(seed).normal(size=shape), axis=0)


def soft_gradient_tslearn(s, t):
    squared = metrics.SquaredEuclidean(s, t)
    soft = metrics.SoftDTW(squared, gamma=1.0)
    soft.compute()
    return squared.jacobian_product(soft.grad()).sum()


a, b = walk(1, 2000), walk(2, 2000)
m, k = walk(3, 300, 36), walk(4, 300, 36)
series = [walk(10 + i, 150) for i in range(60)]
group = np.stack([walk(100 + i, 200, 3) for i in range(20)])
x, y = walk(5, 500, 3), walk(6, 500, 3)
dba = {"max_iter": 5, "tol": 0.0, "init_barycenter": group[0]}

CASES = {
    "distance 2000 x 2000": {
        "ours": lambda: motion_dtw.distance(a, b),
        "dtaidistance": lambda: dtai.distance_fast(a, b),
        "tslearn": lambda: metrics.dtw(a, b)},
    "distance 300 x 300, 36 channels": {
        "ours": lambda: motion_dtw.distance(m, k),
        "dtaidistance": lambda: dtai_ndim.distance_fast(m, k),
        "tslearn": lambda: metrics.dtw(m, k)},
    "path 2000 x 2000": {
        "ours": lambda: motion_dtw.path(a, b).sum(),
        "dtaidistance": lambda: np.sum(dtai.warping_path_fast(a, b)),
        "tslearn": lambda: np.sum(metrics.dtw_path(a, b)[0])},
    "all pairs of 60 x 150": {
        "ours": lambda: motion_dtw.pairwise(series).sum(),
        "dtaidistance": lambda: dtai.distance_matrix_fast(series, parallel=False).sum(),
        "tslearn": lambda: metrics.cdist_dtw(np.stack(series)).sum()},
    "DBA, 20 series x 200 x 3, 5 updates": {
        "ours": lambda: motion_dtw.dba(group, initial=group[0], max_iterations=5, tolerance=0.0).mean.sum(),
        "tslearn": lambda: barycenters.dtw_barycenter_averaging(group, **dba).sum()},
    "soft-DTW with gradient, 500 x 500 x 3": {
        "ours": lambda: motion_dtw.SoftDtw(1.0).value_and_gradient(x, y).query.sum(),
        "tslearn": lambda: soft_gradient_tslearn(x, y)},
}


def main():
    print("| case | ours, ms | peers, ms | times as fast as the best peer |\n| --- | --- | --- | --- |")
    for name, calls in CASES.items():
        answers = {library: call() for library, call in calls.items()}  # also compiles what numba compiles
        for library, answer in answers.items():
            assert np.isclose(answer, answers["ours"], rtol=1e-9), (name, library, answer, answers["ours"])
        least = dict.fromkeys(calls, np.inf)
        for _ in range(ROUNDS):
            for library, call in calls.items():
                begin = time.process_time()
                call()
                least[library] = min(least[library], time.process_time() - begin)
        ours = least.pop("ours")
        peers = ", ".join(f"{library} {1e3 * seconds:.2f}" for library, seconds in least.items())
        print(f"| {name} | {1e3 * ours:.2f} | {peers} | {min(least.values()) / ours:.1f} |")


if __name__ == "__main__":
    main()
