"""The CRF at which votes cross one half: the fit against a library, its ends, and its coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest
from talkbench.core.statistics import Interval
from talkbench.reports.resampling import draws
from talkbench.reports.study.crossing import HALF, crossing, logistic_fit
from talkbench.reports.study.preference import Tally

CRFS = (26.0, 31.0, 36.0, 41.0, 46.0)


def tallied(wins: np.ndarray, votes: np.ndarray) -> Tally:
    pairs = tuple((("ours", "adaptive"), ("h264", f"crf{crf:g}")) for crf in CRFS[: len(wins)])
    return Tally(pairs, tuple(map(str, range(wins.shape[1]))), wins.astype(float), votes.astype(float))


def holds(found: Interval, truth: float) -> bool:
    return found.low is not None and found.high is not None and found.low <= truth <= found.high


def simulated(random: np.random.Generator, clips: int, truth: float, spread: float = 0.7) -> Tally:
    """Three votes a clip and CRF; clips differ in how good the codec is on them."""
    offsets = random.normal(0, spread, clips)
    odds = 0.18 * (np.array(CRFS)[:, None] - truth) + offsets
    wins = random.binomial(3, 1 / (1 + np.exp(-odds)))
    return tallied(wins, np.full(wins.shape, 3))


def test_fit_is_the_librarys() -> None:
    from sklearn.linear_model import LogisticRegression

    wins, votes = np.array([[3.0, 9, 20, 33, 38], [40, 0, 40, 0, 40]]), np.full((2, 5), 40.0)
    intercepts, slopes = logistic_fit(wins, votes, np.array(CRFS))
    for number in range(2):
        x = np.array([*CRFS, *CRFS])[:, None]
        answers = np.repeat([1, 0], 5)
        weights = np.concatenate([wins[number] + HALF, votes[number] - wins[number] + HALF])
        library = LogisticRegression(C=np.inf, tol=1e-10, max_iter=10_000).fit(x - 36, answers, weights)
        assert slopes[number] == pytest.approx(library.coef_[0, 0], abs=1e-5)
        assert intercepts[number] + 36 * slopes[number] == pytest.approx(library.intercept_[0], abs=1e-5)


def test_symmetric_votes_cross_in_the_middle() -> None:
    counted = tallied(np.array([[2, 2], [4, 4], [10, 10], [16, 16], [18, 18]]), np.full((5, 2), 20))
    found = crossing(counted, draws(2, 0), range(5), CRFS)
    for one in (found.at, found.interpolated):  # both clips are alike
        assert (one.mean, one.low, one.high) == pytest.approx((36, 36, 36))


def test_order_of_pairs_does_not_matter() -> None:
    counted = simulated(np.random.default_rng(0), 30, 35)
    straight = crossing(counted, draws(30, 0), range(5), CRFS)
    turned = crossing(counted, draws(30, 0), [4, 2, 0, 1, 3], [46, 36, 26, 31, 41])
    assert turned.asked == CRFS
    for one, other in ((turned.at, straight.at), (turned.interpolated, straight.interpolated)):
        assert (one.mean, one.low, one.high) == pytest.approx((other.mean, other.low, other.high))


@pytest.mark.parametrize(("wins", "side"), [([19, 19, 20], -math.inf), ([0, 1, 2], math.inf)])
def test_beyond_what_was_asked_nothing_is_extrapolated(wins: list[int], side: float) -> None:
    counted = tallied(np.array([[won, won] for won in wins]), np.full((3, 2), 20))
    found = crossing(counted, draws(2, 0), range(3), CRFS[:3])
    for one in (found.at, found.interpolated):
        assert (one.mean, one.low, one.high) == (side, side, side)


def test_votes_that_fall_with_the_crf_lie_on_one_side() -> None:
    counted = tallied(np.array([[20, 20], [18, 18], [15, 15]]), np.full((3, 2), 20))
    assert crossing(counted, draws(2, 0), range(3), CRFS[:3]).at.mean == -math.inf


def test_one_clip_has_no_interval() -> None:
    found = crossing(tallied(np.array([[1], [2]]), np.full((2, 1), 3)), draws(1, 0), range(2), CRFS[:2])
    assert (found.at.low, found.interpolated.low) == (None, None)
    assert found.at.mean == pytest.approx(28.5)


def test_coverage_over_simulated_studies() -> None:
    """Some 95 % of the intervals of 200 studies hold the true crossing, by either way."""
    random = np.random.default_rng(11)
    truth, weights = 35.4, draws(60, 0)[:1000]
    held, checked, errors = 0, 0, []
    for _ in range(200):
        found = crossing(simulated(random, 60, truth), weights, range(5), CRFS)
        held += holds(found.at, truth)
        checked += holds(found.interpolated, truth)
        errors.append((found.at.mean - truth, found.interpolated.mean - truth))
    assert 0.91 <= held / 200 <= 0.985
    assert 0.90 <= checked / 200 <= 0.99
    bias, spread = np.mean(errors, axis=0), np.std(errors, axis=0)
    assert np.abs(bias).max() < 0.2
    assert spread[0] < 0.8 * spread[1]
