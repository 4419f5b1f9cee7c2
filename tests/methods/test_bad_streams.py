"""Neural codecs on what nobody should hand in: an error in one line or a decoded clip, never more."""

from __future__ import annotations

import functools
import itertools
import random
import resource
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from talkbench.core import bitstream
from talkbench.core.bitstream import Kind
from talkbench.core.errors import CodecError, StreamError
from talkbench.core.picture import PictureCodec
from talkbench.core.registry import load, plugins
from talkbench.core.video import Clip, Unreadable
from talkbench.methods.animated_picture import LARGEST_SIDE
from talkbench.methods.neural_codec import NeuralCodec

NEURAL = [name for name in sorted(plugins("methods")) if issubclass(load("methods", name), NeuralCodec)]
FRAMES, SIDE = 5, 32
KILOBYTES = 300_000
"""So much more memory than before may be taken by any of these streams."""


@pytest.fixture(params=NEURAL)
def name(request):
    return request.param


@pytest.fixture
def method(name, make_method, monkeypatch):
    """Pictures that come again are not decoded again, so that thousands of streams take seconds."""
    monkeypatch.setattr(PictureCodec, "decode", staticmethod(functools.cache(PictureCodec.decode)))
    return make_method(name, codec="png", refresh="residual", refresh_below=60)


@pytest.fixture
def stream(method, make_testcard):
    """A stream with every kind of chunk."""
    clip = make_testcard(size=SIDE, frames=FRAMES)
    parsed = bitstream.unpack(method.encode(clip))
    *_, last = clip.frames()
    chunks = list(parsed.chunks)
    picture = bitstream.varint(FRAMES - 1) + PictureCodec("png", 0).encode(last[-1])
    whole = bitstream.pack(parsed.header, [*chunks[:3], (Kind.REFRESH, picture)])
    assert [kind for kind, _ in bitstream.unpack(whole).chunks] == list(Kind)[1:]
    return whole


def outcome(method, data):
    """The shape of what it decodes to, or the one line of its error."""
    try:
        return np.concatenate(list(method.decode(data))).shape
    except (StreamError, CodecError) as error:
        (line,) = str(error).splitlines()
        return line


def test_every_flipped_bit_of_a_file_is_noticed(method, stream):
    assert outcome(method, stream) == (FRAMES, SIDE, SIDE, 3)
    damaged = bytearray(stream)
    for at, bit in itertools.product(range(len(stream)), range(8)):
        damaged[at] ^= 1 << bit
        with pytest.raises(StreamError):
            next(method.decode(bytes(damaged)))
        damaged[at] ^= 1 << bit


def test_a_file_cut_at_any_length_is_noticed(method, stream):
    for length in range(len(stream)):
        with pytest.raises(StreamError):
            next(method.decode(stream[:length]))
    with pytest.raises(StreamError, match="after the end mark"):
        next(method.decode(stream + b"\0"))


@pytest.mark.parametrize("kind", [Kind.MOTION, Kind.RESIDUAL, Kind.REFRESH])
def test_what_an_encoder_would_not_send(kind, method, stream, no_hang):
    """Payloads with flipped bits, cut or swapped for noise, behind checksums that are right."""
    parsed = bitstream.unpack(stream)
    dice = random.Random(int(kind))
    no_hang(300)

    def spoilt(data):
        damaged = bytearray(data)
        way = dice.randrange(4)
        if way == 0:
            return damaged[: dice.randrange(len(damaged))]
        if way == 1:
            return damaged + dice.randbytes(dice.choice((1, 8, 300)))
        if way == 2:
            start = dice.randrange(len(damaged))
            damaged[start : start + 8] = dice.randbytes(8)
            return damaged
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        return damaged

    outcomes = []
    for _ in range(20 if kind is Kind.REFRESH else 100):
        chunks = [(k, bytes(spoilt(data)) if k is kind else data) for k, data in parsed.chunks]
        outcomes.append(outcome(method, bitstream.pack(parsed.header, chunks)))
    errors = [one for one in outcomes if isinstance(one, str)]
    assert len(errors) > len(outcomes) / 2
    assert set(outcomes) - set(errors) <= {(FRAMES, SIDE, SIDE, 3)}


