"""Drawing clips again, for what is no mean of clips' values, such as a ratio of two means."""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from ..core.statistics import CONFIDENCE, RESAMPLES, Interval

Reals = NDArray[np.float64]


@lru_cache(maxsize=8)
def draws(clips: int, seed: int) -> Reals:
    """Weights of clips, (1 + RESAMPLES, clips): the first row weighs all alike, each other is a bootstrap's.

    A row sums to 1, so that `weights @ values` are means. The same seed gives the same draws, so that what
    is made of them (two means, a codec's rate and its quality) belongs together.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13.
    """
    drawn = np.random.default_rng(seed).multinomial(clips, np.full(clips, 1 / clips), size=RESAMPLES)
    weights = np.concatenate([np.ones((1, clips)), drawn]) / clips
    weights.setflags(write=False)
    return weights


def ratio_of_means(numerators: Reals, denominators: Reals, seed: int) -> Interval:
    """The mean of n clips' numerators divided by that of their denominators, which are positive.

    A clip weighs as much as its denominator, where the mean of the clips' own ratios weighs all alike.
    """
    clips = len(numerators)
    if not clips:
        return Interval(math.nan, None, None, 0)
    weights = draws(clips, seed)
    drawn = (weights @ numerators) / (weights @ denominators)
    low, high = ends(drawn[1:]) if clips > 1 else (None, None)
    return Interval(float(drawn[0]), low, high, clips)


def ends(drawn: Reals) -> tuple[float, float]:
    """The 95 % percentile interval of (n,) values; infinite ones count, and NaN has none (NaN)."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail), method="inverted_cdf")
    return float(low), float(high)
