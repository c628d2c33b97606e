"""Measures one Python library on one case: python peers.py INPUTS LIBRARY CASE

Prints `library,case,ns_per_cell,cpu_ms,peak_mib,value`, or nothing if the library does not offer what the case asks.
INPUTS is the folder that `dtw-bench --write-inputs` fills. As there: processor time, the fastest of several runs after one
on small inputs (compilation), peak memory of the whole process, value = square root of the accumulated squared cost.
"""
import csv
import os
import resource
import sys
import time

for name in ("OMP_NUM_THREADS", "NUMBA_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[name] = "1"
import numpy as np

MIN_RUNS, MIN_SECONDS, MAX_SECONDS = 3, 1.0, 4.0


def dtaidistance(kind, radius):
    from dtaidistance import dtw, dtw_ndim
    from dtaidistance.subsequence.dtw import subsequence_alignment

    window = {} if radius is None else {"window": radius + 1}  # it counts the diagonal into its window

    def distance(query, reference):
        if query.shape[1] > 1:
            return dtw_ndim.distance_fast(query, reference, use_pruning=False)
        return dtw.distance_fast(query[:, 0].copy(), reference[:, 0].copy(), use_pruning=False, **window)

    def path(query, reference):
        query, reference = query[:, 0].copy(), reference[:, 0].copy()
        cost, table = dtw.warping_paths_fast(query, reference)
        dtw.best_path(table)
        return cost

    def subsequence(query, reference):
        flat = (lambda x: x[:, 0].copy()) if query.shape[1] == 1 else (lambda x: x)
        found = subsequence_alignment(flat(reference), flat(query), penalty=0.0, use_c=True)
        return found.best_match().value * len(reference)

    return {"distance": distance, "path": path, "subsequence": subsequence}[kind]


def tslearn(kind, radius):
    from tslearn.metrics import dtw, dtw_path, dtw_subsequence_path

    window = {} if radius is None else {"global_constraint": "sakoe_chiba", "sakoe_chiba_radius": radius}
    return {
        "distance": lambda query, reference: dtw(query, reference, **window),
        "path": lambda query, reference: dtw_path(query, reference)[1],
        "subsequence": lambda query, reference: dtw_subsequence_path(reference, query)[1],
    }[kind]


def aeon(kind, radius):
    from aeon.distances import dtw_alignment_path, dtw_distance

    def distance(query, reference):
        window = None if radius is None else radius / len(query)
        return np.sqrt(dtw_distance(query.T.copy(), reference.T.copy(), window=window))

    return {
        "distance": distance,
        "path": lambda query, reference: np.sqrt(dtw_alignment_path(query.T.copy(), reference.T.copy())[1]),
    }.get(kind)


def tsdistances(kind, radius):
    import tsdistances as ts

    def distance(query, reference):
        if query.shape[1] > 1:
            raise NotImplementedError
        band = 1.0 if radius is None else radius / len(query)
        return np.sqrt(ts.dtw_distance(query[:, 0].copy(), reference[:, 0].copy(), band=band, par=False))

    return distance if kind == "distance" else None


def dtw_python(kind, radius):
    import dtw

    window = {} if radius is None else {"window_type": "sakoechiba", "window_args": {"window_size": radius}}

    def align(query, reference):
        found = dtw.dtw(
            query,
            reference,
            dist_method="sqeuclidean",
            step_pattern="symmetric1",
            distance_only=kind == "distance",
            **window,
        )
        return np.sqrt(found.distance)

    def subsequence(query, reference):
        # It lets only `asymmetric` steps begin anywhere; the table is the same size, the value may differ.
        found = dtw.dtw(reference, query, dist_method="sqeuclidean", step_pattern="asymmetric", open_begin=True, open_end=True)
        return np.sqrt(found.distance)

    return subsequence if kind == "subsequence" else align


def librosa(kind, radius):
    from librosa.sequence import dtw

    def run(query, reference):
        found = dtw(
            X=reference.T if kind == "subsequence" else query.T,
            Y=query.T if kind == "subsequence" else reference.T,
            metric="sqeuclidean",
            subseq=kind == "subsequence",
            backtrack=kind != "distance",
            global_constraints=radius is not None,
            band_rad=0.25 if radius is None else (radius + 1) / len(query),  # it excludes the radius itself
        )
        table = found if kind == "distance" else found[0]
        return np.sqrt(table[-1].min() if kind == "subsequence" else table[-1, -1])

    return run


LIBRARIES = {f.__name__.replace("_", "-"): f for f in (dtaidistance, tslearn, aeon, tsdistances, dtw_python, librosa)}


def main(folder, library, name):
    with open(os.path.join(folder, "cases.csv"), newline="") as lines:
        case = next(row for row in csv.DictReader(lines) if row["case"] == name)
    radius = int(case["radius"]) if case["radius"] else None
    baseline = case["kind"] == "baseline"
    run = LIBRARIES[library]("distance" if baseline else case["kind"], radius)
    if run is None:
        return

    def read(role):
        values = np.fromfile(os.path.join(folder, f"{name}.{role}.f64"))
        return values.reshape(int(case[f"num_{role}"]), int(case["num_channels"]))

    query, reference = read("query"), read("reference")
    best, value = 0.0, 0.0
    if not baseline:
        try:
            if radius is None:  # compile, where a library does that at its first call
                run(query[:50], reference[:50])
            best, total, runs = float("inf"), 0.0, 0
            while total < MAX_SECONDS and (runs < MIN_RUNS or total < MIN_SECONDS):
                start = time.process_time()
                value = run(query, reference)
                elapsed = time.process_time() - start
                best, total, runs = min(best, elapsed), total + elapsed, runs + 1
        except NotImplementedError:
            return
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    cells = max(int(case["num_cells"]), 1)
    print(f"{library},{name},{best * 1e9 / cells:.4f},{best * 1e3:.3f},{peak:.1f},{float(value):.9f}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
