"""Which frame is sent as the picture, and that every frame is shown in its place all the same."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core import bitstream
from talkbench.core.bitstream import Kind, varint
from talkbench.core.errors import StreamError, UsageError
from talkbench.core.picture import PictureCodec
from talkbench.core.registry import load, plugins
from talkbench.methods.animated_picture import _inserted
from talkbench.methods.correction import Corrector
from talkbench.methods.neural_codec import NeuralCodec

NEURAL = [name for name in sorted(plugins("methods")) if issubclass(load("methods", name), NeuralCodec)]


def kept():
    """What corrects nothing, and sends pictures as they are."""
    return Corrector("none", 100, PictureCodec("png", 0), None)


@pytest.mark.parametrize("sends_source", [False, True])
@pytest.mark.parametrize("number", [0, 1, 8, 23, 39])
def test_all_frames_are_shown_in_their_order(number, sends_source, grey, greys, make_clip, whole):
    method = grey(kept(), sends_source, number)
    stream = method.encode(make_clip(greys))
    assert np.array_equal(whole(method.decode(stream)), greys)
    source = bitstream.unpack(stream).payload(Kind.SOURCE)
    assert source.startswith(varint(number))
    assert np.array_equal(PictureCodec.decode(source[1:], 16, 16), greys[number])


@pytest.mark.parametrize("number", range(7))
@pytest.mark.parametrize("lengths", [[6], [2, 4], [1] * 6, [3, 3]])
def test_a_frame_is_put_between_the_others_however_they_come(number, lengths):
    frames = np.arange(7, dtype=np.uint8)[:, None, None, None].repeat(3, 3)
    others = iter(np.split(np.delete(frames, number, 0), np.cumsum(lengths)[:-1]))
    blocks = list(_inserted(frames[number], number, others))
    assert all(len(block) for block in blocks)
    assert np.array_equal(np.concatenate(blocks), frames)


def test_a_picture_of_no_frame_is_refused(grey, greys, make_clip):
    method = grey(kept(), False, 39)
    parsed = bitstream.unpack(method.encode(make_clip(greys)))
    beyond = varint(40) + parsed.payload(Kind.SOURCE)[1:]
    stream = bitstream.pack(parsed.header, [(Kind.SOURCE, beyond), *parsed.chunks[1:]])
    with pytest.raises(StreamError, match="its picture is frame 40 of 40"):
        next(method.decode(stream))


def test_corrections_follow_the_first_frame_only(grey, greys, make_clip):
    method = grey(kept(), False)
    parsed = bitstream.unpack(method.encode(make_clip(greys)))
    (_, source), motion = parsed.chunks
    chunks = [(Kind.SOURCE, varint(5) + source[1:]), motion, (Kind.REFRESH, varint(7) + source[1:])]
    with pytest.raises(StreamError, match="its picture is frame 5 of 40, with 1 corrections"):
        next(method.decode(bitstream.pack(parsed.header, chunks)))


@pytest.fixture(params=NEURAL)
def name(request):
    return request.param


def test_the_best_is_the_candidate_from_which_all_are_painted_best(name, make_method, make_testcard, whole):
    method = make_method(name, source="best", codec="png")
    clip = make_testcard(size=64, frames=12)
    frames = whole(clip.frames()).astype(float)
    candidates = [0, 1, 3, 4, 6, 7, 8, 10, 11]
    errors = [
        np.abs(whole(method.animate(frames[at].astype(np.uint8), clip)) - frames)[candidates].mean()
        for at in candidates
    ]
    number = candidates[int(np.argmin(errors))]
    assert method.source_number(clip) == number
    assert make_method(name).source_number(clip) == 0
    stream = method.encode(clip)
    assert np.array_equal(whole(method.decode(stream))[number], whole(clip.frames())[number])
    # The decoder needs no such setting.
    plain = make_method(name, codec="png")
    assert np.array_equal(whole(plain.decode(stream)), whole(method.decode(stream)))


def test_the_choice_is_described_and_checked(name, make_method):
    assert make_method(name, source="best").describe() != make_method(name).describe()
    with pytest.raises(UsageError, match=rf"unknown methods\.{name}\.source 'bets'; did you mean best"):
        make_method(name, source="bets").check()
    with pytest.raises(UsageError, match=r"source=best and .*refresh=picture exclude each other"):
        make_method(name, source="best", refresh="picture").check()
