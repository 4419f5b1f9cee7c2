"""A sweep read backwards: closed forms, noise, ends, and what is no sweep."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.interpolate import PchipInterpolator
from talkbench.core.errors import TalkbenchError
from talkbench.reports.sweeps import Sweep, crossing

CRFS = (23.0, 30.0, 37.0, 44.0, 51.0)


@pytest.mark.parametrize("slope", [0.01, -0.7])
def test_a_straight_series_is_crossed_where_algebra_says(slope: float) -> None:
    values = 2 + slope * np.array(CRFS)
    found = crossing(CRFS, values, 2 + slope * 33.25, rising=slope > 0)
    assert found == pytest.approx(33.25, abs=1e-6)
    assert crossing(CRFS[::-1], values[::-1], 2 + slope * 33.25, slope > 0) == pytest.approx(33.25, abs=1e-6)


def test_reading_there_and_back_is_the_identity() -> None:
    rng = np.random.default_rng(1)
    values = np.cumsum(rng.uniform(0.01, 1, (5, 40)), axis=0)
    sweep = Sweep(CRFS, values, rising=True)
    asked = rng.uniform(23, 51, 40)
    assert sweep.crossing(sweep.at(asked)) == pytest.approx(asked, abs=1e-5)
    assert sweep.at(37) == pytest.approx(values[2])
    expected = [float(PchipInterpolator(CRFS, column)(x)) for column, x in zip(values.T, asked, strict=True)]
    assert sweep.at(asked) == pytest.approx(expected)


def test_a_share_of_votes_crosses_half_after_noise_is_pooled() -> None:
    shares = np.array([0.1, 0.4, 0.3, 0.35, 0.9])  # the three in the middle pool to .35
    found = float(crossing(CRFS, shares, 0.5, rising=True)[0])
    pooled = PchipInterpolator(CRFS, [0.1, 0.35, 0.35, 0.35, 0.9])
    assert 44 < found < 51
    assert pooled(found) == pytest.approx(0.5, abs=1e-6)
    assert crossing(CRFS, shares, 0.35, rising=True) == pytest.approx(37, abs=1e-3)  # the stretch's middle


def test_beyond_the_sweep_it_says_on_which_side() -> None:
    values = np.tile(np.array(CRFS)[:, None], 4)
    found = crossing(CRFS, values, [20, 23, 51, 60], rising=True)
    assert found == pytest.approx([-np.inf, 23, 51, np.inf], abs=1e-6)
    assert crossing(CRFS, -values, [-20, -23, -51, np.nan], rising=False) == pytest.approx(
        [-np.inf, 23, 51, np.nan], abs=1e-6, nan_ok=True
    )
    assert Sweep(CRFS, CRFS, rising=True).at([99]) == pytest.approx([51])


@pytest.mark.parametrize(
    ("settings", "values", "said"),
    [
        ([23], [1], "two distinct ones"),
        ([23, 23], [1, 2], "two distinct ones"),
        ([23, 30], [1, np.nan], "not finite"),
    ],
)
def test_what_is_no_sweep_is_refused(settings: list[float], values: list[float], said: str) -> None:
    with pytest.raises(TalkbenchError, match=said):
        crossing(settings, values, 1, rising=True)
