"""Motion of numbers that move together, turned so that few of them move."""

from __future__ import annotations

import numpy as np
from talkbench.core.motion_statistics import MotionStatistics
from talkbench.core.predictive_motion import PredictiveMotion
from talkbench.core.transform_motion import TransformMotion

NUMBERS = 12


def test_a_basis_turns_numbers_and_keeps_lengths(together):
    basis = together.basis / 2**14
    np.testing.assert_allclose(basis @ basis.T, np.eye(NUMBERS), atol=1e-3)


def test_numbers_that_move_together_cost_as_much_as_one():
    dice = np.random.default_rng(2)
    walk = np.cumsum(dice.integers(-3, 4, (400, 1)), axis=0)
    track = (walk + dice.normal(scale=0.2, size=(400, 24))).astype(np.float32)
    learnt = MotionStatistics.learn([track[:200]], [1] * 24, together=True)
    apart, turned = (
        len(coding.encode([track[200:]]))
        for coding in (PredictiveMotion([1.0] * 24), TransformMotion([1.0] * 24, learnt.basis))
    )
    assert turned < 0.2 * apart
