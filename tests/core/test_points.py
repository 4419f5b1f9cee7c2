"""Sweeps expand to named points."""

from __future__ import annotations

import pytest
from talkbench.core.errors import UsageError
from talkbench.core.points import Point, points
from talkbench.methods.h264 import H264


def test_a_sweep_is_one_point_a_value():
    found = points("h264", {"sweep": "crf", "crf": [23, 30], "preset": "medium"})
    assert found == [
        Point("h264", "crf23", {"crf": 23, "preset": "medium"}),
        Point("h264", "crf30", {"crf": 30, "preset": "medium"}),
    ]


def test_words_name_themselves():
    assert [point.name for point in points("ours", {"sweep": "keypoints", "keypoints": ["k20", "k10"]})] == [
        "k20",
        "k10",
    ]


def test_one_value_is_a_sweep_of_one():
    assert [point.name for point in points("h264", {"sweep": "crf", "crf": 23})] == ["crf23"]


def test_without_a_sweep_there_is_one_point():
    assert points("raw", {"level": 1}) == [Point("raw", "default", {"level": 1})]
    nothing = points("external", {"sweep": "quality", "quality": None})
    assert nothing == [Point("external", "default", {"quality": None})]


def test_a_point_of_a_method_of_ones_own_builds_its_plugin():
    settings = {"method": "h264", "crf": 23, "preset": "medium", "tune": None, "gop": 0, "threads": 1}
    assert isinstance(Point("mine", "crf23", settings).build(), H264)
    settings = {"method": "precomputed", "root": "r", "folder": None, "streams": None, "table": None}
    assert Point("mine", "default", settings).build().called == "mine"


@pytest.mark.parametrize("values", [[], [23, 23], [23, None], [[23]], [{"crf": 3}]])
def test_what_is_no_sweep_is_refused(values):
    with pytest.raises(UsageError, match=r"methods\.h264\.crf=.* is no sweep; give distinct values"):
        points("h264", {"sweep": "crf", "crf": values})


def test_a_sweep_over_a_missing_setting_is_refused():
    with pytest.raises(UsageError, match=r"unknown value of methods\.h264\.sweep 'qp'; known: crf"):
        points("h264", {"sweep": "qp", "crf": [23]})


def test_a_point_builds_its_method():
    settings = {"crf": 23, "preset": "medium", "tune": None, "gop": 0, "threads": 1}
    method = Point("h264", "crf23", settings).build()
    assert method == H264(**settings)


def test_unknown_and_missing_settings_are_refused():
    for settings, words in (({"level": 1, "crfs": 3}, "crfs"), ({}, "level")):
        with pytest.raises(UsageError, match=rf"methods\.raw.*{words}"):
            Point("raw", "default", settings).build()


def test_an_unknown_method_is_answered_with_near_names():
    with pytest.raises(UsageError, match=r"did you mean .*h264"):
        Point("h246", "default", {}).build()
