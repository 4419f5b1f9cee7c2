"""Mean opinion scores of ratings from 1 to 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..aggregate import Point
from ..resampling import Reals, draws
from .preference import Ends, interval


@dataclass(frozen=True)
class Rating:
    """One answer: of whom, on which clip, about what (such as head_pose), of which point, from 1 to 5."""

    rater: str
    clip: str
    attribute: str
    point: Point
    value: int


@dataclass(frozen=True)
class Opinion:
    """A point's mean opinion score of one attribute.

    Attributes:
        attribute: what was rated.
        point: the method and its point.
        mean: of all its ratings.
        ends: of its interval, or None of a single clip or rater.
        votes, clips, raters: how many count.
        behind: by how much it lies below the point of the highest mean; 0 of that itself.
        behind_ends: of the interval of that, from the same draws; one that holds 0 does not tell the two
            apart.
    """

    attribute: str
    point: Point
    mean: float
    ends: Ends
    votes: int
    clips: int
    raters: int
    behind: float
    behind_ends: Ends


def opinions(ratings: Sequence[Rating], seed: int) -> list[Opinion]:
    """Mean opinion scores by attribute, the best first.

    Clips and raters are drawn again, independently of each other, and a rating counts as often as the two
    together: a clip has several raters and a rater rates several clips, so that drawing either alone would
    make the intervals too narrow. This errs on the wide side.

    Source: Owen, The pigeonhole bootstrap, Annals of Applied Statistics 1, 2007.
    """
    clips = tuple(sorted({rating.clip for rating in ratings}))
    raters = tuple(sorted({rating.rater for rating in ratings}))
    points = tuple(dict.fromkeys(rating.point for rating in ratings))
    weights = draws(len(clips), seed), draws(len(raters), seed + 1)
    found = []
    for attribute in dict.fromkeys(rating.attribute for rating in ratings):
        sums = np.zeros((2, len(points), len(clips), len(raters)))  # of the ratings, and how many
        for rating in ratings:
            if rating.attribute == attribute:
                place = points.index(rating.point), clips.index(rating.clip), raters.index(rating.rater)
                sums[(slice(None), *place)] += rating.value, 1
        found += _of_attribute(attribute, points, sums, *weights)
    return found


def _of_attribute(
    attribute: str, points: Sequence[Point], sums: Reals, clips: Reals, raters: Reals
) -> list[Opinion]:
    rated = np.flatnonzero(sums[1].any((1, 2)))
    means = np.stack([_means(sums[:, number], clips, raters) for number in rated], axis=1)
    best = int(np.argmax(means[0]))
    found = []
    for number in np.argsort(-means[0], kind="stable"):
        counted = sums[1, rated[number]] > 0
        size = int(counted.any(1).sum()), int(counted.any(0).sum())
        behind = means[:, best] - means[:, number]
        found.append(
            Opinion(
                attribute,
                points[rated[number]],
                mean=float(means[0, number]),
                ends=interval(means[:, number], min(size)),
                votes=int(sums[1, rated[number]].sum()),
                clips=size[0],
                raters=size[1],
                behind=float(behind[0]),
                behind_ends=interval(behind, min(size)) if number != best else None,
            )
        )
    return found


def _means(sums: Reals, clips: Reals, raters: Reals) -> Reals:
    """A point's mean in each draw, (B,), from sums and counts (2, C, R) and draws (B, C) and (B, R)."""
    total, count = (((clips @ part) * raters).sum(axis=1) for part in sums)
    return np.asarray(np.divide(total, count, out=np.full(len(clips), np.nan), where=count > 0))
