"""Prints results.csv of run.sh as Markdown: ns per cell, and motion-dtw against the fastest and the leanest peer.

    python compare.py results.csv

Fails if a library that solves the same problem gives another value than motion-dtw (1e-9 relative: sums of 10^4 terms in
another order).
"""
import csv
import sys

OURS = "motion-dtw"
# Solves a neighbouring problem, so its values need not agree: it begins anywhere only with `asymmetric` steps.
OTHER_PROBLEM = {("dtw-python", "sub_300x3000_d36"), ("dtw-python", "sub_1kx100k")}


def main(path):
    best = {}
    with open(path, newline="") as lines:
        for row in csv.DictReader(lines):
            key = row["case"], row["library"]
            if key not in best or float(row["ns_per_cell"]) < float(best[key]["ns_per_cell"]):
                best[key] = row
    cases = list(dict.fromkeys(case for case, _ in best if case != "baseline"))
    libraries = list(dict.fromkeys(library for _, library in best))
    print("| case | " + " | ".join(libraries) + " | times faster | peak MiB, ours / least of peers |")
    print("| --- |" + " --- |" * (len(libraries) + 2))
    wrong = []
    for case in cases:
        rows = {library: best[case, library] for library in libraries if (case, library) in best}
        ours = rows[OURS]
        speed = {library: float(row["ns_per_cell"]) for library, row in rows.items()}
        fastest = min(value for library, value in speed.items() if library != OURS)
        peaks = {library: float(row["peak_mib"]) for library, row in rows.items()}
        leanest = min((value, library) for library, value in peaks.items() if library != OURS)
        cells = [f"{speed[library]:.3g}" if library in speed else "-" for library in libraries]
        for at, library in enumerate(libraries):
            if library not in rows:
                continue
            difference = abs(float(rows[library]["value"]) / float(ours["value"]) - 1)
            if not difference < 1e-9:
                cells[at] += " *"
                if (library, case) not in OTHER_PROBLEM:
                    wrong.append(f"{case}: {library} gives {rows[library]['value']}, motion-dtw {ours['value']}")
        print(f"| {case} | " + " | ".join(cells) + f" | {fastest / speed[OURS]:.1f} | {peaks[OURS]} / {leanest[0]} ({leanest[1]}) |")
    print("\nns per pair of frames inside the window; * another value. Idle, the peak of a process without work, MiB: ", end="")
    print(", ".join(f"{library} {best['baseline', library]['peak_mib']}" for library in libraries))
    for line in wrong:
        print(line, file=sys.stderr)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main(*sys.argv[1:])
