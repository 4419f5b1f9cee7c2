"""Still pictures: size, quality, bareness, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core import ffmpeg
from talkbench.core.errors import CodecError, UsageError
from talkbench.core.picture import PictureCodec
from talkbench.core.video import first_frame


@pytest.fixture
def frame(testcard):
    return first_frame(testcard)


def decibels(a, b):
    return 10 * np.log10(255**2 / ((a.astype(float) - b) ** 2).mean())


@pytest.mark.parametrize("name", ["h265", "h266"])
def test_finer_steps_cost_more_and_look_better(name, frame):
    sizes, qualities = [], []
    for qp in (10, 20, 30, 40):
        codec = PictureCodec(name, qp)
        data = codec.encode(frame)
        sizes.append(len(data))
        qualities.append(decibels(codec.decode(data, 64, 64), frame))
    assert sizes == sorted(sizes, reverse=True)
    assert qualities == sorted(qualities, reverse=True)


@pytest.mark.parametrize("shape", [(64, 64), (33, 64), (64, 33), (17, 19)])
def test_png_is_lossless(shape, frame):
    picture = np.ascontiguousarray(frame[: shape[0], : shape[1]])
    codec = PictureCodec("png", 0)
    assert np.array_equal(codec.decode(codec.encode(picture), shape[1], shape[0]), picture)


@pytest.mark.parametrize("name", ["h265", "h266"])
@pytest.mark.parametrize("shape", [(33, 64), (64, 33), (17, 19)])
def test_odd_sides_lose_nothing_at_the_border(shape, name, frame):
    picture = np.ascontiguousarray(frame[: shape[0], : shape[1]])
    codec = PictureCodec(name, 10)
    decoded = codec.decode(codec.encode(picture), shape[1], shape[0])
    assert decoded.shape == picture.shape
    for strip in (np.s_[-1:], np.s_[:, -1:]):
        assert np.abs(decoded[strip].astype(int) - picture[strip]).mean() < 10


def test_the_stream_is_one_bare_intra_picture(frame):
    data = PictureCodec("h265", 30).encode(frame)
    kinds = [unit[0] >> 1 & 63 for unit in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]]
    assert kinds[:3] == [32, 33, 34]  # video, sequence and picture parameter sets
    assert kinds[3:] in ([19], [20])  # one IDR slice, and no encoder's banner


@pytest.mark.parametrize("codec", ["h265", "h266", "png"])
def test_damaged_or_foreign_data_is_an_error_or_a_picture(codec, frame):
    coder = PictureCodec(codec, 30)
    data = coder.encode(frame)
    dice = np.random.default_rng(5)
    failures = 0
    for _ in range(20):
        damaged = bytearray(data)
        damaged[dice.integers(len(data))] ^= 1 << int(dice.integers(8))
        try:
            assert coder.decode(bytes(damaged), 64, 64).shape == (64, 64, 3)
        except CodecError:
            failures += 1
    assert failures
    for nonsense in (b"", b"\0\0\0\1", b"hello", data[:20], data + data):
        with pytest.raises(CodecError):
            coder.decode(nonsense, 64, 64)


def test_an_h266_stream_holds_parameter_sets_and_one_intra_slice(frame):
    data = PictureCodec("h266", 30).encode(frame)
    kinds = [unit[1] >> 3 for unit in data.replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]]
    assert kinds.count(7) + kinds.count(8) + kinds.count(9) == 1  # IDR or clean random access
    assert set(kinds) - {7, 8, 9} <= {13, 14, 15, 16, 17, 18}  # parameter sets, no banner


def test_another_size_than_promised_is_an_error(frame):
    coder = PictureCodec("h265", 30)
    with pytest.raises(CodecError):
        coder.decode(coder.encode(frame), 64, 62)


def test_an_encoder_that_writes_nothing_has_failed(frame, monkeypatch):
    monkeypatch.setattr(ffmpeg, "collect_coded", lambda arguments, feed: b"")
    with pytest.raises(CodecError, match="libx265 wrote nothing for a 64x64 picture"):
        PictureCodec("h265", 30).encode(frame)


def test_what_is_missing_is_told(monkeypatch):
    PictureCodec("h265", 30).check("methods.toy")
    monkeypatch.setattr(ffmpeg, "encoders", frozenset)
    with pytest.raises(UsageError, match=r"methods\.toy needs an ffmpeg with the encoder libx265"):
        PictureCodec("h265", 30).check("methods.toy")
