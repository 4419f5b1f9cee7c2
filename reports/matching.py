"""The matching setting: the CRF (or QP) of a block codec at which its mean quality is a point's.

So the papers compare: one CRF for all clips, and the means of both rates there. (The ratio of
`equal_quality` reads every clip's own curve instead, and counts every clip alike.)
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..core.rates import ACCOUNTINGS
from ..core.statistics import Interval
from .aggregate import Point, Results
from .curves import Refusal, block_codecs, clip_metrics, rate_unit, sign, value
from .equal_quality import PAIRINGS, subsets
from .resampling import Reals, draws, ends
from .sweeps import Sweep

NOWHERE = Interval(math.nan, None, None, 0)


@dataclass(frozen=True)
class Matching:
    """At which setting a block codec is as good as a point, and what it costs there.

    Attributes:
        metric: whose means over clips are equal there.
        point: what is matched.
        anchor: the block codec.
        subset: of clips, a name that `subsets` gives.
        setting: what the codec sweeps, such as ``crf``; '' where that is not known.
        at: the setting that matches, with its interval; -inf or inf where it, or an end, lies below or above
            all that were swept.
        ratios: by pairing, the codec's mean rate there divided by the point's: above 1, the point needs
            less. The ratio, or an end, is 0 or inf where the sweep does not reach so far (the point is worse
            or better than all of it); NaN over no clips where the point sends nothing of the kind.
        beyond: 'worse' if the point is worse than the codec at its last setting, 'better' if it is better.
        refused: why there is no such setting, or ''.
    """

    metric: str
    point: Point
    anchor: str
    subset: str
    setting: str = ""
    at: Interval = NOWHERE
    ratios: Mapping[str, Interval] = field(default_factory=dict)
    beyond: str = ""
    refused: str = ""


class _Anchor(NamedTuple):
    """A block codec's means over the clips that count, and over these drawn again."""

    setting: str
    clips: NDArray[np.bool_]
    weights: Reals
    quality: Sweep
    rates: Mapping[str, Sweep]


class _Table:
    """Values by column and point, (clips,), in the order of the run's clips."""

    def __init__(self, results: Results, metric: str) -> None:
        self.metric = metric
        unit = rate_unit(results)
        self.rates = {accounting: f"{unit}_{accounting}" for accounting in ACCOUNTINGS}
        self._values = {
            (column, point): np.array([value(results, column, point, clip) for clip in results.clips])
            for column in (metric, *self.rates.values())
            for point in results.points
        }

    def __getitem__(self, key: tuple[str, Point]) -> Reals:
        return self._values[key]

    def complete(self, points: Iterable[Point]) -> NDArray[np.bool_]:
        """The clips (clips,) on which these points have the metric and all rates."""
        columns = (self.metric, *self.rates.values())
        finite = [np.isfinite(self[column, point]) for point in points for column in columns]
        return np.asarray(np.all(finite, axis=0))


def swept(results: Results, method: str) -> tuple[str, dict[Point, float]]:
    """The name of the setting that a method sweeps, and its number at each point.

    Raises:
        Refusal: it sweeps none, or one that is no number.
    """
    name = str(results.manifest["config"].get("methods", {}).get(method, {}).get("sweep") or "")
    known = results.manifest["methods"].get(method, {})
    points = [point for point in results.points if point[0] == method]
    found = {point: known.get(point[1], {}).get("settings", {}).get(name) for point in points}
    if not name or not all(isinstance(number, int | float) for number in found.values()):
        raise Refusal(f"{method} sweeps no setting that is a number")
    if len(set(found.values())) < 2:
        raise Refusal(f"{method} has one {name} only")
    return name, {point: float(number) for point, number in found.items() if number is not None}


