"""Intervals: against closed forms, against an independent resampling, and where there are none."""

import math
import subprocess
import sys

import numpy as np
import pytest
from talkbench.core.statistics import Interval, mean_interval, mean_intervals, paired_difference


def test_interval_of_two_clips_is_their_range() -> None:
    """The mean of two draws is low, middle or high with 1/4, 1/2, 1/4: the 2.5 % quantile is the low end."""
    assert mean_interval([1.0, 3.0]) == Interval(2.0, 1.0, 3.0, 2)


def test_interval_agrees_with_the_normal_one_for_many_clips() -> None:
    values = np.random.default_rng(1).normal(30, 4, 400)
    found = mean_interval(values)
    half = 1.96 * values.std() / math.sqrt(len(values))
    assert found.low == pytest.approx(values.mean() - half, abs=0.05)
    assert found.high == pytest.approx(values.mean() + half, abs=0.05)


def test_interval_agrees_with_resampling_by_hand() -> None:
    values = np.array([0.02, 0.05, 0.09, 0.21, 0.22, 0.47])
    draws = np.random.default_rng(9).choice(values, (200_000, len(values))).mean(axis=1)
    found = mean_interval(values)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975])), abs=0.012)


def test_interval_is_frozen() -> None:
    found = mean_interval([0.1, 0.2, 0.4, 0.8], seed=7)
    assert (found.low, found.high) == pytest.approx((0.15, 0.65), abs=1e-12)


def test_rows_together_have_the_intervals_that_each_has_alone() -> None:
    drawn = np.random.default_rng(3).normal(size=(70, 6))
    drawn[::3, 2] = math.nan
    rows = [*drawn, np.array([1.0]), np.array([]), np.array([1.0, math.inf])]
    for row, found in zip(rows, mean_intervals(rows), strict=True):
        alone = mean_interval(row)
        assert (found.clips, found.left_out) == (alone.clips, alone.left_out)
        assert (found.low is None) == (alone.low is None)
        numbers = [(one.mean, one.low or 0.0, one.high or 0.0) for one in (found, alone)]
        assert numbers[0] == pytest.approx(numbers[1], nan_ok=True)


def test_seed_repeats() -> None:
    values = np.random.default_rng(2).random(17)
    assert mean_interval(values, seed=3) == mean_interval(values, seed=3)
    assert mean_interval(values, seed=3) != mean_interval(values, seed=4)


@pytest.mark.slow
def test_coverage_is_near_its_name() -> None:
    rng = np.random.default_rng(5)
    found = [mean_interval(rng.normal(0, 1, 60), seed=k) for k in range(200)]
    covered = sum(not interval.excludes_zero for interval in found)
    assert 180 <= covered <= 199


def test_one_clip_has_no_interval() -> None:
    assert mean_interval([0.25]) == Interval(0.25, None, None, 1)
    assert not mean_interval([0.25]).excludes_zero


def test_clips_to_which_a_metric_does_not_apply_are_left_out_and_counted() -> None:
    assert mean_interval([1.0, math.nan, 3.0]) == Interval(2.0, 1.0, 3.0, 2, left_out=1)
    none = mean_interval([math.nan])
    assert math.isnan(none.mean)
    assert (none.low, none.high, none.clips, none.left_out) == (None, None, 0, 1)


def test_infinity_is_kept_and_has_no_interval() -> None:
    assert mean_interval([30.0, math.inf, 31.0]) == Interval(math.inf, None, None, 3)


def test_pairing_finds_what_separate_intervals_hide() -> None:
    hard = {f"clip{k}": 10.0 * k for k in range(8)}
    better = {clip: value + 1 + 0.1 * (value % 3) for clip, value in hard.items()}
    found = paired_difference(better, hard)
    assert found.excludes_zero
    assert found.low is not None
    assert found.low >= 1.0
    high, low = mean_interval(hard.values()).high, mean_interval(better.values()).low
    assert high is not None
    assert low is not None
    assert low < high


def test_paired_difference_has_a_sign_and_counts_unpaired_clips() -> None:
    a, b = {"x": 1.0, "y": 2.0, "z": 5.0}, {"x": 2.0, "y": 4.0, "w": 0.0}
    assert paired_difference(a, b) == Interval(-1.5, -2.0, -1.0, 2, left_out=2)
    assert paired_difference(b, a).mean == 1.5
    both_infinite = paired_difference({"x": math.inf, "y": 1.0}, {"x": math.inf, "y": 0.0})
    assert both_infinite == Interval(1.0, None, None, 1, left_out=1)


def test_scipy_is_not_imported_before_it_is_needed() -> None:
    code = "import sys, talkbench.core.statistics; sys.exit('scipy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
