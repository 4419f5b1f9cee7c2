"""What every method owes: real bytes, sealed decoding, exact counts, and errors instead of crashes."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from talkbench.core import bitstream
from talkbench.core.errors import CodecError, StreamError, TalkbenchError
from talkbench.core.recorded import Recorded
from talkbench.core.registry import load, plugins
from talkbench.core.signature import sha256_file
from talkbench.core.video import Clip, RawFile
from talkbench.datasets.testcard import read_number

METHODS = [name for name in sorted(plugins("methods")) if not issubclass(load("methods", name), Recorded)]
STILL = {"freeze"}
REPAINTED = {"ours", "fomm", "fs_vid2vid"}
"""A picture is animated, and what is written on the later ones is not seen by who moves it."""
SWEPT = ["h264", "h265", "h266", "vp9", "av1"]

SEALED = """
import json, sys
import numpy as np
from talkbench.core.points import Point
method, settings, stream, out = sys.argv[1:]
point = Point(method, "sealed", json.loads(settings))
np.save(out, np.concatenate(list(point.build().decode(open(stream, "rb").read()))))
"""


@pytest.fixture(params=METHODS)
def name(request):
    return request.param


def test_the_bytes_of_frames_add_up_to_the_stream(name, sweep, make_testcard):
    method = sweep(name)[-1].build()
    stream = method.encode(make_testcard(size=128, frames=5))
    told = method.frame_bytes(stream)
    if name in SWEPT:
        assert len(told) == 5
        assert min(told) > 0
        assert sum(told) == len(stream)
    else:
        assert len(told) == 0


def test_networks_tell_their_size(name, sweep):
    size = sweep(name)[0].build().size(96, 64)
    assert set(size) == ({"parameters", "macs"} if name in REPAINTED else set())
    assert all(value > 0 for value in size.values())


def test_a_stream_decodes_in_another_process_once_the_clip_is_gone(name, sweep, make_testcard, tmp_path):
    card = make_testcard(size=128, frames=14, fps="30000/1001")
    pixels, stream, out = tmp_path / "clip.rgb", tmp_path / "stream.tkb", tmp_path / "out.npy"
    pixels.write_bytes(b"".join(block.tobytes() for block in card.frames()))
    clip = Clip("card", RawFile(pixels, 128, 128, sha256_file(pixels)), 128, 128, Fraction(30000, 1001))
    expanded = sweep(name)
    point = expanded[len(expanded) // 2]
    method = point.build()
    method.check()
    stream.write_bytes(method.encode(clip))
    pixels.unlink()

    settings = json.dumps(dict(point.settings))
    subprocess.run([sys.executable, "-c", SEALED, name, settings, str(stream), str(out)], check=True, cwd="/")

    header = bitstream.unpack(stream.read_bytes()).header
    assert header == bitstream.Header(name, 128, 128, Fraction(30000, 1001), 14)
    frames = np.load(out)
    assert frames.shape == (14, 128, 128, 3)
    assert frames.dtype == np.uint8
    if name in REPAINTED:
        assert read_number(frames[0]) == 0
    else:
        assert [read_number(frame) for frame in frames] == ([0] * 14 if name in STILL else list(range(14)))


def test_blocks_are_not_empty_and_decoding_can_start_again(name, make_method, testcard):
    method = make_method(name)
    stream = method.encode(testcard)
    first, second = list(method.decode(stream)), list(method.decode(stream))
    assert all(len(block) and block.dtype == np.uint8 for block in first)
    assert np.array_equal(np.concatenate(first), np.concatenate(second))


def test_encoding_is_deterministic(name, make_method, testcard):
    assert make_method(name).encode(testcard) == make_method(name).encode(testcard)


def test_sizes_add_up_and_the_first_picture_is_apart(name, make_method, testcard):
    method = make_method(name)
    many, one = method.encode(testcard), method.encode(testcard.first(1))
    sizes = bitstream.sizes(many)
    assert sum(sizes.values()) == len(many)
    assert sizes["source"] > 0
    assert bitstream.sizes(one)["motion"] == 0
    assert bitstream.sizes(one)["source"] == sizes["source"]


@pytest.mark.parametrize("frames", [1, 2])
def test_the_shortest_clips(name, frames, make_method, make_testcard, whole):
    clip = make_testcard(size=64, frames=frames)
    method = make_method(name)
    assert whole(method.decode(method.encode(clip))).shape == (frames, 64, 64, 3)


@pytest.mark.parametrize(("width", "height"), [(96, 64), (34, 70), (16, 16)])
def test_sizes_that_are_neither_square_nor_whole_blocks(
    name, width, height, make_method, make_testcard, whole, psnr
):
    clip = make_testcard(width=width, height=height, frames=3)
    method = make_method(name)
    decoded, original = whole(method.decode(method.encode(clip))), whole(clip.frames())
    assert decoded.shape == original.shape
    assert psnr(decoded[0], original[0]) > 15
    assert psnr(decoded[0], original[0]) > psnr(decoded[0], original[0, ::-1, ::-1])


def test_the_description_is_strings_and_tells_points_apart(name, sweep):
    described = [point.build().describe() for point in sweep(name)]
    for one in described:
        assert all(isinstance(key, str) and isinstance(value, str) for key, value in one.items())
        assert {"code", "version"} <= set(one)
    assert len({json.dumps(dict(one)) for one in described}) == len(described)


@pytest.mark.parametrize("swept", SWEPT)
def test_bytes_and_quality_fall_along_the_sweep(swept, sweep, make_testcard, whole, psnr):
    clip = make_testcard(size=128, frames=8)
    original = whole(clip.frames())
    sizes, qualities = [], []
    for point in sweep(swept):
        method = point.build()
        stream = method.encode(clip)
        sizes.append(len(stream))
        qualities.append(psnr(whole(method.decode(stream)), original))
    assert sizes == sorted(sizes, reverse=True)
    assert len(set(sizes)) == len(sizes) >= 5
    assert qualities == sorted(qualities, reverse=True)


def test_another_methods_stream_is_refused(name, make_method, testcard):
    other = "raw" if name != "raw" else "freeze"
    stream = make_method(other).encode(testcard)
    with pytest.raises(StreamError, match=f"'{other}' found, one of '{name}' expected"):
        list(make_method(name).decode(stream))


def test_any_flipped_bit_of_the_file_is_noticed(name, make_method, testcard):
    method = make_method(name)
    stream = method.encode(testcard.first(4))
    dice = random.Random(1)
    for _ in range(200):
        damaged = bytearray(stream)
        damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        with pytest.raises(StreamError):
            list(method.decode(bytes(damaged)))


def _repacked(stream: bytes, damage) -> bytes:
    """The stream with damaged payloads and right checksums, as a faulty encoder would leave it."""
    parsed = bitstream.unpack(stream)
    return bitstream.pack(parsed.header, [(kind, damage(data)) for kind, data in parsed.chunks])


def _outcome(method, stream: bytes) -> tuple[int, ...] | str:
    """The shape of what it decodes to, or the message of the error: StreamError or CodecError, no other."""
    try:
        return np.concatenate(list(method.decode(stream))).shape
    except (StreamError, CodecError) as error:
        return str(error)


def test_damaged_payloads_end_in_an_error_or_a_clip(name, make_method, testcard, no_hang):
    method = make_method(name)
    stream = method.encode(testcard)
    dice = random.Random(2)

    def flip(data: bytes) -> bytes:
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 1, 4, 16))):
            damaged[dice.randrange(len(damaged))] ^= 1 << dice.randrange(8)
        return bytes(damaged)

    no_hang(300)
    outcomes = [_outcome(method, _repacked(stream, flip)) for _ in range(40)]
    errors = [outcome for outcome in outcomes if isinstance(outcome, str)]
    assert errors
    assert all(error and "\n" not in error for error in errors)
    assert {outcome for outcome in outcomes if not isinstance(outcome, str)} <= {(12, 64, 64, 3)}


def test_cut_payloads_are_noticed(name, make_method, testcard, no_hang):
    method = make_method(name)
    stream = method.encode(testcard)
    no_hang(120)
    shares = (0.0, 0.02) if name in STILL else (0.0, 0.02, 0.3, 0.7, 0.95)
    for share in shares:  # a decoder may take the first lines of a picture for all of it
        cut = _repacked(stream, lambda data, share=share: data[: int(len(data) * share)])
        assert isinstance(_outcome(method, cut), str)


def test_more_frames_promised_than_sent_are_noticed(name, make_method, testcard):
    if name in STILL:
        pytest.skip("sends one picture, and the header alone says for how long")
    method = make_method(name)
    parsed = bitstream.unpack(method.encode(testcard))
    for frames in (11, 13):
        header = bitstream.Header(name, 64, 64, parsed.header.fps, frames)
        with pytest.raises(TalkbenchError):
            list(method.decode(bitstream.pack(header, list(parsed.chunks))))


def test_an_abandoned_decoder_ends(name, make_method, make_testcard, no_hang):
    no_hang(60)
    method = make_method(name)
    clip = make_testcard(size=256, frames=40)
    blocks = method.decode(method.encode(clip))
    assert len(next(blocks)) >= 1
    blocks.close()


def test_a_clip_without_frames_is_refused(name, make_method, tmp_path):
    empty = tmp_path / "empty.rgb"
    empty.touch()
    clip = Clip("empty", RawFile(Path(empty), 64, 64, "0"), 64, 64, Fraction(25))
    with pytest.raises(TalkbenchError, match="'empty'"):
        make_method(name).encode(clip)
