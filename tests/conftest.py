"""Fixtures for every shelf."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from talkbench.core.video import Clip


@pytest.fixture(scope="session")
def make_testcard() -> Callable[..., Clip]:
    """Makes a test card clip; takes the settings of the data set `testcard`."""
    from talkbench.datasets.testcard import Cards

    def make(**settings: object) -> Clip:
        (clip,) = Cards(**settings).clips()  # type: ignore[arg-type]
        return clip

    return make


@pytest.fixture(scope="session")
def testcard(make_testcard: Callable[..., Clip]) -> Clip:
    """A clip of 12 numbered frames, 64x64, 25 fps; `datasets.testcard.read_number` reads them back."""
    return make_testcard(size=64, frames=12)
