"""How far voters agree with each other, beyond chance: Krippendorff's alpha."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...core.statistics import Interval
from ..resampling import Reals
from .preference import interval

DRAWS = 999
"""Of the clips: alpha comes from a library, one draw at a time."""
Level = Literal["nominal", "ordinal"]


@dataclass(frozen=True)
class Agreement:
    """Krippendorff's alpha: 1 where all agree, 0 where they agree as often as chance, below 0 where less.

    Attributes:
        of: what was asked.
        level: of measurement: nominal for choices, ordinal for ratings.
        alpha: with its interval over clips; NaN where it is not defined (no question has two answers, or all
            answers are alike).
        questions: those with two answers or more.
    """

    of: str
    level: Level
    alpha: Interval
    questions: int


def agreement(
    of: str, level: Level, counts: NDArray[np.int64], clips: NDArray[np.int64], weights: Reals
) -> Agreement:
    """Alpha of all questions of a kind.

    Args:
        of: what was asked.
        level: of measurement.
        counts: of each question how often each answer was given, (N, V), answers in order if they have one.
        clips: number of the clip that each question is about, (N,).
        weights: `draws` of the clips, (B, C).

    Source: Krippendorff, Content Analysis, 2004, ch. 11; by `krippendorff`.
    """
    several = counts.sum(axis=1) > 1
    counts, clips = counts[several], clips[several]
    times = np.rint(weights[: DRAWS + 1] * weights.shape[1]).astype(np.int64)[:, clips]
    drawn = np.array([_alpha(np.repeat(counts, one, axis=0), level) for one in times])
    return Agreement(of, level, interval(drawn, len(np.unique(clips))), len(counts))


def _alpha(counts: NDArray[np.int64], level: Level) -> float:
    import krippendorff

    if (counts.sum(axis=0) > 0).sum() < 2:
        return math.nan
    return float(krippendorff.alpha(value_counts=counts, level_of_measurement=level))
