"""Clips and their sources."""

from __future__ import annotations

import pickle
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from talkbench.core.errors import VideoError
from talkbench.core.ffmpeg import BLOCK_BYTES, block_length
from talkbench.core.video import Clip, RawFile, Source, Unreadable, first_frame, reblock
from talkbench.datasets.testcard import read_number


class Closing(Source):
    """Counts what is asked of it, and notices when it is closed."""

    def __init__(self):
        self.given, self.closed = 0, False

    def frames(self):
        try:
            for number in range(100):
                self.given += 1
                yield np.full((4, 2, 2, 3), number, np.uint8)
        finally:
            self.closed = True

    def fingerprint(self):
        return "closing"


def numbers(clip):
    return [read_number(frame) for block in clip.frames() for frame in block]


def test_frames_restart(testcard):
    assert numbers(testcard) == numbers(testcard) == list(range(12))


@pytest.mark.parametrize("limit", [1, 5, 12, 40])
def test_first_cuts(testcard, limit):
    clip = testcard.first(limit)
    assert numbers(clip) == list(range(min(limit, 12)))
    assert clip.first(None) is clip
    assert clip.first(limit + 1) is clip
    assert numbers(clip.first(1)) == [0]


def test_first_closes_its_source_and_asks_no_more():
    source = Closing()
    clip = Clip("a", source, 2, 2, Fraction(25), limit=6)
    assert [len(block) for block in clip.frames()] == [4, 2]
    assert (source.given, source.closed) == (2, True)


def test_leaving_early_closes_the_source():
    source = Closing()
    frames = Clip("a", source, 2, 2, Fraction(25)).frames()
    next(frames)
    frames.close()
    assert source.closed


def test_hash_follows_pixels_and_timing_only(testcard):
    assert replace(testcard, name="other", identity="else").sha256 == testcard.sha256
    assert replace(testcard, fps=Fraction(30)).sha256 != testcard.sha256
    assert testcard.first(3).sha256 != testcard.sha256


def test_clips_travel_to_other_processes(testcard):
    again = pickle.loads(pickle.dumps(testcard))
    assert again == testcard
    assert np.array_equal(first_frame(again), first_frame(testcard))


@pytest.mark.parametrize("frames", [1, 7, 300])
def test_raw_file(tmp_path, frames):
    width, height = 80, 60
    pixels = np.random.default_rng(0).integers(0, 256, (frames, height, width, 3), np.uint8)
    path = tmp_path / "a.rgb"
    path.write_bytes(pixels.tobytes())
    source = RawFile(path, width, height, "hash")
    blocks = list(source.frames())
    assert np.array_equal(np.concatenate(blocks), pixels)
    assert {len(block) for block in blocks[:-1]} <= {block_length(width, height)}
    assert source.fingerprint() == "hash"


def test_blocks_are_of_one_size_in_bytes():
    for width, height in ((16, 16), (256, 256), (512, 512), (1920, 1080)):
        size = width * height * 3
        assert block_length(width, height) * size <= max(BLOCK_BYTES, size)
        assert block_length(width, height) >= 1


def test_first_frame(tmp_path, testcard):
    (tmp_path / "a").touch()
    assert read_number(first_frame(testcard)) == 0
    with pytest.raises(VideoError, match="'empty' has no frames"):
        first_frame(Clip("empty", RawFile(tmp_path / "a", 4, 4, ""), 4, 4, Fraction(25)))


def test_unreadable_raises_its_reason():
    clip = Clip("bad", Unreadable("bad.mp4: it is empty; fetch it again"), 16, 16, Fraction(25))
    with pytest.raises(VideoError, match=r"bad\.mp4: it is empty"):
        list(clip.frames())
    with pytest.raises(VideoError, match=r"bad\.mp4: it is empty"):
        _ = clip.sha256


@given(st.lists(st.integers(1, 9), max_size=12), st.lists(st.integers(1, 9), max_size=12))
def test_reblock_keeps_every_frame_in_order(given_lengths, wanted):
    total = sum(given_lengths)
    frames = np.arange(total, dtype=np.uint8).reshape(-1, 1, 1, 1).repeat(3, 3)
    cuts = np.cumsum(given_lengths)[:-1] if given_lengths else []
    blocks = list(reblock(np.split(frames, cuts) if given_lengths else [], wanted))
    expected = min(total, sum(wanted))
    joined = np.concatenate(blocks) if blocks else frames[:0]
    assert np.array_equal(joined, frames[:expected])
    full = [len(block) for block in blocks[:-1]]
    assert full == wanted[: len(full)]
