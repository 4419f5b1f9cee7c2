"""What metrics of faces have in common: frames without a face have no value, and are counted."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Generic, TypeVar

import numpy as np

from ..core.errors import MetricError
from ..core.metric import Column, PictureMetric, Scorer, Scores, Shape, Values, check_block, counted
from ..core.metric import pooled_present as present
from ..core.video import Frames

Face = TypeVar("Face")


class FaceMetric(PictureMetric, Generic[Face]):
    """A metric that compares the largest face of a decoded frame with that of its reference.

    A frame in which either has no face has no value (NaN by frame), and a clip's value is the mean over the
    frames that have one. Two more columns say how many those are, of the frames that count: NAME_miss, the
    share of the frames whose reference has a face in which the decoded one has none; NAME_unseen, the share
    in which the reference itself has none. A column that no frame has a value for gives its reason instead.
    """

    detector: str
    """Who looks for faces, for messages."""
    measures: ClassVar[tuple[str, ...]]
    """Columns apart from NAME_miss and NAME_unseen."""

    @abstractmethod
    def find(self, frames: Frames) -> Sequence[Face | None]:
        """The largest face of each frame of a block (t, H, W, 3), or None where there is none."""

    @abstractmethod
    def compare(self, reference: Face, decoded: Face) -> Mapping[str, float]:
        """A frame's value in each of `measures`."""

    def lost(self, reference: Face) -> Mapping[str, float]:
        """What a frame without the face of its reference counts as, by column; mostly nothing."""
        return {}

    @property
    def columns(self) -> tuple[str, ...]:
        return (*self.measures, f"{self.name}_miss", f"{self.name}_unseen")

    def column(self, name: str) -> Column:
        return super().column(name) if name in self.measures else Column("share", "lower", counts=True)

    def prepare(self, reference: Frames) -> Sequence[Face | None]:
        return self.find(reference)

    def start(self, shape: Shape) -> Scorer:
        return FaceScorer(self, shape)


class FaceScorer(Scorer):
    """Keeps a row a frame, and pools them when all are there."""

    def __init__(self, metric: FaceMetric[Any], shape: Shape) -> None:
        self.metric, self.shape = metric, shape
        self.rows: list[Mapping[str, float]] = []

    def update(self, reference: Sequence[Any], decoded: Frames) -> None:
        check_block(self.shape, decoded)
        if len(reference) != len(decoded):
            raise MetricError(
                f"{len(decoded)} frames were decoded, {len(reference)} expected; decode all of them"
            )
        pairs = zip(reference, self.metric.find(decoded), strict=True)
        self.rows += [self._row(real, found) for real, found in pairs]

    def _row(self, reference: Any, decoded: Any) -> Mapping[str, float]:
        miss, unseen = f"{self.metric.name}_miss", f"{self.metric.name}_unseen"
        if reference is None:
            return {unseen: 1.0}
        if decoded is None:
            return {**self.metric.lost(reference), miss: 1.0, unseen: 0.0}
        return {**self.metric.compare(reference, decoded), miss: 0.0, unseen: 0.0}

    def finish(self) -> Scores:
        nothing = float("nan")
        frames: dict[str, Values] = {
            column: np.array([row.get(column, nothing) for row in self.rows], np.float64)
            for column in self.metric.columns
        }
        clip = {column: present(values, self.metric.count_first) for column, values in frames.items()}
        return Scores(
            {column: float(np.mean(values)) for column, values in clip.items() if len(values)},
            frames,
            {column: self._why(frames) for column, values in clip.items() if not len(values)},
        )

    def _why(self, frames: Mapping[str, Values]) -> str:
        unseen = counted(frames[f"{self.metric.name}_unseen"], self.metric.count_first)
        if unseen.all():
            where = f"{len(unseen)} reference frames that count"
        else:
            where = f"{int((1 - unseen).sum())} decoded frames whose reference has one"
        return f"{self.metric.detector} finds no face in any of the {where}"
