#!/bin/sh
# Measures motion-dtw and eight other DTW libraries on the same inputs, case by case and library by library, so that all meet
# the same machine: benches/peers/dtw/run.sh [ROUNDS] > results.csv, then compare.py results.csv.
#
# Needs Rust, Python 3.11 or later with venv, and the network for the first run; 24 GB of memory for the largest tables.
# ROUNDS (1) repeats everything; compare.py takes the fastest. VENV names the Python environment to use or make.
set -eu
cd "$(dirname "$0")/../../.."
rounds=${1:-1}
target=${CARGO_TARGET_DIR:-target}
venv=${VENV:-$target/dtw-peers-venv}
inputs=$target/dtw-bench

[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --disable-pip-version-check -r benches/peers/dtw/requirements.txt >&2
cargo build --quiet --release -p dtw-bench
cargo build --quiet --release --manifest-path benches/peers/dtw/rust/Cargo.toml --target-dir "$target/dtw-peers"
"$target/release/dtw-bench" --inputs "$inputs" --write-inputs

echo library,case,ns_per_cell,cpu_ms,peak_mib,value
for _ in $(seq "$rounds"); do
    for case in $(tail -n +2 "$inputs/cases.csv" | cut -d, -f1); do
        echo "$case" >&2
        echo "motion-dtw,$("$target/release/dtw-bench" --inputs "$inputs" --case "$case")"
        for library in augurs-dtw dtw_rs; do
            "$target/dtw-peers/release/dtw-peers" "$inputs" "$library" "$case"
        done
        for library in dtaidistance tslearn aeon tsdistances dtw-python librosa; do
            "$venv/bin/python" -W ignore benches/peers/dtw/peers.py "$inputs" "$library" "$case"
        done
    done
done
