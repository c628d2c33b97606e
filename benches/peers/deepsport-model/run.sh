#!/usr/bin/env bash
# Speed of deepsport-model beside PyTorch and transformers: the same sizes, random weights, f32, the same two cores, in turns.
#
#   benches/peers/deepsport-model/run.sh [CONFIG] [ROUNDS]
#
# CONFIG is tiny, mid (default) or 3b (needs 60 GB with training); ROUNDS (2) repeats both sides, of which
# the fastest counts; mid takes about three minutes once all is built.
# The Python side lives in a virtual environment under target/, or in the one that VENV names.
set -euo pipefail
cd "$(dirname "$0")/../../.."
target=${CARGO_TARGET_DIR:-target}
venv=${VENV:-$target/peers/deepsport-model}
if [ ! -x "$venv/bin/python" ]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --requirement benches/peers/deepsport-model/requirements.txt
fi
cargo build --release --locked --quiet -p vlm
exec "$venv/bin/python" benches/peers/deepsport-model/compare.py "$target/release/vlm" "${1:-mid}" "${2:-2}"
