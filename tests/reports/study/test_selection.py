"""What of a run is asked about: as named, or refused in one line that says what there is."""

from __future__ import annotations

from typing import Any

import pytest
from talkbench.core.errors import UsageError
from talkbench.reports.study.selection import (
    ORIGINAL,
    Asked,
    Point,
    Stored,
    asked_of,
    comparisons,
    gold_point,
    points_named,
)

CLIPS = ("anna, at home", "ben")
LPIPS = {("h264", "crf30"): 0.1, ("h264", "crf51"): 0.4, ("freeze", "default"): 0.6, ("ours", "k20"): 0.2}


def held(missing: tuple[tuple[Point, str], ...] = (), **values: dict[Point, float]) -> Stored:
    """A run of four points on two clips, less the missing units, with metrics' values by point."""
    directions = {"lpips": "lower", "psnr": "higher"}
    manifest: dict[str, Any] = {
        "benchmark": "compression",
        "units": [{"method": m, "point": p, "clip": clip} for m, p in LPIPS for clip in CLIPS],
        "dataset": {"clips": [{"name": clip} for clip in CLIPS]},
        "methods": {
            "h264": {point: {"describe": {"encoder": "libx264"}} for point in ("crf30", "crf51")},
            "freeze": {"default": {"describe": {}}},
            "ours": {"k20": {"describe": {"weights": "ab"}}},
        },
        "metrics": {name: {"direction": directions[name]} for name in values},
    }
    units = {
        (point, clip): {"values": {name: {"value": by[point]} for name, by in values.items() if point in by}}
        for point in LPIPS
        for clip in CLIPS
        if (point, clip) not in missing
    }
    return Stored(manifest, units)


def test_a_method_without_a_point_means_all_of_its_points() -> None:
    run = held()
    assert points_named(run, "h264") == [("h264", "crf30"), ("h264", "crf51")]
    assert points_named(run, "h264:crf51") == [("h264", "crf51")]
    assert points_named(run, "reference") == [ORIGINAL]
    assert comparisons(run, "pair", ["ours:k20,h264"]) == [
        (("ours", "k20"), ("h264", "crf30")),
        (("ours", "k20"), ("h264", "crf51")),
    ]


def test_a_pair_is_compared_once_and_nothing_with_itself() -> None:
    found = comparisons(held(), "pair", ["h264,h264", "h264:crf51,h264:crf30", "ours,freeze", "freeze,ours"])
    assert found == [(("h264", "crf30"), ("h264", "crf51")), (("ours", "k20"), ("freeze", "default"))]


def test_ratings_hold_each_point_against_the_original() -> None:
    found = comparisons(held(), "rating", ["ours,h264,reference", "freeze"])
    assert [first for first, _ in found] == [ORIGINAL] * 4
    assert {second for _, second in found} == set(LPIPS)


@pytest.mark.parametrize(
    ("pair", "words"),
    [
        ("h264,our", "unknown method of the run 'our'; did you mean ours"),
        ("h264,ours:k21", "unknown point of ours in the run 'k21'; did you mean k20"),
        ("h264", "names 1; give two"),
        ("h264,ours,freeze", "names 3; give two"),
        ("ours,ours:k20", "nothing to compare"),
        ("h264:,", "names 1; give two"),
    ],
)
def test_a_pair_that_is_none_is_refused(pair: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        comparisons(held(), "pair", [pair])


def test_all_clips_are_asked_about_or_those_named() -> None:
    run, pair = held(), [(("ours", "k20"), ("h264", "crf30"))]
    assert [one.clip for one in asked_of(run, pair, [])[0]] == list(CLIPS)
    assert asked_of(run, pair, ["ben", "ben"]) == ([Asked("ben", *pair[0])], [])
    with pytest.raises(UsageError, match="unknown clip of the run 'bern'; did you mean ben"):
        asked_of(run, pair, ["bern"])


def test_what_did_not_finish_is_left_out_and_said() -> None:
    run = held(missing=((("h264", "crf30"), "ben"),))
    pair = [(("ours", "k20"), ("h264", "crf30"))]
    asked, left_out = asked_of(run, pair, [])
    assert [one.clip for one in asked] == ["anna, at home"]
    assert left_out == ["ours:k20 against h264:crf30 on 'ben': h264:crf30 did not finish in the run"]
    with pytest.raises(UsageError, match=r"nothing can be asked: .*h264:crf30 did not finish"):
        asked_of(run, pair, ["ben"])


def test_gold_is_the_worst_block_codec_by_the_first_metric_there_is() -> None:
    psnr = {("h264", "crf30"): 22.0, ("h264", "crf51"): 40.0, ("freeze", "default"): 10.0}
    assert gold_point(held(lpips=LPIPS, psnr=psnr), "pair", None) == ("h264", "crf51")
    assert gold_point(held(psnr=psnr), "pair", None) == ("h264", "crf30")
    assert gold_point(held(), "pair", "freeze") == ("freeze", "default")
    assert gold_point(held(), "rating", None) == ORIGINAL


@pytest.mark.parametrize(
    ("kind", "named", "words"),
    [
        ("pair", None, "no block codec with any of lpips"),
        ("pair", "h264", "is not one point"),
        ("pair", "reference", "is not one point"),
        ("pair", "h264:crf5", "unknown point of h264"),
        ("rating", "h264:crf51", "gold is the original itself"),
    ],
)
def test_gold_that_cannot_be_is_refused(kind: str, named: str | None, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        gold_point(held(), kind, named)
