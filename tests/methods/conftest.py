"""What the tests of the codecs share."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import yaml
from numpy.typing import NDArray
from talkbench.core.method import Method
from talkbench.core.points import Point, points
from talkbench.core.registry import find
from talkbench.core.video import Frames


@pytest.fixture(scope="session")
def sweep() -> Callable[..., list[Point]]:
    """Gives a method's operating points, as its YAML and the given settings say."""

    def expand(name: str, **settings: Any) -> list[Point]:
        config = yaml.safe_load(find("methods", name).yaml.read_text("utf-8"))
        assert list(config) == [name]
        return points(name, {**config[name], **settings})

    return expand


@pytest.fixture(scope="session")
def make_method(sweep: Callable[..., list[Point]]) -> Callable[..., Method]:
    """Builds a method in the middle of its sweep, or with other settings."""

    def build(name: str, **settings: Any) -> Method:
        expanded = sweep(name, **settings)
        return expanded[len(expanded) // 2].build()

    return build


@pytest.fixture(scope="session")
def whole() -> Callable[[Iterator[Frames]], Frames]:
    """Joins blocks of frames."""
    return lambda blocks: np.concatenate(list(blocks))


@pytest.fixture(scope="session")
def psnr() -> Callable[[NDArray[Any], NDArray[Any]], float]:
    """Peak signal-to-noise ratio in dB of the mean squared error."""

    def measure(a: NDArray[Any], b: NDArray[Any]) -> float:
        error = float(((a.astype(np.float64) - b) ** 2).mean())
        return 10 * np.log10(255**2 / error) if error else np.inf

    return measure
