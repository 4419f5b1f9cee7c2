"""The conversion to bt709 limited-range 4:2:0 and back."""

from __future__ import annotations

import ffmpeg as graph
import numpy as np
import pytest
from talkbench.core import colour, ffmpeg


def run(frames, filters, pix_fmt):
    """Raw bytes of frames (t, H, W, 3) after ffmpeg filters."""
    height, width = frames.shape[1:3]
    node = graph.input("pipe:", **ffmpeg.rawvideo(width, height)).output(
        "pipe:", vf=filters, format="rawvideo", pix_fmt=pix_fmt
    )
    return np.frombuffer(ffmpeg.collect(ffmpeg.command(node), [np.ascontiguousarray(frames)]), np.uint8)


def to_yuv(frame, pix_fmt="yuv420p", dtype=np.uint8):
    """Planes of a frame (H, W, 3): (H, W), (H/2, W/2), (H/2, W/2)."""
    height, width = frame.shape[:2]
    data = run(frame[None], colour.rgb_to_yuv420(pix_fmt), pix_fmt).view(dtype)
    luma, chroma = height * width, height * width // 4
    half = (height // 2, width // 2)
    assert data.size == luma + 2 * chroma
    return (
        data[:luma].reshape(height, width),
        data[luma : luma + chroma].reshape(half),
        data[luma + chroma :].reshape(half),
    )


def round_trip(frame, back=colour.YUV420_TO_RGB, pix_fmt="yuv420p"):
    """A frame (H, W, 3) through 4:2:0 and back."""
    return run(frame[None], f"{colour.rgb_to_yuv420(pix_fmt)},{back}", "rgb24").reshape(frame.shape)


def decibels(a, b):
    return 10 * np.log10(255**2 / ((a.astype(float) - b) ** 2).mean())


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).integers(0, 256, (128, 256, 3), np.uint8)


@pytest.fixture(scope="module")
def smooth():
    """A picture without edges, in colours that move through the whole cube."""
    y, x = np.mgrid[0:128, 0:128] / 128 * np.pi
    waves = [np.sin(x + y), np.cos(1.5 * x - y), np.sin(0.7 * x + 1.3 * y + 1)]
    return np.rint(127.5 + 110 * np.stack(waves, -1)).astype(np.uint8)


def test_luma_is_the_rounded_formula_of_bt709(noise):
    red, green, blue = np.moveaxis(noise.astype(np.float64), -1, 0)
    expected = 16 + 219 / 255 * (0.2126 * red + 0.7152 * green + 0.0722 * blue)
    assert np.array_equal(to_yuv(noise)[0], np.rint(expected))


def test_luma_of_ten_bits_is_four_times_as_fine(noise):
    red, green, blue = np.moveaxis(noise.astype(np.float64), -1, 0)
    expected = 4 * (16 + 219 / 255 * (0.2126 * red + 0.7152 * green + 0.0722 * blue))
    assert np.array_equal(to_yuv(noise, "yuv420p10le", np.uint16)[0], np.rint(expected))


@pytest.mark.parametrize("colours", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (200, 120, 90)])
def test_chroma_of_a_flat_picture_is_bt709s(colours):
    flat = np.empty((32, 32, 3), np.uint8)
    flat[:] = colours
    red, green, blue = colours
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    _, cb, cr = to_yuv(flat)
    assert (cb == round(128 + 224 / 255 * (blue - luma) / 1.8556)).all()
    assert (cr == round(128 + 224 / 255 * (red - luma) / 1.5748)).all()


def test_greys_survive_within_half_a_step_of_luma():
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, -1).repeat(16, 0)
    back = round_trip(ramp)
    assert (back[..., 0] == back[..., 1]).all()
    assert (back[..., 0] == back[..., 2]).all()
    assert np.abs(back.astype(int) - ramp).max() <= 1  # 219 steps for 255
    assert np.array_equal(round_trip(back), back)
    assert np.array_equal(round_trip(ramp, pix_fmt="yuv420p10le"), ramp)  # 876 steps for 255


def test_a_smooth_picture_survives(smooth):
    assert decibels(round_trip(smooth), smooth) > 47
    assert decibels(round_trip(smooth, pix_fmt="yuv420p10le"), smooth) > 55


def test_packing_planes_as_rgb24_loses_nothing(noise):
    assert np.array_equal(run(noise[None], "format=gbrp", "rgb24").reshape(noise.shape), noise)


@pytest.mark.parametrize("wrong", ["matrixin=170m:rangein=limited", "matrixin=709:rangein=full"])
def test_another_matrix_or_range_would_be_seen(wrong, smooth):
    back = colour.YUV420_TO_RGB.replace("matrixin=709:rangein=limited", wrong)
    assert back != colour.YUV420_TO_RGB
    assert decibels(round_trip(smooth, back), smooth) < 40


def test_chroma_is_sited_left(smooth):
    """Undone with another siting, colours shift by a quarter of a pixel."""
    other = colour.YUV420_TO_RGB.replace("chromalin=left", "chromalin=topleft")
    assert decibels(round_trip(smooth), smooth) > decibels(round_trip(smooth, other), smooth)
