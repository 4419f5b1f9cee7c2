"""Fixtures for every shelf."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from talkbench.core.video import Clip, Frame


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


@pytest.fixture(scope="session")
def write_video(make_testcard: Callable[..., Clip]) -> Callable[..., Path]:
    """Writes frames (by default a test card's) into a video file with ffmpeg, and returns its path.

    Call it with a path, ffmpeg's output options as one string, and `frames` or a test card's settings;
    `before` holds input options.
    """
    from talkbench.core import ffmpeg

    def write(path, options="-c:v ffv1 -pix_fmt gbrp", frames=None, before="", **settings):  # type: ignore[no-untyped-def]
        if frames is None:
            frames = np.concatenate(list(make_testcard(**{"size": 64, "frames": 12, **settings}).frames()))
        height, width = frames.shape[1:3]
        raw = f"-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {settings.get('fps', 25)}"
        start = [ffmpeg.binary(), "-v", "error", "-y"]
        ffmpeg.collect(
            [*start, *raw.split(), *before.split(), "-i", "pipe:", *options.split(), f"file:{path}"],
            [frames.data],
        )
        return path

    return write


@pytest.fixture(scope="session")
def face() -> Frame:
    """A picture (256, 256, 3) of a real face; fetches it, and what finds it."""
    from talkbench.core.assets import fetch
    from talkbench.core.shared_assets import FACE_LANDMARKER
    from talkbench.core.video import first_frame
    from talkbench.datasets.sample import Sample

    clips = Sample(names=["expressions"])
    fetch(FACE_LANDMARKER, *clips.needs())
    return first_frame(clips.clips()[0])


@pytest.fixture
def no_hang() -> Iterator[Callable[[int], None]]:
    """Arms an alarm: what takes longer than so many seconds fails the test instead of stopping it."""

    def ring(*_: object) -> None:
        raise AssertionError("it hangs")

    before = signal.signal(signal.SIGALRM, ring)
    yield lambda seconds: signal.alarm(seconds) and None
    signal.alarm(0)
    signal.signal(signal.SIGALRM, before)
