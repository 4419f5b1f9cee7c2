"""At equal quality, how many times the bits a block codec needs: clip by clip, then over clips."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.rates import ACCOUNTINGS
from ..core.statistics import Interval, mean_intervals
from .aggregate import Point, Results
from .curves import Refusal, block_codecs, clip_metrics, curve, exponential, rate_unit, sign, value
from .resampling import ratio_of_means

AS_PUBLISHED = "as published"
PAIRINGS: Mapping[str, tuple[str, str]] = {
    **{accounting: (accounting, accounting) for accounting in ACCOUNTINGS},
    AS_PUBLISHED: ("motion", "total"),
}
"""By name, the accounting of the point and that of the block codec."""
STILL = 0.1
"""LPIPS of `freeze` below which a clip is still."""
LONG = 300
"""Frames from which a clip is long: in `total`, a source picture weighs less there than in a short one."""
LEAST_POINTS = 2


@dataclass(frozen=True)
class EqualQuality:
    """How a point compares with a block codec.

    On each clip the codec's rate at the point's quality is read off the codec's own curve (PCHIP of the
    logarithm of its rate over the metric) and divided by the point's rate. Above 1, the point needs fewer
    bits. Over clips the ratios' geometric mean is taken: each clip counts alike, however long it is and
    however many bits it takes, and the mean seen from the other side is the reciprocal. (The papers divide
    mean rates, in which the clips that cost most count most.)

    Attributes:
        metric: at which quality is equal.
        point: what is compared.
        anchor: the block codec.
        pairing: a name in PAIRINGS.
        subset: a name that `subsets` gives.
        ratio: over the clips on which the point's quality lies within the codec's curve; NaN over none.
        bound: over these and the clips beyond the curve, each of those at the curve's end: at most the
            ratio where only `worse` counts any, at least where only `better` does.
        worse: clips on which the point is worse than the codec at its lowest rate. There its true ratio is
            smaller than the one at the curve's end; leaving such clips out flatters the point.
        better: clips on which it is better than the codec at its highest rate.
        refused: by reason, the clips that cannot be compared at all.
        mean_rates: over the clips of `ratio`, the mean of the codec's rates divided by that of the point's:
            as the papers divide, so that the clips which cost most count most.
    """

    metric: str
    point: Point
    anchor: str
    pairing: str
    subset: str
    ratio: Interval
    bound: Interval
    worse: int
    better: int
    refused: Mapping[str, int]
    mean_rates: Interval

    @property
    def clips(self) -> int:
        """Clips of the subset."""
        return self.bound.clips + sum(self.refused.values())


@dataclass(frozen=True)
class _Clip:
    """One clip's outcome: the ratio's logarithm, the point's rate, and the side of the curve, or a reason."""

    log_ratio: float = math.nan
    own: float = math.nan
    side: int = 0
    refused: str = ""


class _Case(NamedTuple):
    metric: str
    point: Point
    anchor: str
    pairing: str
    subset: str
    clips: list[_Clip]


def subsets(results: Results) -> dict[str, tuple[str, ...]]:
    """Clips by name of the subset: all, and where a run has both kinds, still and moving ones (by `freeze`),
    and long ones apart.
    """
    found = {"all": results.clips}
    frozen = next(
        (values for (method, _), values in results.values.get("lpips", {}).items() if method == "freeze"), {}
    )
    still = tuple(clip for clip in results.clips if frozen.get(clip, math.nan) < STILL)
    moving = tuple(clip for clip in results.clips if frozen.get(clip, math.nan) >= STILL)
    if still and moving:
        found |= {"still": still, "moving": moving}
    frames = {clip["name"]: clip["frames"] or 0 for clip in results.manifest["dataset"]["clips"]}
    long = tuple(clip for clip in results.clips if frames[clip] >= LONG)
    return found | ({"long": long} if 0 < len(long) < len(results.clips) else {})


