"""What the tests of motion coding, and those of reading videos, share."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from talkbench.core.motion_statistics import MotionStatistics
from talkbench.core.video import Frames

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


@pytest.fixture(scope="session")
def statistics(
    make_track: Callable[..., NDArray[np.float32]], steps: NDArray[np.float64]
) -> MotionStatistics:
    """What ten such tracks teach."""
    return MotionStatistics.learn([make_track(300, seed) for seed in range(100, 110)], steps)


@pytest.fixture(scope="session")
def together(make_track: Callable[..., NDArray[np.float32]], steps: NDArray[np.float64]) -> MotionStatistics:
    """The same, with a basis of numbers that move together."""
    return MotionStatistics.learn([make_track(300, seed) for seed in range(100, 110)], steps, together=True)


@pytest.fixture(scope="session")
def decoded() -> Callable[[Any, bytes, int], NDArray[np.float32]]:
    """Gives the whole track (frames, n) that a coding decodes."""
    return lambda coding, data, frames: np.concatenate(list(coding.decode(data, frames)))


@pytest.fixture(scope="session")
def tool() -> Callable[..., None]:
    """Runs ffmpeg with the given words."""
    from talkbench.core import ffmpeg

    def run(*arguments: object) -> None:
        words = [ffmpeg.binary(), "-v", "error", "-y", *map(str, arguments)]
        done = subprocess.run(words, capture_output=True)
        assert done.returncode == 0, done.stderr

    return run


@pytest.fixture(scope="session")
def read() -> Callable[..., Frames]:
    """Reads all frames of a video; takes the settings of `open_clip`."""
    from talkbench.core.reading import open_clip

    def whole(path: Path, **settings: Any) -> Frames:
        return np.concatenate(list(open_clip(path, **settings).frames()))

    return whole
