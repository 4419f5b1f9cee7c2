"""One scale for all methods from votes on pairs of them: Bradley and Terry's model."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...core.statistics import Interval
from ..aggregate import Point
from ..resampling import Reals
from .preference import Tally, interval

HALF = 0.5
"""Votes added each way to each pair that was shown, so that an unbeaten point has a finite score."""
DRAWS = 999
"""Of the clips: scores come from a library, one draw at a time."""


@dataclass(frozen=True)
class Strength:
    """A point on the scale.

    Attributes:
        point: the method and its point.
        group: number of its group. Only points that pairs connect, directly or by way of others, have a
            common scale; scores of different groups must not be compared.
        score: in log-odds, with mean 0 over the group, and its interval over clips: of two points s apart,
            the better one is preferred e^s times as often.
        votes: in which it took part.
    """

    point: Point
    group: int
    score: Interval
    votes: int


def strengths(counted: Tally, weights: Reals) -> list[Strength]:
    """Scores of all points, by group, the best first.

    Maximum likelihood by iterated Luce spectral ranking (Maystre and Grossglauser, NIPS 2015; `choix`),
    after half a vote was added each way to each pair.

    Args:
        counted: the votes that count.
        weights: `draws` of its clips, (B, C), the first of which counts all alike.

    Source: Bradley and Terry, Biometrika 39, 1952.
    """
    from scipy.sparse.csgraph import connected_components

    points = tuple(dict.fromkeys(point for pair in counted.pairs for point in pair))
    rows = np.array([[points.index(first), points.index(second)] for first, second in counted.pairs])
    shown = np.zeros((len(points), len(points)))
    shown[rows[:, 0], rows[:, 1]] = 1
    count, groups = connected_components(shown, directed=False)
    wins, votes = counted.drawn(weights[: DRAWS + 1])
    found = []
    for group in range(count):
        members = np.flatnonzero(groups == group)
        inside = groups[rows[:, 0]] == group
        scores = _scores(np.searchsorted(members, rows[inside]), wins[:, inside], votes[:, inside])
        clips = int((counted.votes[inside].sum(0) > 0).sum())
        for number in sorted(range(len(members)), key=lambda number: -scores[0, number]):
            took_part = int(counted.votes[(rows == members[number]).any(1)].sum())
            score = interval(scores[:, number], clips)
            found.append(Strength(points[members[number]], group, score, took_part))
    return found


def _scores(pairs: NDArray[np.int64], wins: Reals, votes: Reals) -> Reals:
    """Scores (B, members) of a group, from votes (B, P) for the first of each of its pairs (P, 2) and all."""
    import choix

    members = int(pairs.max()) + 1
    found = np.zeros((len(wins), members))
    for number, (won, lost) in enumerate(zip(wins + HALF, votes - wins + HALF, strict=True)):
        counts = np.zeros((members, members))
        np.add.at(counts, (pairs[:, 0], pairs[:, 1]), won)
        np.add.at(counts, (pairs[:, 1], pairs[:, 0]), lost)
        start = found[0] if number else None  # of all votes, from which no draw is far
        found[number] = choix.ilsr_pairwise_dense(counts, initial_params=start, max_iter=1000)
    return np.asarray(found - found.mean(axis=1, keepdims=True))