def test_chunks_that_are_missing_doubled_or_in_another_order(method, stream):
    parsed = bitstream.unpack(stream)
    source, motion, residual, refresh = parsed.chunks
    for chunks in (
        [],
        [source],
        [motion],
        [motion, source],
        [source, source, motion],
        [source, motion, motion],
        [source, residual, motion],
        [source, motion, refresh, residual],
        [source, motion, residual, residual],
        [source, (Kind.MOTION, motion[1][:4])],
    ):
        assert isinstance(outcome(method, bitstream.pack(parsed.header, chunks)), str), chunks


@pytest.mark.parametrize(
    "claim",
    [
        {"width": 16384, "height": 16384},
        {"width": LARGEST_SIDE + 1},
        {"width": LARGEST_SIDE, "height": LARGEST_SIDE},
        {"width": SIDE + 1},
        {"height": SIDE - 1},
        {"frames": 1},
        {"frames": FRAMES + 1},
        {"frames": FRAMES - 1},
        {"frames": 1 << 24},
        {"method": "nobody"},
    ],
    ids=str,
)
def test_what_a_header_claims_is_checked_before_memory_is_taken(claim, method, stream, no_hang):
    parsed = bitstream.unpack(stream)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    no_hang(60)
    forged = bitstream.pack(replace(parsed.header, **claim), list(parsed.chunks))
    assert isinstance(outcome(method, forged), str)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < KILOBYTES


def test_streams_of_other_weights_and_other_methods_are_refused(
    name, method, stream, make_method, monkeypatch
):
    parsed = bitstream.unpack(stream)
    for other in NEURAL:
        renamed = bitstream.pack(replace(parsed.header, method=other), list(parsed.chunks))
        if other != name:
            assert f"'{name}' found, one of '{other}' expected" in outcome(make_method(other), stream)
            assert "made with weights" in outcome(make_method(other), renamed)
    monkeypatch.setattr(method, "weights_fingerprint", lambda: "ab" * 32)
    assert "made with weights" in outcome(method, stream)


@pytest.mark.parametrize("codec", ["png", "h265"])
@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 9), (5, 3), (15, 17), (16, 16), (97, 31)])
def test_small_and_odd_pictures_are_coded_or_refused(height, width, codec, name, make_method, make_clip):
    frames = np.random.default_rng(0).integers(0, 256, (3, height, width, 3), np.uint8)
    method = make_method(name, codec=codec)
    try:
        data = method.encode(make_clip(frames))
    except CodecError as error:
        assert f"{name} could not code 'made' ({width}x{height}): " in str(error)  # noqa: PT017
        assert min(height, width) < 16
        assert codec == "h265"
    else:
        assert outcome(method, data) == frames.shape


@pytest.mark.parametrize("grey", [0, 128, 255])
def test_pictures_that_show_nothing(grey, name, make_method, make_clip):
    frames = np.full((4, SIDE, SIDE, 3), grey, np.uint8)
    method = make_method(name, codec="png", refresh="residual", refresh_below=60)
    assert outcome(method, method.encode(make_clip(frames))) == frames.shape


def test_pictures_beyond_all_sizes_are_refused_unread(name, make_method):
    clip = Clip("wall", Unreadable("it was read"), LARGEST_SIDE + 2, 64, Fraction(25))
    with pytest.raises(CodecError, match=r"clip 'wall' is 2050x64, .* codes sides of up to 2048"):
        make_method(name).encode(clip)


@pytest.mark.parametrize("refresh", ["none", "picture", "residual"])
def test_a_clip_that_changes_people(refresh, name, make_method, make_testcard, make_clip, whole, psnr):
    people = [whole(make_testcard(size=64, frames=3, seed=seed).frames()) for seed in (1, 2, 3)]
    frames = np.concatenate(people)
    method = make_method(name, codec="png", refresh=refresh, refresh_below=20)
    decoded = whole(method.decode(method.encode(make_clip(frames))))
    assert decoded.shape == frames.shape
    if refresh == "picture":
        assert min(psnr(decoded[at], frames[at]) for at in (3, 6)) > 20
