"""ViTPose-base with random weights, this project's beside transformers' in PyTorch, with both published decoders:
`python compare.py`, in this folder.

First `pip install -r requirements.txt` and `cargo build --release -p pose-cli --features estimate`.
Both load the same checkpoint, get the same pictures, and take turns within one repetition; two threads each. Processor
time counts (of all threads), as other work may share the machine; wall time stands beside it. The mean of the absolute
heat is compared, so that nobody gets away with other numbers.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from transformers import VitPoseBackboneConfig, VitPoseConfig, VitPoseForPoseEstimation

ROOT = Path(__file__).parents[3]
THREADS = 2
REPETITIONS = int(os.environ.get("REPETITIONS", 5))
TICKS = os.sysconf("SC_CLK_TCK")


def program():
    target = os.environ.get("CARGO_TARGET_DIR")
    if target is None:
        metadata = subprocess.check_output(["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=ROOT)
        target = json.loads(metadata)["target_directory"]
    return Path(target) / os.environ.get("PROFILE", "release") / "pose"


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def checkpoint(folder, decoder):
    torch.manual_seed(0)
    labels = {i: f"joint_{i}" for i in range(17)}
    config = VitPoseConfig(backbone_config=VitPoseBackboneConfig(out_indices=[12]), id2label=labels, use_simple_decoder=decoder == "simple")
    model = VitPoseForPoseEstimation(config).eval()
    model.save_pretrained(folder)
    return model


def pictures(batch):
    values = torch.arange(batch * 3 * 256 * 192) * 7919 % 2003
    return (values.float() / 1001.0 - 1.0).reshape(batch, 3, 256, 192)


def compare(decoder, batch, model, folder):
    pixels = pictures(batch)
    ours = subprocess.Popen([program(), "bench", folder, "--batch", str(batch)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            env={**os.environ, "RAYON_NUM_THREADS": str(THREADS)})
    wall, cpu, heat = {"torch": [], "ours": []}, {"torch": [], "ours": []}, {}
    for repetition in range(REPETITIONS + 1):  # the first warms up
        before, start = cpu_seconds(os.getpid()), time.perf_counter()
        with torch.inference_mode():
            heat["torch"] = float(model(pixels).heatmaps.abs().mean())
        wall["torch"].append(time.perf_counter() - start)
        cpu["torch"].append(cpu_seconds(os.getpid()) - before)
        before = cpu_seconds(ours.pid)
        ours.stdin.write("\n")
        ours.stdin.flush()
        seconds, heat["ours"] = map(float, ours.stdout.readline().split())
        wall["ours"].append(seconds)
        cpu["ours"].append(cpu_seconds(ours.pid) - before)
    ours.stdin.close()
    ours.wait()
    if abs(heat["torch"] - heat["ours"]) > 1e-4 * heat["torch"]:
        sys.exit(f"the heatmaps differ: {heat}")
    for name, seconds in (("processor s / picture", cpu), ("wall, pictures / s", wall)):
        torch_s, ours_s = (statistics.median(seconds[peer][1:]) / batch for peer in ("torch", "ours"))
        shown = (torch_s, ours_s) if seconds is cpu else (1 / torch_s, 1 / ours_s)
        print(f"| {decoder} | {batch} | {name} | {shown[0]:.3f} | {shown[1]:.3f} | {torch_s / ours_s:.2f} |", flush=True)


def main():
    torch.set_num_threads(THREADS)
    print("| decoder | pictures | | PyTorch | ours | PyTorch / ours |\n| --- | --- | --- | --- | --- | --- |")
    for decoder in ("simple", "classic"):
        with tempfile.TemporaryDirectory() as folder:
            model = checkpoint(folder, decoder)
            for batch in map(int, sys.argv[1:] or ["1", "4"]):
                compare(decoder, batch, model, folder)


if __name__ == "__main__":
    main()
