"""Which of two codecs people prefer: shares of votes, with what several votes a clip can tell."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...core.statistics import CONFIDENCE, Interval
from ..aggregate import Point
from ..resampling import Reals, ends

Pair = tuple[Point, Point]
"""Two operating points that were shown side by side; shares are those of the first."""


@dataclass(frozen=True)
class Tally:
    """Votes by pair and clip.

    Attributes:
        pairs: what was shown side by side, P of them.
        clips: names, C of them.
        wins: votes for the pair's first point, (P, C).
        votes: all votes on it, (P, C).
    """

    pairs: tuple[Pair, ...]
    clips: tuple[str, ...]
    wins: Reals
    votes: Reals

    def drawn(self, weights: Reals) -> tuple[Reals, Reals]:
        """Votes for each pair's first and on the pair, (B, P) each, where clips count by (B, C) `draws`."""
        times = weights * len(self.clips)
        return times @ self.wins.T, times @ self.votes.T


def tally(votes: Sequence[tuple[Pair, str, bool]], order: Sequence[Point]) -> Tally:
    """Count votes.

    Args:
        votes: of each the pair, the clip, and whether it is for the pair's first point.
        order: of the points, by which the pairs are sorted.
    """
    pairs = tuple(sorted({pair for pair, _, _ in votes}, key=lambda pair: [*map(order.index, pair)]))
    clips = tuple(sorted({clip for _, clip, _ in votes}))
    row = {pair: number for number, pair in enumerate(pairs)}
    column = {clip: number for number, clip in enumerate(clips)}
    wins, total = np.zeros((2, len(pairs), len(clips)))
    for pair, clip, won in votes:
        wins[row[pair], column[clip]] += won
        total[row[pair], column[clip]] += 1
    return Tally(pairs, clips, wins, total)


@dataclass(frozen=True)
class Preference:
    """How often the first of two points was preferred.

    Attributes:
        pair: the two.
        share: of the votes for the first, 0 to 1, with its interval over clips.
        won, votes: for the first, and on the pair.
        wilson: interval of the share as if all votes were independent (Wilson, JASA 22, 1927).
    """

    pair: Pair
    share: Interval
    won: int
    votes: int
    wilson: tuple[float, float]

    @property
    def told_apart(self) -> bool:
        """Whether votes tell the two apart: both intervals leave out one half.

        Votes on a clip resemble each other, which makes Wilson's too narrow; the bootstrap of few clips, or
        of a unanimous vote, is too narrow as well. So both must agree.
        """
        low, high = self.share.low, self.share.high
        if low is None or high is None:
            return False
        return min(low, self.wilson[0]) > 0.5 or max(high, self.wilson[1]) < 0.5


def preferences(counted: Tally, weights: Reals) -> list[Preference]:
    """Each pair's share with its intervals.

    Args:
        counted: the votes that count.
        weights: `draws` of its clips, (B, C).
    """
    drawn = shares(counted, weights)
    found = []
    for number, pair in enumerate(counted.pairs):
        won, votes = int(counted.wins[number].sum()), int(counted.votes[number].sum())
        share = interval(drawn[:, number], int((counted.votes[number] > 0).sum()))
        found.append(Preference(pair, share, won, votes, wilson(won, votes)))
    return found


def shares(counted: Tally, weights: Reals) -> Reals:
    """Share of the votes for each pair's first in each draw, (B, P); NaN where it has no vote."""
    wins, votes = counted.drawn(weights)
    return np.asarray(np.divide(wins, votes, out=np.full(votes.shape, np.nan), where=votes > 0))


def interval(drawn: Reals, clips: int) -> Interval:
    """A statistic of `clips` clips with its percentile interval.

    Args:
        drawn: its value of all clips, and then in each draw; NaN in those that have none.
        clips: how many count; of one there is no interval.
    """
    known = drawn[1:][~np.isnan(drawn[1:])]
    low, high = ends(known) if clips > 1 and len(known) and not np.isnan(drawn[0]) else (None, None)
    return Interval(float(drawn[0]), low, high, clips)


def wilson(won: int, votes: int) -> tuple[float, float]:
    """Wilson's score interval of a share, by scipy.

    Args:
        won: votes for it, 0 to `votes`.
        votes: at least one.
    """
    from scipy.stats import binomtest

    found = binomtest(won, votes).proportion_ci(CONFIDENCE, "wilson")
    return float(found.low), float(found.high)
