"""The CRF of a block codec at which as many people prefer it as prefer another codec."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.statistics import Interval
from ..resampling import Reals
from ..sweeps import Sweep
from .preference import Tally, interval

HALF = 0.5
"""Votes added each way at each CRF, so that a step from no votes to all of them has a finite slope."""
STEPS = 50


@dataclass(frozen=True)
class Crossing:
    """Where the votes for a point cross one half.

    Minus infinity says that the point is preferred down to the lowest CRF that was voted on, infinity that
    the codec is preferred up to the highest: nothing is extrapolated.

    Attributes:
        asked: the CRFs that were voted on, rising.
        at: the CRF, by a logistic curve of the votes over the CRF, with its interval over clips, whose ends
            may be infinite.
        interpolated: the same without a model, as a check: shares that fall with the CRF are levelled, and
            a monotone curve goes through them (`Sweep`). It takes three times the votes to be as exact.
        drawn: the logistic curve's crossing in each draw, (B,).
        intercept, slope: of the logistic curve, in log-odds over the CRF.
    """

    asked: tuple[float, ...]
    at: Interval
    interpolated: Interval
    drawn: Reals
    intercept: float
    slope: float


def crossing(counted: Tally, weights: Reals, rows: Sequence[int], quantisers: Sequence[float]) -> Crossing:
    """Where the votes of one point against one codec cross one half.

    Args:
        counted: the votes that count.
        weights: `draws` of its clips, (B, C), the first of which counts all alike.
        rows: the pairs of the point with the codec, at least two of them.
        quantisers: CRF (or QP) of the codec in each of them, all different; more means lower quality.
    """
    order = np.argsort(quantisers)
    asked = np.asarray(quantisers, np.float64)[order]
    wins, votes = (part[:, np.asarray(rows)[order]] for part in counted.drawn(weights))
    intercept, slope = logistic_fit(wins, votes, asked)
    drawn = _crossings(intercept, slope, asked)
    known = (votes > 0).all(axis=1)  # a draw may miss all clips of a pair
    straight = Sweep(asked, (wins[known] / votes[known]).T, rising=True).crossing(0.5)
    clips = int((counted.votes[list(rows)].sum(axis=0) > 0).sum())
    return Crossing(
        asked=tuple(asked.tolist()),
        at=interval(drawn, clips),
        interpolated=interval(straight, clips),
        drawn=drawn,
        intercept=float(intercept[0]),
        slope=float(slope[0]),
    )


def logistic_fit(wins: Reals, votes: Reals, over: Reals) -> tuple[Reals, Reals]:
    """Maximum-likelihood intercepts and slopes, (B,) each, of B logistic curves.

    Newton's method for all of them in step, where libraries fit one after the other; half a vote is added
    each way at each place. A step that makes a curve worse is taken for a quarter.

    Args:
        wins, votes: for the point and all, (B, P).
        over: the places, (P,), not all the same.
    """
    middle, spread = over.mean(), over.std()
    design = np.stack([np.ones_like(over), (over - middle) / spread], axis=1)
    won, counts = wins + HALF, votes + 2 * HALF
    line = np.zeros((len(wins), 2))
    loss = _loss(line, design, won, counts)
    for _ in range(STEPS):
        share = 1 / (1 + np.exp(-line @ design.T))
        gradient = (won - counts * share) @ design
        curvature = np.einsum("bp,pi,pj->bij", counts * share * (1 - share), design, design)
        step = np.linalg.solve(curvature, gradient[..., None])[..., 0]
        worse = _loss(line + step, design, won, counts) > loss + 1e-9
        step[worse] /= 4
        line = line + step
        loss = _loss(line, design, won, counts)
        if np.abs(step).max() < 1e-9:
            break
    return line[:, 0] - line[:, 1] * middle / spread, line[:, 1] / spread


def _loss(line: Reals, design: Reals, won: Reals, counts: Reals) -> Reals:
    at = line @ design.T
    return np.asarray((counts * np.logaddexp(0, at) - won * at).sum(axis=1))


def _crossings(intercept: Reals, slope: Reals, asked: Reals) -> Reals:
    """Where curves cross one half; one that does not rise lies on one side of it, where its middle is."""
    at = np.where(intercept + slope * asked.mean() > 0, -np.inf, np.inf)
    np.divide(-intercept, slope, out=at, where=slope > 0)
    return np.where(at < asked[0], -np.inf, np.where(at > asked[-1], np.inf, at))
