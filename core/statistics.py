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
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 4999


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
    given = np.fromiter(values, np.float64)
    counted = given[~np.isnan(given)]
    left_out = len(given) - len(counted)
    if len(counted) == 0:
        return Interval(math.nan, None, None, 0, left_out)
    mean = float(np.mean(counted))
    if len(counted) == 1 or not np.isfinite(counted).all():
        return Interval(mean, None, None, len(counted), left_out)
    from scipy.stats import bootstrap

    found = bootstrap(
        (counted,),
        np.mean,
        n_resamples=RESAMPLES,
        batch=max(1, 4_000_000 // len(counted)),  # 32 MB of drawn values at a time
        confidence_level=confidence,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(mean, float(found.low), float(found.high), len(counted), left_out)


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
