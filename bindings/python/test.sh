#!/usr/bin/env bash
# Builds the wheel in a fresh environment, installs it there and runs the tests: bindings/python/test.sh [FOLDER]
# FOLDER keeps the environment and the wheel for another time; without it both are thrown away.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:-$(mktemp -d)}
[ -n "${1:-}" ] || trap 'rm -rf "$folder"' EXIT
mkdir -p "$folder"
[ -x "$folder/venv/bin/python" ] || python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"

"$python" -m pip install --quiet 'maturin>=1.9,<2'
"$folder/venv/bin/maturin" build --quiet --release --locked --manifest-path "$here/Cargo.toml" --out "$folder/wheels"
wheel=$(ls -t "$folder"/wheels/*.whl | head -n 1)
"$python" -m pip install --quiet --force-reinstall --no-deps "$wheel"
"$python" -m pip install --quiet "$wheel[test]"
cd "$here" # for pytest's settings; the package itself comes from the wheel
"$python" -m pytest --quiet --import-mode=importlib
"$python" -m mypy --strict tests/typed.py
