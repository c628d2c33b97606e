#!/usr/bin/env python3
"""What Sports2D computes from the pixels of a TRC file: `sports2d_angles.py FILE.trc [VISIBLE_SIDE] > angles.json`.

`pip install sports2d==0.8.34`. Its own function for one person and frame is called, on the file's keypoints as they are:
no filter, no gap filling, no floor angle. VISIBLE_SIDE is its setting, `left` by default; `auto` decides frame by frame.
"""
import json
import sys

import numpy as np
from Pose2Sim.common import angle_dict
from Sports2D.process import compute_angles_for_person

PARTS = {"shoulder": "Shoulder", "elbow": "Elbow", "wrist": "Wrist", "hip": "Hip", "knee": "Knee", "ankle": "Ankle",
         "heel": "Heel", "big_toe": "BigToe", "small_toe": "SmallToe", "eye": "Eye", "ear": "Ear"}
MIDDLE = {"nose": "Nose", "head": "Head", "neck": "Neck", "mid_hip": "Hip"}


def theirs(name):
    if name in MIDDLE:
        return MIDDLE[name]
    side, part = name.split("_", 1)
    return side.upper() + PARTS[part]


lines = open(sys.argv[1]).read().splitlines()
names = [theirs(name) for name in lines[3].split("\t")[2:] if name]
side = sys.argv[2] if len(sys.argv) > 2 else "left"
angle_names = [name for name, (joints, *_) in angle_dict.items() if all(joint in names for joint in joints)]
toes = [names.index(name) for name in ("LBigToe", "LHeel", "RBigToe", "RHeel")]
frames = []
for line in lines[5:]:
    cells = line.split("\t")
    if len(cells) < 3:
        continue
    values = np.array([float(cell) if cell else np.nan for cell in cells[2:]]).reshape(-1, 3)
    x, y = values[:, 0], -values[:, 1]  # y down, as Sports2D has it
    _, angles, seen = compute_angles_for_person(x, y, side, True, list(range(len(names))), names, angle_names, angle_dict,
                                                L_R_direction_idx=toes)
    frames.append({name: (None if np.isnan(angle) else float(angle)) for name, angle in zip(angle_names, angles)} | {"side": seen})
json.dump(frames, sys.stdout)
