"""Batches of pairs: identities evenly, eyes and mouths at their extremes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import fields, replace

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from .batch import Batch
from .clips import TrainingClip
from .labels import MESH_MIRROR, mirror_targets, regions
from .schedule import phase_at
from .settings import Augmentation, TrainSettings
from .window import Window
from .workers import Workers


def take(clip: TrainingClip, source: int, driving: int, window: Window, size: int) -> Batch:
    """A batch of one pair: two frames of a clip, cut to `size` × `size`, with their labels."""
    indices = [source, driving]
    pair = torch.from_numpy(np.stack([clip.frames[index] for index in indices]))
    pictures = window.cut(pair.permute(0, 3, 1, 2).float() / 255, size)
    points, expression = window.move(clip.landmarks[indices]), clip.expression[indices]
    if window.mirror:
        points, expression = points[:, MESH_MIRROR], mirror_targets(expression)
    labels = (points, window.turn(clip.rotation[indices]), expression, regions(points[1]))
    return Batch(pictures[:1], pictures[1:], *(torch.from_numpy(label).float()[None] for label in labels))


def join(batches: Sequence[Batch]) -> Batch:
    """One batch of several."""
    return Batch(*(torch.cat([getattr(one, part.name) for one in batches]) for part in fields(Batch)))


LENS = (4, 4)
"""Points of a lens: coarse enough to bend faces, not features."""


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
        pairs = []
        for _ in range(count):
            pair = take(*self._pair(dice), self._window(dice), size)
            source, driving = self._colour(torch.stack([pair.source, pair.driving]), dice)
            pairs.append(replace(pair, source=source, driving=driving))
        return join(pairs)

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
        zoom = dice.uniform(settings.zoom, settings.zoom_out)
        shift = dice.uniform(-1, 1, size=2) * abs(1 - zoom)
        angle = np.deg2rad(dice.uniform(-1, 1) * settings.rotation)
        mirror = bool(settings.mirror and dice.random() < 0.5)
        lens = dice.normal(scale=settings.lens, size=(*LENS, 2)) if settings.lens else None
        return Window(zoom, angle, shift, mirror, lens)

    def _colour(self, pictures: Tensor, dice: np.random.Generator) -> Tensor:
        settings = self.augmentation
        gain = 1 + settings.contrast * dice.uniform(-1, 1)
        lift = settings.brightness * dice.uniform(-1, 1)
        colour = 1 + settings.colour * torch.from_numpy(dice.uniform(-1, 1, size=(3, 1, 1)))
        mean = pictures.mean()
        return (((pictures - mean) * gain + mean + lift) * colour.float()).clamp(0, 1)


class Batches(IterableDataset[Batch]):
    """The batches of a training from some step on, without end: each step's are drawn by dice of its own.

    So a training that was stopped goes on with the pairs that it would have seen, and no two workers see
    the same.
    """

    def __init__(self, sampler: Sampler, settings: TrainSettings, start: int, workers: Workers) -> None:
        super().__init__()
        self.sampler, self.settings, self.start = sampler, settings, start
        self.rank, self.count = workers.rank, workers.count

    def __iter__(self) -> Iterator[Batch]:
        loader = get_worker_info()
        step, stride = (self.start, 1) if loader is None else (self.start + loader.id, loader.num_workers)
        while True:
            phase, _ = phase_at(self.settings, step)
            dice = np.random.default_rng([self.settings.seed, step, self.rank])
            yield self.sampler.batch(max(1, phase.batch // self.count), phase.size, dice)
            step += stride


def batches(
    clips: Sequence[TrainingClip], settings: TrainSettings, start: int, workers: Workers
) -> Iterator[Batch]:
    """What one worker sees from step `start` on; prepared by other processes where it has a GPU."""
    data = Batches(Sampler(clips, settings.augmentation), settings, start, workers)
    return iter(DataLoader(data, batch_size=None, num_workers=workers.loaders))
