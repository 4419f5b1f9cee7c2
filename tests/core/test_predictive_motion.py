"""Motion in steps, each predicted from the numbers before it."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
from talkbench.core.adaptive_counts import LARGEST
from talkbench.core.errors import CodecError
from talkbench.core.fp16_motion import Fp16Motion
from talkbench.core.predictive_motion import LARGEST_LEVEL, PredictiveMotion

NUMBERS = 12


def test_bytes_do_not_depend_on_the_machine():
    """Frozen: integers reach the coder, so every machine must write these bytes."""
    raw = (np.random.PCG64(11).random_raw(240) >> np.uint64(52)).astype(np.int64).reshape(40, 6)
    track = (np.cumsum(raw % 7 - 3, axis=0) / 8).astype(np.float32)
    track[20] += 64
    cross = np.tril(np.arange(36).reshape(6, 6) * 5 - 60, -1).astype(np.int16)
    data = PredictiveMotion([0.125, 0.25, 0.125, 0.5, 0.125, 0.25], cross).encode([track])
    assert hashlib.sha256(data).hexdigest()[:16] == "700d2bf1d9019d92"


def test_a_still_head_costs_next_to_nothing(make_track, steps):
    track = np.repeat(make_track(1), 500, axis=0)
    coding = PredictiveMotion(steps)
    data = coding.encode([track])
    assert len(data) < len(coding.encode([track[:1]])) + 40


def test_trembling_within_the_hold_is_not_followed(steps, decoded):
    coding = PredictiveMotion(steps)
    still = np.zeros((60, NUMBERS))
    tremble = np.random.default_rng(0).uniform(-0.7, 0.7, still.shape) * steps
    tremble[0] = 0
    data = coding.encode([tremble.astype(np.float32)])
    assert not decoded(coding, data, 60).any()


def test_coarser_steps_cost_less(make_track, steps, statistics):
    track = make_track(200, seed=50)
    sizes = [
        len(PredictiveMotion(factor * steps, statistics.cross).encode([track])) for factor in (0.5, 1, 2, 4)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.5 * sizes[2]


def test_prediction_pays(make_track, steps, statistics):
    track = make_track(300, seed=50)
    plain, crossed = (
        len(PredictiveMotion(steps, cross).encode([track])) for cross in (None, statistics.cross)
    )
    assert crossed < 0.95 * plain
    assert crossed < 0.5 * len(Fp16Motion(statistics.byte_counts).encode([track]))


@pytest.mark.parametrize("change", [LARGEST, LARGEST + 1, LARGEST + 2, 1000, 2 * (LARGEST_LEVEL - 1)])
def test_jumps_of_any_size_survive(change, decoded):
    levels = np.zeros((6, 3), np.float32)
    levels[1::2, 0] = change // 2
    levels[::2, 0] = change // 2 - change
    levels[:, 2] = -levels[:, 0]
    wild = np.tril(np.full((3, 3), np.iinfo(np.int16).max), -1).astype(np.int16)
    for cross in (None, wild, -wild):
        coding = PredictiveMotion([1.0] * 3, cross)
        assert np.array_equal(decoded(coding, coding.encode([levels]), 6), levels)


def test_a_level_too_large_is_refused():
    with pytest.raises(CodecError, match="too large"):
        PredictiveMotion([1.0]).encode([np.float32([[LARGEST_LEVEL]])])
