"""The test card: numbers survive, shapes hold, the picture is reproducible."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from talkbench.core import ffmpeg
from talkbench.core.errors import UsageError, VideoError
from talkbench.datasets.testcard import MAX_FRAMES, Cards, read_number, write_number


@given(st.integers(0, MAX_FRAMES - 1), st.integers(0, 15), st.sampled_from([(16, 16), (33, 65), (256, 256)]))
def test_number_survives_and_a_flipped_block_is_noticed(number, bit, size):
    height, width = size
    frame = np.full((height, width, 3), 90, np.uint8)
    write_number(frame, number)
    assert read_number(frame) == number
    row, column = divmod(bit, 8)
    block = frame[
        row * height // 8 : (row + 1) * height // 8, column * width // 8 : (column + 1) * width // 8
    ]
    block[:] = 255 - block
    with pytest.raises(VideoError, match="no frame number"):
        read_number(frame)


@pytest.mark.parametrize(("width", "height"), [(64, 64), (65, 33), (16, 16), (96, 54)])
def test_frames_are_numbered_in_order(width, height):
    (clip,) = Cards(width=width, height=height, frames=20).clips()
    frames = np.concatenate(list(clip.frames()))
    assert frames.shape == (20, height, width, 3)
    assert [read_number(frame) for frame in frames] == list(range(20))


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize(("size", "crf"), [(64, 45), (128, 51)])
def test_numbers_survive_harsh_coding(tmp_path, make_testcard, codec, size, crf):
    clip = make_testcard(size=size, frames=20)
    path = tmp_path / "harsh.mkv"
    raw = f"-f rawvideo -pix_fmt rgb24 -s {size}x{size}"
    coding = f"{raw} -r 25 -i pipe: -pix_fmt yuv420p -c:v {codec} -bf 0 -crf {crf}"
    start = [ffmpeg.binary(), "-v", "error"]
    quiet = ["-x265-params", "log-level=none"] if codec == "libx265" else []
    ffmpeg.collect([*start, *coding.split(), *quiet, str(path)], (block.tobytes() for block in clip.frames()))
    back = ffmpeg.read_frames([*start, "-i", str(path), *raw.split(), "-"], size, size)
    assert [read_number(frame) for block in back for frame in block] == list(range(20))


def test_the_same_settings_draw_the_same_clip():
    first, other = Cards(size=48, frames=5, clips=2).clips()
    again = Cards(size=48, frames=5, clips=1).clips()[0]
    pixels = np.concatenate(list(first.frames()))
    assert np.array_equal(pixels, np.concatenate(list(again.frames())))
    assert first.sha256 == again.sha256 != other.sha256
    assert not np.array_equal(pixels, np.concatenate(list(other.frames())))
    assert first.name != other.name


def test_the_picture_moves_and_has_detail(testcard):
    frames = np.concatenate(list(testcard.frames()))[:, 20:].astype(float)
    assert np.abs(frames[-1] - frames[0]).mean() > 1
    assert np.abs(np.diff(frames[0], axis=1)).mean() > 3


@pytest.mark.parametrize(
    ("setting", "value"),
    [("size", 8), ("width", 1.5), ("frames", 0), ("frames", 5000), ("fps", "x"), ("fps", 0), ("clips", True)],
)
def test_settings_out_of_range_are_named(setting, value):
    with pytest.raises(UsageError, match=f"data.{setting}"):
        Cards(**{setting: value})
