"""Measures `vlm bench` and transformers in turns and prints their ratios; above 1 is faster than transformers.

usage: compare.py VLM CONFIG ROUNDS

Both sides have the same config.json, f32, random weights and two threads, and run in processes of their own: a prompt of 512
tokens, 32 tokens written one by one with a cache, a picture of 640 x 360 through the vision tower, and a training step of 256
tokens (forward, backward, AdamW over all weights; nothing is computed twice on either side). Each side takes the fastest of
its repeats, and the fastest of all rounds. `cpu` is the ratio of the seconds that all threads took together: it says more
than the clock where the machine has other work.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

THREADS = 2
PROMPT, NEW, TRAIN, REPEATS = 512, 32, 256, 3
GRID = [1, 26, 46]  # patches of a picture of 640 x 360
RATES = ["prefill_tokens_per_s", "decode_tokens_per_s", "vision_frames_per_s", "train_tokens_per_s"]


def peer(config_path: str) -> dict:
    """One run of transformers."""
    import torch
    from transformers import DynamicCache, Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    torch.set_num_threads(THREADS)
    torch.manual_seed(0)
    config = Qwen2_5_VLConfig(**json.loads(Path(config_path).read_text()))
    model = Qwen2_5_VLForConditionalGeneration._from_config(config, dtype=torch.float32, attn_implementation="sdpa")
    vocab = config.text_config.vocab_size

    def ids(count: int):
        return torch.tensor([[100 + i * 7919 % 20_000 for i in range(count)]])

    assert int(ids(PROMPT).max()) < vocab - 5
    fastest: dict[str, float] = {}
    cpu: dict[str, float] = {}

    def timed(name: str, run):
        start, cpu_start = time.perf_counter(), time.process_time()
        value = run()
        fastest[name] = min(fastest.get(name, float("inf")), time.perf_counter() - start)
        cpu[name] = min(cpu.get(name, float("inf")), time.process_time() - cpu_start)
        return value

    def prefill():
        cache = DynamicCache(config=config.text_config)
        out = model(input_ids=ids(PROMPT), past_key_values=cache, use_cache=True, logits_to_keep=1)
        return cache, out.logits[:, -1].argmax(-1, keepdim=True)

    def decode(cache, token):
        for _ in range(NEW - 1):
            token = model(input_ids=token, past_key_values=cache, use_cache=True).logits[:, -1].argmax(-1, keepdim=True)

    pixels = torch.rand(GRID[0] * GRID[1] * GRID[2], 1176)
    grid = torch.tensor([GRID])
    model.eval()
    with torch.inference_mode():
        for _ in range(REPEATS + 1):
            cache, token = timed("prefill", prefill)
            timed("decode", lambda: decode(cache, token))
            timed("vision", lambda: model.model.visual(pixels, grid_thw=grid))
    model.train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4)

    def train():
        optimizer.zero_grad(set_to_none=True)
        x = ids(TRAIN)
        logits = model(input_ids=x, use_cache=False).logits
        torch.nn.functional.cross_entropy(logits[0, :-1], x[0, 1:]).backward()
        optimizer.step()

    for _ in range(REPEATS + 1):
        timed("train", train)
    peak = next(int(line.split()[1]) // 1024 for line in open("/proc/self/status") if line.startswith("VmHWM"))
    counts = {"prefill": PROMPT, "decode": NEW - 1, "vision": 1, "train": TRAIN}
    return dict(zip(RATES, (counts[name] / fastest[name] for name in counts))) | {"peak_mib": peak, "cpu_s": cpu}


def main() -> None:
    if sys.argv[1] == "--peer":
        print(json.dumps(peer(sys.argv[2])))
        return
    vlm, name, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3])
    environment = os.environ | {key: str(THREADS) for key in ("RAYON_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")}

    def run(command: list[str]) -> dict:
        done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
        return json.loads(done.stdout.splitlines()[-1])

    with tempfile.TemporaryDirectory() as folder:
        config = f"{folder}/config.json"
        ours, theirs = [], []
        for index in range(rounds):
            ours.append(run([vlm, "bench", "--config", name, "--json", "--write-config", config,
                             "--prompt-tokens", str(PROMPT), "--new-tokens", str(NEW), "--train-tokens", str(TRAIN),
                             "--repeats", str(REPEATS)]))
            theirs.append(run([sys.executable, __file__, "--peer", config]))
            of_round = ", ".join(f"{rate.split('_')[0]} {ours[-1][rate] / theirs[-1][rate]:.2f}" for rate in RATES)
            print(f"round {index + 1} of {rounds}: {of_round}", file=sys.stderr)
    print(f"{'config ' + name:<22} {'ours':>10} {'theirs':>10} {'ratio':>7} {'cpu':>7}")
    for rate in RATES:
        us, them = (max(result[rate] for result in results) for results in (ours, theirs))
        task = rate.split("_")[0]
        cpu_us, cpu_them = (min(result["cpu_s"][task] for result in results) for results in (ours, theirs))
        print(f"{rate:<22} {us:>10.2f} {them:>10.2f} {us / them:>7.2f} {cpu_them / cpu_us:>7.2f}")
    us, them = (min(result["peak_mib"] for result in results) for results in (ours, theirs))
    print(f"{'peak_mib':<22} {us:>10} {them:>10} {us / them:>7.2f}")


if __name__ == "__main__":
    main()
