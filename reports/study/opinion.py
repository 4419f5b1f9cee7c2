"""Mean opinion scores of ratings from 1 to 5."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...core.statistics import Interval
from ..aggregate import Point
from ..resampling import Reals, draws
from .preference import interval


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
        mean: of all its ratings; no interval of a single clip or rater.
        votes, raters: how many count.
        behind: by how much it lies below the point of the highest mean, from the same draws; an interval that
            holds 0 does not tell the two apart. None of that point itself.
    """

    attribute: str
    point: Point
    mean: Interval
    votes: int
    raters: int
    behind: Interval | None


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
        found.append(
            Opinion(
                attribute,
                points[rated[number]],
                mean=_interval(means[:, number], *size),
                votes=int(sums[1, rated[number]].sum()),
                raters=size[1],
                behind=None if number == best else _interval(means[:, best] - means[:, number], *size),
            )
        )
    return found


def _interval(drawn: Reals, clips: int, raters: int) -> Interval:
    found = interval(drawn, clips)
    return found if raters > 1 else replace(found, low=None, high=None)


def _means(sums: Reals, clips: Reals, raters: Reals) -> Reals:
    """A point's mean in each draw, (B,), from sums and counts (2, C, R) and draws (B, C) and (B, R)."""
    total, count = (((clips @ part) * raters).sum(axis=1) for part in sums)
    return np.asarray(np.divide(total, count, out=np.full(len(clips), np.nan), where=count > 0))
