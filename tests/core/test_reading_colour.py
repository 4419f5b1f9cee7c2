"""Reading videos: colours equal the formulas of the standards."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core import ffmpeg
from talkbench.core.reading import probe

MATRICES = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114)}


def exact_rgb(planes, matrix, full, depth=8):
    """ITU-R BT.601 / BT.709 in float64: planes (3, H, W) of whole numbers to (H, W, 3) in 0..255."""
    kr, kb = MATRICES[matrix]
    y, cb, cr = planes.astype(np.float64) / 2 ** (depth - 8)
    if full:
        top = (2**depth - 1) / 2 ** (depth - 8)
        y, cb, cr = y / top, (cb - 128) / top, (cr - 128) / top
    else:
        y, cb, cr = (y - 16) / 219, (cb - 128) / 224, (cr - 128) / 224
    red, blue = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    green = (y - kr * red - kb * blue) / (1 - kr - kb)
    return np.clip(np.stack([red, green, blue], -1) * 255, 0, 255)


@pytest.fixture
def write_planes(tool):
    """Stores (t, 3, H, W) planes without loss, with ffmpeg's `setparams` tags."""

    def write(path, planes, pix_fmt, tags=""):
        height, width = planes.shape[-2:]
        source = path.with_suffix(".raw")
        source.write_bytes(planes.astype("<u2" if "le" in pix_fmt else np.uint8).tobytes())
        filters = ["-vf", f"setparams={tags}"] if tags else []
        raw = f"-f rawvideo -pix_fmt {pix_fmt} -s {width}x{height} -r 25".split()
        tool(*raw, "-i", source, *filters, "-pix_fmt", pix_fmt, *["-c:v", "libx264", "-qp", "0"], path)
        return path

    return write


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(("pix_fmt", "depth"), [("yuv444p", 8), ("yuv444p10le", 10)])
def test_rgb_equals_the_formula(tmp_path, matrix, full, pix_fmt, depth, read, write_planes):
    planes = np.random.default_rng(5).integers(0, 2**depth, (2, 3, 24, 32))
    tags = f"colorspace={matrix}:range={'full' if full else 'limited'}"
    frames = read(write_planes(tmp_path / "a.mkv", planes, pix_fmt, tags))
    for frame, picture in zip(frames, planes, strict=True):
        assert np.abs(frame - exact_rgb(picture, matrix, full, depth)).max() <= 0.5 + 1e-3


@pytest.mark.parametrize(
    ("width", "height", "matrix"),
    [(32, 24, "smpte170m"), (720, 576, "smpte170m"), (16, 720, "bt709"), (1280, 16, "bt709")],
)
def test_untagged_pictures_are_limited_and_go_by_size(tmp_path, width, height, matrix, read, write_planes):
    planes = np.random.default_rng(6).integers(16, 236, (1, 3, height, width))
    path = write_planes(tmp_path / "a.mkv", planes, "yuv444p", "colorspace=unknown:range=unknown")
    (frame,) = read(path)
    other = next(name for name in MATRICES if name != matrix)
    assert np.abs(frame - exact_rgb(planes[0], matrix, False)).max() <= 0.5 + 1e-3
    assert np.abs(frame - exact_rgb(planes[0], other, False)).max() > 5


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv422p", "yuv420p10le", "yuv422p10le"])
def test_flat_colour_is_exact_where_colour_is_subsampled(tmp_path, pix_fmt, full, tool, read):
    depth = 10 if "10" in pix_fmt else 8
    colour = np.array([150, 90, 170]) << (depth - 8)
    shapes = [(24, 32), *[(12 if "420" in pix_fmt else 24, 16)] * 2]
    kind = "<u2" if depth == 10 else np.uint8
    planes = [np.full(shape, value, kind) for shape, value in zip(shapes, colour, strict=True)]
    source, path = tmp_path / "a.raw", tmp_path / "a.mp4"
    source.write_bytes(b"".join(plane.tobytes() for plane in planes))
    tags = f"setparams=colorspace=bt709:range={'full' if full else 'limited'}"
    raw = f"-f rawvideo -pix_fmt {pix_fmt} -s 32x24 -r 25".split()
    tool(*raw, "-i", source, "-vf", tags, *["-c:v", "libx264", "-qp", "0"], path)
    assert probe(path).range == ("full" if full else "limited")
    exact = exact_rgb(colour[:, None, None], "bt709", full, depth)
    assert np.abs(read(path) - exact).max() <= 0.5 + 1e-3


@pytest.mark.parametrize("codec", ["ffv1", "libx264 -qp 0"])
def test_gray_becomes_gray(tmp_path, codec, tool, read):
    ramp = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    source = tmp_path / "a.raw"
    source.write_bytes(ramp.tobytes())
    tool(
        *f"-f rawvideo -pix_fmt gray -s 16x16 -r 25 -i {source} -pix_fmt gray -c:v {codec}".split(),
        tmp_path / "a.mkv",
    )
    assert np.array_equal(read(tmp_path / "a.mkv"), np.repeat(ramp[..., None], 3, -1))


def test_colour_is_upsampled_as_decoders_do_it(tmp_path, write_video, testcard, read):
    """A stored 4:2:0 file and the harness's own way back from 4:2:0 give the same pixels."""
    from talkbench.core.colour import TAGS, YUV420_TO_RGB, rgb_to_yuv420

    tags = " ".join(f"-{key} {value}" for key, value in TAGS.items())
    path = write_video(tmp_path / "a.mp4", f"-vf {rgb_to_yuv420()} -c:v libx264 -qp 0 {tags}")
    arguments = [ffmpeg.binary(), "-v", "error", "-i", str(path), "-vf", YUV420_TO_RGB]
    back = ffmpeg.read_frames([*arguments, "-f", "rawvideo", "-pix_fmt", "rgb24", "-"], 64, 64)
    assert np.array_equal(read(path), np.concatenate(list(back)))
    assert np.abs(read(path).astype(int) - np.concatenate(list(testcard.frames()))).mean() < 6
