"""bpp, kbps, frame_bytes, encode_ms and decode_ms: closed forms on the seeds' numbers."""

from __future__ import annotations

from fractions import Fraction

import pytest
from talkbench.core.bitstream import Header, Kind, pack, sizes
from talkbench.core.errors import UsageError
from talkbench.core.metric import Shape, StreamFacts


def facts(
    source: int, motion: int, frames: int, fps: Fraction = Fraction(25), side: int = 512
) -> StreamFacts:
    header = Header("toy", side, side, fps, frames)
    stream = pack(header, [(Kind.SOURCE, b"s" * source), (Kind.MOTION, b"m" * motion)])
    return StreamFacts(sizes(stream), frames, Shape(side, side, fps), encode_seconds=3.0, decode_seconds=1.5)


def test_motion_is_the_papers_accounting(metric):
    """Appendix, Table 3: 84.44 bytes a frame at 512x512 are 0.002577 bpp; the source picture is left out."""
    found = facts(source=20_000, motion=8444, frames=100)
    assert metric("frame_bytes").measure(found)["frame_bytes_motion"] == 84.44
    assert metric("bpp").measure(found)["bpp_motion"] == pytest.approx(0.002577, abs=5e-7)


def test_the_source_picture_weighs_in_total(metric):
    """FACTS: 20 KB over 608 frames add 33 bytes a frame to 53."""
    found = facts(source=20_000, motion=53 * 608, frames=608)
    rates = metric("frame_bytes").measure(found)
    assert rates["frame_bytes_motion"] == 53
    assert rates["frame_bytes_total"] == pytest.approx(53 + 32.9, abs=0.2)
    assert rates["frame_bytes_total"] == sum(found.sizes.values()) / 608


def test_amortised_spreads_what_is_sent_once_over_the_call(metric):
    found = facts(source=20_000, motion=1000, frames=100)
    once = found.sizes["source"] + found.sizes["header"]
    for seconds in (60, 3600):
        rates = metric("frame_bytes", call_seconds=seconds).measure(found)
        assert rates["frame_bytes_amortised"] == pytest.approx(10 + once / (seconds * 25))
    clip = metric("frame_bytes", call_seconds=4).measure(found)
    assert clip["frame_bytes_amortised"] == pytest.approx(clip["frame_bytes_total"])


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001)])
def test_units_convert(metric, fps):
    found = facts(source=500, motion=1200, frames=24, fps=fps, side=64)
    rates, bpp, kbps = (metric(name).measure(found) for name in ("frame_bytes", "bpp", "kbps"))
    for key in ("motion", "total", "amortised"):
        frame = rates[f"frame_bytes_{key}"]
        assert bpp[f"bpp_{key}"] == pytest.approx(frame * 8 / 64**2)
        assert kbps[f"kbps_{key}"] == pytest.approx(frame * 8 * float(fps) / 1000)


@pytest.mark.parametrize("name", ["bpp", "kbps", "frame_bytes"])
def test_every_column_names_its_accounting(metric, name):
    built = metric(name)
    assert built.columns == tuple(f"{name}_{key}" for key in ("motion", "total", "amortised"))
    assert tuple(built.measure(facts(1, 1, 1))) == built.columns
    assert "|call_seconds:60|" in built.signature
    assert "|call_seconds:90.5|" in metric(name, call_seconds=90.5).signature


@pytest.mark.parametrize("seconds", [0, -1, float("nan"), float("inf"), "long"])
def test_a_call_without_length_is_refused(metric, seconds):
    with pytest.raises(UsageError, match=r"metrics\.bpp\.call_seconds=.* give a number above 0, such as 60"):
        metric("bpp", call_seconds=seconds)


def test_times_are_milliseconds_a_frame(metric):
    found = facts(1, 1, frames=30)
    assert metric("encode_ms").measure(found) == {"encode_ms": 100}
    assert metric("decode_ms").measure(found) == {"decode_ms": 50}
