"""Reading videos: every frame, in order; or a reason why not."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import numpy as np
import pytest
from talkbench.core.errors import VideoError
from talkbench.core.probe import timing
from talkbench.core.reading import VideoFile, open_clip, probe
from talkbench.datasets.testcard import read_number

LOSSLESS = "-c:v libx264rgb -qp 0 -bf 3 -g 8"


def numbers(frames):
    return [read_number(frame) for frame in frames]


@pytest.mark.parametrize("ending", ["mkv", "mp4", "mov"])
def test_frames_come_in_order_with_b_frames(tmp_path, write_video, testcard, ending, read):
    path = write_video(tmp_path / f"a.{ending}", LOSSLESS)
    frames = read(path)
    assert np.array_equal(frames, np.concatenate(list(testcard.frames())))
    assert probe(path).frames == 12
    assert probe(path).fps == 25


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("avi", "-c:v mpeg4 -q:v 2 -bf 2"),
        ("ts", "-c:v libx264 -crf 12 -bf 3"),
        ("webm", "-c:v libvpx-vp9 -crf 20 -b:v 0 -lag-in-frames 8"),
        ("webm", "-c:v libvpx -crf 10 -b:v 2M -auto-alt-ref 1 -lag-in-frames 8"),
        ("h264", "-c:v libx264 -crf 12 -bf 3"),
        ("mov", "-c:v prores_ks"),
        ("y4m", "-pix_fmt yuv420p"),
        ("avi", "-c:v mjpeg -q:v 2"),
        ("gif", ""),
        ("mp4", "-c:v libx265 -x265-params log-level=none -crf 12"),
        ("mp4", "-c:v libx264 -crf 12 -bf 3 -movflags frag_keyframe+empty_moov"),
    ],
)
def test_every_frame_of_every_container(tmp_path, write_video, ending, options, read):
    path = write_video(tmp_path / f"a.{ending}", options)
    assert numbers(read(path)) == list(range(12))
    assert probe(path).fps == 25
    assert not probe(path).variable


def test_first_frames_decode_no_more(tmp_path, write_video):
    clip = open_clip(write_video(tmp_path / "a.mkv")).first(5)
    assert numbers(np.concatenate(list(clip.frames()))) == list(range(5))


@pytest.mark.parametrize(("width", "height"), [(65, 33), (64, 33), (33, 64)])
def test_odd_sizes_lose_no_row_and_no_column(tmp_path, write_video, width, height, read):
    frames = np.zeros((3, height, width, 3), np.uint8)
    frames[:] = np.linspace(20, 230, width).astype(np.uint8)[:, None]
    frames[:, -1] = 200
    path = write_video(tmp_path / "a.webm", "-c:v libvpx-vp9 -lossless 1 -pix_fmt yuv420p", frames)
    assert probe(path).width == width
    assert np.abs(read(path).astype(int) - frames).max() <= 2


@pytest.mark.parametrize("degrees", [90, 180, 270])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p"])
def test_rotation_is_undone(tmp_path, write_video, degrees, pix_fmt, tool, read):
    frames = np.zeros((2, 32, 48, 3), np.uint8)
    frames[:, :16, :24], frames[:, 16:, 24:] = 250, 120
    plain = write_video(tmp_path / "a.mp4", f"-c:v libx264 -crf 1 -pix_fmt {pix_fmt}", frames)
    tool("-display_rotation", degrees, "-i", plain, "-c", "copy", tmp_path / "turned.mp4")
    upright = np.rot90(frames, degrees // 90, (1, 2)).astype(int)
    turned = read(tmp_path / "turned.mp4")
    assert turned.shape == upright.shape
    assert np.abs(turned - upright).mean() < 3


def test_mirrored_video_is_mirrored_back(tmp_path, write_video, tool, read):
    plain = write_video(tmp_path / "a.mp4", "-c:v libx264 -crf 1 -pix_fmt yuv420p", size=64)
    tool("-display_hflip", "-i", plain, "-c", "copy", tmp_path / "b.mp4")
    assert np.abs(read(tmp_path / "b.mp4")[:, :, ::-1].astype(int) - read(plain)).mean() < 2


def test_askew_video_is_refused(tmp_path, write_video, tool):
    plain = write_video(tmp_path / "a.mp4", "-c:v libx264 -pix_fmt yuv420p")
    tool("-display_rotation", 30, "-i", plain, "-c", "copy", tmp_path / "b.mp4")
    with pytest.raises(VideoError, match="turned by 30"):
        probe(tmp_path / "b.mp4")


def test_edit_list_starts_at_the_first_shown_frame(tmp_path, write_video, tool, read):
    plain = write_video(tmp_path / "a.mp4", "-c:v libx264 -crf 10 -bf 3 -g 100 -pix_fmt yuv420p", size=64)
    tool(
        "-ss", "0.2", "-i", plain, "-c", "copy", tmp_path / "cut.mp4"
    )  # in the middle of a group of pictures
    assert numbers(read(tmp_path / "cut.mp4")) == list(range(5, 12))
    assert probe(tmp_path / "cut.mp4").frames == 7
    assert probe(tmp_path / "cut.mp4").fps == 25


def test_late_start_shifts_nothing(tmp_path, write_video, tool, read):
    plain = write_video(tmp_path / "a.mp4", "-c:v libx264 -crf 10 -pix_fmt yuv420p")
    tool("-itsoffset", "1.5", "-i", plain, "-c", "copy", tmp_path / "late.mp4")
    assert numbers(read(tmp_path / "late.mp4")) == list(range(12))


def test_variable_rate_is_resampled_to_the_nominal_one(tmp_path, write_video, tool, read):
    plain = write_video(tmp_path / "a.mkv")
    times = "setpts='if(lt(N,6),N,N+4)/25/TB'"  # four frames are missing after frame 5
    tool("-i", plain, "-vf", times, "-fps_mode", "passthrough", "-c:v", "ffv1", tmp_path / "b.mkv")
    info = probe(tmp_path / "b.mkv")
    assert info.variable
    assert info.fps == 25
    assert numbers(read(tmp_path / "b.mkv")) == [0, 1, 2, 3, 4, 5, 5, 5, 5, 5, 6, 7, 8, 9, 10, 11]


def test_stamps_that_leap_are_refused(tmp_path, write_video, tool):
    plain = write_video(tmp_path / "a.mkv")
    tool("-i", plain, "-vf", "setpts='if(lt(N,6),N,N+90000)/25/TB'", "-fps_mode", "passthrough",
         "-c:v", "ffv1", tmp_path / "b.mkv")  # fmt: skip
    with pytest.raises(VideoError, match="time stamps"):
        probe(tmp_path / "b.mkv")


@pytest.mark.parametrize(
    "fps", ["24000/1001", "30000/1001", "60000/1001", "24", "25", "30", "50", "60", "12.5"]
)
@pytest.mark.parametrize("clock", [1000, 90000, 12800, 1000000])
@pytest.mark.parametrize("count", [2, 12, 600])
def test_rate_is_found_on_any_clock(fps, clock, count):
    stamps = [int(n * clock / Fraction(fps) + Fraction(1, 2)) for n in range(count)]
    found, variable = timing(stamps, Fraction(1, clock))
    assert not variable
    assert abs(found / Fraction(fps) - 1) <= max(Fraction(1, clock * count) * 60, Fraction(1, 4000))
    if count == 600:
        assert found == Fraction(fps)


def test_camera_jitter_is_no_variable_rate():
    stamps = [3000 * n + (-500, 0, 600)[n % 3] for n in range(301)]
    assert timing(stamps, Fraction(1, 90000)) == (30, False)


def test_webm_clock_is_no_variable_rate(tmp_path, write_video):
    path = write_video(tmp_path / "a.webm", "-c:v libvpx-vp9 -crf 30 -b:v 0", fps="30000/1001")
    assert (probe(path).fps, probe(path).variable) == (Fraction(30000, 1001), False)


def test_one_frame(tmp_path, write_video, read):
    path = write_video(tmp_path / "a.mp4", "-c:v libx264 -crf 10 -pix_fmt yuv420p -frames:v 1")
    assert numbers(read(path)) == [0]


@pytest.mark.parametrize("size", [(32, 32), (64, 64), (100, 50)])
def test_crop_then_scale(tmp_path, write_video, size):
    frames = np.zeros((2, 64, 96, 3), np.uint8)
    frames[:, 16:48, 32:64] = (200, 100, 50)
    path = write_video(tmp_path / "a.mkv", frames=frames)
    clip = open_clip(path, size=size, crop=(32, 16, 32, 32))
    assert (clip.width, clip.height) == size
    assert np.array_equal(
        np.unique(np.concatenate(list(clip.frames())).reshape(-1, 3), axis=0), [[200, 100, 50]]
    )


def test_crop_outside_is_refused(tmp_path, write_video):
    with pytest.raises(VideoError, match="leaves its 64x64 picture"):
        open_clip(write_video(tmp_path / "a.mkv"), crop=(40, 0, 32, 32))


def test_pixel_aspect_is_told(tmp_path, write_video):
    path = write_video(tmp_path / "a.mp4", "-c:v libx264 -pix_fmt yuv420p -vf setsar=4/3")
    assert probe(path).aspect == Fraction(4, 3)
    assert open_clip(path).width == 64


@pytest.mark.parametrize("transfer", ["smpte2084", "arib-std-b67"])
def test_hdr_is_refused(tmp_path, write_video, transfer):
    tags = f"-vf setparams=color_trc={transfer}:color_primaries=bt2020:colorspace=bt2020nc"
    path = write_video(
        tmp_path / "a.mkv", f"{tags} -c:v libx265 -x265-params log-level=none -pix_fmt yuv420p10le"
    )
    with pytest.raises(VideoError, match="HDR"):
        probe(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"Minutes of the meeting\n" * 20, "no video"),
        (b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/a.ts\n", "no video"),
        (b"ffconcat version 1.0\nfile other.mp4\n", "list of other files"),
        (bytes(range(256)) * 40, "no video"),
    ],
)
def test_what_is_no_video_is_refused(tmp_path, write_video, content, message):
    write_video(tmp_path / "other.mp4", "-c:v libx264")
    path = tmp_path / "a.mp4"
    path.write_bytes(content)
    with pytest.raises(VideoError, match=message) as caught:
        open_clip(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_file_and_folder_are_refused(tmp_path):
    with pytest.raises(VideoError, match="cannot be opened"):
        open_clip(tmp_path / "none.mp4")
    with pytest.raises(VideoError, match="is a folder"):
        open_clip(tmp_path)


@pytest.mark.parametrize("cover", [False, True])
def test_audio_only_is_refused(tmp_path, cover, tool):
    sound = ["-f", "lavfi", "-i", "sine=duration=0.2"]
    picture = ["-f", "lavfi", "-i", "color=red:s=32x32", "-map", "0", "-map", "1", "-frames:v", "1"]
    as_cover = [*picture, "-c:v", "mjpeg", "-disposition:v", "attached_pic"] if cover else []
    tool(*sound, *as_cover, tmp_path / "a.m4a")
    (tmp_path / "a.m4a").rename(tmp_path / "a.mp4")
    with pytest.raises(VideoError, match="no video stream"):
        open_clip(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("ending", "options"),
    [
        ("mp4", ""),
        ("mp4", "-movflags faststart"),
        ("mkv", ""),
        ("webm", "-c:v libvpx-vp9 -deadline realtime"),
    ],
)
@pytest.mark.parametrize("part", [0.4, 0.8])
def test_truncated_videos_are_refused(tmp_path, write_video, ending, options, part, read):
    coding = options if "c:v" in options else f"-c:v libx264 -bf 2 -g 6 {options}"
    path = write_video(tmp_path / f"a.{ending}", f"{coding} -pix_fmt yuv420p", size=96)
    assert len(read(path)) == 12
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * part)])
    with pytest.raises(VideoError, match="cut off"):
        read(path)


def test_a_size_that_changes_is_refused(tmp_path, write_video):
    parts = [write_video(tmp_path / f"{size}.h264", "-c:v libx264", size=size) for size in (64, 96)]
    path = tmp_path / "both.h264"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    clip = open_clip(path)
    assert (clip.width, clip.height) == (64, 64)
    with pytest.raises(VideoError, match="picture size changes"):
        list(clip.frames())


def test_damaged_picture_is_refused(tmp_path, write_video, read):
    path = write_video(tmp_path / "a.mkv", "-c:v libx264 -crf 10 -bf 2 -pix_fmt yuv420p")
    data = bytearray(path.read_bytes())
    for at in range(len(data) // 2, len(data) // 2 + 64):
        data[at] ^= 0x5A
    path.write_bytes(data)
    with pytest.raises(VideoError, match=r"a\.mkv"):
        read(path)


@pytest.mark.parametrize(
    "name",
    [
        "two words.mkv",
        'it\'s "quoted".mkv',
        "a;b&c|d.mkv",
        "Grüße 你好 🙂.mkv",
        "-v.mkv",
        "a:b.mkv",
        "100%03d.mkv",
    ],
)
def test_any_file_name(tmp_path, write_video, monkeypatch, name, read):
    from pathlib import Path

    write_video(tmp_path / name)
    monkeypatch.chdir(tmp_path)
    for path in (tmp_path / name, Path(name)):
        assert numbers(read(path)) == list(range(12))
    assert open_clip(Path(name)).name == name.removesuffix(".mkv")


def test_fingerprint_follows_pixels_not_place(tmp_path, write_video):
    first = write_video(tmp_path / "a.mkv")
    copy = tmp_path / "copy.mkv"
    copy.write_bytes(first.read_bytes())
    other = write_video(tmp_path / "b.mkv", seed=1)
    assert open_clip(first).sha256 == open_clip(copy).sha256
    assert open_clip(first).sha256 != open_clip(other).sha256
    assert open_clip(first).sha256 != open_clip(first, size=(32, 32)).sha256
    assert (
        VideoFile(first, (32, 32)).fingerprint() != VideoFile(first, (32, 32), (0, 0, 32, 32)).fingerprint()
    )


def test_memory_does_not_grow_with_length(tmp_path, tool):
    def peak(frames):
        path = tmp_path / f"{frames}.mp4"
        tool(*f"-f lavfi -i color=gray:s=256x256:r=25 -frames:v {frames} -c:v libx264".split(), path)
        clip = open_clip(path)
        tracemalloc.start()
        try:
            assert sum(map(len, clip.frames())) == frames
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    assert peak(240) < 1.2 * peak(60)


def test_a_file_that_vanished_is_told(tmp_path, write_video):
    path = write_video(tmp_path / "a.mkv")
    clip = open_clip(path)
    path.unlink()
    with pytest.raises(VideoError, match="cannot be opened"):
        _ = clip.sha256
    with pytest.raises(VideoError, match="cannot be opened"):
        list(clip.frames())
