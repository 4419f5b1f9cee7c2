"""A codec's rate over its quality on one clip: when it is a curve, and what can be read off it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..core.errors import TalkbenchError
from ..core.statistics import Interval
from .aggregate import Point, Results

if TYPE_CHECKING:
    from scipy.interpolate import PchipInterpolator


class Refusal(TalkbenchError):
    """Two codecs cannot be compared on a clip; the message says why, and is the same for all such clips."""


@dataclass(frozen=True)
class Curve:
    """A codec's points on one clip, from the lowest rate to the highest.

    Attributes:
        rates: positive and rising, in the rate's own unit.
        scores: rising: the metric, negated where lower is better.
    """

    rates: tuple[float, ...]
    scores: tuple[float, ...]

    def interpolator(self) -> PchipInterpolator:
        """The logarithm of the rate over the score: piecewise cubic, monotone, through every point.

        Source: Fritsch and Butland, SIAM J. Sci. Stat. Comput. 5, 1984, by scipy; in place of one cubic
        through all points since JCTVC-H0030.
        """
        from scipy.interpolate import PchipInterpolator

        return PchipInterpolator(self.scores, np.log(self.rates))


def sign(results: Results, metric: str) -> int:
    """1 where more of a metric is better, -1 where less is."""
    return 1 if results.metrics[metric]["direction"] == "higher" else -1


def clip_metrics(results: Results) -> tuple[str, ...]:
    """The picture metrics that have a value for each clip; those of sets have none to draw a curve of."""
    return tuple(name for name in results.pictures if results.metrics[name]["kind"] == "picture")


def rate_unit(results: Results) -> str | None:
    """The rate that ratios are made of, such as ``bpp``, or None: on one clip all are proportional."""
    return results.rates[0].rpartition("_")[0] if results.rates else None


def block_codecs(results: Results) -> tuple[str, ...]:
    """The methods that others are held against: those whose settings name an `encoder` of ffmpeg's."""
    described = results.manifest["methods"]
    return tuple(
        method
        for method in results.methods
        if any("encoder" in point.get("describe", {}) for point in described.get(method, {}).values())
    )


def curve(results: Results, method: str, clip: str, metric: str, rate: str, least: int) -> Curve:
    """A method's curve on a clip.

    Args:
        results: of the run.
        method, clip, metric: names.
        rate: a rate's column, such as ``bpp_total``.
        least: how many points it must have.

    Raises:
        Refusal: too few points, no rate, or a quality that does not rise with the rate.
    """
    pairs = sorted(
        (value(results, rate, point, clip), sign(results, metric) * value(results, metric, point, clip))
        for point in results.points
        if point[0] == method
    )
    kept = [pair for pair in pairs if all(map(math.isfinite, pair))]
    if len(kept) < least:
        have = f"{len(kept)} point{'' if len(kept) == 1 else 's'}"
        raise Refusal(f"{method} has {have} with {metric} and a rate, of {least} that it takes")
    rates, scores = zip(*kept, strict=True)
    if rates[0] <= 0:
        raise Refusal(f"{method} has a point of rate 0")
    if not (np.all(np.diff(rates) > 0) and np.all(np.diff(scores) > 0)):
        raise Refusal(f"{method} is not better in {metric} at each higher rate")
    return Curve(rates, scores)


def value(results: Results, metric: str, point: Point, clip: str) -> float:
    """A clip's value, NaN where there is none."""
    return results.values.get(metric, {}).get(point, {}).get(clip, math.nan)


def counted(reasons: Mapping[str, int]) -> str:
    """Reasons with the number of clips of each, in words."""
    return "; ".join(
        f"{count} clip{'' if count == 1 else 's'}: {reason}" for reason, count in reasons.items()
    )


def exponential(found: Interval) -> Interval:
    """The geometric mean and its interval, from those of the logarithms."""
    low, high = (None if end is None else math.exp(end) for end in (found.low, found.high))
    return Interval(math.exp(found.mean), low, high, found.clips, found.left_out)
