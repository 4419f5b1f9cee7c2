"""One scale from pairwise votes: closed forms, and coverage over simulated studies."""

from __future__ import annotations

import math

import numpy as np
import pytest
from talkbench.reports.aggregate import Point
from talkbench.reports.resampling import draws
from talkbench.reports.study.bradley_terry import Strength, strengths
from talkbench.reports.study.preference import Tally

A, B, C, D, E = ((name, "") for name in "abcde")


def scores(pairs: dict[tuple[Point, Point], tuple[int, int]], clips: int = 3) -> list[Strength]:
    """Of votes for the first and for the second of each pair, the same on each clip."""
    wins = np.array([[won] * clips for won, _ in pairs.values()], float)
    votes = np.array([[won + lost] * clips for won, lost in pairs.values()], float)
    return strengths(Tally(tuple(pairs), tuple(map(str, range(clips))), wins, votes), draws(clips, 0)[:50])


def test_two_points_are_their_log_odds_apart() -> None:
    found = scores({(A, B): (30, 10)})
    assert [one.point for one in found] == [A, B]
    apart = math.log((90 + 0.5) / (30 + 0.5))
    assert [one.score.mean for one in found] == pytest.approx([apart / 2, -apart / 2], abs=1e-6)
    assert found[0].votes == 120


def test_three_points_of_known_strength() -> None:
    """Votes in the very proportions of strengths 4 : 2 : 1 give these back."""
    found = {
        one.point: one.score.mean
        for one in scores({(A, B): (4000, 2000), (B, C): (4000, 2000), (A, C): (4800, 1200)})
    }
    assert found[A] - found[B] == pytest.approx(math.log(2), abs=1e-3)
    assert found[B] - found[C] == pytest.approx(math.log(2), abs=1e-3)
    assert sum(found.values()) == pytest.approx(0, abs=1e-9)


def test_indirect_comparison_adds_up() -> None:
    found = {one.point: one.score.mean for one in scores({(A, B): (3000, 1000), (C, B): (1000, 3000)})}
    assert found[A] - found[C] == pytest.approx(2 * math.log(3), abs=1e-3)


def test_an_unbeaten_point_has_a_finite_score() -> None:
    found = scores({(A, B): (10, 0), (A, C): (10, 0)})
    assert found[0].point == A
    assert math.isfinite(found[0].score.mean)
    assert found[1].score.mean == pytest.approx(found[2].score.mean)


def test_unconnected_points_are_groups_of_their_own() -> None:
    found = scores({(A, B): (3, 1), (C, D): (1, 3), (D, E): (2, 2)})
    groups = {one.point: one.group for one in found}
    assert groups[A] == groups[B] != groups[C]
    assert groups[C] == groups[D] == groups[E]
    for group in set(groups.values()):
        assert sum(one.score.mean for one in found if one.group == group) == pytest.approx(0, abs=1e-9)


@pytest.mark.slow
def test_coverage_over_simulated_studies() -> None:
    """Some 95 % of the intervals of 200 studies hold the true scores, that sum to 0."""
    random = np.random.default_rng(2)
    truth = {A: 0.6, B: 0.1, C: -0.7}
    pairs = ((A, B), (B, C), (A, C))
    shares = np.array([1 / (1 + np.exp(truth[second] - truth[first])) for first, second in pairs])
    names, weights = tuple(map(str, range(60))), draws(60, 0)[:120]
    held = 0
    for _ in range(200):
        wins = random.binomial(3, shares[:, None], size=(3, 60)).astype(float)
        for one in strengths(Tally(pairs, names, wins, np.full((3, 60), 3.0)), weights):
            low, high = one.score.low, one.score.high
            held += low is not None and high is not None and low <= truth[one.point] <= high
    assert 0.91 <= held / 600 <= 0.985
