"""l1, psnr, psnr_mse and psnr_y: closed forms, ffmpeg and scikit-image, frozen numbers."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio
from talkbench.core import ffmpeg
from talkbench.core.colour import rgb_to_yuv420
from talkbench.core.errors import UsageError
from talkbench.metrics.psnr_y import luma


def grey(value: int, frames: int = 3) -> np.ndarray:
    return np.full((frames, 32, 48, 3), value, np.uint8)


@pytest.mark.parametrize("difference", [1, 7, 60, 255])
@pytest.mark.parametrize("sign", [1, -1])
def test_a_constant_difference_has_a_closed_form(metric, score, difference, sign):
    reference, decoded = grey(0), grey(difference)
    if sign < 0:
        reference, decoded = decoded, reference
    for name in ("psnr", "psnr_mse"):
        value = score(metric(name), reference, decoded).values[name]
        assert value == pytest.approx(20 * np.log10(255 / difference), abs=1e-12)
    assert score(metric("l1"), reference, decoded).values["l1"] == difference


def test_l1_is_on_0_to_255_and_over_all_channels(metric, score):
    decoded = grey(100)
    decoded[..., 1] += 30
    assert score(metric("l1"), grey(100), decoded).values["l1"] == 10


def test_pooling_is_what_parts_psnr_from_psnr_mse(metric, score):
    reference, decoded = grey(100), grey(100)
    decoded[1] += 1
    decoded[2] += 16
    frames = [20 * np.log10(255), 20 * np.log10(255 / 16)]
    assert score(metric("psnr"), reference, decoded).values["psnr"] == pytest.approx(np.mean(frames))
    pooled = score(metric("psnr_mse"), reference, decoded)
    assert pooled.values["psnr_mse"] == pytest.approx(10 * np.log10(255**2 / ((1 + 256) / 2)))
    assert pooled.frames["psnr_mse"] == pytest.approx([100, *frames])


@pytest.mark.parametrize("name", ["psnr", "psnr_mse", "psnr_y"])
def test_identical_frames_get_the_cap_which_the_signature_names(metric, score, name):
    for cap in (100, 60):
        built = metric(name, cap=cap)
        scores = score(built, grey(9), grey(9))
        assert scores.values[name] == cap
        assert list(scores.frames[name]) == [cap] * 3
        assert f"|cap:{cap}|" in built.signature


def test_an_identical_frame_adds_no_error_to_psnr_mse(metric, score):
    reference, decoded = grey(100), grey(100)
    decoded[1, 0, 0, 0] += 1
    value = score(metric("psnr_mse", cap=200), reference, decoded).values["psnr_mse"]
    assert value == pytest.approx(10 * np.log10(255**2 * 2 * decoded[0].size))


@pytest.mark.parametrize("cap", [0, -1, float("nan"), float("inf"), "high", True, None])
def test_a_cap_that_is_none_is_refused(metric, cap):
    with pytest.raises(UsageError, match=r"metrics\.psnr\.cap=.* give a number above 0, such as 100"):
        metric("psnr", cap=cap)


def test_psnr_agrees_with_scikit_image(metric, score, pair):
    values = score(metric("psnr"), *pair).frames["psnr"]
    expected = [peak_signal_noise_ratio(x, y, data_range=255) for x, y in zip(*pair, strict=True)]
    assert values == pytest.approx(expected, abs=1e-9)


def test_l1_agrees_with_floating_point(metric, score, pair):
    reference, decoded = (frames.astype(np.float64) for frames in pair)
    values = score(metric("l1"), *pair).frames["l1"]
    assert values == pytest.approx(np.abs(reference - decoded).mean((1, 2, 3)), abs=1e-9)


def _ffmpeg_psnr(pair: tuple[np.ndarray, np.ndarray], before: str, folder: Path) -> tuple[list, float]:
    """Each frame's PSNR and the closing average, by ffmpeg's psnr filter."""
    reference, decoded = pair
    _, height, width, _ = reference.shape
    for name, frames in (("reference", reference), ("decoded", decoded)):
        (folder / name).write_bytes(frames.tobytes())
    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{width}x{height}", "-i"]
    key = "y" if "yuv" in before else "avg"
    done = subprocess.run(
        [
            ffmpeg.binary(), *raw, "decoded", *raw, "reference", "-lavfi",
            f"[0:v]{before}[a];[1:v]{before}[b];[a][b]psnr=stats_file=log", "-f", "null", "-",
        ],
        cwd=folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    each = [float(value) for value in re.findall(rf"psnr_{key}:(\S+)", (folder / "log").read_text())]
    average = re.search(r"average:(\S+)" if key == "avg" else r"PSNR y:(\S+)", done.stderr)
    assert average is not None
    return each, float(average[1])


def test_psnr_and_psnr_mse_agree_with_ffmpeg_on_rgb(metric, score, pair, tmp_path):
    each, average = _ffmpeg_psnr(pair, "format=gbrp", tmp_path)
    assert score(metric("psnr"), *pair).frames["psnr"] == pytest.approx(each, abs=0.006)
    pooled = score(metric("psnr_mse", count_first=True), *pair).values["psnr_mse"]
    assert pooled == pytest.approx(average, abs=1e-4)


def test_psnr_y_agrees_with_ffmpeg_on_the_one_conversion(metric, score, pair, tmp_path):
    each, _ = _ffmpeg_psnr(pair, rgb_to_yuv420(), tmp_path)
    assert score(metric("psnr_y"), *pair).frames["psnr_y"] == pytest.approx(each, abs=0.006)


def test_luma_is_that_of_bt709_limited_range():
    colours = np.array([[0, 0, 0], [255, 255, 255], [255, 0, 0], [0, 255, 0], [0, 0, 255]], np.uint8)
    assert luma(colours[None, None]).tolist() == [[[16, 235, 63, 173, 32]]]
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(1, 1, 256, 3)
    exact = 16 + np.arange(256) * 219 / 255
    assert np.abs(luma(levels)[0, 0] - exact).max() <= 0.5


def test_luma_is_ffmpegs_but_for_ties():
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 256, (4, 256, 256, 3), dtype=np.uint8)
    import ffmpeg as graph

    node = graph.input("pipe:", **ffmpeg.rawvideo(256, 256)).output(
        "pipe:", format="rawvideo", pix_fmt="gray", vf=f"{rgb_to_yuv420()},extractplanes=y"
    )
    theirs = np.frombuffer(ffmpeg.collect(ffmpeg.command(node), [frames.tobytes()]), np.uint8)
    difference = luma(frames).ravel().astype(int) - theirs
    assert np.abs(difference).max() <= 1
    assert np.count_nonzero(difference) <= 20


def test_luma_differs_from_rgb(metric, score, pair):
    """The two stand apart by a decibel or so: neither may be shown as the other."""
    rgb, y = (score(metric(name), *pair).values[name] for name in ("psnr", "psnr_y"))
    assert y - rgb > 0.5


@pytest.mark.parametrize("name", ["l1", "psnr", "psnr_mse", "psnr_y"])
def test_frozen(metric, score, pair, frozen, name):
    frozen(name, score(metric(name), *pair).values[name], 1e-9)
