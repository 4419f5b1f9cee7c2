"""Differences between two operating points, clip by clip, and which of them are significant."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Literal

import numpy as np

from ..core.statistics import Interval, mean_interval, paired_difference
from .aggregate import Point, Results
from .curves import block_codecs, exponential, rate_unit, sign, value
from .resampling import Reals

SIGNIFICANT = 0.05
"""An adjusted p below it is called a difference."""


@dataclass(frozen=True)
class Difference:
    """How two points differ in a metric on the clips that have a value of both.

    Attributes:
        metric: in its own unit and direction.
        first, second: points.
        mean: of first minus second, with its bootstrap interval over clips.
        better, worse, equal: clips on which the first is better, worse, or the same.
        p: of Wilcoxon's signed-rank test (two-sided, exact for few clips); NaN over no clips.
        adjusted: p after Holm's step-down over all pairs of this metric, so that the chance of calling any
            of them different when none is stays below SIGNIFICANT. Metrics are not adjusted for each other.
        bits: the second's rate (total) divided by the first's, geometric mean over clips; above 1, the first
            sends less. None where there is no rate.

    Source: Wilcoxon, Biometrics Bulletin 1, 1945, by scipy; Holm, Scand. J. Statist. 6, 1979.
    """

    metric: str
    first: Point
    second: Point
    mean: Interval
    better: int
    worse: int
    equal: int
    p: float
    adjusted: float
    verdict: Literal["better", "worse", "not shown"]
    bits: Interval | None

    @property
    def clips(self) -> int:
        """How many clips count."""
        return self.better + self.worse + self.equal


def pairs(results: Results) -> list[tuple[Point, Point]]:
    """Which points are held against each other.

    Each two of the methods that are no block codec, or that are one with a single point; and each point of
    the former with that point of every swept block codec whose rate (total) is nearest to its own.
    """
    anchors, sizes = block_codecs(results), Counter(method for method, _ in results.points)
    swept = [anchor for anchor in anchors if sizes[anchor] > 1]
    free = [point for point in results.points if point[0] not in swept]
    found = list(combinations(free, 2))
    for point in free:
        if point[0] not in anchors:
            nearest = (_nearest(results, point, anchor) for anchor in swept)
            found += [(point, other) for other in nearest if other is not None]
    return found


def named_points(results: Results) -> tuple[Point, ...]:
    """The points of `pairs`, in the run's order: what a short table is about. All, where there are none."""
    named = {point for pair in pairs(results) for point in pair}
    return tuple(point for point in results.points if point in named) or results.points


def _nearest(results: Results, point: Point, method: str) -> Point | None:
    rates = results.aggregates.get(f"{rate_unit(results)}_total", {})
    known = [other for other in results.points if other[0] == method and _rate(rates.get(other)) > 0]
    if not known or not _rate(rates.get(point)) > 0:
        return None
    return min(known, key=lambda other: abs(math.log(_rate(rates[other]) / _rate(rates[point]))))


def _rate(found: Interval | None) -> float:
    return math.nan if found is None else found.mean


def differences(results: Results, chosen: Sequence[tuple[Point, Point]] | None = None) -> list[Difference]:
    """The chosen pairs, for each metric that has a value by clip and is no rate and no count of misses.

    Args:
        results: of the run.
        chosen: points to be held against each other; without, those of `pairs`.
    """
    chosen = pairs(results) if chosen is None else chosen
    sent = {pair: _bits(results, *pair) for pair in chosen}
    metrics = [name for name in results.values if results.metrics[name]["kind"] in ("picture", "model")]
    return [
        one
        for metric in metrics
        for one in _adjusted([_difference(results, metric, *p, sent[p]) for p in chosen])
    ]


def _difference(
    results: Results, metric: str, first: Point, second: Point, bits: Interval | None
) -> Difference:
    by_point: Mapping[Point, Mapping[str, float]] = results.values[metric]
    seed = int(results.manifest.get("seed", 0))
    mean = paired_difference(by_point.get(first, {}), by_point.get(second, {}), seed=seed)
    gains = _gains(results, metric, first, second)
    p = _wilcoxon(gains)
    return Difference(
        metric,
        first,
        second,
        mean,
        better=int((gains > 0).sum()),
        worse=int((gains < 0).sum()),
        equal=int((gains == 0).sum()),
        p=p,
        adjusted=p,
        verdict=_direction(gains),
        bits=bits,
    )


def _gains(results: Results, metric: str, first: Point, second: Point) -> Reals:
    """By how much the first is better, on each clip that has a finite difference."""
    each = (
        value(results, metric, first, clip) - value(results, metric, second, clip) for clip in results.clips
    )
    return np.array([sign(results, metric) * one for one in each if math.isfinite(one)])


def _wilcoxon(gains: Reals) -> float:
    from scipy.stats import wilcoxon

    if not len(gains):
        return math.nan
    return float(wilcoxon(gains).pvalue) if gains.any() else 1.0


def _direction(gains: Reals) -> Literal["better", "worse", "not shown"]:
    """Where both the ranks and the mean point to."""
    from scipy.stats import rankdata

    if not len(gains):
        return "not shown"
    ranks = np.sign(np.sum(rankdata(np.abs(gains)) * np.sign(gains)))
    if ranks == 0 or ranks != np.sign(gains.mean()):
        return "not shown"
    return "better" if ranks > 0 else "worse"


def _adjusted(family: Sequence[Difference]) -> Iterator[Difference]:
    adjusted = holm([one.p for one in family])
    for one, p in zip(family, adjusted, strict=True):
        yield replace(one, adjusted=p, verdict=one.verdict if p < SIGNIFICANT else "not shown")


def holm(p: Sequence[float]) -> list[float]:
    """p values adjusted by Holm's step-down method; NaN is no test, and stays."""
    tests = sorted((one, k) for k, one in enumerate(p) if not math.isnan(one))
    found, highest = [math.nan] * len(p), 0.0
    for done, (one, k) in enumerate(tests):
        highest = max(highest, min(1.0, (len(tests) - done) * one))
        found[k] = highest
    return found


def _bits(results: Results, first: Point, second: Point) -> Interval | None:
    column = f"{rate_unit(results)}_total"
    both = [
        (value(results, column, second, clip), value(results, column, first, clip)) for clip in results.clips
    ]
    logarithms = [math.log(theirs / ours) for theirs, ours in both if theirs > 0 and ours > 0]
    if not logarithms:
        return None
    return exponential(mean_interval(logarithms, seed=int(results.manifest.get("seed", 0))))


def caution(family: Sequence[Difference]) -> str:
    """What a reader must know of a metric's pairs where no p can fall below SIGNIFICANT, or ''."""
    tests = sum(not math.isnan(one.p) for one in family)
    clips = max((one.clips for one in family), default=0)
    if not tests or tests * 2.0 ** (1 - clips) < SIGNIFICANT:
        return ""
    enough = math.floor(1 - math.log2(SIGNIFICANT / tests)) + 1
    return (
        f"With {clips} clip{'' if clips == 1 else 's'} and {tests} pair{'' if tests == 1 else 's'} no "
        f"difference can be significant, however large; it takes {enough} clips."
    )
