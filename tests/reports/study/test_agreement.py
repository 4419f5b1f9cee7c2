"""Krippendorff's alpha of known tables."""

from __future__ import annotations

import math

import numpy as np
import pytest
from talkbench.reports.resampling import draws
from talkbench.reports.study.agreement import agreement

CLIPS = np.arange(4)


def of(counts: list[list[int]], level: str = "nominal", clips: np.ndarray = CLIPS) -> float:
    weights = draws(int(clips.max()) + 1, 0)
    return agreement("which", level, np.array(counts), clips, weights).alpha.mean  # type: ignore[arg-type]


def test_all_agree() -> None:
    assert of([[3, 0], [0, 3], [3, 0], [0, 3]]) == 1


def test_closed_form_of_a_small_table() -> None:
    """Two votes on four questions, one of them divided: 1 - (n - 1) o / (n_0 n_1) = 1 - 7 * 1 / (5 * 3)."""
    assert of([[2, 0], [2, 0], [1, 1], [0, 2]]) == pytest.approx(1 - 7 / (5 * 3))


def test_krippendorffs_own_example() -> None:
    """Four observers, twelve units: nominal .743, ordinal .815 (Computing Alpha-Reliability)."""
    observers = np.array([
        [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
        [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
    ])  # fmt: skip
    counts = [[int((unit == value).sum()) for value in range(1, 6)] for unit in observers.T]
    assert of(counts, clips=np.arange(12)) == pytest.approx(0.743, abs=0.0005)
    assert of(counts, "ordinal", np.arange(12)) == pytest.approx(0.815, abs=0.0005)


@pytest.mark.parametrize("counts", [[[3, 0], [3, 0], [2, 0], [3, 0]], [[1, 0], [0, 1], [1, 0], [0, 1]]])
def test_where_it_is_not_defined(counts: list[list[int]]) -> None:
    assert math.isnan(of(counts))


def test_interval_is_over_clips() -> None:
    random = np.random.default_rng(0)
    better = random.random(40) < 0.5
    wins = random.binomial(3, np.where(better, 0.9, 0.1))
    counts = np.stack([wins, 3 - wins], axis=1)
    found = agreement("which", "nominal", counts, np.arange(40), draws(40, 0))
    assert found.alpha.low is not None
    assert found.alpha.high is not None
    assert found.alpha.low < found.alpha.mean < found.alpha.high
    assert 0.1 < found.alpha.high - found.alpha.low < 0.5
    assert found.questions == 40
    one_clip = agreement("which", "nominal", counts, np.zeros(40, int), draws(1, 0))
    assert one_clip.alpha.low is None
    assert one_clip.alpha.mean == found.alpha.mean
