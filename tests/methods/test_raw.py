"""The lossless method gives back every bit."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.errors import UsageError


@pytest.mark.parametrize(("width", "height"), [(64, 64), (63, 37), (17, 16), (1024, 600)])
def test_pixels_survive_exactly(width, height, make_method, make_testcard, whole):
    clip = make_testcard(width=width, height=height, frames=5)
    method = make_method("raw")
    assert np.array_equal(whole(method.decode(method.encode(clip))), whole(clip.frames()))


def test_differences_wrap_around(make_method, make_testcard, whole, monkeypatch):
    noise = np.random.default_rng(3).integers(0, 256, (9, 32, 32, 3), np.uint8)
    clip = make_testcard(size=32, frames=9)
    monkeypatch.setattr(type(clip.source), "frames", lambda self: iter((noise[:4], noise[4:5], noise[5:])))
    method = make_method("raw")
    assert np.array_equal(whole(method.decode(method.encode(clip))), noise)


@pytest.mark.parametrize("level", [0, 10, "fast", True, None])
def test_a_level_out_of_range_is_refused(level, make_method):
    with pytest.raises(UsageError, match=r"methods\.raw\.level=.* from 1 to 9"):
        make_method("raw", level=level).check()


def test_the_level_is_described(make_method):
    assert make_method("raw", level=2).describe() != make_method("raw", level=3).describe()
