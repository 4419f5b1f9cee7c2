"""Single frames with their labels, for what is learnt from labels alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional as F

from .clips import TrainingClip
from .labels import MESH_MIRROR, mirror_targets
from .window import Window

Array = NDArray[Any]


class LabelledFrames:
    """All labelled frames of some clips in memory at the motion size, drawn evenly by person."""

    def __init__(self, clips: Sequence[TrainingClip], size: int, seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.pictures = torch.empty(
            (sum(len(clip.valid) for clip in clips), 3, size, size), dtype=torch.uint8
        )
        rotations, targets, people, ranks, points = [], [], [], [], []
        starts: list[Array] = []
        lengths: list[Array] = []
        names = sorted({clip.identity for clip in clips})
        filled = 0
        for clip in clips:
            count = len(clip.valid)
            starts.append(np.full(count, filled))
            lengths.append(np.full(count, count))
            for part in np.array_split(clip.valid, -(-count // 64)):
                stack = torch.from_numpy(np.asarray(clip.frames[part])).permute(0, 3, 1, 2).float()
                small = F.interpolate(stack, size=(size, size), mode="area").round().byte()
                self.pictures[filled : filled + len(small)] = small
                filled += len(small)
            rotations.append(clip.rotation[clip.valid])
            targets.append(clip.expression[clip.valid])
            points.append(clip.landmarks[clip.valid])
            people.append(np.full(count, names.index(clip.identity)))
            # Rare frames, with closed eyes or an open mouth, are drawn three times as often.
            rare = (clip.eyes <= np.quantile(clip.eyes, 0.12)) | (clip.mouth >= np.quantile(clip.mouth, 0.8))
            ranks.append(np.where(rare, 3.0, 1.0))
        self.rotation = np.concatenate(rotations)
        self.targets = np.concatenate(targets)
        self.start, self.length = np.concatenate(starts), np.concatenate(lengths)
        self.landmarks = np.concatenate(points)
        person = np.concatenate(people)
        weight = np.concatenate(ranks)
        total = np.bincount(person, weight)
        # A person with few frames should not be seen as often as one with a thousand.
        frames = np.bincount(person)
        self.cumulative = np.cumsum(weight / total[person] * np.sqrt(frames[person]))
        self.cumulative /= self.cumulative[-1]

    def draw(self, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Augmented pictures (B, 3, S, S), rotations (B, 3, 3), landmarks (B, 478, 2), expressions (B, 55).

        The second half of the batch shows the people of the first half, from the same clips, at
        the same scale: there is no number that could say they came nearer.
        """
        first = np.minimum(
            np.searchsorted(self.cumulative, self.random.random(count // 2)), len(self.pictures) - 1
        )
        second = self.start[first] + self.random.integers(self.length[first])
        rows = np.concatenate([first, second])
        pictures = self.pictures[torch.from_numpy(rows)].float() / 255
        affines, rotations, targets, landmarks = [], [], [], []
        zooms = np.tile(self.random.uniform(0.75, 1.05, count // 2), 2)
        mirrors = np.tile(self.random.random(count // 2) < 0.5, 2)
        for row, zoom, mirror in zip(rows, zooms, mirrors, strict=True):
            shift = self.random.uniform(-1, 1, 2) * 0.15
            window = Window(zoom, np.deg2rad(self.random.uniform(-10, 10)), shift, bool(mirror))
            affines.append(window.affine)
            rotations.append(window.turn(self.rotation[row]))
            points, target = window.move(self.landmarks[row]), self.targets[row]
            landmarks.append(points[MESH_MIRROR] if mirror else points)
            targets.append(mirror_targets(target) if mirror else target)
        grid = F.affine_grid(
            torch.from_numpy(np.stack(affines)).float(), list(pictures.shape), align_corners=False
        )
        pictures = F.grid_sample(pictures, grid, padding_mode="reflection", align_corners=False)
        gain = torch.from_numpy(self.random.uniform(0.75, 1.25, (len(rows), 1, 1, 1))).float()
        lift = torch.from_numpy(self.random.uniform(-0.15, 0.15, (len(rows), 3, 1, 1))).float()
        turned, mesh, expression = (
            torch.from_numpy(np.stack(one)).float() for one in (rotations, landmarks, targets)
        )
        return (pictures * gain + lift).clamp(0, 1), turned, mesh, expression
