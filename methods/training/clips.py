"""Prepared clips, as the samplers read them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.face_openings import openings
from ...core.reading import VideoFile
from .labels import expression_targets
from .prepare import Prepared

Array = NDArray[Any]


@dataclass(frozen=True)
class TrainingClip:
    """One prepared clip (see `prepare`); the frames stay on disk.

    Attributes:
        video: what the frames were taken from, cropped and scaled alike, all frames of it.
        identity: who is seen.
        frames: (N, S, S, 3) uint8 RGB.
        landmarks: (N, 478, 2) in [-1, 1] of the crop.
        rotation: (N, 3, 3).
        expression: (N, 55), see `labels.expression_targets`.
        valid: indices of the frames in which a face was found; of the others there are no labels.
        eyes, mouth: openings of the valid frames.
    """

    video: VideoFile
    identity: str
    frames: Array
    landmarks: Array
    rotation: Array
    expression: Array
    valid: Array
    eyes: Array
    mouth: Array

    @classmethod
    def open(cls, clip: Prepared) -> TrainingClip:
        """Open a clip's folder."""
        x, y, side = json.loads((clip.folder / "clip.json").read_text("utf-8"))["crop"]
        labels = np.load(clip.folder / "labels.npz")
        frames = np.load(clip.folder / "frames.npy", mmap_mode="r")
        size = frames.shape[1]
        points, valid = labels["landmarks"], np.flatnonzero(labels["valid"])
        ratios = openings(points[valid])
        return cls(
            VideoFile(clip.footage.path, (size, size), (x, y, side, side)),
            clip.footage.identity,
            frames,
            points * 2 - 1,
            labels["rotation"],
            expression_targets(points, labels["blendshapes"]),
            valid,
            ratios[:, :2].mean(-1),
            ratios[:, 2],
        )
