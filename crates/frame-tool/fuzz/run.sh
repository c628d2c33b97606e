#!/usr/bin/env bash
# Runs the fuzz targets from seeds of our own clips: `crates/frame-tool/fuzz/run.sh [RUNS]`, a million runs by default.
# Needs a nightly compiler and cargo-fuzz (`cargo install cargo-fuzz`).
set -eu
cd "$(dirname "$0")"
runs=${1:-1000000}
mkdir -p corpus/index corpus/frames corpus/call
for seed in ../tests/fixtures/clips/*.{mp4,mov,avi,gif,y4m}; do cp "$seed" corpus/index; cp "$seed" corpus/frames; done
printf '\1<think>3 to 9</think><tool_call>frame_extraction_tool(3, 9)</tool_call>' > corpus/call/function
printf '\1<tool_call>{"action":"choose_frames","frame_range":[3,9]}</tool_call>' > corpus/call/json
printf '\1<action>choose frames between 3 and 9</action><answer>B</answer>' > corpus/call/text
for target in index call frames; do
  cargo +nightly fuzz run "$target" -- -runs="$runs" -max_len=24000 -rss_limit_mb=2048 -timeout=10
done
