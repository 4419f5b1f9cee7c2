"""The sample data set: what is offered, and that it is what its declarations say."""

from __future__ import annotations

import re
from fractions import Fraction

import numpy as np
import pytest
from talkbench.core.assets import fetch, locate
from talkbench.core.errors import AssetError, UsageError
from talkbench.core.reading import probe
from talkbench.core.video import first_frame
from talkbench.datasets.sample import PIECES, Sample


def test_order_and_names():
    assert list(Sample().names) == list(PIECES)
    assert list(Sample(names=["carphone", "mall"]).names) == ["carphone", "mall"]
    assert [asset.name for asset in Sample(names=["carphone"]).needs()] == ["carphone.mp4"]
    assert Sample(names="mall").names == ["mall"]
    assert Sample().left_out() == {}


def test_large_sizes_leave_small_faces_out_and_say_so():
    large = Sample(size=512)
    assert list(large.names) == ["vlog"]
    assert set(large.left_out()) == set(PIECES) - {"vlog"}
    assert "512" in large.left_out()["mall"]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"names": ["vlogg"]}, "did you mean vlog"),
        ({"names": [7]}, "unknown sample clip '7'"),
        ({"names": ["mall", "mall"]}, "once each"),
        ({"names": []}, "once each"),
        ({"size": 512, "names": ["mall"]}, "'mall' is too small"),
        ({"size": 2048}, "up to 512"),
        ({"size": 0}, "data.size"),
    ],
)
def test_wrong_settings_are_told(settings, message):
    with pytest.raises(UsageError, match=message):
        Sample(**settings)


def test_nothing_is_fetched_by_listing(monkeypatch, tmp_path):
    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path))
    with pytest.raises(AssetError, match=r"bench assets fetch mall\.mp4"):
        Sample().clips()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.network
@pytest.mark.slow
def test_clips_are_what_they_are_declared_to_be():
    chosen = Sample()
    fetch(*chosen.needs())
    for clip in chosen.clips():
        piece = PIECES[clip.name]
        info = probe(locate(piece.asset))
        size, fps, frames = re.search(r"(\d+x\d+).* ([\d.]+) fps, (\d+) frames", piece.asset.what).groups()
        assert f"{info.width}x{info.height}" == size
        assert float(info.fps) == pytest.approx(float(fps), abs=0.02)
        assert info.frames == int(frames)
        assert not info.variable
        _, _, width, height = piece.crop
        assert abs(width * info.aspect / height - 1) < Fraction(1, 100)
        assert piece.largest <= min(width, height) or piece.largest == 256
        assert (clip.width, clip.height) == (256, 256)
        frame = first_frame(clip)
        assert frame.shape == (256, 256, 3)
        assert np.std(frame) > 20
