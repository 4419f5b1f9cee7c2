"""Choosing clips by the size of crop and head, and by length."""

from __future__ import annotations

import json

import numpy as np
import pytest
from talkbench.cli import main
from talkbench.core.errors import UsageError
from talkbench.core.selection import HEAD, Selection, measure
from talkbench.core.video import Unreadable
from talkbench.datasets.folder import Folder


@pytest.fixture
def clips(tmp_path, write_video):
    """Three videos: 32x32 of 12 frames, 64x64 of 12, 64x64 of 4; each scaled to 48."""
    write_video(tmp_path / "a_small.mkv", size=32)
    write_video(tmp_path / "b_large.mkv", size=64)
    write_video(tmp_path / "c_short.mkv", size=64, frames=None, before="-t 0.16")
    return Folder(root=str(tmp_path), size=48).clips()


def chosen(clips, **settings):
    return {clip.name: reason for clip, reason in Selection.of({"select": settings}).choose(clips)}


def test_no_wish_takes_all_and_reads_nothing(clips):
    broken = clips[0].__class__("x", Unreadable("it must not be read"), 16, 16, clips[0].fps)
    assert set(chosen([*clips, broken]).values()) == {""}
    assert Selection.of({}) == Selection()


def test_side_is_of_the_stored_crop_not_of_the_scaled_one(clips):
    reasons = chosen(clips, side=48)
    assert reasons["a_small"] == "its crop has 32x32 stored pixels; select.side asks for 48"
    assert reasons["b_large"] == ""


def test_frames_are_counted(clips, monkeypatch, tmp_path):
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    reasons = chosen(clips, frames=[5, 12])
    assert (reasons["a_small"], reasons["b_large"]) == ("", "")
    assert reasons["c_short"] == "it has 4 frames; select.frames asks for 5 to 12"
    first = [clip.first(3) for clip in clips]
    assert set(chosen(first, frames=[1, 3]).values()) == {""}, "what a run uses of a clip is what counts"


def test_a_head_is_measured_in_stored_pixels(clips, monkeypatch, tmp_path):
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path / "cache"))
    looked = []

    def detector(frame):
        looked.append(frame.shape)
        return np.array([[0.0, 6.0], [9.0, 30.0]], np.float32)

    shown = measure(clips[1], detector)
    assert shown.frames == 12
    assert shown.head == pytest.approx(24 * HEAD * 64 / 48)
    assert looked == [(48, 48, 3)], "one picture a second"
    assert measure(clips[1], lambda frame: None).head is None
    assert measure(clips[1]).head is None


def test_a_clip_that_cannot_be_read_takes_part_so_that_its_failure_is_recorded(clips):
    broken = clips[0].__class__("x", Unreadable("damaged"), 16, 16, clips[0].fps)
    assert chosen([broken], frames=[1, 9]) == {"x": ""}


@pytest.mark.parametrize("settings", [{"side": 0}, {"head": "big"}, {"frames": 9}, {"frames": [9, 2]}])
def test_wrong_wishes(settings):
    with pytest.raises(UsageError, match="select"):
        Selection.of({"select": settings})


def test_a_run_says_which_clips_were_not_selected(tmp_path, write_video, capsys):
    (tmp_path / "calls").mkdir()
    for name, size in (("a", 32), ("b", 64), ("c", 64)):
        write_video(tmp_path / "calls" / f"{name}.mkv", size=size)
    arguments = ["run", "--methods", "h264", "--dataset", "folder", f"data.root={tmp_path / 'calls'}"]
    given = [
        "--metrics",
        "psnr",
        "methods.h264.crf=[40]",
        "run.videos=false",
        "select.side=64",
        "--clips",
        "1",
    ]
    assert main([*arguments, *given, "--out", str(tmp_path / "run")]) == 0
    held = json.loads((tmp_path / "run" / "manifest.json").read_text())["dataset"]
    assert [clip["name"] for clip in held["clips"]] == ["b"]
    assert held["left_out"] == {"a": "its crop has 32x32 stored pixels; select.side asks for 64"}
    assert main([*arguments, "select.side=100", "--out", str(tmp_path / "none")]) == 2
    assert "select.side asks for 100" in capsys.readouterr().err


@pytest.mark.network
def test_the_head_of_a_real_face(face, monkeypatch, tmp_path):
    from talkbench.core.face_landmarks import FaceLandmarks

    with FaceLandmarks() as detector:
        points = detector(face)
    height = float(np.ptp(points[:, 1])) * HEAD
    assert 0.4 * 256 < height < 256
