"""Metrics of what changes from one frame to the next."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.errors import MetricError
from ..core.metric import PictureMetric, Scorer, Scores, Shape, check_block
from ..core.video import Frames


class NeighbourMetric(PictureMetric):
    """A metric whose frames' values each belong to a frame and the one before it.

    Frame 0 has none, and a clip's value is the mean over all other frames that have one, whatever
    run.count_first says: the step from frame 0 to frame 1 is one that is seen.
    """

    without: ClassVar[str] = "no frame has a value"
    """Why a clip of several frames has no value."""

    @abstractmethod
    def prepare(self, reference: Frames) -> Sequence[Any]:
        """One item a frame of the reference."""

    @abstractmethod
    def look(self, decoded: Frames) -> Sequence[Any]:
        """One item a decoded frame."""

    @abstractmethod
    def change(self, reference: tuple[Any, Any], decoded: tuple[Any, Any]) -> Sequence[float]:
        """The values of a frame, in the order of `columns`.

        Args:
            reference, decoded: items of the frame before and of the frame.

        Returns:
            finite numbers, or NaN for all columns where the frame has no value.
        """

    def start(self, shape: Shape) -> Scorer:
        return _NeighbourScorer(self, shape)


class _NeighbourScorer(Scorer):
    def __init__(self, metric: NeighbourMetric, shape: Shape) -> None:
        self.metric, self.shape = metric, shape
        self.before: tuple[Any, Any] | None = None
        self.rows: list[Sequence[float]] = []

    def update(self, reference: Sequence[Any], decoded: Frames) -> None:
        check_block(self.shape, decoded)
        for now in zip(reference, self.metric.look(decoded), strict=True):
            if self.before is None:
                self.rows.append([np.nan] * len(self.metric.columns))
            else:
                was = self.before
                self.rows.append(self.metric.change((was[0], now[0]), (was[1], now[1])))
            self.before = now

    def finish(self) -> Scores:
        name, columns = self.metric.name, self.metric.columns
        if len(self.rows) < 2:
            raise MetricError(
                f"{len(self.rows)} frames were scored and {name} compares neighbours; score at least two"
            )
        values = np.array(self.rows, np.float64).T
        frames = dict(zip(columns, values, strict=True))
        if np.isnan(values[:, 1:]).all():
            return Scores({}, frames, dict.fromkeys(columns, self.metric.without))
        return Scores({column: float(np.nanmean(row)) for column, row in frames.items()}, frames)
