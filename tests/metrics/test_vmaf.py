"""vmaf: a direct ffmpeg call on the same frames, what it refuses, a frozen number."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from pathlib import Path

import numpy as np
import pytest
from talkbench.core import ffmpeg
from talkbench.core.colour import rgb_to_yuv420
from talkbench.core.errors import CodecError, MetricError, UsageError


def _direct(pair: tuple[np.ndarray, np.ndarray], folder: Path) -> list[float]:
    """libvmaf on two files of 4:2:0, time stamps and all, without any code of ours."""
    _, height, width, _ = pair[0].shape
    size = ["-s", f"{width}x{height}", "-r", "25"]
    for name, frames in zip(("reference", "decoded"), pair, strict=True):
        subprocess.run(
            [
                ffmpeg.binary(), "-f", "rawvideo", "-pix_fmt", "rgb24", *size, "-i", "-",
                "-vf", rgb_to_yuv420(), "-f", "rawvideo", f"{name}.yuv",
            ],
            cwd=folder, input=frames.tobytes(), capture_output=True, check=True,
        )  # fmt: skip
    raw = ["-f", "rawvideo", "-pix_fmt", "yuv420p", *size, "-i"]
    subprocess.run(
        [
            ffmpeg.binary(), *raw, "decoded.yuv", *raw, "reference.yuv", "-lavfi",
            "[0:v]setpts=N/25/TB[a];[1:v]setpts=N/25/TB[b];"
            "[a][b]libvmaf=model=version=vmaf_v0.6.1:n_threads=1:log_fmt=json:log_path=log.json".replace(
                "version=", "version\\="
            ),
            "-f", "null", "-",
        ],
        cwd=folder, capture_output=True, check=True,
    )  # fmt: skip
    return [frame["metrics"]["vmaf"] for frame in json.loads((folder / "log.json").read_text())["frames"]]


def test_vmaf_is_exactly_that_of_a_direct_call(metric, score, pair, tmp_path):
    scores = score(metric("vmaf"), *pair)
    direct = _direct(pair, tmp_path)
    assert scores.frames["vmaf"].tolist() == direct
    assert scores.values["vmaf"] == np.mean(direct[1:])


def test_reference_and_decoded_are_not_exchanged(metric, score, pair):
    there, back = (score(metric("vmaf"), *frames).values["vmaf"] for frames in (pair, pair[::-1]))
    assert there != back


def test_identical_frames_score_near_100(metric, score, pair):
    assert score(metric("vmaf"), pair[0], pair[0]).values["vmaf"] > 95


def test_a_frame_shifted_by_one_is_noticed(metric, score, pair):
    reference = pair[0]
    right = score(metric("vmaf"), reference[1:], reference[1:]).values["vmaf"]
    assert score(metric("vmaf"), reference[1:], reference[:-1]).values["vmaf"] < right - 5


@pytest.mark.parametrize("size", [(33, 64), (64, 31), (30, 30)])
def test_sizes_that_libvmaf_cannot_take_are_refused(metric, score, size):
    frames = np.zeros((2, *size, 3), np.uint8)
    with pytest.raises(MetricError, match="vmaf needs even sides of at least 32"):
        score(metric("vmaf"), frames, frames)


def test_the_smallest_size_works(metric, score):
    frames = np.zeros((2, 32, 32, 3), np.uint8)
    assert np.isfinite(score(metric("vmaf"), frames, frames).values["vmaf"])


def test_an_ffmpeg_without_libvmaf_is_refused_before_the_run(metric, monkeypatch):
    monkeypatch.setattr(ffmpeg, "filters", lambda: frozenset({"psnr"}))
    with pytest.raises(UsageError, match="has no libvmaf filter"):
        metric("vmaf")


@pytest.mark.parametrize("model", ["../x", "vmaf_a:n_threads=9", "", "ssim", None, 6])
def test_a_model_that_is_no_name_is_refused(metric, model):
    with pytest.raises(UsageError, match="is no built-in model of libvmaf"):
        metric("vmaf", model=model)


@pytest.mark.parametrize("times", [1, 8])
def test_a_model_that_libvmaf_lacks_is_an_error_and_not_a_hang(metric, score, pair, times):
    clips = [np.concatenate([frames] * times) for frames in pair]
    with pytest.raises(CodecError, match="ffmpeg ended with code"):
        score(metric("vmaf", model="vmaf_v9.9.9"), *clips)


def test_a_scorer_left_early_leaves_nothing_behind(metric, pair):
    from fractions import Fraction

    from talkbench.core.metric import Shape

    before = threading.active_count()
    scorer = metric("vmaf").start(Shape(192, 176, Fraction(25)))
    for _ in range(5):
        scorer.update(*pair)
    scorer.close()
    scorer.close()
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children")
    if children.is_file():
        assert "ffmpeg" not in "".join(
            Path(f"/proc/{child}/comm").read_text() for child in children.read_text().split()
        )
    for thread in threading.enumerate():
        if thread.name.startswith("vmaf"):
            thread.join(10)
    assert threading.active_count() <= before


def test_the_signature_names_model_and_build(metric):
    signature = metric("vmaf").signature
    assert "|model:vmaf_v0.6.1|" in signature
    assert f"|ffmpeg:{ffmpeg.build()}|" in signature


def test_frozen(metric, score, pair, frozen):
    """The tolerance is for other builds of libvmaf."""
    frozen("vmaf", score(metric("vmaf"), *pair).values["vmaf"], 0.05)
