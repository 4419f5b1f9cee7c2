"""Drawing clips again, for what is no mean of clips' values, such as a ratio of two means."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..core.statistics import CONFIDENCE, RESAMPLES

Reals = NDArray[np.float64]


def draws(clips: int, seed: int) -> Reals:
    """Weights of clips, (1 + RESAMPLES, clips): the first row weighs all alike, each other is a bootstrap's.

    A row sums to 1, so that `weights @ values` are means. The same seed gives the same draws, so that what
    is made of them (two means, a codec's rate and its quality) belongs together.

    Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, ch. 13.
    """
    drawn = np.random.default_rng(seed).multinomial(clips, np.full(clips, 1 / clips), size=RESAMPLES)
    return np.concatenate([np.ones((1, clips)), drawn]) / clips


def ends(drawn: Reals) -> tuple[float, float]:
    """The 95 % percentile interval of (n,) values; infinite ones count, and NaN has none (NaN)."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail), method="inverted_cdf")
    return float(low), float(high)
