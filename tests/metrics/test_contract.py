"""What holds for every metric, by whatever definition."""

from __future__ import annotations

import pickle
import subprocess
import sys

import numpy as np
import pytest
import yaml
from talkbench.core.errors import MetricError, TalkbenchError
from talkbench.core.metric import Metric, PictureMetric, RateMetric
from talkbench.core.registry import load, plugins

NAMES = (
    "l1", "psnr", "psnr_mse", "psnr_y", "ssim", "ms_ssim", "lpips", "vmaf",
    "dists", "fid", "kid",
    "flicker", "warping_error", "pose_error", "expression_error", "mouth_corr", "eye_corr", "blink_recall",
    "sync",
    "bpp", "kbps", "frame_bytes", "encode_ms", "decode_ms",
)  # fmt: skip
PERFECT = {"l1": 0, "psnr": 100, "psnr_mse": 100, "psnr_y": 100, "ssim": 1, "ms_ssim": 1, "lpips": 0}
LPIPS = pytest.param("lpips", marks=pytest.mark.network)
PICTURES = ["l1", "psnr", "psnr_mse", "psnr_y", "ssim", "ms_ssim", "vmaf", LPIPS]
INEXACT = {"lpips": 1e-6}
"""Networks sum in another order in other batches."""


def test_all_metrics_are_there():
    assert set(NAMES) <= set(plugins("metrics"))


@pytest.mark.parametrize("name", sorted(plugins("metrics")))
def test_a_metric_defines_itself(name):
    cls = load("metrics", name)
    assert issubclass(cls, Metric)
    first, *details = (cls.__doc__ or "").strip().splitlines()
    assert first.endswith(".")
    assert len(first) <= 100
    text = " ".join(line.strip() for line in details)
    assert "Source:" in text
    assert "frame 0" in text.lower()
    assert cls.direction in ("lower", "higher")
    assert cls.source


@pytest.mark.parametrize("name", sorted(plugins("metrics")))
def test_the_yaml_holds_the_defaults(name):
    config = yaml.safe_load(plugins("metrics")[name].yaml.read_text())
    assert list(config) == [name]
    by_yaml, plain = load("metrics", name)(**config[name]), load("metrics", name)()
    assert by_yaml.signature == plain.signature
    assert by_yaml.signature.startswith(f"{name}|")
    assert set(by_yaml.needs()) <= set(type(by_yaml).assets)
    assert all(column.startswith(name) for column in by_yaml.columns)


@pytest.mark.parametrize("name", sorted(plugins("metrics")))
def test_an_unknown_setting_is_refused(name):
    with pytest.raises(TypeError):
        load("metrics", name)(nonsense=1)


