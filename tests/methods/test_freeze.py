"""The frozen first picture."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core import bitstream
from talkbench.core.errors import CodecError, UsageError
from talkbench.core.video import Clip


@pytest.mark.parametrize(("width", "height"), [(64, 64), (65, 49), (16, 17)])
@pytest.mark.parametrize("codec", ["h265", "png"])
def test_every_frame_is_the_first_picture(codec, width, height, make_method, make_testcard, whole, psnr):
    clip = make_testcard(width=width, height=height, frames=7)
    method = make_method("freeze", codec=codec)
    decoded, original = whole(method.decode(method.encode(clip))), whole(clip.frames())
    assert decoded.shape == original.shape
    assert (decoded == decoded[0]).all()
    assert psnr(decoded[0], original[0]) > (25 if codec == "h265" else 1000)


def test_nothing_is_sent_for_the_later_frames(make_method, make_testcard):
    method = make_method("freeze")
    one, many = (method.encode(make_testcard(size=64, frames=frames)) for frames in (1, 100))
    assert len(one) == len(many)
    assert bitstream.sizes(many)["motion"] == 0


def test_a_long_clip_comes_in_blocks(make_method, make_testcard):
    method = make_method("freeze")
    stream = method.encode(make_testcard(size=64, frames=1))
    parsed = bitstream.unpack(stream)
    header = bitstream.Header("freeze", 64, 64, parsed.header.fps, 1 << 20)
    first = next(method.decode(bitstream.pack(header, list(parsed.chunks))))
    assert first.nbytes <= 3 << 20


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"codec": "h256"}, r"unknown methods\.freeze\.codec 'h256'; did you mean h26\d"),
        ({"qp": 52}, r"methods\.freeze\.qp=52 is out of range"),
        ({"qp": 20.5}, "give an integer from 0 to 51"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message, make_method):
    with pytest.raises(UsageError, match=message):
        make_method("freeze", **settings).check()


def test_the_description_tells_settings_apart(make_method):
    described = [
        make_method("freeze", **settings).describe() for settings in ({}, {"qp": 30}, {"codec": "png"})
    ]
    assert all(isinstance(value, str) for one in described for value in one.values())
    assert len({str(sorted(one.items())) for one in described}) == 3


def test_a_picture_that_the_encoder_refuses(make_method, make_testcard):
    card = make_testcard(size=16, frames=2)

    class Corner(type(card.source)):
        def frames(self):
            for block in super().frames():
                yield np.ascontiguousarray(block[:, :8, :8])

    source = Corner(16, 16, card.fps, 2, 0)
    with pytest.raises(CodecError, match=r"freeze could not code 'corner' \(8x8\)"):
        make_method("freeze").encode(Clip("corner", source, 8, 8, card.fps))
