"""What the tests of motion coding share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

KINDS = ("angle", "angle", "translation", "translation", *["deformation"] * 8)
SCALES = {"angle": 4.0, "translation": 0.05, "deformation": 0.01}


@pytest.fixture(scope="session")
def make_track() -> Callable[..., NDArray[np.float32]]:
    """Makes tracks (frames, 12) of a head that turns and trembles: angles, translations, deformations."""

    def make(frames: int, seed: int = 0) -> NDArray[np.float32]:
        dice = np.random.default_rng(seed)
        together = np.random.default_rng(0).normal(size=(4, len(KINDS)))  # the same for every head
        scale = np.array([SCALES[kind] for kind in KINDS])
        time = np.arange(frames)[:, None] / 25
        swing = np.sin(2 * np.pi * (time * dice.uniform(0.1, 0.6, 4) + dice.uniform(size=4)))
        moved = swing @ together + dice.normal(size=len(KINDS))
        return ((moved + dice.normal(scale=0.02, size=moved.shape)) * scale).astype(np.float32)

    return make


@pytest.fixture(scope="session")
def steps() -> NDArray[np.float64]:
    """Sizes of steps for such tracks."""
    return np.array([{"angle": 0.5, "translation": 1 / 128, "deformation": 1 / 256}[kind] for kind in KINDS])
