"""Batches of pairs: identities evenly, eyes and mouths at their extremes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from .batch import Batch
from .clips import TrainingClip
from .labels import MESH_MIRROR, mirror_targets, regions
from .settings import Augmentation
from .window import Window


class Sampler:
    """Draws batches: an identity, one of its clips, two of its frames.

    A third of the driving frames is drawn from the frames with the most closed eyes, a third over
    the ranks of the mouth's opening (its extremes more often), the rest evenly: blinks and wide
    open mouths are rare, and a model that never sees them wears a mask of a face.
    """

    def __init__(self, clips: Sequence[TrainingClip], augmentation: Augmentation) -> None:
        self.augmentation = augmentation
        people = sorted({clip.identity for clip in clips})
        self.people = [[clip for clip in clips if clip.identity == person] for person in people]

    def batch(self, count: int, size: int, dice: np.random.Generator) -> Batch:
        """`count` augmented pairs at `size` × `size`; all chance comes from `dice`."""
        pictures, landmarks, rotation, expression, boxes = [], [], [], [], []
        for _ in range(count):
            clip, *indices = self._pair(dice)
            window = self._window(dice)
            pair = torch.from_numpy(np.stack([clip.frames[index] for index in indices]))
            cut = window.cut(pair.permute(0, 3, 1, 2).float() / 255, size)
            pictures.append(self._colour(cut, dice))
            points, targets = window.move(clip.landmarks[indices]), clip.expression[indices]
            if window.mirror:
                points, targets = points[:, MESH_MIRROR], mirror_targets(targets)
            landmarks.append(points)
            rotation.append(window.turn(clip.rotation[indices]))
            expression.append(targets)
            boxes.append(regions(points[1]))
        stacked = torch.stack(pictures)
        labels = (
            torch.from_numpy(np.stack(rows)).float() for rows in (landmarks, rotation, expression, boxes)
        )
        return Batch(stacked[:, 0].contiguous(), stacked[:, 1].contiguous(), *labels)

    def _pair(self, dice: np.random.Generator) -> tuple[TrainingClip, int, int]:
        clips = self.people[dice.integers(len(self.people))]
        clip = clips[dice.integers(len(clips))]
        driving = self._driving(clip, dice)
        # The farthest of two draws: neighbouring frames teach little.
        draws = dice.integers(len(clip.valid), size=2)
        source = int(draws[np.argmax(np.abs(draws - driving))])
        return clip, int(clip.valid[source]), int(clip.valid[driving])

    def _driving(self, clip: TrainingClip, dice: np.random.Generator) -> int:
        kind, count = dice.integers(3), len(clip.valid)
        if kind == 0:
            return int(dice.integers(count))
        if kind == 1:
            return int(np.argsort(clip.eyes)[int(count * 0.15 * dice.random())])
        # Beta(0.6, 0.6) favours both ends of the ranks.
        return int(np.argsort(clip.mouth)[min(int(count * dice.beta(0.6, 0.6)), count - 1)])

    def _window(self, dice: np.random.Generator) -> Window:
        settings = self.augmentation
        zoom = dice.uniform(settings.zoom, 1.0)
        shift = dice.uniform(-1, 1, size=2) * (1 - zoom)
        angle = np.deg2rad(dice.uniform(-1, 1) * settings.rotation)
        return Window(zoom, angle, shift, bool(settings.mirror and dice.random() < 0.5))

    def _colour(self, pictures: Tensor, dice: np.random.Generator) -> Tensor:
        settings = self.augmentation
        gain = 1 + settings.contrast * dice.uniform(-1, 1)
        lift = settings.brightness * dice.uniform(-1, 1)
        colour = 1 + settings.colour * torch.from_numpy(dice.uniform(-1, 1, size=(3, 1, 1)))
        mean = pictures.mean()
        return (((pictures - mean) * gain + mean + lift) * colour.float()).clamp(0, 1)
