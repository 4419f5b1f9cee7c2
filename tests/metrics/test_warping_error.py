"""warping_error: known motion, known flicker, the warp by another library, a frozen number."""

from __future__ import annotations

import gc
import weakref

import numpy as np
import pytest
from talkbench.core.errors import MetricError
from talkbench.metrics.warping_error import Still, WarpingError, motion


def _texture(height: int, width: int) -> np.ndarray:
    """A picture (H, W, 3) of soft blobs, which a flow can hold on to."""
    from scipy.ndimage import gaussian_filter

    noise = np.random.default_rng(0).normal(size=(height, width, 3))
    soft = gaussian_filter(noise, (2, 2, 0))
    return np.clip(128 + 60 * soft / soft.std(), 10, 245).astype(np.uint8)


@pytest.fixture(scope="module")
def moving() -> np.ndarray:
    """A window (5, 64, 80, 3) that slides over a picture, 3 pixels right and 2 down a frame."""
    picture = _texture(96, 112)
    return np.stack([picture[2 * t : 2 * t + 64, 3 * t : 3 * t + 80] for t in range(5)])


def test_a_known_motion_is_found(moving):
    found = motion(moving[0], moving[1])
    y, x = np.mgrid[:64, :80]
    assert found.sure.mean() > 0.8
    assert np.abs(found.columns - x - 3)[found.sure].mean() < 0.1
    assert np.abs(found.rows - y - 2)[found.sure].mean() < 0.1
    # What has just come into the picture was not in the frame before.
    assert not found.sure[:, -2:].any()
    assert not found.sure[-1:].any()


def test_identical_clips_are_as_sure_as_their_reference(metric, score, moving):
    values = score(metric("warping_error"), moving, moving).values
    assert values["warping_error"] == values["warping_error_reference"]
    assert values["warping_error"] < 0.5


@pytest.mark.parametrize("k", [1, 6])
def test_flicker_on_what_stands_still_is_its_square(metric, score, k):
    still = np.repeat(_texture(48, 64)[None], 6, 0)
    sign = np.where(np.arange(6) % 2, -k, k)[:, None, None, None]
    values = score(metric("warping_error"), still, (still + sign).astype(np.uint8)).values
    assert values["warping_error"] == pytest.approx(1000 * (2 * k / 255) ** 2, rel=1e-6)
    assert values["warping_error_reference"] == 0


def test_flicker_on_what_moves_too(metric, score, moving):
    sign = np.where(np.arange(len(moving)) % 2, -5, 5)[:, None, None, None]
    values = score(metric("warping_error"), moving, (moving + sign).astype(np.uint8)).values
    excess = values["warping_error"] - values["warping_error_reference"]
    assert excess == pytest.approx(1000 * (10 / 255) ** 2, rel=0.05)


def test_a_frozen_clip_does_not_move_along(metric, score, moving):
    frozen = np.repeat(moving[:1], len(moving), 0)
    values = score(metric("warping_error"), moving, frozen).values
    shifted = _texture(96, 112).astype(np.float64)
    step = np.square(shifted[2:, 3:] - shifted[:-2, :-3])[:64, :80].mean() / 255**2
    assert values["warping_error"] == pytest.approx(1000 * step, rel=0.15)
    assert values["warping_error"] > 20 * values["warping_error_reference"]


def test_what_is_uncovered_is_not_sure():
    picture = _texture(64, 80)
    patch = _texture(90, 90)[-24:, -24:, ::-1]
    before, after = picture.copy(), picture.copy()
    before[20:44, 20:44] = patch
    after[20:44, 28:52] = patch
    sure = motion(before, after).sure
    assert sure[20:44, 20:28].mean() < 0.5 < 0.9 < sure[:12].mean()


def test_another_librarys_warp(moving):
    from scipy.ndimage import map_coordinates

    found = motion(moving[2], moving[3])
    before, frame = (picture.astype(np.float64) for picture in moving[2:4])
    warped = np.stack(
        [map_coordinates(before[..., c], [found.rows, found.columns], order=1) for c in range(3)], -1
    )
    expected = np.square(warped - frame)[found.sure].mean()
    assert found.own == pytest.approx(expected, rel=1e-3)


def test_borders_of_blocks_do_not_matter(metric, score, moving):
    shaken = np.roll(moving, 1, 1)
    whole = score(metric("warping_error"), moving, shaken, blocks=(5,))
    for blocks in ((1,), (2,), (1, 3, 1)):
        assert score(metric("warping_error"), moving, shaken, blocks=blocks).values == whole.values
    assert np.isnan(whole.frames["warping_error"][0])
    assert whole.values["warping_error"] == whole.frames["warping_error"][1:].mean()


def test_no_frame_is_kept_longer_than_the_next_needs_it(moving):
    stills = WarpingError().prepare(moving)
    first, last = weakref.ref(stills[0]), stills[-1]
    del stills
    gc.collect()
    assert first() is None
    assert last.frame is not None


def test_the_motion_is_found_once_for_all_decoded_clips(moving, monkeypatch):
    from talkbench.metrics import warping_error

    asked = []
    monkeypatch.setattr(warping_error, "motion", lambda *pair: asked.append(pair) or motion(*pair))
    before, still = Still(moving[0]), Still(moving[1])
    assert still.since(before) is still.since(before)
    assert len(asked) == 1


def test_no_sure_motion_is_no_value(metric, score, moving, monkeypatch):
    from dataclasses import replace

    from talkbench.metrics import warping_error

    def unsure(*pair):
        found = motion(*pair)
        return replace(found, sure=np.zeros_like(found.sure), own=float("nan"))

    monkeypatch.setattr(warping_error, "motion", unsure)
    found = score(metric("warping_error"), moving, moving)
    assert found.values == {}
    assert found.absent.keys() == {"warping_error", "warping_error_reference"}
    assert set(found.absent.values()) == {"no pixel's motion is sure in any frame of the reference"}


def test_small_pictures_are_refused(metric, score):
    frames = np.zeros((2, 15, 64, 3), np.uint8)
    with pytest.raises(MetricError, match="sides of at least 16 pixels, this clip is 64x15"):
        score(metric("warping_error"), frames, frames)
    frames = np.zeros((2, 16, 16, 3), np.uint8)
    assert score(metric("warping_error"), frames, frames).values["warping_error"] == 0


def test_frozen(metric, score, pair, frozen):
    for column, value in score(metric("warping_error"), *pair).values.items():
        frozen(column, value, 1e-2 * abs(value))
