"""HDTF: four tables, spans in seconds, names as the published script gives them."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.errors import UsageError
from talkbench.core.preparation import Preparation
from talkbench.datasets.hdtf import HDTF, LISTS
from talkbench.datasets.testcard import read_number

TABLES = {
    "video_url": "\ufeffAnnaBlue2 https://www.youtube.com/watch?v=-a_b&t=6s\n\nBen https://www.youtube.com/watch?v=gone\n",
    "annotion_time": "AnnaBlue2.mp4 00:05-00:07 01:00-01:02 02:08-02:10 \nBen.mp4 00:00-00:01\n",
    "crop_wh": "AnnaBlue2_1.mp4 100 40 20 40\nAnnaBlue2_2.mp4 0 144 0 144\nBen_0.mp4 0 9 0 9\n",
    "resolution": "AnnaBlue2.mp4 144\nBen.mp4 0\n",
}  # fmt: skip


def pixels(clip):
    return np.concatenate(list(clip.frames()))


@pytest.fixture
def settings(tmp_path):
    """Writes the tables of WDA, some of them changed; returns the data set's settings."""

    def write(**changed):
        folder = tmp_path / "tables"
        folder.mkdir(exist_ok=True)
        for table, text in (TABLES | changed).items():
            (folder / f"WDA_{table}.txt").write_text(text, "utf-8")
        return {"root": str(tmp_path / "root"), "split": "WDA", "size": None, "lists": str(folder)}

    return write


@pytest.mark.parametrize("called", ["WDA_AnnaBlue2", "AnnaBlue2", "-a_b"])
def test_spans_are_cut_by_their_seconds_and_named_as_published(
    tmp_path, settings, raw_video, long_card, called
):
    videos = tmp_path / "videos"
    videos.mkdir()
    (videos / f"{called}.mp4").symlink_to(raw_video)
    dataset = HDTF(**settings())
    assert not dataset.prepare(Preparation(videos=videos), lambda line: None)
    first, second = dataset.clips()
    # the first span has no box, and no number; the box is of a picture of twice the height
    assert (first.name, second.name) == ("WDA_AnnaBlue2_000", "WDA_AnnaBlue2_001")
    assert np.array_equal(pixels(first), long_card[600:620, 10:30, 50:70])
    assert np.array_equal(pixels(second), long_card[1280:1300, :72, :72])
    assert read_number(long_card[1280]) == 1280
    assert first.identity == "AnnaBlue"
    assert list(dataset.coverage().missing) == ["WDA_Ben_000"]
    assert dataset.coverage().listed == 3


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"video_url": "AnnaBlue2 https://www.youtube.com/\n"}, "WDA_video_url.txt, line 1"),
        ({"annotion_time": "AnnaBlue2.mp4 00:05-00:07 5-7\n"}, "WDA_annotion_time.txt, line 1"),
        ({"annotion_time": "AnnaBlue2.mp4 00:05-00:05\n"}, "ends after it begins"),
        ({"annotion_time": "Carl.mp4 00:05-00:06\n"}, "a name that WDA_video_url.txt holds"),
        ({"crop_wh": "AnnaBlue2_1.mp4 100 40 20\n"}, "WDA_crop_wh.txt, line 1"),
        ({"resolution": "AnnaBlue2.mp4\n"}, "WDA_resolution.txt, line 1"),
    ],
)
def test_a_wrong_line_is_named(settings, changed, words):
    with pytest.raises(UsageError, match=words):
        HDTF(**settings(**changed)).pieces()


def test_a_run_without_clips_says_how_to_get_them(tmp_path):
    with pytest.raises(UsageError, match="bench data prepare hdtf --split all --root"):
        HDTF(root=str(tmp_path)).clips()
    with pytest.raises(UsageError, match="did you mean RD"):
        HDTF(root=str(tmp_path), split="RDD")


def test_every_table_is_declared():
    assert len(LISTS) == 12
    assert all(asset.url.endswith(name) for name, asset in LISTS.items())