def test_metrics_are_listed_without_heavy_imports():
    code = (
        "import sys\n"
        "from talkbench.core.registry import load, plugins\n"
        "for name in plugins('metrics'): load('metrics', name)\n"
        "heavy = 'torch pandas scipy lpips matplotlib dlib cv2 mediapipe onnxruntime insightface '\n"
        "heavy += 'face_alignment'\n"
        "print(set(heavy.split()) & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"


@pytest.mark.parametrize("name", PICTURES)
def test_identical_frames(metric, score, pair, name):
    scores = score(metric(name), pair[0], pair[0])
    if name in PERFECT:
        assert scores.values[name] == PERFECT[name]
        assert (scores.frames[name] == PERFECT[name]).all()


@pytest.mark.parametrize("name", PICTURES)
def test_damage_is_worse_in_the_stated_direction(metric, score, pair, name):
    built, (reference, decoded) = metric(name), pair
    slight, heavy = (
        score(built, reference, frames).values[name] for frames in (decoded, np.roll(decoded, 8, axis=2))
    )
    sign = 1 if built.direction == "lower" else -1
    assert sign * (heavy - slight) > 0


@pytest.mark.parametrize("name", PICTURES)
def test_borders_of_blocks_do_not_matter(metric, score, pair, name):
    whole = score(metric(name), *pair, blocks=(6,))
    for blocks in ((1,), (4,), (1, 3, 2)):
        cut = score(metric(name), *pair, blocks=blocks)
        tolerance = INEXACT.get(name, 0)
        assert cut.values[name] == pytest.approx(whole.values[name], abs=tolerance, rel=0)
        assert cut.frames[name] == pytest.approx(whole.frames[name], abs=tolerance, rel=0)


@pytest.mark.parametrize("name", PICTURES)
def test_exchanged_frames_exchange_their_values(metric, score, pair, name):
    if name == "vmaf":
        pytest.skip("VMAF looks back a frame")
    turned = score(metric(name), *(frames[::-1] for frames in pair)).frames[name]
    assert turned[::-1] == pytest.approx(score(metric(name), *pair).frames[name], abs=INEXACT.get(name, 0))


@pytest.mark.parametrize("name", PICTURES)
def test_decoded_frames_in_another_order_are_another_score(metric, score, name, pair):
    reference, decoded = pair
    right = score(metric(name), reference, decoded)
    wrong = score(metric(name), reference, np.roll(decoded, 1, axis=0))
    assert abs(right.values[name] - wrong.values[name]) > 1e-3


@pytest.mark.parametrize("name", PICTURES)
def test_frame_0_is_kept_but_counts_only_if_asked(metric, score, pair, name):
    without, counted = metric(name), metric(name, count_first=True)
    assert "|frame0:left-out|" in without.signature
    assert "|frame0:counts|" in counted.signature
    frames = score(without, *pair).frames[name]
    assert len(frames) == len(pair[0])
    if name == "psnr_mse":
        frames, pool = 255**2 / 10 ** (frames / 10), lambda mse: 10 * np.log10(255**2 / mse.mean())
    else:
        pool = np.mean
    assert score(without, *pair).values[name] == pytest.approx(pool(frames[1:]))
    assert score(counted, *pair).values[name] == pytest.approx(pool(frames))


@pytest.mark.parametrize("name", PICTURES)
def test_one_frame_has_no_value_unless_frame_0_counts(metric, score, pair, name):
    one = [frames[:1] for frames in pair]
    with pytest.raises(MetricError, match=r"1 frames were scored .* run\.count_first"):
        score(metric(name), *one)
    assert np.isfinite(score(metric(name, count_first=True), *one).values[name])


@pytest.mark.parametrize("name", PICTURES)
def test_no_frames_have_no_value(metric, score, pair, name):
    with pytest.raises(MetricError, match="0 frames were scored"):
        score(metric(name, count_first=True), pair[0][:0], pair[1][:0])


@pytest.mark.parametrize("name", PICTURES)
@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda frames: frames.astype(np.float32), "float32"),
        (lambda frames: frames.astype(np.float32) / 255, "float32"),
        (lambda frames: frames.astype(np.int16), "int16"),
        (lambda frames: frames[..., :1], r"uint8 \(6, 176, 192, 1\)"),
        (lambda frames: frames[:, :-2], r"uint8 \(6, 174, 192, 3\)"),
        (lambda frames: frames.swapaxes(1, 2), r"uint8 \(6, 192, 176, 3\)"),
        (lambda frames: frames[:, 0], r"uint8 \(6, 192, 3\)"),
    ],
)
def test_decoded_frames_that_are_not_the_clips_are_refused(metric, score, pair, name, change, found):
    with pytest.raises(
        MetricError, match=rf"decoded frames are {found}.*, expected uint8 \(t, 176, 192, 3\)"
    ):
        score(metric(name), pair[0], change(pair[1]), blocks=(6,))


@pytest.mark.parametrize("name", PICTURES)
def test_a_missing_frame_is_not_spread_over_the_others(metric, score, pair, name):
    for length in (2, 6):
        with pytest.raises((ValueError, TalkbenchError)):
            score(metric(name), pair[0][:length], pair[1][:1], blocks=(length,))


@pytest.mark.parametrize("name", PICTURES)
def test_frames_are_left_as_they_are_and_need_not_be_contiguous(metric, score, pair, name):
    kept = [frames.copy() for frames in pair]
    wide = [np.concatenate([frames, frames], axis=2)[:, :, :192] for frames in pair]
    assert not wide[0].flags.c_contiguous
    for frames in wide:
        frames.setflags(write=False)
    whole, cut = score(metric(name), *pair), score(metric(name), *wide)
    assert cut.frames[name] == pytest.approx(whole.frames[name], abs=INEXACT.get(name, 0))
    assert all((now == before).all() for now, before in zip(pair, kept, strict=True))


@pytest.mark.parametrize("name", NAMES)
def test_metrics_travel_to_workers(metric, name):
    built = metric(name)
    assert pickle.loads(pickle.dumps(built)).signature == built.signature


def test_a_value_that_is_no_number_is_an_error(score, pair):
    psnr = load("metrics", "psnr")

    class Broken(psnr):
        def compare(self, reference, decoded):
            return np.full(len(decoded), np.nan)

    with pytest.raises(MetricError, match="frame 0 has the value nan, expected a finite number"):
        score(Broken(), *pair)


def test_signatures_are_unlike():
    signatures = [load("metrics", name)().signature for name in NAMES]
    assert len(set(signatures)) == len(NAMES)
    assert all(isinstance(load("metrics", name)(), PictureMetric | RateMetric) for name in NAMES)
    assert all("|version:" in signature for signature in signatures)
