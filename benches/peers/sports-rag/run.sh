#!/usr/bin/env bash
# Speed of sports-rag beside tantivy-py over the same documents and questions, in one run.
#
#   benches/peers/sports-rag/run.sh DATA [ROUNDS]
#
# DATA is the folder of judged collections (../shared/data/retrieval). The Python side lives in a virtual environment
# under target/; nothing is installed elsewhere.
set -euo pipefail
data=$(realpath "${1:?usage: run.sh DATA [ROUNDS]}")
cd "$(dirname "$0")/../../.."
target=${CARGO_TARGET_DIR:-target}
venv=$target/peers/sports-rag
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
"$venv/bin/pip" install --quiet --requirement benches/peers/sports-rag/requirements.txt
cargo build --release --quiet -p retrieval-eval
exec "$venv/bin/python" benches/peers/sports-rag/compare.py "$target/release/retrieval-eval" "$data" "${2:-5}"
