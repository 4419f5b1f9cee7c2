"""Which parts a run has anything to show in: a part that would be empty is left out, not shown as empty."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from . import bd_rate, equal_quality
from .aggregate import Results
from .comparison import Comparison


@dataclass(frozen=True)
class Contents:
    """Parts of a report that have something in them.

    Attributes:
        curves: quality over rate: something is coded, and some method has more than one point.
        ratios: at equal quality: some block codec has a curve, and something else was coded.
        deltas: between curves: two methods have the points that it takes.
        matching: the matching CRF: of some point there is one, or it lies beyond the sweep.
        differences: between points, clip by clip: two points share a metric with values by clip.
    """

    curves: bool
    ratios: bool
    deltas: bool
    matching: bool
    differences: bool


def contents(results: Results, comparison: Comparison) -> Contents:
    """What a report of these results has to show."""
    sizes = Counter(method for method, _ in results.points)
    anchor = bd_rate.anchor_of(results)
    long = [method for method, points in sizes.items() if points >= bd_rate.LEAST_POINTS]
    return Contents(
        curves=bool(results.rates and results.pictures) and max(sizes.values(), default=0) > 1,
        ratios=any(sizes[at.anchor] >= equal_quality.LEAST_POINTS for at in comparison.ratios),
        deltas=bool(comparison.deltas) and any(method != anchor for method in long),
        matching=any(at.at.clips for at in comparison.matchings),
        differences=any(one.clips for one in comparison.differences),
    )
