"""Whether the face acts: how far eyes or mouth are open, followed over a clip."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from ..core.face_landmarks import settings as face_settings
from ..core.face_openings import Array, openings
from ..core.metric import Scorer, Scores, Shape, Values
from ..core.shared_assets import FACE_LANDMARKER
from ..core.video import Frames
from .face_metric import FaceMetric, FaceScorer
from .mesh_faces import faces

CONSTANT = 1e-6
"""A series whose range is not above this is constant; the landmarks' own float32 is as coarse."""

FEWEST = 3
"""Frames of which a correlation says something: two always lie on a line."""


class OpeningMetric(FaceMetric[float]):
    """A metric of the opening of one part of the face over time."""

    part: ClassVar[str]
    """Of the face: 'mouth' or 'eye'."""
    detector = "MediaPipe"
    assets = (FACE_LANDMARKER,)

    @staticmethod
    @abstractmethod
    def opening(ratios: Array) -> Array:
        """The opening (...) of `core.face_openings.openings` (..., 4)."""

    @abstractmethod
    def follow(self, reference: Values, decoded: Values, shape: Shape) -> Scores:
        """The `measures` of a clip.

        Args:
            reference, decoded: opening (n,) in each frame; NaN in both where one of the faces is missing or
                the frame does not count, and not NaN everywhere.
            shape: of the clip.
        """

    def settings(self) -> Mapping[str, Any]:
        return {"opening": self.part, **face_settings()}

    def find(self, frames: Frames) -> Sequence[float | None]:
        return [
            None if face is None else float(self.opening(openings(face.points))) for face in faces(frames)
        ]

    @property
    def series(self) -> tuple[str, str]:
        """Names of the reference's and the decoded clip's openings among the values by frame."""
        return f"{self.part}_opening_reference", f"{self.part}_opening"

    def compare(self, reference: float, decoded: float) -> Mapping[str, float]:
        return dict(zip(self.series, (reference, decoded), strict=True))

    def start(self, shape: Shape) -> Scorer:
        return _SeriesScorer(self, shape)


class _SeriesScorer(FaceScorer):
    """Follows the openings when all are there; they are stored by frame, for curves."""

    metric: OpeningMetric

    def finish(self) -> Scores:
        scores, metric = super().finish(), self.metric
        series = {key: np.array([row.get(key, np.nan) for row in self.rows]) for key in metric.series}
        counts = {key: values for key, values in scores.frames.items() if key not in metric.measures}
        frames = {**series, **counts}
        reference, decoded = (values.copy() for values in series.values())
        if not metric.count_first:
            reference[:1] = decoded[:1] = np.nan
        if np.isnan(reference).all():
            return Scores(scores.values, frames, scores.absent)
        found = metric.follow(reference, decoded, self.shape)
        return Scores({**scores.values, **found.values}, frames, found.absent)


class OpeningCorrelation(OpeningMetric):
    """Correlation of the opening over time with the original's, and the range beside it."""

    direction = "higher"
    unit = ""
    least: ClassVar[float]
    """Standard deviation of the opening, in its own unit, from which on the original moves."""

    def settings(self) -> Mapping[str, Any]:
        return {**super().settings(), "moves": self.least, "constant": 0}

    def follow(self, reference: Values, decoded: Values, shape: Shape) -> Scores:
        there = ~np.isnan(reference)
        original, shown = reference[there], decoded[there]
        if len(original) < FEWEST:
            reason = f"a face is found in {len(original)} pairs of frames that count, {FEWEST} are needed"
        elif original.std() < self.least:
            reason = (
                f"the original's {self.part} hardly moves: the standard deviation of its opening is "
                f"{original.std():.4f}, below {self.least:g}"
            )
        else:
            values = correlation(original, shown), alike(original.std(), shown.std())
            return Scores(dict(zip(self.measures, values, strict=True)))
        return Scores({}, absent=dict.fromkeys(self.measures, reason))


def correlation(original: Values, shown: Values) -> float:
    """Pearson's correlation of two series (n,); 0 where the second one is constant."""
    if np.ptp(shown) <= CONSTANT:
        return 0.0
    return float(np.corrcoef(original, shown)[0, 1])


def alike(a: float, b: float) -> float:
    """The smaller of two sizes over the larger: 1 where they are equal."""
    return float(min(a, b) / max(a, b))
