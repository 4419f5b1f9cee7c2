"""Uncompressed sequences: what their names say, and the very frames."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from talkbench.core import ffmpeg
from talkbench.core.errors import VideoError
from talkbench.core.raw_yuv import described
from talkbench.core.reading import open_clip
from talkbench.datasets.folder import Folder
from talkbench.datasets.testcard import read_number


def pixels(clip):
    return np.concatenate(list(clip.frames()))


@pytest.mark.parametrize(
    ("name", "width", "height", "fps", "pix_fmt", "matrix"),
    [
        ("BasketballDrive_1920x1080_50.yuv", 1920, 1080, "50", "yuv420p", ""),
        ("akiyo_cif.yuv", 352, 288, "25", "yuv420p", ""),
        ("foreman_qcif_30fps.yuv", 176, 144, "30", "yuv420p", ""),
        ("ParkRunning3_3840x2160_50fps_10bit_420.yuv", 3840, 2160, "50", "yuv420p10le", ""),
        ("call_640x360_29.97fps_yuv444p10le.yuv", 640, 360, "30000/1001", "yuv444p10le", ""),
        ("Johnny_1280x720_60.YUV", 1280, 720, "60", "yuv420p", ""),
        ("Traffic_2560x1600_30_crop.yuv", 2560, 1600, "30", "yuv420p", ""),
        ("FourPeople_720p_60fps_8bit_422_bt709.yuv", 1280, 720, "60", "yuv422p", "bt709"),
        ("a_64x48_12bit_bt601.yuv", 64, 48, "25", "yuv420p12le", "smpte170m"),
        ("a_64x48_444.yuv", 64, 48, "25", "yuv444p", ""),
        ("odd_33x17_25.yuv", 33, 17, "25", "yuv420p", ""),
        ("Campfire_3840x2160_30fps_10bit_bt709_420.yuv", 3840, 2160, "30", "yuv420p10le", "bt709"),
    ],
)
def test_names_of_well_known_kinds(tmp_path, name, width, height, fps, pix_fmt, matrix):
    chroma = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[pix_fmt[3:6]]
    frame = width * height + 2 * -(-width // chroma[0]) * -(-height // chroma[1])
    frame *= 1 if pix_fmt.endswith("p") else 2
    path = tmp_path / name
    with path.open("wb") as file:
        file.truncate(3 * frame)  # sparse: only the size counts here
    info = described(path, Fraction(25))
    assert (info.width, info.height, info.pix_fmt, info.matrix) == (width, height, pix_fmt, matrix)
    assert (info.fps, info.frames) == (Fraction(fps), 3)


@pytest.mark.parametrize(
    ("name", "size", "message"),
    [
        ("akiyo.yuv", 152064, "its name states no size"),
        ("akiyo_cif.yuv", 152063, "no whole number of frames of 352x288 yuv420p"),
        ("akiyo_cif.yuv", 0, "no whole number"),
        ("a_32x32_0fps.yuv", 1536, "of 0"),
    ],
)
def test_names_that_do_not_fit(tmp_path, name, size, message):
    (tmp_path / name).write_bytes(bytes(size))
    with pytest.raises(VideoError, match=message):
        described(tmp_path / name, Fraction(25))


def write_yuv(write_video, path, pix_fmt, **settings):
    return write_video(path, f"-pix_fmt {pix_fmt} -f rawvideo", **settings)


@pytest.mark.parametrize(
    ("pix_fmt", "words"), [("yuv420p", "420"), ("yuv444p", "444"), ("yuv422p10le", "10bit_422")]
)
def test_the_frames_are_those_of_the_same_planes_with_a_header(tmp_path, write_video, pix_fmt, words):
    path = write_yuv(write_video, tmp_path / f"card_64x64_25fps_{words}.yuv", pix_fmt)
    (clip,) = Folder(root=str(tmp_path)).clips()
    assert (clip.width, clip.height, clip.fps) == (64, 64, 25)
    frames = pixels(clip)
    assert [read_number(frame) for frame in frames] == list(range(12))
    same = [ffmpeg.binary(), "-v", "error", "-f", "rawvideo", "-pix_fmt", pix_fmt, "-s", "64x64", "-r", "25"]
    ffmpeg.collect([*same, "-i", str(path), "-c:v", "ffv1", str(tmp_path.parent / f"{words}.mkv")])
    assert np.array_equal(frames, pixels(open_clip(tmp_path.parent / f"{words}.mkv")))


def test_y4m_is_a_video_as_any(tmp_path, write_video):
    write_video(tmp_path / "card.y4m", "-pix_fmt yuv420p")
    (clip,) = Folder(root=str(tmp_path)).clips()
    assert clip.fps == 25
    assert [read_number(frame) for frame in pixels(clip)] == list(range(12))


def test_crop_size_and_hash(tmp_path, write_video):
    path = write_yuv(write_video, tmp_path / "card_64x64_444.yuv", "yuv444p")
    (tmp_path / "data.csv").write_text(f"file,x,y,width,height\n{path.name},8,4,32,32\n")
    (clip,) = Folder(root=str(tmp_path), csv="data.csv", fps=30).clips()
    (whole,) = Folder(root=str(tmp_path), fps=30).clips()
    assert clip.fps == 30, "the data set's, where the name states none"
    assert np.array_equal(pixels(clip), pixels(whole)[:, 4:36, 8:40])
    (small,) = Folder(root=str(tmp_path), csv="data.csv", size=16).clips()
    assert pixels(small).shape == (12, 16, 16, 3)
    assert len({clip.sha256, whole.sha256, small.sha256}) == 3
    assert (clip.source.stored(), small.source.stored()) == ((32, 32), (32, 32))


def test_a_name_that_does_not_fit_is_a_failure_of_its_clip_alone(tmp_path, write_video):
    write_yuv(write_video, tmp_path / "card_64x64.yuv", "yuv420p")
    (tmp_path / "nameless.yuv").write_bytes(b"123")
    good, bad = Folder(root=str(tmp_path)).clips()
    assert len(pixels(good)) == 12
    with pytest.raises(VideoError, match="states no size"):
        pixels(bad)
