"""Processor time of frame-tool beside torchcodec, decord and PyAV: `python compare.py CLIP...`, from this folder.

First `pip install -r requirements.txt` and `cargo build --release -p frame-tool --features ffmpeg,ffmpeg-link
--example access`.
Three tasks, each from a cold open, RGB at full size: 8 uniform frames, a window of 16 frames, 100 random frames one by
one (the third measured once: it takes minutes). All take their turn within one repetition; the median of the repetitions counts. Processor time, not wall time:
all threads and all child processes are paid for. Means of the pixels are compared, so that nobody gets away with other
frames.
"""

import random
import statistics
import subprocess
import sys
import time
from pathlib import Path

import av
import decord
import numpy as np
from torchcodec.decoders import VideoDecoder

ROOT = Path(__file__).parents[3]
REPETITIONS = 3
OURS = ("embedded", "linked", "process")  # the default; features `ffmpeg-link` and `ffmpeg`


def access():
    import json
    import os
    target = os.environ.get("CARGO_TARGET_DIR")
    if target is None:
        metadata = subprocess.check_output(["cargo", "metadata", "--format-version=1", "--no-deps"], cwd=ROOT)
        target = json.loads(metadata)["target_directory"]
    return str(Path(target) / "release/examples/access")


def torchcodec_frames(clip, case, indices):
    decoder = VideoDecoder(clip, dimension_order="NHWC")
    if case == "single":
        return [decoder.get_frame_at(i).data.numpy() for i in indices]
    return list(decoder.get_frames_at(indices).data.numpy())


def decord_frames(clip, case, indices):
    reader = decord.VideoReader(clip)
    if case == "single":
        return [reader[i].asnumpy() for i in indices]
    return list(reader.get_batch(indices).asnumpy())


def pyav_frames(clip, case, indices):
    """As people write it: seek to the key frame before, decode until the frame's time."""
    frames = []
    with av.open(clip) as container:
        stream = container.streams.video[0]
        times = sorted(packet.pts for packet in container.demux(stream) if packet.pts is not None)
        done = None
        for i in indices:
            if case == "single" or done is None or times[i] - done > 48 * (times[1] - times[0]):
                container.seek(times[i], stream=stream)
            for frame in container.decode(stream):
                if frame.pts >= times[i]:
                    frames.append(frame.to_ndarray(format="rgb24"))
                    done = frame.pts
                    break
    return frames


PEERS = {"torchcodec": torchcodec_frames, "decord": decord_frames, "PyAV": pyav_frames}


def level(frames):
    return statistics.fmean(float(frame.reshape(-1)[::997].mean()) for frame in frames)


def main(clips):
    program = access()
    print("| clip | task | " + " | ".join(PEERS) + " | " + " | ".join(OURS) + " | " +
          " | ".join(f"{name} / best" for name in OURS) + " |")
    print("| --- | --- |" + " --- |" * (len(PEERS) + 2 * len(OURS)))
    for clip in clips:
        num_frames = len(decord.VideoReader(clip))
        middle = num_frames // 2
        tasks = {
            "uniform": np.linspace(0, num_frames - 1, 8).astype(int).tolist(),
            "window": list(range(middle, min(middle + 16, num_frames))),
            "single": random.Random(7).choices(range(num_frames), k=100),
        }
        for case, indices in tasks.items():
            seconds = {name: [] for name in [*PEERS, *OURS]}
            levels = {}
            for _ in range(1 if case == "single" else REPETITIONS):
                for name, take in PEERS.items():
                    start = time.process_time()
                    frames = take(clip, case, indices)
                    seconds[name].append(time.process_time() - start)
                    levels[name] = level(frames)
                for name in OURS:
                    arguments = [program, clip, name, case, "1" if case == "single" else "3", ",".join(map(str, indices))]
                    result = subprocess.run(arguments, capture_output=True, text=True)
                    if result.returncode:
                        print(result.stderr.strip(), file=sys.stderr)
                        seconds[name].append(float("nan"))
                        continue
                    spent, mean = map(float, result.stdout.split())
                    seconds[name].append(spent)
                    levels[name] = mean
            median = {name: statistics.median(values) for name, values in seconds.items()}
            best = min(median[name] for name in PEERS)
            cells = [f"{1000 * median[name]:.0f} ms" for name in seconds]
            ratios = [f"{median[name] / best:.2f}" for name in OURS]
            print(f"| {Path(clip).name} | {case} | " + " | ".join(cells + ratios) + " |", flush=True)
            spread = max(levels.values()) - min(levels.values())
            if spread > 1.5:
                print(f"{clip}, {case}: mean levels differ by {spread:.2f}: {levels}", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:] or sorted(map(str, (ROOT / "../shared/data/video").glob("*.mp4"))))
