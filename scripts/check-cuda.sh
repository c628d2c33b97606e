#!/usr/bin/env bash
# Type-checks what is built for NVIDIA GPUs, on a machine that needs neither a GPU nor CUDA nor LLVM.
#
#   scripts/check-cuda.sh [PACKAGE..]       default: deepsport-model grpo vlm train
#
# burn's CUDA backend compiles its kernels with LLVM, which a build script downloads; DOCS_RS tells it not to, which is enough
# for checking, not for linking. The dependencies are other ones than on the CPU, so they get a target directory of their own:
# the first run takes about twelve minutes of processor time, later ones seconds.
set -euo pipefail
cd "$(dirname "$0")/.."
export DOCS_RS=1 CARGO_TARGET_DIR="${CARGO_TARGET_DIR_CUDA:-target/cuda}"
[ $# -gt 0 ] || set -- deepsport-model grpo vlm train
# all in one go: one after the other, each would want its dependencies with other features
packages=()
for package in "$@"; do
    packages+=(-p "$package")
done
cargo check --locked "${packages[@]}" --features cuda
cargo check --locked "${packages[@]}" --no-default-features --features cuda
echo "type-checked with --features cuda: $*"
