"""The three accountings."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from talkbench.core.rates import ACCOUNTINGS, bytes_per_frame

SIZES = {"header": 50, "source": 20_000, "motion": 84 * 608, "residual": 0, "refresh": 0}


def test_a_picture_of_20_kilobytes_over_608_frames_adds_33_bytes_a_frame():
    rates = bytes_per_frame(SIZES, 608, Fraction(30), 60)
    assert tuple(rates) == ACCOUNTINGS
    assert rates["motion"] == 84
    assert rates["total"] == pytest.approx(84 + 20_050 / 608)
    assert rates["total"] - rates["motion"] == pytest.approx(33, abs=0.1)
    assert rates["amortised"] == pytest.approx(84 + 20_050 / 1800)


def test_corrections_and_refreshes_count_as_motion():
    sizes = {"header": 10, "source": 100, "motion": 40, "residual": 30, "refresh": 10}
    assert bytes_per_frame(sizes, 8, Fraction(25), 1)["motion"] == 10


counts = st.integers(0, 10**9)


@given(
    st.fixed_dictionaries(dict.fromkeys(SIZES, counts)),
    st.integers(1, 10**5),
    st.fractions(1, 120),
    st.floats(0.1, 1e5),
)
def test_the_accountings_keep_their_order(sizes, frames, fps, seconds):
    rates = bytes_per_frame(sizes, frames, fps, seconds)
    assert rates["total"] * frames == pytest.approx(sum(sizes.values()))
    assert 0 <= rates["motion"] <= rates["total"] + 1e-9
    assert rates["motion"] <= rates["amortised"] + 1e-9
    # a call as long as the clip: nothing to spread
    same = bytes_per_frame(sizes, frames, fps, frames / float(fps))
    assert same["amortised"] == pytest.approx(same["total"])
