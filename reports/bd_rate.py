"""Bjøntegaard deltas between whole curves: by how much one needs less rate, or is better at equal rate."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..core.rates import ACCOUNTINGS
from ..core.statistics import Interval, mean_interval, mean_intervals
from .aggregate import Results
from .curves import Curve, Refusal, block_codecs, clip_metrics, curve, rate_unit, sign

LEAST_POINTS = 4
LEAST_OVERLAP = 0.1
"""Share of the joint range below which a mean over what is in common says nothing."""


@dataclass(frozen=True)
class Delta:
    """A method's curve against the anchor's, clip by clip (piecewise cubics), as means over clips.

    Attributes:
        metric, accounting: what the curves are drawn in.
        method: whose curve is judged.
        anchor: whose curve it is held against.
        rate: difference of rate at equal quality in percent, averaged over the quality that both have;
            below 0, the method needs less.
        quality: difference of the metric at equal rate, in its own unit and direction, averaged over the
            rates that both have.
        overlap: share of the quality that either has that both have, 0 to 1; little of it makes the
            averages say little.
        refused: by reason, clips without a difference of rate; these and others may lack that of quality.
    """

    metric: str
    accounting: str
    method: str
    anchor: str
    rate: Interval
    quality: Interval
    overlap: Interval
    refused: Mapping[str, int]


def anchor_of(results: Results) -> str | None:
    """The method that curves are held against: the first block codec, else the first method with a curve."""
    sizes = Counter(method for method, _ in results.points)
    first = [method for method in results.methods if sizes[method] >= LEAST_POINTS]
    return next(iter((*block_codecs(results), *first)), None)


def bd_rates(results: Results) -> list[Delta]:
    """Every other method's curve against the anchor's, for each metric and accounting."""
    anchor, unit = anchor_of(results), rate_unit(results)
    if anchor is None or unit is None:
        return []
    return [
        _delta(results, metric, accounting, unit, method, anchor)
        for metric in clip_metrics(results)
        for accounting in ACCOUNTINGS
        for method in results.methods
        if method != anchor
    ]


def _delta(results: Results, metric: str, accounting: str, unit: str, method: str, anchor: str) -> Delta:
    rates, qualities, overlaps = [], [], []
    refused: Counter[str] = Counter()
    column = f"{unit}_{accounting}"
    for clip in results.clips:
        try:
            known = curve(results, anchor, clip, metric, column, LEAST_POINTS)
            judged = curve(results, method, clip, metric, column, LEAST_POINTS)
        except Refusal as refusal:
            refused[str(refusal)] += 1
            rates.append(math.nan)
            qualities.append(math.nan)
            continue
        overlaps.append(_overlap(known.scores, judged.scores))
        if overlaps[-1] < LEAST_OVERLAP:
            share = f"less than {LEAST_OVERLAP:.0%} of their range of {metric}"
            refused[f"{method} and {anchor} have {share} in common"] += 1
        rates.append(_rate(known, judged))
        qualities.append(sign(results, metric) * _quality(known, judged))
    seed = int(results.manifest.get("seed", 0))
    rate, quality = mean_intervals([rates, qualities], seed=seed)
    overlap = mean_interval(overlaps, seed=seed)
    return Delta(metric, accounting, method, anchor, rate, quality, overlap, refused)


def _overlap(first: tuple[float, ...], second: tuple[float, ...]) -> float:
    shared = min(first[-1], second[-1]) - max(first[0], second[0])
    return max(shared, 0.0) / (max(first[-1], second[-1]) - min(first[0], second[0]))


def _rate(known: Curve, judged: Curve) -> float:
    """In percent; NaN where too little quality is in common."""
    from bjontegaard import bd_rate

    if _overlap(known.scores, judged.scores) < LEAST_OVERLAP:
        return math.nan
    curves = (known.rates, known.scores, judged.rates, judged.scores)
    return float(bd_rate(*curves, method="pchip", require_matching_points=False, min_overlap=0))


def _quality(known: Curve, judged: Curve) -> float:
    """In the metric's unit, above 0 where `judged` is better; NaN where too little rate is in common."""
    from bjontegaard import bd_psnr

    logarithms = (tuple(map(math.log, one.rates)) for one in (known, judged))
    if _overlap(*logarithms) < LEAST_OVERLAP:
        return math.nan
    curves = (known.rates, known.scores, judged.rates, judged.scores)
    return float(bd_psnr(*curves, method="pchip", require_matching_points=False, min_overlap=0))