def matchings(results: Results) -> list[Matching]:
    """Every point of the other methods against each block codec, for each metric and subset of clips."""
    anchors = block_codecs(results)
    points = [point for point in results.points if point[0] not in anchors]
    if rate_unit(results) is None or not points:
        return []
    found: list[Matching] = []
    for metric in clip_metrics(results):
        table = _Table(results, metric)
        for anchor in anchors:
            for subset, clips in subsets(results).items():
                inside = np.isin(results.clips, clips)
                found += _against(results, table, anchor, subset, inside, points)
    return found


def _against(
    results: Results,
    table: _Table,
    anchor: str,
    subset: str,
    inside: NDArray[np.bool_],
    points: Sequence[Point],
) -> Iterator[Matching]:
    made: dict[bytes, _Anchor | str] = {}
    own = [point for point in results.points if point[0] == anchor]
    for point in points:
        common = inside & table.complete([point, *own])
        if common.tobytes() not in made:
            try:
                made[common.tobytes()] = _anchor(results, table, anchor, common)
            except Refusal as refusal:
                made[common.tobytes()] = str(refusal)
        known = made[common.tobytes()]
        if isinstance(known, str):
            yield Matching(table.metric, point, anchor, subset, refused=known)
            continue
        at, ratios, beyond = _matched(known, table, point, sign(results, table.metric), int(inside.sum()))
        yield Matching(table.metric, point, anchor, subset, known.setting, at, ratios, beyond)


def _anchor(results: Results, table: _Table, anchor: str, clips: NDArray[np.bool_]) -> _Anchor:
    setting, numbers = swept(results, anchor)
    if not clips.any():
        raise Refusal(f"no clip has {table.metric} and a rate at all points of {anchor} and at this one")
    weights = draws(int(clips.sum()), int(results.manifest.get("seed", 0)))
    settings = np.array(list(numbers.values()))

    def means(column: str) -> Reals:
        return np.stack([table[column, point][clips] for point in numbers]) @ weights.T

    quality = means(table.metric)
    steps = np.diff(quality[np.argsort(settings), 0])
    if not (np.all(steps > 0) or np.all(steps < 0)):
        raise Refusal(f"the mean {table.metric} of {anchor} does not go one way with its {setting}")
    rates = {}
    for accounting, column in table.rates.items():
        rate = means(column)
        if not np.all(rate > 0):
            raise Refusal(f"{anchor} has a point of rate 0")
        rising = bool(rate[np.argmax(settings), 0] > rate[np.argmin(settings), 0])
        rates[accounting] = Sweep(settings, np.log(rate), rising)
    return _Anchor(setting, clips, weights, Sweep(settings, quality, bool(steps[0] > 0)), rates)


def _matched(
    known: _Anchor, table: _Table, point: Point, better: int, whole: int
) -> tuple[Interval, dict[str, Interval], str]:
    """The setting, the ratios by pairing, and on which side of the sweep the point lies, if beyond it.

    Args:
        known: the codec's means.
        table: of values.
        point: that is matched.
        better: 1 where more of the metric is better, -1 where less is.
        whole: how many clips the subset has.
    """
    clips = int(known.clips.sum())

    def means(column: str) -> Reals:
        return np.asarray(known.weights @ table[column, point][known.clips])

    def interval(drawn: Reals) -> Interval:
        low, high = ends(drawn[1:]) if clips > 1 else (None, None)
        return Interval(float(drawn[0]), low, high, clips, whole - clips)

    own = means(table.metric)
    found = known.quality.crossing(own)
    ahead = better * (own - known.quality.at(found)) > 0  # where it lies beyond: on the better side
    ratios = {}
    for pairing, (ours, theirs) in PAIRINGS.items():
        rate = means(table.rates[ours])
        if rate[0] <= 0:
            ratios[pairing] = NOWHERE
            continue
        there = np.exp(known.rates[theirs].at(found))
        with np.errstate(divide="ignore"):
            drawn = np.where(np.isfinite(found), there / rate, np.where(ahead, np.inf, 0.0))
        ratios[pairing] = interval(drawn)
    beyond = "" if math.isfinite(found[0]) else "better" if ahead[0] else "worse"
    return interval(found), ratios, beyond
