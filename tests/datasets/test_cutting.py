"""Cutting: the very frames and pixels, however the video was coded and packed."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.errors import CodecError, StoreError, VideoError
from talkbench.core.reading import VideoFile, open_clip
from talkbench.datasets import cutting
from talkbench.datasets.cutting import Cut, cut, open_raw, within
from talkbench.datasets.testcard import read_number

WAYS = {
    "closed.mp4": "-c:v libx264rgb -qp 0 -bf 3 -b_strategy 0 -g 40 -sc_threshold 0",
    "open.mp4": "-c:v libx264 -crf 10 -pix_fmt yuv420p -x264-params open-gop=1:bframes=3:b-adapt=0:keyint=40",
    "hevc.mp4": "-c:v libx265 -x265-params lossless=1:bframes=4:keyint=50:log-level=none -pix_fmt yuv420p",
    "stream.ts": "-c:v libx264 -crf 10 -pix_fmt yuv420p -bf 2 -g 40",
    "web.webm": "-c:v libvpx-vp9 -lossless 1 -g 40 -cpu-used 8 -pix_fmt yuv420p",
    "late.mp4": "-c:v libx264 -crf 10 -pix_fmt yuv420p -bf 3 -g 40 -output_ts_offset 3",
    "uneven.mp4": "-c:v libx264 -crf 10 -pix_fmt yuv420p -bf 2 -vf select=mod(n\\,7)-3 -fps_mode passthrough",
}  # fmt: skip


def pixels(path):
    return np.concatenate(list(VideoFile(path).frames()))


@pytest.fixture(scope="session")
def card(make_testcard):
    return np.concatenate(list(make_testcard(size=64, frames=100).frames()))


@pytest.mark.parametrize("way", WAYS)
def test_the_very_frames_and_pixels(tmp_path, write_video, card, way):
    raw = open_raw(write_video(tmp_path / way, WAYS[way], frames=card))
    # frames that are counted: of the uneven video every one that is there
    kept = [number for number in range(100) if way != "uneven.mp4" or number % 7 != 3]
    assert len(raw.times) == len(kept)
    whole = pixels(raw.path) if way != "uneven.mp4" else None
    for first, last in ((0, 3), (38, 45), (61, 61), (len(kept) - 5, len(kept) - 1)):
        written = cut(raw, Cut(first, last, (0, 0, 64, 64)), tmp_path / "cut.mp4")
        found = pixels(tmp_path / "cut.mp4")
        assert [read_number(frame) for frame in found] == kept[first : last + 1]
        assert (written.frames, written.fps) == (last - first + 1, 25)
        if whole is not None:
            cut(raw, Cut(first, last, (7, 5, 33, 31)), tmp_path / "crop.mp4")
            assert np.array_equal(pixels(tmp_path / "crop.mp4"), whole[first : last + 1, 5:36, 7:40])


def test_a_seek_that_lands_too_late_is_noticed_and_made_good(tmp_path, write_video, card, monkeypatch):
    raw = open_raw(write_video(tmp_path / "a.mp4", WAYS["closed.mp4"], frames=card))
    write, seeks = cutting._write, []

    def late(raw, piece, target, published, seek):
        seeks.append(seek)
        write(raw, Cut(piece.first + seek, piece.last, piece.crop), target, published, seek)

    monkeypatch.setattr(cutting, "_write", late)
    cut(raw, Cut(30, 50, (0, 0, 64, 64)), tmp_path / "cut.mp4")
    assert seeks == [True, False]
    assert [read_number(frame) for frame in pixels(tmp_path / "cut.mp4")] == list(range(30, 51))


def test_a_video_with_other_frames_than_its_times_say_leaves_no_clip(
    tmp_path, write_video, card, monkeypatch
):
    raw = open_raw(write_video(tmp_path / "a.mp4", WAYS["closed.mp4"], frames=card))
    write = cutting._write

    def short(raw, piece, target, published, seek):
        write(raw, Cut(piece.first + 1, piece.last, piece.crop), target, published, seek)

    monkeypatch.setattr(cutting, "_write", short)
    with pytest.raises(VideoError, match="20 frames from number 30 on, and not 21"):
        cut(raw, Cut(30, 50, (0, 0, 64, 64)), tmp_path / "cut.mp4")
    assert not (tmp_path / "cut.mp4").exists()


def test_nothing_is_left_of_a_cut_that_failed(tmp_path, write_video, card, monkeypatch):
    raw = open_raw(write_video(tmp_path / "a.mp4", WAYS["closed.mp4"], frames=card))

    def fails(words):
        def run(arguments, feed=()):
            raise CodecError(words)

        return run

    for words, error in (("No space left on device", StoreError), ("Invalid data", VideoError)):
        monkeypatch.setattr(cutting.ffmpeg, "collect", fails(words))
        with pytest.raises(error):
            cut(raw, Cut(0, 5, (0, 0, 64, 64)), tmp_path / "out" / "cut.mp4")
        assert list((tmp_path / "out").iterdir()) == []


def test_where_the_video_ends(tmp_path, write_video, card):
    raw = open_raw(write_video(tmp_path / "a.mp4", frames=card))
    box = (0, 0, 64, 64)
    assert within(raw, "frames are", 10, 99, 100, box) == Cut(10, 99, box, short=0)
    assert within(raw, "frames are", 10, 124, 100, box) == Cut(10, 99, box, short=25)
    for first, last, crop in ((10, 125, box), (100, 100, box), (0, 5, (1, 0, 64, 64)), (0, 5, (0, 0, 0, 64))):
        with pytest.raises(VideoError, match="another video than listed"):
            within(raw, "frames are", first, last, 100, crop)


def test_a_clip_keeps_the_rate(tmp_path, write_video, card):
    for fps in ("24000/1001", "30000/1001", "50"):
        raw = open_raw(write_video(tmp_path / "a.mp4", WAYS["closed.mp4"], frames=card, fps=fps))
        cut(raw, Cut(20, 59, (0, 0, 64, 64)), tmp_path / "cut.mp4")
        assert str(open_clip(tmp_path / "cut.mp4").fps) == fps
