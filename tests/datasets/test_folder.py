"""The user's own videos: names, crops, order, and what is wrong with them."""

from __future__ import annotations

import struct
import zlib
from fractions import Fraction

import numpy as np
import pytest
from talkbench.core.errors import UsageError, VideoError
from talkbench.core.pngs import PngFolder, numbered
from talkbench.datasets.folder import Folder
from talkbench.datasets.testcard import read_number


def pixels(clip):
    return np.concatenate(list(clip.frames()))


def names(**settings):
    return [clip.name for clip in Folder(**settings).clips()]


def write_png(path, picture):
    """A PNG of an array (H, W), (H, W, 3) or (H, W, 4), uint8 or uint16, written from its specification."""
    picture = np.asarray(picture)
    height, width = picture.shape[:2]
    kind = {2: 0, 3: 2, 4: 6}[
        picture.shape[2] if picture.ndim == 3 and picture.shape[2] == 4 else picture.ndim
    ]
    rows = picture.astype(">u2" if picture.dtype == np.uint16 else np.uint8).reshape(height, -1)
    data = b"".join(b"\0" + row.tobytes() for row in rows)
    head = struct.pack(">IIBBBBB", width, height, 8 * picture.dtype.itemsize, kind, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", zlib.compress(data)), (b"IEND", b"")]
    body = (
        struct.pack(">I", len(part)) + name + part + struct.pack(">I", zlib.crc32(name + part))
        for name, part in chunks
    )
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(body))


@pytest.fixture
def png_folder(tmp_path, testcard):
    """A folder with the twelve frames of a test card as PNGs, numbered 0 to 11 without leading zeros."""
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(pixels(testcard)):
        write_png(folder / f"frame_{number}.png", frame)
    return folder


def test_videos_at_any_depth_in_fixed_order(tmp_path, write_video):
    (tmp_path / "b").mkdir()
    (tmp_path / ".hidden").mkdir()
    for name in ("z.mkv", "a.MP4", "b/c.webm", ".hidden/x.mkv", ".y.mkv"):
        write_video(tmp_path / name, "-c:v libx264 -qp 0" if "webm" not in name else "", frames=None, size=32)
    (tmp_path / "notes.txt").write_text("nothing")
    clips = Folder(root=str(tmp_path)).clips()
    assert [clip.name for clip in clips] == ["a", "b/c", "z"]
    assert [(clip.width, clip.height, clip.fps) for clip in clips] == [(32, 32, 25)] * 3
    assert Folder(root=str(tmp_path)).fingerprint() == Folder(root=str(tmp_path)).fingerprint()


@pytest.mark.parametrize(
    "name", ["two words", 'it\'s "quoted"', "a;b", "Grüße 你好", "-v", "a:b", "100%03d", "v1.2"]
)
def test_any_name(tmp_path, write_video, name):
    write_video(tmp_path / f"{name}.mkv")
    (clip,) = Folder(root=str(tmp_path)).clips()
    assert clip.name == name
    assert [read_number(frame) for frame in pixels(clip)] == list(range(12))


def test_an_unreadable_video_is_listed_and_stops_nothing(tmp_path, write_video):
    write_video(tmp_path / "good.mkv")
    (tmp_path / "bad.mp4").write_text("no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    bad, empty, good = Folder(root=str(tmp_path), size=32).clips()
    for clip in (bad, empty):
        with pytest.raises(VideoError, match=clip.name):
            pixels(clip)
        with pytest.raises(VideoError, match=clip.name):
            _ = clip.sha256
    assert len(pixels(good)) == 12


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "data.root is not set"),
        ({"root": "{here}/none"}, "no such folder"),
        ({"root": "{here}/file"}, "it is a file"),
        ({"root": "{here}"}, "no videos and no numbered PNGs"),
        ({"root": "{here}", "size": 8}, "data.size"),
        ({"root": "{here}", "size": "large"}, "data.size"),
        ({"root": "{here}", "fps": 0}, "data.fps"),
        ({"root": "{here}", "csv": "none.csv"}, "data.csv"),
    ],
)
def test_wrong_settings_are_told(tmp_path, settings, message):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=message):
        Folder(
            **{k: v.format(here=tmp_path) if isinstance(v, str) else v for k, v in settings.items()}
        ).clips()


def test_two_clips_of_one_name_are_refused(tmp_path, write_video):
    write_video(tmp_path / "a.mkv")
    write_video(tmp_path / "a.mp4", "-c:v libx264")
    with pytest.raises(UsageError, match=r"two clips are called 'a': a\.mkv and a\.mp4"):
        Folder(root=str(tmp_path)).clips()


