"""The matching CRF on sweeps whose answer is known, its interval, and when there is none."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from talkbench.core.statistics import Interval
from talkbench.reports.aggregate import Results
from talkbench.reports.matching import Matching, matchings

Made = Callable[..., Results]
CRFS = (20.0, 30.0, 40.0, 50.0)


def straight(levels: list[float]) -> dict[str, tuple[list[float], list[float], list[float]]]:
    """A codec whose score falls by a tenth a CRF from each clip's level, and whose rate halves every ten."""
    rates = [1000 * 2 ** -(crf / 10) for crf in CRFS]
    clips = len(levels)
    return {
        f"crf{crf:g}": ([level - crf / 10 for level in levels], [rate] * clips, [3 * rate] * clips)
        for crf, rate in zip(CRFS, rates, strict=True)
    }


def one(results: Results, subset: str = "all") -> Matching:
    (found,) = (at for at in matchings(results) if at.subset == subset)
    return found


def ends(found: Interval) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_the_crf_at_which_means_are_equal(made: Made, direction: str) -> None:
    ours = {"k20": ([10 - 3.1, 12 - 3.7], [1.0, 3.0], [5.0, 5.0])}  # as good as CRF 31 and 37
    found = one(made({"h264": straight([10, 12]), "ours": ours}, direction))
    assert (found.setting, found.beyond, found.refused) == ("crf", "", "")
    assert found.at.mean == pytest.approx(34, abs=1e-5)
    assert found.at.clips == 2
    assert ends(found.at) == pytest.approx((31, 37), abs=1e-4)  # one of the clips drawn twice
    rate = 1000 * 2**-3.4
    assert found.ratios["motion"].mean == pytest.approx(rate / 2, rel=1e-3)
    assert found.ratios["total"].mean == pytest.approx(3 * rate / 5, rel=1e-3)
    assert found.ratios["as published"].mean == pytest.approx(3 * rate / 2, rel=1e-3)
    assert ends(found.ratios["motion"]) == pytest.approx((1000 * 2**-3.7 / 3, 1000 * 2**-3.1), rel=1e-3)


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_beyond_the_sweep_the_side_is_said(made: Made, direction: str) -> None:
    worse = one(
        made({"h264": straight([10, 10]), "ours": {"k": ([4.0] * 2, [1.0] * 2, [1.0] * 2)}}, direction)
    )
    assert (worse.at.mean, worse.beyond) == (math.inf, "worse")
    assert worse.ratios["total"].mean == 0
    best = one(
        made({"h264": straight([10, 10]), "ours": {"k": ([9.0] * 2, [1.0] * 2, [1.0] * 2)}}, direction)
    )
    assert (best.at.mean, best.beyond) == (-math.inf, "better")
    assert best.ratios["total"].mean == math.inf
    half = {"k": ([5.5, 4.5], [1.0] * 2, [1.0] * 2)}  # CRF 45, and worse than CRF 50: together CRF 50
    open_ended = one(made({"h264": straight([10, 10]), "ours": half}, direction))
    assert open_ended.at.mean == pytest.approx(50, abs=1e-4)
    assert ends(open_ended.at) == (pytest.approx(45, abs=1e-4), math.inf)
    assert ends(open_ended.ratios["motion"]) == (0, pytest.approx(1000 * 2**-4.5, rel=1e-3))


def test_one_clip_has_no_interval_and_what_sends_nothing_no_ratio(made: Made) -> None:
    found = one(made({"h264": straight([10]), "freeze": {"default": ([7.0], [0.0], [4.0])}}))
    assert found.at == Interval(pytest.approx(30, abs=1e-5), None, None, 1)
    assert found.ratios["motion"].clips == found.ratios["as published"].clips == 0
    assert found.ratios["total"].mean == pytest.approx(3 * 125 / 4)


def test_clips_that_lack_a_value_are_left_out_and_counted(made: Made) -> None:
    ours = {"k20": ([10 - 3.1, math.nan, 12 - 3.3], [1.0] * 3, [1.0] * 3)}
    found = one(made({"h264": straight([10, 11, 12]), "ours": ours}))
    assert found.at.mean == pytest.approx(32, abs=1e-5)
    assert (found.at.clips, found.at.left_out) == (2, 1)


def test_refusals_say_why(made: Made) -> None:
    ours = {"k20": ([7.0], [1.0], [1.0])}

    def refused(h264: dict[str, tuple[list[float], list[float], list[float]]], own: object = ours) -> str:
        return one(made({"h264": h264, "ours": own})).refused

    assert refused({"crf20": ([8.0], [1.0], [1.0])}) == "h264 has one crf only"
    assert refused({"slow": ([8.0], [1.0], [1.0])}) == "h264 sweeps no setting that is a number"
    bent = straight([10]) | {"crf30": ([9.0], [125.0], [1.0])}
    assert refused(bent) == "the mean psnr of h264 does not go one way with its crf"
    assert refused(straight([10]) | {"crf30": ([7.0], [0.0], [1.0])}) == "h264 has a point of rate 0"
    nothing = {"k20": ([math.nan], [1.0], [1.0])}
    assert refused(straight([10]), nothing).startswith("no clip has psnr and a rate")


def test_nothing_is_matched_without_block_codecs_or_others(made: Made) -> None:
    assert matchings(made({"h264": straight([10])})) == []
    assert matchings(made({"ours": {"k20": ([7.0], [1.0], [1.0])}})) == []


def test_intervals_cover_the_truth(made: Made) -> None:
    """Clips are drawn from a population in which the means are equal at CRF 34; 200 runs of 25 clips."""
    rng = np.random.default_rng(3)
    inside = {"at": 0, "motion": 0}
    truth = {"at": 34.0, "motion": 1000 * 2**-3.4 / 10}
    for _ in range(200):
        levels = rng.normal(10, 1, 25)
        scores = levels - 3.4 + rng.normal(0, 0.5, 25)
        rates = rng.gamma(4, 10 / 4, 25)
        found = one(made({"h264": straight(list(levels)), "ours": {"k": (scores, rates, rates)}}))
        for name, interval in (("at", found.at), ("motion", found.ratios["motion"])):
            low, high = ends(interval)
            inside[name] += low <= truth[name] <= high
    assert all(0.88 <= count / 200 <= 0.985 for count in inside.values()), inside
