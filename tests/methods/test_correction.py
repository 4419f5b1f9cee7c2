"""Corrections in mid-stream: when they are sent, what they cost, and that both sides show the same."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from talkbench.benchmarks.sealed import SealedDecoder
from talkbench.core import bitstream
from talkbench.core.bitstream import Kind, varint
from talkbench.core.errors import CodecError, StreamError, UsageError
from talkbench.core.picture import PictureCodec
from talkbench.methods.animated_picture import _Ahead
from talkbench.methods.correction import GAP, URGENT, Corrector

CUT = 9
KINDS = {"picture": Kind.REFRESH, "residual": Kind.RESIDUAL}


@pytest.fixture
def ours(make_method):
    return lambda mode, below: make_method("ours", refresh=mode, refresh_below=below, codec="png")


@pytest.fixture
def scenes(make_testcard, whole):
    """16 frames: one still picture, and from frame 9 on another one."""
    cards = [whole(make_testcard(size=64, frames=1, seed=seed).frames()) for seed in (1, 2)]
    return np.concatenate([cards[0].repeat(CUT, 0), cards[1].repeat(16 - CUT, 0)])


@pytest.fixture
def between(ours, scenes, make_clip, whole, psnr):
    """A PSNR that every frame before the cut reaches and none after it, when nothing is corrected."""
    method = ours("none", 0)
    decoded = whole(method.decode(method.encode(make_clip(scenes))))
    qualities = [psnr(*pair) for pair in zip(decoded, scenes, strict=True)]
    assert min(qualities[:CUT]) > max(qualities[CUT:]) + 0.2
    return (min(qualities[:CUT]) + max(qualities[CUT:])) / 2


def corrections(stream):
    """Frame numbers and kinds of what is sent besides source picture and motion."""
    chunks = bitstream.unpack(stream).chunks[2:]
    return [(bitstream.read_varint(data, 0)[0], kind) for kind, data in chunks]


def test_a_scene_cut_costs_one_fresh_picture(ours, scenes, between, make_clip, whole, psnr):
    method, clip = ours("picture", between), make_clip(scenes)
    stream = method.encode(clip)
    assert corrections(stream) == [(CUT, Kind.REFRESH)]
    mended = whole(method.decode(stream))
    plain = whole(method.decode(ours("none", 0).encode(clip)))
    assert np.array_equal(mended[:CUT], plain[:CUT])
    for number in range(CUT, 16):
        assert psnr(mended[number], scenes[number]) > psnr(plain[number], scenes[number])
    assert psnr(mended[CUT], scenes[CUT]) > 30


@pytest.mark.parametrize("mode", KINDS)
def test_the_decoder_shows_what_the_encoder_saw(mode, ours, scenes, make_clip, whole, psnr, monkeypatch):
    """Closed loop, to the last bit: corrections in the middle and at the end of batches and of the clip."""
    method, seen = ours(mode, 60), []
    others = method._others

    def watched(*arguments):
        for block in others(*arguments):
            seen.append(block.copy())
            yield block

    monkeypatch.setattr(method, "_others", watched)
    stream = method.encode(make_clip(scenes))
    encoder = np.concatenate(seen)
    seen.clear()
    assert np.array_equal(whole(method.decode(stream))[1:], encoder)
    sent = corrections(stream)
    assert len(sent) > 1
    assert {kind for _, kind in sent} == {KINDS[mode]}
    plain = whole(method.decode(ours("none", 0).encode(make_clip(scenes))))
    first = sent[0][0]
    assert psnr(encoder[first - 1], scenes[first]) > psnr(plain[first], scenes[first])


@pytest.mark.parametrize("mode", KINDS)
def test_another_process_shows_the_same_and_each_kind_is_accounted(mode, sweep, scenes, make_clip, whole):
    point = next(
        one for one in sweep("ours", refresh=mode, refresh_below=60, codec="png") if one.name == "predictive"
    )
    method, clip = point.build(), make_clip(scenes)
    method.check()
    stream = method.encode(clip)
    here = whole(method.decode(stream))
    with SealedDecoder() as decoder:
        pixels = bytearray()

        class Sink:
            write = staticmethod(pixels.extend)

        decoder.decode(point, stream, Sink())
    there = np.frombuffer(pixels, np.uint8).reshape(here.shape)
    assert np.abs(here.astype(int) - there).max() <= 2

    sizes = bitstream.sizes(stream)
    chunks = bitstream.unpack(stream).chunks
    kind = KINDS[mode]
    assert sizes[kind.name.lower()] == sum(len(data) for k, data in chunks if k is kind) > 0
    assert sum(sizes.values()) == len(stream)
    plain = next(one for one in sweep("ours", codec="png") if one.name == "predictive").build()
    without = bitstream.sizes(plain.encode(clip))
    assert (sizes["motion"], sizes["source"]) == (without["motion"], without["source"])
    assert without["refresh"] == without["residual"] == 0
    # A decoder that would send none itself shows them all the same.
    assert np.array_equal(whole(plain.decode(stream)), here)


@pytest.mark.parametrize("mode", KINDS)
def test_nothing_is_sent_at_a_threshold_of_nothing(mode, ours, scenes, make_clip):
    clip = make_clip(scenes)
    assert ours(mode, 0).encode(clip) == ours("none", 60).encode(clip)


def test_a_clip_of_one_picture_has_nothing_to_correct(ours, scenes, make_clip):
    assert corrections(ours("picture", 100).encode(make_clip(scenes[:1]))) == []


def degraded(original, decibels):
    """The picture with an error of so many dB."""
    error = (
        np.where(np.indices(original.shape[:2]).sum(0) % 2, 1, -1)[..., None] * 255 / 10 ** (decibels / 20)
    )
    return (original + error).round().astype(np.uint8)


def test_soon_after_a_correction_only_what_is_urgent_is_sent(psnr):
    original = np.full((32, 32, 3), 128, np.uint8)
    below = 24.0
    mild, bad = degraded(original, below - 1), degraded(original, below - URGENT - 1)
    assert below - URGENT < psnr(mild, original) < below
    assert psnr(bad, original) < below - URGENT
    sender = Corrector("picture", below, PictureCodec("png", 0), None).send(itertools.repeat(original))
    shown = dict.fromkeys(range(1, 40), mild) | {GAP + 2: bad, 30: degraded(original, below + 1)}
    mended = {number for number in shown if sender(number, shown[number]) is not None}
    assert mended == {GAP, GAP + 2, 2 * GAP + 2, 3 * GAP + 2, 4 * GAP + 2}


def test_a_correction_that_does_not_help_is_not_sent():
    dice = np.random.default_rng(0)
    original = dice.integers(0, 256, (32, 32, 3), np.uint8)
    shown = original.copy()
    shown[0, 0] ^= 1
    sender = Corrector("picture", 100, PictureCodec("h265", 51), None).send(itertools.repeat(original))
    assert sender(GAP, shown) is None
    assert sender.chunks == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: [(Kind.REFRESH, varint(0) + data)],
        lambda data: [(Kind.REFRESH, varint(16) + data)],
        lambda data: [(Kind.RESIDUAL, varint(1 << 40) + data)],
        lambda data: [(Kind.REFRESH, varint(5) + data), (Kind.REFRESH, varint(5) + data)],
        lambda data: [(Kind.REFRESH, varint(5) + data), (Kind.RESIDUAL, varint(4) + data)],
        lambda data: [(Kind.MOTION, varint(5) + data)],
        lambda data: [(Kind.SOURCE, varint(5) + data)],
        lambda data: [(Kind.REFRESH, b"\xff")],
        lambda data: [(Kind.REFRESH, varint(5))],
        lambda data: [(Kind.REFRESH, varint(5) + data[:-9])],
        lambda data: [(Kind.RESIDUAL, varint(5))],
        lambda data: [(Kind.RESIDUAL, varint(5) + data)],
    ],
)
def test_impossible_corrections_are_refused(damage, ours, scenes, make_clip):
    method = ours("picture", 60)
    parsed = bitstream.unpack(method.encode(make_clip(scenes)))
    picture = next(data[1:] for kind, data in parsed.chunks if kind is Kind.REFRESH)
    stream = bitstream.pack(parsed.header, [*parsed.chunks[:2], *damage(picture)])
    with pytest.raises((StreamError, CodecError)):
        list(method.decode(stream))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"refresh": "pictures"}, r"unknown methods\.ours\.refresh 'pictures'; did you mean picture"),
        ({"refresh_below": -1}, r"methods\.ours\.refresh_below=-1 is out of range; give dB from 0 to 100"),
        ({"refresh_below": True}, "refresh_below=True is out of range"),
        ({"refresh": "residual", "residual": None}, r"methods\.ours\.residual is not set"),
    ],
)
def test_settings_that_do_not_fit_are_told_before_a_run(settings, message, make_method):
    with pytest.raises(UsageError, match=message):
        make_method("ours", **settings).check()


def test_the_description_tells_what_is_corrected(ours):
    described = [ours(mode, below).describe() for mode in ("none", *KINDS) for below in (20, 30)]
    assert len({tuple(one.items()) for one in described}) == 5
    assert described[0] == described[1]


@pytest.mark.parametrize("sends_source", [False, True])
@pytest.mark.parametrize("greedy", [False, True], ids=["as they come", "read ahead"])
def test_each_frame_is_painted_with_its_own_numbers(sends_source, greedy, grey, greys, make_clip, whole):
    error = 9.5  # below it all is well: the tenth frame after a source errs by ten
    corrector = Corrector("picture", 20 * np.log10(255 / error), PictureCodec("png", 0), None)
    method = grey(corrector, sends_source, error=1, greedy=greedy)
    stream = method.encode(make_clip(greys))
    assert [number for number, _ in corrections(stream)] == [10, 20, 30]
    errors = greys.astype(int) - whole(method.decode(stream))
    assert (errors == (np.arange(40) % 10)[:, None, None, None]).all()


def test_motion_is_kept_no_longer_than_it_may_be_wanted_again():
    blocks = (np.full((64, 3), number, np.float32) for number in range(1000))
    ahead = _Ahead(blocks)
    for number, block in enumerate(ahead):
        assert (block == number).all()
        ahead.drop(64)
        assert len(ahead._kept) == 0
        if number == 500:
            break
    taken = iter(ahead)
    assert (next(taken) == 501).all()
    ahead.drop(10)
    (rest,), again = ahead._kept, iter(ahead)
    assert len(rest) == 54
    assert np.array_equal(next(again), rest)
    assert (next(again) == 502).all()
