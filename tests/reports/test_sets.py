"""Values of sets in reports: what is compared, what is refused, and why."""

from __future__ import annotations

import pytest
from talkbench.core.feature_store import SetScore
from talkbench.reports.sets import set_cells, set_notes


def score(
    point: str, value: float | None = 1.0, n: int = 32, of: str = "all", error: float | None = None
) -> SetScore:
    clips = tuple(f"clip{k}" for k in range(n // 16))
    reason = "" if value is not None else "fid needs at least 2 pictures"
    signature = f"fid|n:{n}|set:{of}"
    return SetScore("m", point, "fid", value, error, n, clips, reason, "Few", of, "", "lower", signature, "c")


def test_equal_sets_are_compared_and_have_the_intervals_of_their_errors() -> None:
    cells = set_cells([score("a", 2.0, error=0.5), score("b", 3.0)])["fid"]
    first, second = cells["m", "a"].interval, cells["m", "b"].interval
    assert first is not None
    assert (first.mean, first.clips) == (2.0, 2)
    assert (first.low, first.high) == pytest.approx((2 - 0.98, 2 + 0.98), abs=1e-3)
    assert second is not None
    assert second.low is second.high is None


def test_a_smaller_set_is_shown_and_not_compared() -> None:
    cells = set_cells([score("a", n=16, of="one"), score("b"), score("c")])["fid"]
    assert cells["m", "a"].interval is None
    assert cells["m", "a"].refused == "N = 16 pictures of 1 clips, the others 32 of 2: not compared"
    assert cells["m", "b"].interval is not None
    notes = set_notes({"fid": cells})
    assert notes == [
        "fid: N = 32 pictures of 2 clips; compare it with values of the same frames only. Few.",
        f"fid of m a: {cells['m', 'a'].refused}.",
    ]


def test_as_many_pictures_of_other_clips_are_not_compared_either() -> None:
    cells = set_cells([score("a", of="other"), score("b"), score("c")])["fid"]
    assert "other clips than the rest" in cells["m", "a"].refused
    assert cells["m", "c"].interval is not None


def test_a_point_without_value_keeps_its_reason_and_decides_nothing() -> None:
    cells = set_cells([score("a", None, n=64, of="large"), score("b")])["fid"]
    assert cells["m", "a"].refused == "fid needs at least 2 pictures"
    assert cells["m", "b"].interval is not None
    assert set_cells([]) == {}
