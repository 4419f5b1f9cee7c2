"""VoxCeleb: exclusive ends, rates, boxes that leave the picture, people in both partitions."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.errors import UsageError
from talkbench.core.preparation import Preparation
from talkbench.datasets.testcard import read_number
from talkbench.datasets.vox_metadata import read_tracks
from talkbench.datasets.voxceleb1 import VoxCeleb1
from talkbench.datasets.voxceleb2 import VoxCeleb2

HEAD = "video_id,start,end,bbox,fps,width,height,partition,person_id"


def pixels(clip):
    return np.concatenate(list(clip.frames()))


@pytest.fixture
def listed(tmp_path):
    """Writes a list of lines; returns the settings of the data set."""

    def settings(*lines, head=HEAD):
        (tmp_path / "vox-metadata.csv").write_text("\n".join([head, *lines]) + "\n")
        return {"root": str(tmp_path / "root"), "lists": str(tmp_path)}

    return settings


@pytest.fixture
def prepared(tmp_path, raw_video, listed):
    """Prepares the lines, with the long card as every video; returns data set and what was said."""

    def prepare(*lines, cls=VoxCeleb1, **settings):
        videos = tmp_path / "videos"
        videos.mkdir(exist_ok=True)
        dataset = cls(**listed(*lines), **settings)
        for line in lines:
            path = videos / f"{line.split(',')[0]}.mp4"
            if not path.exists() and not path.stem.startswith("gone"):
                path.symlink_to(raw_video)
        said = []
        dataset.prepare(Preparation(videos=videos), said.append)
        return dataset, said

    return prepare


def test_ends_are_exclusive_and_rates_are_converted(prepared):
    # The video has 10 frames a second; at the listed 25, frames 50 to 99 are its 20 to 39.
    dataset, _ = prepared("-a_b,50,100,0-0-256-144,25,256,144,test,id1", size=None)
    (clip,) = dataset.clips()
    assert clip.name == "id1#-a_b#000050#000100"
    assert dataset.file(clip.name).parent.name == "test"
    assert [read_number(frame) for frame in pixels(clip)] == list(range(20, 40))
    assert clip.identity == "id1"


def test_start_and_end_between_two_frames_of_the_video(prepared):
    # 51 / 25 s lies between frames 20 and 21, 59 / 25 s between 23 and 24.
    dataset, _ = prepared("v,51,59,0-0-256-144,25,256,144,test,id1", size=None)
    assert [read_number(frame) for frame in pixels(dataset.clips()[0])] == [21, 22, 23]


def test_a_box_that_leaves_the_picture_ends_there_and_size_stretches(prepared, long_card):
    line = "v,0,25,100-51-301-160,25,256,144,test,id1"
    dataset, _ = prepared(line, size=None)
    assert np.array_equal(pixels(dataset.clips()[0]), long_card[:10, 25:72, 50:128])
    (clip,) = VoxCeleb1(root=str(dataset.root), lists=str(dataset.lists), size=32).clips()
    assert pixels(clip).shape == (10, 32, 32, 3)
    assert clip.source.crop is None


def test_people_in_both_partitions_are_flagged(prepared):
    lines = [
        "a,0,25,0-0-256-144,25,256,144,test,id1",
        "b,0,25,0-0-256-144,25,256,144,train,id1",
        "c,0,25,0-0-256-144,25,256,144,test,id2",
    ]
    dataset, said = prepared(*lines)
    assert len(dataset.clips()) == 2, "the other partition is not in this one"
    flagged = "1 clip: id1 stands in the partitions test and train"
    assert flagged in dataset.coverage().notes
    assert any(flagged in line for line in said)
    (dataset.lists / "vox-metadata.csv").unlink()
    assert flagged in VoxCeleb1(root=str(dataset.root)).coverage().notes


def test_of_lines_of_one_name_the_last_counts(listed):
    lines = ["v,0,25,0-0-256-144,25,256,144,test,id1", "v,0,25,0-0-99-99,25,256,144,test,id1"]
    (track,) = VoxCeleb1(**listed(*lines)).pieces()
    assert track.box == (0, 0, 99, 99)


def test_what_is_missing(prepared):
    lines = [
        "gone,0,25,0-0-256-144,25,256,144,test,id1",
        "v,1,25,256-0-300-144,25,256,144,test,id1",
        "v,0,9000,0-0-256-144,25,256,144,test,id1",
        "v,0,25,0-0-256-144,25,256,144,test,id1",
    ]
    dataset, _ = prepared(*lines)
    missing = dataset.coverage().missing
    assert len(missing) == 3
    for words in ("holds no gone.mp4", "has no part in its frame", "it ends 2300 frames earlier"):
        assert any(words in reason for reason in missing.values())


def test_folders_of_pngs_made_by_others(tmp_path, write_video, long_card):
    folder = tmp_path / "test" / "id1#v#000000#000004.mp4"
    folder.mkdir(parents=True)
    write_video(tmp_path / "%07d.png", "-c:v png", frames=long_card[:4])
    for number in range(4):
        (tmp_path / f"{number + 1:07d}.png").rename(folder / f"{number:07d}.png")
    (clip,) = VoxCeleb1(root=str(tmp_path), size=None).clips()
    assert np.array_equal(pixels(clip), long_card[:4])
    assert (clip.fps, clip.identity) == (25, "id1")


@pytest.mark.parametrize(
    "line",
    [
        "v,0,25,0-0-256,25,256,144,test,id1",
        "v,25,25,0-0-256-144,25,256,144,test,id1",
        "v,0,25,0-0-256-144,0,256,144,test,id1",
        "v,0,25,0-0-256-144,25,256,144,te/st,id1",
        "v,a,25,0-0-256-144,25,256,144,test,id1",
        "v,0,25",
        ",0,25,0-0-256-144,25,256,144,test,id1",
    ],
)
def test_a_wrong_line_is_named(tmp_path, listed, line):
    listed("ok,0,25,0-0-256-144,25,256,144,test,id1", line)
    with pytest.raises(UsageError, match=r"vox-metadata\.csv, line 3"):
        read_tracks(tmp_path / "vox-metadata.csv")


def test_wrong_columns_are_named(tmp_path, listed):
    listed(head="video,start")
    with pytest.raises(UsageError, match="line 1: the columns video, start found"):
        read_tracks(tmp_path / "vox-metadata.csv")


def test_voxceleb2_takes_a_list_of_that_format(prepared):
    dataset, _ = prepared("v,0,25,0-0-256-144,25,256,144,test,id00017", cls=VoxCeleb2)
    assert dataset.coverage().line() == "1 of the 1 clips of voxceleb2 test are here, all of them"


def test_options_that_are_not_for_it(tmp_path, listed):
    dataset = VoxCeleb1(**listed("v,0,25,0-0-256-144,25,256,144,test,id1"))
    with pytest.raises(UsageError, match="--as-published is not for voxceleb1"):
        dataset.prepare(Preparation(videos=tmp_path, as_published=True), print)
    with pytest.raises(UsageError, match="partition of voxceleb1 'val'"):
        VoxCeleb1(root=str(tmp_path), split="val")
