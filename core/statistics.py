"""Uncertainty over clips: percentile bootstrap intervals and paired differences.

The clip is the unit that is drawn again, since frames of one clip are not independent. What counts:

- NaN says that a metric does not apply to a clip: the clip is left out, and counted as left out.
- Infinity counts: the mean is infinite then, and has no interval.
- One clip has no interval. Neither has none, whose mean is NaN.

A percentile bootstrap of very few clips is too narrow (of five clips by about a third), which no
resampling can mend: show the number of clips beside every interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.95
RESAMPLES = 4999
_TOGETHER = 64
"""Rows that are drawn in step."""


@dataclass(frozen=True)
class Interval:
    """A mean over clips and where it may lie.

    Attributes:
        mean: over the clips that count; NaN where there is none.
        low, high: ends of the 95 % interval, or None where there is none.
        clips: how many clips count.
        left_out: how many do not, since the value does not apply to them.
    """

    mean: float
    low: float | None
    high: float | None
    clips: int
    left_out: int = 0

    @property
    def excludes_zero(self) -> bool:
        """Whether there is an interval and zero lies outside of it."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def mean_interval(values: Iterable[float], *, seed: int = 0, confidence: float = CONFIDENCE) -> Interval:
    """Mean over clips with its percentile bootstrap interval.

    Args:
        values: one a clip; NaN where the metric does not apply.
        seed: of the resampling; the same seed and values give the same interval.
        confidence: of the interval, in (0, 1).

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13; by scipy.
    """
    return mean_intervals([values], seed=seed, confidence=confidence)[0]


def mean_intervals(
    rows: Iterable[Iterable[float]], *, seed: int = 0, confidence: float = CONFIDENCE
) -> list[Interval]:
    """`mean_interval` of each row, to rounding, and several times as fast as one by one.

    Args:
        rows: of values, one a clip.
        seed, confidence: as for `mean_interval`.
    """
    found: list[Interval] = []
    drawn: dict[int, list[tuple[int, NDArray[np.float64]]]] = {}  # by the number of clips that count
    for row in rows:
        given = np.fromiter(row, np.float64)
        counted = given[~np.isnan(given)]
        mean = float(np.mean(counted)) if len(counted) else math.nan
        if len(counted) > 1 and np.isfinite(counted).all():
            drawn.setdefault(len(counted), []).append((len(found), counted))
        found.append(Interval(mean, None, None, len(counted), len(given) - len(counted)))
    for same in drawn.values():
        for start in range(0, len(same), _TOGETHER):
            numbers, stacked = zip(*same[start : start + _TOGETHER], strict=True)
            low, high = _ends(np.stack(stacked), seed, confidence)
            for number, one_low, one_high in zip(numbers, low, high, strict=True):
                found[number] = replace(found[number], low=one_low, high=one_high)
    return found


def _ends(rows: NDArray[np.float64], seed: int, confidence: float) -> tuple[list[float], list[float]]:
    """Lower and upper ends, m each, of the intervals of rows (m, n), which are drawn in step."""
    from scipy.stats import bootstrap

    interval = bootstrap(
        (rows,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=max(1, 4_000_000 // rows.size),  # 32 MB of drawn values at a time
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
        axis=-1,
    ).confidence_interval
    return np.asarray(interval.low).tolist(), np.asarray(interval.high).tolist()


def paired_difference(
    first: Mapping[str, float], second: Mapping[str, float], *, seed: int = 0, confidence: float = CONFIDENCE
) -> Interval:
    """Mean of `first` minus `second`, clip by clip, with the bootstrap interval of the differences.

    'A beats B' holds where the interval excludes zero on the better side. A clip that only one of the
    two has, or that has NaN in one of them, is left out and counted.

    Args:
        first, second: values by clip name.
        seed, confidence: as for `mean_interval`.
    """
    clips = sorted(first.keys() | second.keys())
    with np.errstate(invalid="ignore"):  # infinity minus infinity says nothing: NaN, left out
        differences = [
            float(np.subtract(first.get(clip, math.nan), second.get(clip, math.nan))) for clip in clips
        ]
    return mean_interval(differences, seed=seed, confidence=confidence)
