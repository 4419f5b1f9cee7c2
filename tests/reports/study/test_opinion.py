"""Mean opinion scores: exact means, honest gaps, and coverage where clips and raters differ."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.reports.study.opinion import Rating, opinions

OURS, FOMM = ("ours", "k20"), ("fomm", "fp16")


def test_means_and_gaps() -> None:
    given = {OURS: (5, 4, 4, 3), FOMM: (4, 3, 3, 2)}
    ratings = [
        Rating(f"r{number % 2}", f"c{number // 2}", "identity", point, value)
        for point, values in given.items()
        for number, value in enumerate(values)
    ]
    best, other = opinions(ratings, 0)
    assert (best.point, best.behind, best.votes, best.mean.clips, best.raters) == (OURS, None, 4, 2, 2)
    assert best.mean.mean == pytest.approx(4)
    assert best.mean.low is not None
    assert best.mean.low < 4
    assert other.point == FOMM
    assert other.mean.mean == pytest.approx(3)
    assert other.behind is not None
    found = (other.behind.mean, other.behind.low, other.behind.high)
    assert found == pytest.approx((1, 1, 1))  # on every clip, of every rater


def test_one_rater_has_no_interval() -> None:
    found = opinions([Rating("r", clip, "identity", OURS, 4) for clip in "ab"], 0)[0]
    assert (found.mean.mean, found.mean.low) == (4, None)


def test_attributes_are_apart_and_a_point_without_ratings_is_not_there() -> None:
    ratings = [Rating("r", "c", "identity", OURS, 4), Rating("r", "c", "expression", FOMM, 2)]
    found = [(one.attribute, one.point, one.mean.mean) for one in opinions(ratings, 0)]
    assert found == [("identity", OURS, 4.0), ("expression", FOMM, 2.0)]


def test_coverage_where_clips_and_raters_differ() -> None:
    """Of 60 studies of 20 clips by 15 raters at least nine in ten intervals hold the true mean."""
    random = np.random.default_rng(6)
    population = (
        random.normal(0, 0.6, 200_000) + random.normal(0, 0.6, 200_000) + random.normal(0, 0.5, 200_000)
    )
    truth = float(np.clip(np.rint(3.2 + population), 1, 5).mean())
    held = 0
    for _ in range(60):
        of_clip, of_rater = random.normal(0, 0.6, 20), random.normal(0, 0.6, 15)
        noise = random.normal(0, 0.5, (20, 15))
        given = np.clip(np.rint(3.2 + of_clip[:, None] + of_rater + noise), 1, 5).astype(int)
        ratings = [
            Rating(f"r{rater}", f"c{clip}", "identity", OURS, int(given[clip, rater]))
            for clip in range(20)
            for rater in range(15)
        ]
        mean = opinions(ratings, 0)[0].mean
        held += mean.low is not None and mean.high is not None and mean.low <= truth <= mean.high
    assert held / 60 >= 0.9