def test_size_cuts_a_centred_square(tmp_path, write_video):
    frames = np.zeros((2, 32, 64, 3), np.uint8)
    frames[:, :, 16:48] = (200, 100, 50)
    write_video(tmp_path / "a.mkv", frames=frames)
    (clip,) = Folder(root=str(tmp_path), size=16).clips()
    assert pixels(clip).shape == (2, 16, 16, 3)
    assert (pixels(clip) == (200, 100, 50)).all()
    (whole,) = Folder(root=str(tmp_path)).clips()
    assert np.array_equal(pixels(whole), frames)


def test_the_square_is_square_as_shown(tmp_path, write_video):
    frames = np.zeros((2, 32, 64, 3), np.uint8)
    frames[:, :, 24:40] = 250  # pixels twice as wide as high: 16 of them are as wide as 32 are high
    write_video(tmp_path / "a.mkv", "-vf setsar=2/1 -c:v ffv1 -pix_fmt gbrp", frames=frames)
    (clip,) = Folder(root=str(tmp_path), size=32).clips()
    assert (pixels(clip)[:, :, 4:28] == 250).all()


def test_the_table_chooses_crops_and_names_people(tmp_path, write_video):
    for name in ("a", "b", "c"):
        write_video(tmp_path / f"{name}.mkv")
    (tmp_path / "crops.csv").write_text(
        '\ufefffile,x,y,width,height,identity\nc.mkv,16,32,32,32,"Ada, L."\na.mkv,,,,,\n', "utf-8"
    )
    first, other = Folder(root=str(tmp_path), csv="crops.csv").clips()
    assert (first.name, first.width, first.identity) == ("a", 64, "")
    assert (other.name, other.width, other.height, other.identity) == ("c", 32, 32, "Ada, L.")
    (whole, _) = (pixels(clip) for clip in Folder(root=str(tmp_path)).clips()[::2])
    assert np.array_equal(pixels(other), whole[:, 32:, 16:48])
    assert [clip.width for clip in Folder(root=str(tmp_path), csv="crops.csv", size=48).clips()] == [48, 48]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("", "line 1: the columns none found"),
        ("name\na.mkv\n", "line 1: unknown column 'name'"),
        ("x,y,width,height\n0,0,8,8\n", "line 1"),
        ("file,x,y\na.mkv,0,0\n", "line 1.*all or none"),
        ("file,x,y,width,hight\na.mkv,0,0,8,8\n", "did you mean height"),
        ("file,file\na.mkv,a.mkv\n", "line 1.*each once"),
        ("file\nb.mkv\n", "line 2, column file: there is no"),
        ("file\na.mkv\na.mkv\n", "line 3, column file: 'a.mkv' a second time"),
        ("file,identity\n,Ada\n", "line 2, column file: it is empty"),
        ("file,x,y,width,height\na.mkv,0,0,8\n", "line 2: 5 cells"),
        ("file,x,y,width,height\na.mkv,0,0,8,8,8\n", "line 2: 5 cells"),
        ("file,x,y,width,height\na.mkv,0,-1,8,8\n", "line 2, column y: '-1' found"),
        ("file,x,y,width,height\na.mkv,0,0,eight,8\n", "line 2, column width: 'eight' found"),
        ("file,x,y,width,height\na.mkv,0,0,8,\n", "line 2, column height: '' found"),
        ("file,x,y,width,height\na.mkv,0,0,0,8\n", "line 2, column width: '0' found"),
        ("file,x,y,width,height\na.mkv,60,0,8,8\n", "line 2.*leaves the 64x64 picture"),
        ("file,x,y,width,height\na.mkv,0,0,32,16\n", "line 2.*not square"),
        (b"file\n\xff\xfe.mkv\n", "cannot be read as CSV in UTF-8"),
        ('file\n"a.mkv\n', "cannot be read as CSV"),
    ],
)
def test_wrong_tables_are_told_with_line_and_column(tmp_path, write_video, table, message):
    write_video(tmp_path / "a.mkv")
    (tmp_path / "crops.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(UsageError, match=message) as caught:
        Folder(root=str(tmp_path), csv=str(tmp_path / "crops.csv"), size=32).clips()
    assert "crops.csv" in str(caught.value)


def test_numbered_pngs_are_a_clip(tmp_path, png_folder, testcard):
    (clip,) = Folder(root=str(tmp_path), fps="30000/1001").clips()
    assert (clip.name, clip.width, clip.height, clip.fps) == ("frames", 64, 64, Fraction(30000, 1001))
    assert np.array_equal(pixels(clip), pixels(testcard))
    (alone,) = Folder(root=str(png_folder)).clips()
    assert alone.name == "frames"
    assert [read_number(frame) for frame in pixels(alone.first(3))] == [0, 1, 2]


def test_pngs_are_cropped_and_scaled_as_videos_are(tmp_path, png_folder, write_video):
    write_video(tmp_path / "video.mkv")
    for settings in ({"size": 40}, {"size": 100}, {"csv": "crops.csv"}, {"csv": "crops.csv", "size": 24}):
        (tmp_path / "crops.csv").write_text("file,x,y,width,height\nframes,4,8,40,40\nvideo.mkv,4,8,40,40\n")
        frames, video = Folder(root=str(tmp_path), **settings).clips()
        assert np.array_equal(pixels(frames), pixels(video))


@pytest.mark.parametrize("depth", [8, 16])
def test_png_kinds_keep_their_values(tmp_path, depth):
    most = 2**depth - 1
    ramp = np.linspace(0, most, 256).round().astype(np.uint8 if depth == 8 else np.uint16)
    ramp[1::2] -= np.minimum(ramp[1::2], 100 if depth == 16 else 0).astype(ramp.dtype)
    gray = ramp.reshape(16, 16)
    colour = np.stack([gray, gray[::-1], gray.T], -1)
    alpha = np.concatenate([colour, np.full((16, 16, 1), most, ramp.dtype)], -1)
    for number, picture in enumerate((gray, colour, alpha)):
        folder = tmp_path / str(number)
        folder.mkdir()
        write_png(folder / "1.png", picture)
        (frame,) = pixels(Folder(root=str(folder)).clips()[0])
        exact = picture[..., :3] if picture.ndim == 3 else picture[..., None]
        assert np.abs(frame - exact * 255.0 / most).max() <= 0.5 + 1e-3


def test_gray_and_colour_pngs_of_one_depth_mix(tmp_path):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    write_png(tmp_path / "1.png", np.stack([gray, gray.T, gray], -1))
    write_png(tmp_path / "2.png", gray)
    write_png(tmp_path / "3.png", np.stack([gray, gray.T, gray], -1))
    frames = pixels(Folder(root=str(tmp_path)).clips()[0])
    assert np.array_equal(frames[1], np.repeat(gray[..., None], 3, -1))
    assert np.array_equal(frames[2], np.stack([gray, gray.T, gray], -1))


def test_many_pngs_stream(tmp_path):
    files = []
    for number in range(70):
        files.append(tmp_path / f"{number:03d}.png")
        write_png(files[-1], np.full((128, 128, 3), number, np.uint8))
    blocks = list(PngFolder(numbered(tmp_path)).frames())
    assert len(blocks) > 1
    assert [int(frame[0, 0, 0]) for block in blocks for frame in block] == list(range(70))


def test_wrong_pngs_are_failures_of_their_clip(tmp_path, png_folder, write_video):
    write_video(tmp_path / "good.mkv")

    def reason():
        frames, good = Folder(root=str(tmp_path)).clips()
        assert len(pixels(good)) == 12
        with pytest.raises(VideoError) as caught:
            pixels(frames)
        return str(caught.value)

    kept = (png_folder / "frame_7.png").read_bytes()
    (png_folder / "frame_7.png").unlink()
    assert "no frame stands between frame_6.png and frame_8.png" in reason()
    (png_folder / "frame_7.png").write_bytes(b"text")
    assert "frame_7.png: it is no PNG" in reason()
    write_png(png_folder / "frame_7.png", np.zeros((32, 64, 3), np.uint8))
    assert "frame_7.png: 64x32, 8 bits found, 64x64, 8 bits in frame_0.png" in reason()
    (png_folder / "frame_7.png").write_bytes(kept[: len(kept) // 2])
    assert "PNG" in reason() or "damaged" in reason()
    (png_folder / "frame_7.png").write_bytes(kept)
    write_png(png_folder / "frame_07.png", np.zeros((64, 64, 3), np.uint8))
    assert "has the same number as" in reason()
    (png_folder / "frame_07.png").rename(png_folder / "cover.png")
    assert "its name holds no number" in reason()


def test_every_second_number_is_a_clip(png_folder):
    for number in range(1, 12, 2):
        (png_folder / f"frame_{number}.png").unlink()
    (clip,) = Folder(root=str(png_folder)).clips()
    assert [read_number(frame) for frame in pixels(clip)] == [0, 2, 4, 6, 8, 10]


def test_exif_does_not_turn_pngs(tmp_path, png_folder):
    turned = tmp_path / "turned"
    turned.mkdir()
    raw = (png_folder / "frame_0.png").read_bytes()
    exif = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0"
    chunk = struct.pack(">I", len(exif)) + b"eXIf" + exif + struct.pack(">I", zlib.crc32(b"eXIf" + exif))
    (turned / "0.png").write_bytes(raw[:33] + chunk + raw[33:])
    assert read_number(pixels(Folder(root=str(turned)).clips()[0])[0]) == 0
