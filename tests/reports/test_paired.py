"""Paired differences on data whose answers are known, and how often they call a difference where none is."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from talkbench.reports.aggregate import Results
from talkbench.reports.paired import Difference, caution, differences, holm, named_points, pairs

Made = Callable[..., Results]


def point(scores: Sequence[float], rate: float = 1.0) -> tuple[Sequence[float], list[float], list[float]]:
    return scores, [rate] * len(scores), [rate + 1] * len(scores)


def one(results: Results) -> Difference:
    (found,) = differences(results)
    return found


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_a_constant_advantage_is_found_with_its_exact_p(made: Made, direction: str) -> None:
    base = [3.0, 5.0, 8.0, 1.0, 2.0, 9.0, 4.0]
    ahead = [score + 0.5 + 0.01 * k for k, score in enumerate(base)]
    found = one(made({"ours": {"k": point(ahead)}, "fomm": {"k": point(base, 7.0)}}, direction))
    assert (found.better, found.worse, found.equal) == (7, 0, 0)
    assert found.mean.mean == pytest.approx(0.53 * (1 if direction == "higher" else -1))
    assert found.mean.low is not None
    assert found.mean.high is not None
    assert found.mean.low < found.mean.mean < found.mean.high
    assert found.p == pytest.approx(2 / 2**7)  # all seven signs alike
    assert (found.adjusted, found.verdict) == (found.p, "better")
    assert found.bits is not None
    assert found.bits.mean == pytest.approx(4)


def test_equal_values_differ_in_nothing(made: Made) -> None:
    found = one(made({"ours": {"k": point([1.0] * 9)}, "fomm": {"k": point([1.0] * 9)}}))
    assert (found.equal, found.p, found.verdict) == (9, 1.0, "not shown")


def test_clips_without_a_value_are_left_out(made: Made) -> None:
    found = one(made({"ours": {"k": point([1.0, math.nan, 3.0])}, "fomm": {"k": point([0.0, 1.0, 5.0])}}))
    assert (found.clips, found.mean.left_out, found.mean.mean) == (2, 1, -0.5)
    empty = one(made({"ours": {"k": point([math.nan])}, "fomm": {"k": point([1.0])}}))
    assert math.isnan(empty.p)
    assert (empty.clips, empty.verdict) == (0, "not shown")


def test_a_mean_that_one_clip_makes_is_not_called_a_difference(made: Made) -> None:
    gains = [-1.0 - 0.01 * k for k in range(19)] + [500.0]
    found = one(made({"ours": {"k": point(gains)}, "fomm": {"k": point([0.0] * 20)}}))
    assert found.p < 0.05  # the ranks say worse
    assert found.mean.mean > 0  # the mean says better
    assert found.verdict == "not shown"


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, math.nan, 0.9]) == pytest.approx([1.0, math.nan, 1.0], nan_ok=True)
    assert holm([]) == []


def test_few_clips_cannot_show_a_difference_and_that_is_said(made: Made) -> None:
    def said(clips: int) -> str:
        methods = {
            name: {"k": point([float(k)] * clips)} for k, name in enumerate(("ours", "fomm", "freeze"))
        }
        found = differences(made(methods))
        assert len(found) == 3
        significant = any(one.verdict != "not shown" for one in found)
        assert significant == (not caution(found))
        return caution(found)

    assert said(6) == (
        "With 6 clips and 3 pairs no difference can be significant, however large; it takes 7 clips."
    )
    assert said(7) == ""
    assert caution([]) == ""


def test_which_points_are_held_against_each_other(made: Made) -> None:
    from dataclasses import replace

    from talkbench.reports.aggregate import aggregated

    h264 = {f"crf{crf}": point([1.0], rate) for crf, rate in ((20, 90.0), (30, 30.0), (40, 10.0))}
    methods = {
        "ours": {"k": point([1.0], 14.0), "p": point([1.0], 1.0)},
        "freeze": {"default": point([1.0], 0)},
    }
    results = made({**methods, "h264": h264})
    results = replace(results, aggregates=aggregated(results.values, results.points, 0))
    free = [("ours", "k"), ("ours", "p"), ("freeze", "default")]
    assert pairs(results) == [
        (free[0], free[1]),
        (free[0], free[2]),
        (free[1], free[2]),
        *((point, ("h264", "crf40")) for point in free),
    ]
    assert named_points(results) == (*free, ("h264", "crf40"))
    alone = made({"h264": h264})
    assert pairs(alone) == []
    assert named_points(alone) == alone.points
    single = made({"h264": {"crf20": point([1.0])}, "h265": {"crf20": point([1.0])}})
    assert pairs(single) == [(("h264", "crf20"), ("h265", "crf20"))]


def test_differences_are_called_where_none_is_no_more_often_than_stated(made: Made) -> None:
    """200 runs of 12 clips and three methods that do not differ: Holm keeps any false call below 5 %."""
    rng = np.random.default_rng(5)
    false = 0
    for _ in range(200):
        clips = rng.normal(0, 3, 12)
        methods = {name: {"k": point(clips + rng.normal(0, 1, 12))} for name in ("ours", "fomm", "freeze")}
        false += any(one.verdict != "not shown" for one in differences(made(methods)))
    assert false <= 18  # of Binomial(200, .05), exceeded once in a hundred


def test_intervals_of_differences_cover_the_truth(made: Made) -> None:
    rng = np.random.default_rng(6)
    inside = 0
    for _ in range(200):
        clips = rng.normal(0, 3, 25)
        ahead = clips + 0.4 + rng.normal(0, 1, 25)
        mean = one(made({"ours": {"k": point(ahead)}, "fomm": {"k": point(clips)}})).mean
        assert mean.low is not None
        assert mean.high is not None
        inside += mean.low <= 0.4 <= mean.high
    assert 0.88 <= inside / 200 <= 0.985