def equal_quality(results: Results) -> list[EqualQuality]:
    """All comparisons of a run: each point of the other methods with each block codec, metric and pairing."""
    cases = list(_cases(results))
    seed = int(results.manifest.get("seed", 0))
    within = [[clip.log_ratio for clip in case.clips if not clip.side] for case in cases]
    everything = [[clip.log_ratio for clip in case.clips] for case in cases]
    intervals = zip(mean_intervals(within, seed=seed), mean_intervals(everything, seed=seed), strict=True)
    return [
        EqualQuality(
            case.metric,
            case.point,
            case.anchor,
            case.pairing,
            case.subset,
            ratio=exponential(ratio),
            bound=exponential(bound),
            worse=sum(clip.side < 0 for clip in case.clips),
            better=sum(clip.side > 0 for clip in case.clips),
            refused=Counter(clip.refused for clip in case.clips if clip.refused),
            mean_rates=_mean_rates(case, seed),
        )
        for case, (ratio, bound) in zip(cases, intervals, strict=True)
    ]


def _mean_rates(case: _Case, seed: int) -> Interval:
    inside = [clip for clip in case.clips if not clip.side and not clip.refused]
    own = np.array([clip.own for clip in inside])
    return ratio_of_means(own * np.exp([clip.log_ratio for clip in inside]), own, seed)


def _cases(results: Results) -> Iterator[_Case]:
    anchors, unit, parts = block_codecs(results), rate_unit(results), subsets(results)
    points = [point for point in results.points if point[0] not in anchors]
    if unit is None:
        return
    for metric in clip_metrics(results):
        for anchor in anchors:
            for pairing, point, outcomes in _outcomes(results, metric, anchor, unit, points):
                for subset, clips in parts.items():
                    yield _Case(metric, point, anchor, pairing, subset, [outcomes[clip] for clip in clips])


def _outcomes(
    results: Results, metric: str, anchor: str, unit: str, points: Sequence[Point]
) -> Iterator[tuple[str, Point, dict[str, _Clip]]]:
    """By pairing and point, each clip's outcome."""
    found: dict[tuple[str, Point], dict[str, _Clip]] = {
        (pairing, point): {} for pairing in PAIRINGS for point in points
    }
    for accounting in ACCOUNTINGS:
        for clip in results.clips:
            pairings = [name for name, (_, theirs) in PAIRINGS.items() if theirs == accounting]
            try:
                log_rates, sides = _read_off(results, metric, anchor, f"{unit}_{accounting}", clip, points)
            except Refusal as refusal:
                for pairing in pairings:
                    for point in points:
                        found[pairing, point][clip] = _Clip(refused=str(refusal))
                continue
            for pairing in pairings:
                rate = f"{unit}_{PAIRINGS[pairing][0]}"
                for point, log_rate, side in zip(points, log_rates, sides, strict=True):
                    own = value(results, rate, point, clip)
                    found[pairing, point][clip] = _divided(point, metric, float(log_rate), int(side), own)
    for (pairing, point), outcomes in found.items():
        yield pairing, point, outcomes


def _read_off(
    results: Results, metric: str, anchor: str, rate: str, clip: str, points: Sequence[Point]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The logarithm of the codec's rate at each point's quality, and the side of its curve: -1 is worse."""
    known = curve(results, anchor, clip, metric, rate, LEAST_POINTS)
    scores = np.array([sign(results, metric) * value(results, metric, point, clip) for point in points])
    end = np.clip(scores, known.scores[0], known.scores[-1])
    return known.interpolator()(end), np.nan_to_num(np.sign(scores - end))


def _divided(point: Point, metric: str, log_rate: float, side: int, own: float) -> _Clip:
    name = " ".join(point)
    if math.isnan(log_rate):
        return _Clip(refused=f"{name} has no {metric}")
    if math.isnan(own):
        return _Clip(refused=f"{name} has no such rate")
    if own <= 0:
        return _Clip(refused=f"{name} sends nothing that this accounting counts")
    return _Clip(log_rate - math.log(own), own, side)
