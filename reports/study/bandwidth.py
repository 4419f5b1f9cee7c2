"""How many times the bits a block codec needs where people like it as much as another codec."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...core.statistics import Interval
from ..aggregate import Point, Results
from ..curves import rate_unit, value
from ..equal_quality import PAIRINGS
from ..resampling import Reals
from ..sweeps import Sweep
from .crossing import Crossing
from .preference import interval


@dataclass(frozen=True)
class Bandwidth:
    """A block codec's mean rate at the crossing, divided by the point's mean rate; so the papers divide.

    Attributes:
        pairing: a name in PAIRINGS, which says what is counted of either.
        ratio: above 1 the point needs fewer bits; over the clips that have all rates, drawn together with the
            crossing, so that an end is 0 or infinite where the crossing's is. NaN over no clips.
        bound: ``at least`` or ``at most`` where the votes do not cross one half at the CRFs that were voted
            on, and the lowest or highest of them is taken instead; else ''.
    """

    pairing: str
    ratio: Interval
    bound: str


def bandwidths(
    results: Results,
    point: Point,
    codec: Mapping[Point, float],
    found: Crossing,
    clips: Sequence[str],
    weights: Reals,
) -> list[Bandwidth]:
    """The ratio under every pairing of accountings; none of a run without rates.

    Args:
        results: of the run, whose rates these are.
        point: what is compared.
        codec: all points of the codec in the run, two at least, with the CRF (or QP) of each.
        found: where votes cross.
        clips: those that were voted on, C of them.
        weights: `draws` of them, (B, C), that the crossing was found with.
    """
    unit = rate_unit(results)
    if unit is None:
        return []
    bound = "at least" if found.at.mean == -math.inf else "at most" if found.at.mean == math.inf else ""
    inside = np.clip(found.drawn, found.asked[0], found.asked[-1])
    ratios = []
    for pairing, (ours, theirs) in PAIRINGS.items():
        own = _rates(results, f"{unit}_{ours}", [point], clips)[0]
        rates = _rates(results, f"{unit}_{theirs}", list(codec), clips)
        known = np.isfinite(own) & np.isfinite(rates).all(axis=0)
        if not known.any() or not own[known].any() or not rates[:, known].any(axis=1).all():
            ratios.append(Bandwidth(pairing, Interval(math.nan, None, None, 0), bound))
            continue
        with np.errstate(invalid="ignore", divide="ignore"):  # a draw may miss all of these clips: NaN
            times = rates[:, known] @ weights[:, known].T / (weights[:, known] @ own[known])
        has = np.isfinite(times).all(axis=0)
        drawn = np.where(has, np.where(found.drawn == -np.inf, np.inf, 0.0), np.nan)
        at = np.exp(Sweep(list(codec.values()), np.log(times[:, has]), rising=False).at(inside[has]))
        drawn[has] = np.where(np.isfinite(found.drawn[has]), at, drawn[has])
        ratio = replace(interval(drawn, int(known.sum())), mean=float(at[0]))  # of a bound, the bound
        ratios.append(Bandwidth(pairing, ratio, bound))
    return ratios


def _rates(results: Results, column: str, points: Sequence[Point], clips: Sequence[str]) -> Reals:
    return np.array([[value(results, column, point, clip) for clip in clips] for point in points])
