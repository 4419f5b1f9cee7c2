"""Equal-quality ratios and Bjøntegaard deltas on curves whose answers are known."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from talkbench.core.statistics import mean_interval
from talkbench.reports.aggregate import Results
from talkbench.reports.bd_rate import anchor_of, bd_rates
from talkbench.reports.comparison import (
    DELTA_COLUMNS,
    MATCHING_COLUMNS,
    RATIO_COLUMNS,
    compare,
    write_comparison,
)
from talkbench.reports.curves import block_codecs
from talkbench.reports.equal_quality import EqualQuality, equal_quality, subsets

SCORES = (10.0, 11.0, 13.0, 16.0, 20.0)
Made = Callable[..., Results]
Sweep = Mapping[str, tuple[Sequence[float], Sequence[float], Sequence[float]]]


def exponential(factor: float, clips: int = 3, scores: Sequence[float] = SCORES) -> Sweep:
    """Points whose rate is exp(score / 4) times `factor`, in total 100 bytes more: PCHIP is exact there."""
    rates = [factor * math.exp(score / 4) for score in scores]
    return {
        f"crf{k}": ([score] * clips, [rate] * clips, [rate + 100] * clips)
        for k, (score, rate) in enumerate(zip(scores, rates, strict=True))
    }


def only(results: Results, pairing: str = "motion", subset: str = "all") -> EqualQuality:
    (found,) = (at for at in equal_quality(results) if (at.pairing, at.subset) == (pairing, subset))
    return found


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_ratio_is_the_other_codecs_rate_at_this_quality(direction: str, made: Made) -> None:
    ours = {"k20": ([12.0, 14.0, 18.5], [5.0, 3.0, 2.0], [30.0, 20.0, 10.0])}
    results = made({"h264": exponential(10), "ours": ours}, direction)
    theirs = [10 * math.exp(score / 4) for score in (12, 14, 18.5)]
    ratios = np.divide(theirs, (5, 3, 2))
    found = only(results)
    assert found.ratio.mean == pytest.approx(math.exp(np.mean(np.log(ratios))))
    expected = mean_interval(np.log(ratios))
    assert expected.low is not None
    assert expected.high is not None
    assert (found.ratio.low, found.ratio.high) == pytest.approx(
        (math.exp(expected.low), math.exp(expected.high))
    )
    assert (found.ratio.clips, found.worse, found.better, found.clips) == (3, 0, 0, 3)
    assert found.bound == found.ratio
    assert only(results, "amortised").ratio.mean == pytest.approx(found.ratio.mean)


def test_as_published_sets_motion_against_total(made: Made) -> None:
    scores = (10.0, 20.0)
    h264 = {
        f"crf{k}": ([score], [math.exp(score)], [100 * math.exp(score)]) for k, score in enumerate(scores)
    }
    results = made({"h264": h264, "ours": {"k20": ([15.0], [math.exp(10)], [math.exp(11)])}})
    found = {at.pairing: at.ratio.mean for at in equal_quality(results)}
    assert found["motion"] == pytest.approx(math.exp(5))
    assert found["total"] == pytest.approx(100 * math.exp(4))
    assert found["as published"] == pytest.approx(100 * math.exp(5))
    assert list(found) == ["motion", "total", "amortised", "as published"]


def test_the_mean_seen_from_the_other_side_is_the_reciprocal(made: Made) -> None:
    other = exponential(4)
    there = made({"h264": exponential(10), "ours": other})
    back = made({"h264": other, "ours": exponential(10)})
    for pairing in ("motion", "total"):
        (first, *_) = [at.ratio for at in equal_quality(there) if at.pairing == pairing]
        (second, *_) = [at.ratio for at in equal_quality(back) if at.pairing == pairing]
        assert first.mean == pytest.approx(1 / second.mean)


def test_clips_beyond_the_curve_are_counted_and_bound_the_mean(made: Made) -> None:
    ours = {"k20": ([12.0, 4.0, 4.5], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])}
    found = only(made({"h264": exponential(10), "ours": ours}))
    inside, end = 10 * math.exp(12 / 4), 10 * math.exp(10 / 4)
    assert (found.ratio.clips, found.worse, found.better) == (1, 2, 0)
    assert found.ratio.mean == pytest.approx(inside)
    assert found.ratio.low is None
    assert found.bound.mean == pytest.approx((inside * end * end) ** (1 / 3))
    assert found.bound.clips == 3
    assert not found.refused
    best = only(made({"h264": exponential(10), "ours": {"k20": ([21.0] * 3, [1.0] * 3, [1.0] * 3)}}))
    assert (best.ratio.clips, best.worse, best.better) == (0, 0, 3)
    assert math.isnan(best.ratio.mean)
    assert best.bound.mean == pytest.approx(10 * math.exp(5))


def test_what_cannot_be_compared_is_refused_with_its_reason(made: Made) -> None:
    bent = {name: ([*clips[:1], 12.0 - k, clips[2]], motion, total)
            for k, (name, (clips, motion, total)) in enumerate(exponential(10).items())}  # fmt: skip
    ours = {"k20": ([12.0, 12.0, math.nan], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0])}
    found = only(made({"h264": bent, "ours": ours}))
    assert found.ratio.clips == 1
    assert found.refused == {
        "h264 is not better in psnr at each higher rate": 1,
        "ours k20 has no psnr": 1,
    }
    still = {"default": ([12.0] * 3, [0.0] * 3, [1.0] * 3)}
    results = made({"h264": exponential(10), "freeze": still})
    nothing = {"freeze default sends nothing that this accounting counts": 3}
    assert only(results).refused == only(results, "as published").refused == nothing
    assert only(results, "total").ratio.clips == 3
    single = {"crf0": ([10.0], [1.0], [2.0])}
    few = only(made({"h264": single, "ours": {"k20": ([12.0], [1.0], [1.0])}}))
    assert few.refused == {"h264 has 1 point with psnr and a rate, of 2 that it takes": 1}
    lossy = {"crf0": ([10.0], [0.0], [2.0]), "crf1": ([12.0], [1.0], [3.0])}
    none = only(made({"h264": lossy, "ours": {"k20": ([11.0], [1.0], [1.0])}}))
    assert none.refused == {"h264 has a point of rate 0": 1}


def test_freeze_tells_still_clips_from_moving_ones(made: Made) -> None:
    clips = ([-0.05, -0.2, -0.1], [0.0] * 3, [1.0] * 3)
    scores = (-0.5, -0.3, -0.2, -0.01)
    h264 = exponential(10, scores=scores)
    ours = {"k20": ([-0.04, -0.1, -0.25], [2.0] * 3, [2.0] * 3)}
    results = made({"h264": h264, "ours": ours, "freeze": {"default": clips}}, "lower", "lpips")
    assert subsets(results) == {
        "all": ("clip 0", "clip 1", "clip 2"),
        "still": ("clip 0",),
        "moving": ("clip 1", "clip 2"),
    }
    by_subset = {
        at.subset: at for at in equal_quality(results) if (at.point[0], at.pairing) == ("ours", "motion")
    }
    assert by_subset["still"].ratio.mean == pytest.approx(5 * math.exp(-0.01))
    assert by_subset["moving"].clips == 2
    lively = {"default": ([-0.3] * 3, [0.0] * 3, [1.0] * 3)}
    assert list(subsets(made({"h264": h264, "freeze": lively}, "lower", "lpips"))) == ["all"]


def test_long_clips_are_apart_where_there_are_short_ones(made: Made) -> None:
    methods = {"h264": exponential(10), "ours": {"k20": ([12.0] * 3, [1.0, 2.0, 4.0], [1.0] * 3)}}
    results = made(methods, frames=(299, 300, 301))
    assert subsets(results) == {"all": results.clips, "long": ("clip 1", "clip 2")}
    long = only(results, "motion", "long")
    assert long.ratio.mean == pytest.approx(10 * math.exp(3) / math.sqrt(8))
    assert list(subsets(made(methods, frames=(300, 300, 400)))) == ["all"]
    assert list(subsets(made(methods, frames=(None, 20, 40)))) == ["all"]


def test_the_papers_ratio_divides_mean_rates(made: Made) -> None:
    ours = {"k20": ([12.0, 14.0, 4.0], [1.0, 7.0, 1.0], [1.0] * 3)}
    found = only(made({"h264": exponential(10), "ours": ours})).mean_rates
    assert found.mean == pytest.approx(10 * (math.exp(3) + math.exp(3.5)) / 8)  # the clip beyond is out
    assert found.clips == 2
    assert found.low is not None
    assert found.high is not None
    ends = 10 * math.exp(3.5) / 7, 10 * math.exp(3)  # where one clip was drawn twice
    assert (found.low, found.high) == pytest.approx(ends)


def test_block_codecs_are_those_that_an_encoder_of_ffmpegs_makes() -> None:
    from talkbench.core.config import compose  # the real methods say so, and only they
    from talkbench.core.points import points

    names = ["ours", "fomm", "fs_vid2vid", "freeze", "raw", "h264", "h265", "h266", "vp9", "av1"]
    config = compose(names, "sample", "compression", [], [])
    described = {
        name: {point.name: {"describe": point.build().describe()}
               for point in points(name, config["methods"][name])[:1]}
        for name in names
    }  # fmt: skip
    found = tuple((name, point) for name, by_point in described.items() for point in by_point)
    results = Results(Path("none"), {"methods": described}, found, (), {}, {}, {}, ())
    assert block_codecs(results) == ("h264", "h265", "h266", "vp9", "av1")


@pytest.mark.parametrize("direction", ["higher", "lower"])
def test_bd_rate_of_a_curve_of_half_the_rate(direction: str, made: Made) -> None:
    results = made({"h264": exponential(10), "h265": exponential(5)}, direction)
    found = {delta.accounting: delta for delta in bd_rates(results)}["motion"]
    assert (found.method, found.anchor) == ("h265", "h264")
    assert found.rate.mean == pytest.approx(-50)
    assert found.overlap.mean == pytest.approx(1)
    # at equal rate its score is 4 ln 2 higher, wherever both have that rate
    sign = 1 if direction == "higher" else -1
    assert found.quality.mean == pytest.approx(sign * 4 * math.log(2), rel=0.05)
    assert not found.refused


def test_bd_rate_agrees_with_the_package(made: Made) -> None:
    from bjontegaard import bd_rate

    one, two = exponential(10, 1), exponential(7, 1, (9.0, 12.0, 15.0, 15.5, 17.0))
    found = next(delta for delta in bd_rates(made({"h264": one, "h265": two})) if delta.accounting == "total")
    lists = [[at[k][0] for at in sweep.values()] for sweep in (one, two) for k in (2, 0)]
    assert found.rate.mean == pytest.approx(bd_rate(*lists, method="pchip", min_overlap=0))
    assert found.overlap.mean == pytest.approx((17 - 10) / (20 - 9))
    assert found.rate.low is None  # one clip


def test_bd_rate_is_refused_with_its_reason(made: Made) -> None:
    higher = exponential(10, scores=(30.0, 31.0, 32.0, 33.0))
    methods = {"h264": exponential(10), "h265": higher, "ours": exponential(2, scores=(10.0, 11.0, 12.0))}
    found = {delta.method: delta for delta in bd_rates(made(methods)) if delta.accounting == "motion"}
    assert found["h265"].refused == {"h265 and h264 have less than 10% of their range of psnr in common": 3}
    assert (found["h265"].rate.clips, found["h265"].quality.clips) == (0, 0)
    assert found["h265"].overlap.mean == 0
    assert found["ours"].refused == {"ours has 3 points with psnr and a rate, of 4 that it takes": 3}
    assert math.isnan(found["ours"].overlap.mean)


def test_without_block_codecs_curves_are_held_against_the_first(made: Made) -> None:
    results = made({"freeze": {"default": ([1.0], [0.0], [1.0])}, "ours": exponential(10, 1)})
    assert anchor_of(results) == "ours"
    assert equal_quality(results) == []
    assert anchor_of(made({"ours": {"k20": ([1.0], [1.0], [1.0])}})) is None


def test_tables_have_a_row_for_each_comparison(tmp_path: Path, made: Made) -> None:
    import csv
    from dataclasses import replace

    ours = {"k20": ([12.0, 4.0, math.nan], [1.0] * 3, [1.0] * 3)}
    results = replace(made({"h264": exponential(10), "h265": exponential(5), "ours": ours}), run=tmp_path)
    ratios, deltas, matched, differences = (
        list(csv.DictReader(path.read_text("utf-8").splitlines()))
        for path in write_comparison(results, compare(results))
    )
    assert tuple(ratios[0]) == RATIO_COLUMNS
    assert tuple(deltas[0]) == DELTA_COLUMNS
    assert tuple(matched[0]) == MATCHING_COLUMNS
    assert differences == []  # h264 and h265 are swept, and without aggregates no rate is nearest
    assert {row["at"] for row in matched if row["anchor"] == "h265"} == {"-inf"}
    assert len(ratios) == 2 * 4
    assert len(deltas) == 3 * 2
    first = ratios[0]
    shown = [first[name] for name in ("low", "counted", "worse", "better", "refused", "reasons")]
    assert shown == ["", "1", "1", "0", "1", "1 clip: ours k20 has no psnr"]
    refused = next(row for row in deltas if row["method"] == "ours")
    assert (refused["bd_rate"], refused["overlap"], refused["refused"]) == ("", "", "3")
