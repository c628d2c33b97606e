#!/usr/bin/env bash
# Type-checks what is built for NVIDIA GPUs, on a machine that needs neither a GPU nor CUDA nor LLVM.
#
#   scripts/check-cuda.sh [PACKAGE..]       default: deepsport-model grpo vlm
#
# burn's CUDA backend compiles its kernels with LLVM, which a build script downloads; DOCS_RS tells it not to, which is enough
# for checking, not for linking. The dependencies are other ones than on the CPU, so they get a target directory of their own:
# the first run takes a quarter of an hour on two free cores, later ones seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOCS_RS=1 CARGO_TARGET_DIR="${CARGO_TARGET_DIR_CUDA:-target/cuda}"
[ $# -gt 0 ] || set -- deepsport-model grpo vlm
for package in "$@"; do
    echo "== $package"
    cargo check --locked -p "$package" --features cuda
    cargo check --locked -p "$package" --no-default-features --features cuda
done
echo "all packages type-check with --features cuda"
