"""ssim and ms_ssim: closed forms, scikit-image and pytorch-msssim, frozen numbers."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import structural_similarity
from talkbench.core.errors import MetricError

C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2


def grey(value: int, size: int = 176) -> np.ndarray:
    return np.full((2, size, size, 3), value, np.uint8)


@pytest.mark.parametrize(("a", "b"), [(0, 255), (100, 101), (40, 90), (255, 254)])
def test_constant_pictures_differ_in_luminance_alone(metric, score, a, b):
    luminance = (2 * a * b + C1) / (a * a + b * b + C1)
    assert score(metric("ssim"), grey(a), grey(b)).values["ssim"] == pytest.approx(luminance, abs=1e-6)
    expected = luminance**0.1333
    assert score(metric("ms_ssim"), grey(a), grey(b)).values["ms_ssim"] == pytest.approx(
        expected, rel=1e-4 if b - a == 255 else 1e-6
    )


def test_a_picture_and_its_negative_have_a_closed_form(metric, score):
    """On 0/255 noise the negative has covariance -variance: only the sign of the structure changes."""
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2, (2, 64, 64, 3), dtype=np.uint8) * 255
    value = score(metric("ssim"), x, 255 - x).values["ssim"]
    assert -1 <= value < -0.9


def test_a_negative_structure_counts_as_zero_in_ms_ssim(metric, score):
    rng = np.random.default_rng(1)
    x = rng.integers(0, 2, (2, 176, 176, 3), dtype=np.uint8) * 255
    assert score(metric("ms_ssim"), x, 255 - x).values["ms_ssim"] == 0


def _scikit(x: np.ndarray, y: np.ndarray) -> float:
    return float(
        structural_similarity(
            x,
            y,
            channel_axis=2,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=255,
        )
    )


def test_ssim_agrees_with_scikit_image(metric, score, pair):
    values = score(metric("ssim"), *pair).frames["ssim"]
    assert values == pytest.approx([_scikit(x, y) for x, y in zip(*pair, strict=True)], abs=2e-6)


@pytest.mark.parametrize("settings", [{"gaussian_weights": False}, {"use_sample_covariance": True}])
def test_other_settings_give_other_numbers(metric, score, pair, settings):
    """What the agreement above would not notice, were the picture too simple."""
    kind = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, **settings}
    x, y = pair[0][3], pair[1][3]
    other = structural_similarity(x, y, channel_axis=2, data_range=255, **kind)
    assert abs(other - score(metric("ssim"), *pair).frames["ssim"][3]) > 1e-5


def test_ssim_takes_the_smallest_picture_and_no_smaller(metric, score):
    rng = np.random.default_rng(2)
    x = rng.integers(0, 256, (2, 11, 13, 3), dtype=np.uint8)
    y = rng.integers(0, 256, (2, 11, 13, 3), dtype=np.uint8)
    assert score(metric("ssim"), x, y).frames["ssim"][0] == pytest.approx(_scikit(x[0], y[0]), abs=2e-6)
    with pytest.raises(MetricError, match=r"ssim needs sides of at least 11 pixels, this clip is 13x10"):
        score(metric("ssim"), x[:, :10], y[:, :10])


@pytest.mark.parametrize("size", [(176, 192), (256, 176)])
def test_ms_ssim_agrees_with_pytorch_msssim(metric, score, pair, size):
    import torch
    from pytorch_msssim import ms_ssim

    height, width = size
    x, y = (np.concatenate([frames, frames], 1)[:, :height, :width] for frames in pair)
    theirs = ms_ssim(
        *(torch.from_numpy(frames[::2]).permute(0, 3, 1, 2).float() for frames in (x, y)),
        data_range=255, size_average=False,
    )  # fmt: skip
    assert score(metric("ms_ssim"), x, y).frames["ms_ssim"][::2] == pytest.approx(theirs.numpy(), abs=2e-6)


def test_ms_ssim_takes_161_pixels_and_no_fewer(metric, score, pair):
    small = [np.ascontiguousarray(frames[:, :161, :161]) for frames in pair]
    assert 0 < score(metric("ms_ssim"), *small).values["ms_ssim"] < 1
    with pytest.raises(
        MetricError, match=r"ms_ssim needs sides of at least 161 pixels, this clip is 192x160"
    ):
        score(metric("ms_ssim"), *(frames[:, :160] for frames in pair))


def test_an_odd_edge_is_repeated():
    from talkbench.metrics.ms_ssim import _halved

    picture = np.arange(5 * 3 * 3, dtype=np.float32).reshape(5, 9)
    full = np.pad(picture.reshape(5, 3, 3), ((0, 1), (0, 1), (0, 0)), mode="edge")
    expected = full.reshape(3, 2, 2, 2, 3).mean((1, 3)).reshape(3, -1)
    assert _halved(picture) == pytest.approx(expected)


@pytest.mark.parametrize("name", ["ssim", "ms_ssim"])
def test_frozen(metric, score, pair, frozen, name):
    frozen(name, score(metric(name), *pair).values[name], 2e-7)
