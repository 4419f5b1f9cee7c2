"""flicker: closed forms, the formula written out, a frozen number."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.errors import MetricError


def _still(frames: int = 8, seed: int = 0) -> np.ndarray:
    picture = np.random.default_rng(seed).integers(20, 230, (32, 48, 3), np.uint8)
    return np.repeat(picture[None], frames, 0)


@pytest.mark.parametrize("k", [1, 3, 12])
def test_alternating_gray_levels_are_twice_their_step(metric, score, k):
    reference = _still()
    sign = np.where(np.arange(len(reference)) % 2, -k, k)[:, None, None, None]
    found = score(metric("flicker"), reference, (reference + sign).astype(np.uint8))
    assert found.values == {"flicker": 2 * k, "flicker_added": 2 * k}
    assert (found.frames["flicker"][1:] == 2 * k).all()
    assert np.isnan(found.frames["flicker"][0])


def test_a_share_of_the_picture_counts_as_its_share(metric, score):
    reference = _still()
    decoded = reference.copy()
    decoded[1::2, :8] += 4
    assert score(metric("flicker"), reference, decoded).values["flicker"] == 4 * 8 / 32


def test_an_offset_that_stays_does_not_flicker(metric, score):
    reference = np.concatenate([_still(4, seed=1), _still(4, seed=2)])
    assert score(metric("flicker"), reference, reference + np.uint8(9)).values == {
        "flicker": 0,
        "flicker_added": 0,
    }


def test_a_frozen_clip_loses_motion_and_adds_none(metric, score, pair):
    reference = pair[0]
    frozen = np.repeat(reference[:1], len(reference), 0)
    values = score(metric("flicker"), reference, frozen).values
    moves = score(metric("flicker"), frozen, reference).values
    assert values["flicker"] == moves["flicker"] == moves["flicker_added"] > 1
    assert values["flicker_added"] == 0


def test_the_formula_written_out(metric, score, pair):
    r, d = (np.diff(clip.astype(np.float64) @ [0.2126, 0.7152, 0.0722], axis=0) for clip in pair)
    found = score(metric("flicker"), *pair)
    assert found.frames["flicker"][1:] == pytest.approx(np.abs(d - r).mean((1, 2)), abs=1e-9)
    added = np.maximum(0, np.abs(d) - np.abs(r)).mean((1, 2))
    assert found.frames["flicker_added"][1:] == pytest.approx(added, abs=1e-9)
    assert found.values["flicker_added"] == pytest.approx(added.mean(), abs=1e-9)


def test_borders_of_blocks_and_frame_0_do_not_matter(metric, score, pair):
    whole = score(metric("flicker"), *pair, blocks=(6,))
    for blocks in ((1,), (4,), (1, 3, 2)):
        assert score(metric("flicker"), *pair, blocks=blocks).values == whole.values
    assert score(metric("flicker", count_first=True), *pair).values == whole.values


@pytest.mark.parametrize("name", ["flicker", "warping_error"])
@pytest.mark.parametrize("frames", [0, 1])
def test_fewer_than_two_frames_have_no_neighbours(metric, score, pair, name, frames):
    few = [clip[:frames] for clip in pair]
    with pytest.raises(MetricError, match=rf"{frames} frames were scored and {name} compares neighbours"):
        score(metric(name, count_first=True), *few)


@pytest.mark.parametrize("name", ["flicker", "warping_error"])
def test_decoded_frames_that_are_not_the_clips_are_refused(metric, score, pair, name):
    with pytest.raises(MetricError, match=r"decoded frames are float32 .* expected uint8"):
        score(metric(name), pair[0], pair[1].astype(np.float32))
    with pytest.raises(ValueError, match="zip"):
        score(metric(name), pair[0], pair[1][:3])


def test_frozen(metric, score, pair, frozen):
    for column, value in score(metric("flicker"), *pair).values.items():
        frozen(column, value, 1e-9)
