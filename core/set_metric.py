"""The contract of a metric of sets: pictures become features, and two sets of features a distance.

A set metric has no value for a frame or a clip. Of every decoded clip, and of its reference, a fixed sample
of frames is turned into features, which the run keeps; a value is made of all clips of an operating point
at once, and again whenever clips are added, without decoding anything.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .errors import MetricError, UsageError
from .metric import PictureMetric, Scorer, Scores, Shape, check_block
from .signature import digest, signature
from .version import __version__
from .video import Frames

Features = NDArray[np.float32]
"""One row a picture: (t, d), float32."""


@dataclass(frozen=True)
class FeatureSet:
    """The features of a set of pictures.

    Attributes:
        clips: of each clip its pictures' features, each (t, d); in one order for sets that are compared.
    """

    clips: Sequence[Features]

    @property
    def pictures(self) -> Features:
        """(N, d): of all clips, in their order."""
        return np.concatenate(list(self.clips))

    def __len__(self) -> int:
        return sum(map(len, self.clips))


@dataclass(frozen=True)
class SetValue:
    """A value of two sets.

    Attributes:
        value: of all pictures.
        standard_error: how far it depends on which clips were chosen, or None where nobody can say.
    """

    value: float
    standard_error: float | None = None


def sampled_frames(frames: int, most: int, count_first: bool) -> NDArray[np.int64]:
    """Which frames of a clip stand for it: the middles of equal stretches, all frames where they are few.

    Args:
        frames: in the clip, frame 0 included.
        most: frames that are taken, at most.
        count_first: whether frame 0 may be among them.

    Returns:
        their numbers, ascending, each once.

    Raises:
        MetricError: there is no frame to take.
    """
    first = 0 if count_first else 1
    there = frames - first
    if there < 1:
        raise MetricError(
            f"{frames} frames were scored and frame 0 does not count; "
            "score at least two frames, or set run.count_first=true"
        )
    taken = min(most, there)
    return first + (2 * np.arange(taken) + 1) * there // (2 * taken)


class SetMetric(PictureMetric):
    """A metric of a set of pictures against the set of their references.

    Metrics of one `space` share their features: they are made and stored once.

    Args:
        frames_per_clip: frames of a clip that are taken, at most (`sampled_frames`).
        count_first: whether frame 0, which neural methods send as a picture, may be among them.

    Raises:
        UsageError: frames_per_clip is no whole number above 0.
    """

    extractor: ClassVar[str]
    """What makes the features, such as ``inception``; part of the names of their files."""

    def __init__(self, *, frames_per_clip: int = 16, count_first: bool = False) -> None:
        super().__init__(count_first=count_first)
        if isinstance(frames_per_clip, bool) or not isinstance(frames_per_clip, int) or frames_per_clip < 1:
            key = f"metrics.{self.name}.frames_per_clip"
            raise UsageError(f"{key}={frames_per_clip} found; give a whole number of at least 1, such as 16")
        self.frames_per_clip = frames_per_clip

    @abstractmethod
    def extraction(self) -> Mapping[str, Any]:
        """All that changes a picture's features: the network, its weights' hash, resizing, input range."""

    @abstractmethod
    def features(self, pictures: Frames) -> Features:
        """Features of pictures, each by itself.

        Args:
            pictures: (t, H, W, 3) uint8 RGB.

        Returns:
            (t, d) float32, d the same for all sizes.

        Raises:
            AssetError: the network's weights are missing.
        """

    @abstractmethod
    def compare(self, reference: FeatureSet, decoded: FeatureSet) -> Mapping[str, SetValue]:
        """The values of two sets, by column name; a pure function of them.

        Args:
            reference: of the original clips.
            decoded: of the same frames decoded, in the same order.

        Raises:
            MetricError: no such value for so few pictures, or for sets of unequal size.
        """

    def caution(self, pictures: int) -> str:
        """What a reader must know of a value of so few pictures, or ''."""
        return ""

    def settings(self) -> Mapping[str, Any]:
        return {**self.extraction(), "sample": f"middles-{self.frames_per_clip}"}

    @property
    def space(self) -> str:
        """Name of the stored features: equal where the same frames give the same features."""
        extraction = {**self.extraction(), **self.region}
        made = [self.extractor, extraction, self.frames_per_clip, self.count_first, __version__]
        return f"{self.extractor}-{digest(made)[:12]}"

    def set_signature(self, pictures: int, clips: int, of: str) -> str:
        """The recipe of one set's values: equal only where the sets are of the same frames of the same clips.

        Args:
            pictures: N, how many are in the set.
            clips: how many they are of.
            of: hash of the clips and the space.
        """
        pictured = {"n": pictures, "clips": clips, "set": of}
        return signature(self.name, {**self.recipe(), **pictured}, __version__)

    def start(self, shape: Shape) -> Scorer:
        if shape.frames is None:
            raise MetricError(
                f"{self.name} takes a sample of a clip's frames, whose number was not given; "
                "name it in Shape.frames"
            )
        return _SampleScorer(
            self, shape, sampled_frames(shape.frames, self.frames_per_clip, self.count_first)
        )


class _SampleScorer(Scorer):
    def __init__(self, metric: SetMetric, shape: Shape, sample: NDArray[np.int64]) -> None:
        self.metric, self.shape, self.sample = metric, shape, sample
        self.blocks: list[Features] = []
        self.seen = 0

    def update(self, reference: Any, decoded: Frames) -> None:
        check_block(self.shape, decoded)
        here = self.sample[(self.sample >= self.seen) & (self.sample < self.seen + len(decoded))] - self.seen
        self.seen += len(decoded)
        if len(here):
            self.blocks.append(np.asarray(self.metric.features(decoded[here]), np.float32))

    def finish(self) -> Scores:
        if self.seen != self.shape.frames:
            raise MetricError(f"{self.seen} frames were scored, {self.shape.frames} expected")
        features = np.concatenate(self.blocks)
        if not np.isfinite(features).all():
            raise MetricError("a feature is not a finite number; check the network and its input")
        return Scores({}, features=features)
