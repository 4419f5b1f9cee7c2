"""What is particular to the classical codecs: low delay, bare streams, colour, settings."""

from __future__ import annotations

import re
import subprocess
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from talkbench.core import bitstream, colour, ffmpeg
from talkbench.core.bitstream import Kind
from talkbench.core.errors import CodecError, UsageError, VideoError
from talkbench.core.video import Clip, Source
from talkbench.methods.annex_b import AnnexB, units

CODECS = ["h264", "h265", "h266", "vp9", "av1"]
BANNERS = {"h264": b"x264 - core", "h265": b"x265 (build"}


@pytest.fixture(params=CODECS)
def name(request):
    return request.param


def bare(method, stream: bytes) -> bytes:
    """What the decoder of a stream reads."""
    parsed = bitstream.unpack(stream)
    return method.join(parsed.payload(Kind.SOURCE) + parsed.payload(Kind.MOTION))


def probed(method, data: bytes, *options: str) -> str:
    """What ffmpeg says of a bare stream."""
    arguments = [ffmpeg.binary(), "-hide_banner", "-f", method.demuxer, "-i", "pipe:", *options]
    done = subprocess.run([*arguments, "-f", "null", "-"], input=data, capture_output=True, check=True)
    return done.stderr.decode()


def test_no_picture_depends_on_a_later_one(name, make_method, make_testcard):
    """Low delay, checked on what comes out: a shorter clip's stream is the beginning of a longer one's."""
    method = make_method(name)
    clip = make_testcard(size=128, frames=26)
    whole = bare(method, method.encode(clip))
    for frames in (1, 2, 5, 9, 12, 17, 25):
        start = bare(method, method.encode(clip.first(frames)))
        assert whole.startswith(start), frames


@pytest.mark.parametrize(("gop", "intra"), [(0, [0]), (8, [0, 8, 16])])
def test_intra_pictures_stand_where_gop_says(name, gop, intra, make_method, make_testcard):
    method = make_method(name, gop=gop)
    log = probed(method, bare(method, method.encode(make_testcard(size=64, frames=20))), "-vf", "showinfo")
    kinds = re.findall(r"\] n: *\d+.* type:(\w)", log)
    assert [number for number, kind in enumerate(kinds) if kind == "I"] == intra
    assert set(kinds) == {"I", "B" if name == "h266" else "P"}  # VVC's B slices may look back only, as here
    assert len(kinds) == 20


def test_one_coded_picture_a_frame(name, make_method, make_testcard, monkeypatch):
    method = make_method(name)
    seen = []
    split = type(method).split
    monkeypatch.setattr(type(method), "split", lambda self, data: seen.append(split(self, data)) or seen[-1])
    stream = method.encode(make_testcard(size=64, frames=20))
    (pictures,) = seen
    assert len(pictures) == 20
    parsed = bitstream.unpack(stream)
    assert parsed.payload(Kind.SOURCE) == pictures[0]
    assert parsed.payload(Kind.MOTION) == b"".join(pictures[1:])
    assert all(0 < len(picture) < len(pictures[0]) for picture in pictures[1:])


def test_the_stream_states_its_colours(name, make_method, testcard):
    method = make_method(name)
    video = re.search(r"Video: .*", probed(method, bare(method, method.encode(testcard))))
    assert video
    # VP9 has no fields for primaries and transfer.
    assert ("(tv, bt709/unknown/unknown" if name == "vp9" else "(tv, bt709") in video[0]
    assert "bt709/unknown" not in video[0] or name == "vp9"


@pytest.mark.parametrize("banner", BANNERS)
def test_the_encoders_banner_is_gone_and_nothing_else(banner, make_method, testcard, monkeypatch, whole):
    method = make_method(banner)
    clean = method.encode(testcard)
    monkeypatch.setattr(AnnexB, "strip", lambda self: {})
    signed = method.encode(testcard)
    assert BANNERS[banner] in signed
    assert banner.replace("h", "x").encode() not in clean
    assert len(clean) < len(signed) - 100
    assert np.array_equal(whole(method.decode(clean)), whole(method.decode(signed)))


def test_h266_has_no_delimiters_and_no_text(make_method, testcard):
    method = make_method("h266")
    payloads = [unit.lstrip(b"\0")[1:] for unit in units(bare(method, method.encode(testcard)))]
    assert {method.unit_type(payload) for payload in payloads}.isdisjoint({20, 23, 24})
    assert not any(b"warning" in payload for payload in payloads)


def test_colour_is_converted_once_each_way(make_method, make_testcard, whole):
    """x264 is lossless at CRF 0: what is left is core.colour's round trip, to the bit."""
    clip = make_testcard(size=64, frames=3)
    method = make_method("h264", crf=0)
    raw = {"format": "rawvideo", "pix_fmt": "rgb24", "s": "64x64"}
    import ffmpeg as graph

    node = graph.input("pipe:", **raw).output(
        "pipe:", vf=f"{colour.rgb_to_yuv420()},{colour.YUV420_TO_RGB}", format="rawvideo", pix_fmt="rgb24"
    )
    expected = np.concatenate(list(ffmpeg.read_frames(ffmpeg.command(node), 64, 64, clip.frames())))
    assert np.array_equal(whole(method.decode(method.encode(clip))), expected)


@pytest.mark.parametrize(("width", "height"), [(63, 64), (64, 63), (63, 63)])
def test_odd_sides_are_refused(name, width, height, make_method, make_testcard):
    clip = make_testcard(width=width, height=height, frames=2)
    with pytest.raises(CodecError, match=rf"{name} cannot .* {width}x{height}: 4:2:0 needs even sides"):
        make_method(name).encode(clip)


def test_sizes_below_the_encoders_are_refused(name, make_method, make_testcard):
    clip = replace(make_testcard(size=16, frames=2), width=8, height=8)
    with pytest.raises(CodecError, match="16 pixels a side"):
        make_method(name).encode(clip)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("h264", {"crf": [52]}, "crf=52 is out of range; give an integer from 0 to 51"),
        ("h264", {"crf": [-1]}, "from 0 to 51"),
        ("h265", {"crf": ["fine"]}, "crf=fine is out of range"),
        ("h265", {"crf": [30.5]}, "crf=30.5"),
        ("h265", {"crf": [True]}, "crf=True"),
        ("h266", {"qp": [64]}, "qp=64 is out of range; give an integer from 0 to 63"),
        ("vp9", {"crf": [64]}, "from 0 to 63"),
        ("av1", {"crf": [64]}, "from 0 to 63"),
        ("h264", {"preset": "mediun"}, "did you mean medium"),
        ("h266", {"preset": "fastest"}, "did you mean .*faster"),
        ("av1", {"preset": 14}, "unknown methods.av1.preset '14'"),
        ("vp9", {"deadline": "soon"}, "unknown methods.vp9.deadline 'soon'"),
        ("vp9", {"tune": "film"}, "unknown methods.vp9.tune 'film'"),
        ("h264", {"tune": "films"}, "did you mean film"),
        ("h265", {"tune": "film"}, "unknown methods.h265.tune"),
        ("h264", {"gop": -1}, "gop=-1 is out of range"),
        ("h266", {"gop": 12}, "a multiple of 8"),
        ("h266", {"qpa": "yes"}, "neither true nor false"),
        ("av1", {"threads": 0}, "threads=0 is out of range"),
    ],
)
def test_settings_out_of_range_are_refused(name, settings, message, make_method):
    with pytest.raises(UsageError, match=message):
        make_method(name, **settings).check()


@pytest.mark.parametrize("missing", ["encoders", "decoders", "filters"])
def test_a_missing_part_of_ffmpeg_is_named(name, missing, make_method, monkeypatch):
    monkeypatch.setattr(ffmpeg, missing, lambda: frozenset({"rawvideo"}))
    with pytest.raises(UsageError, match=r"bench doctor.*TALKBENCH_FFMPEG"):
        make_method(name).check()


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("h264", {"preset": "fast"}), ("h264", {"tune": "psnr"}), ("h264", {"threads": 2}),
        ("h265", {"preset": "fast"}), ("h265", {"tune": "psnr"}), ("h265", {"gop": 24}),
        ("h266", {"qpa": False}), ("h266", {"preset": "fast"}),
        ("vp9", {"deadline": "realtime"}), ("vp9", {"preset": 5}),
        ("av1", {"preset": 9}), ("av1", {"gop": 24}),
    ],
)  # fmt: skip
def test_every_setting_reaches_the_description_and_the_encoder(name, change, make_method, testcard, whole):
    plain, changed = make_method(name), make_method(name, **change)
    changed.check()
    (key,) = change
    assert plain.describe()["encoder"] != changed.describe()["encoder"]
    assert changed.describe()[key] == str(change[key])
    assert whole(changed.decode(changed.encode(testcard))).shape == (12, 64, 64, 3)


def test_the_description_names_ffmpeg_and_its_build(name, make_method, monkeypatch):
    method = make_method(name)
    assert method.describe()["ffmpeg"] == ffmpeg.build()
    monkeypatch.setattr(ffmpeg, "build", lambda: "another")
    assert method.describe()["ffmpeg"] == "another"


def test_an_encoder_that_writes_nothing_has_failed(name, make_method, testcard, monkeypatch):
    monkeypatch.setattr(ffmpeg, "collect_coded", lambda arguments, feed: list(feed) and b"")
    with pytest.raises(CodecError, match="wrote 0 pictures for the 12 of 'card0'"):
        make_method(name).encode(testcard)


def test_an_encoder_that_loses_a_picture_has_failed(name, make_method, testcard, monkeypatch):
    method = make_method(name)
    split = type(method).split
    monkeypatch.setattr(type(method), "split", lambda self, data: split(self, data)[:-1])
    with pytest.raises(CodecError, match="wrote 11 pictures for the 12"):
        method.encode(testcard)


def test_an_encoder_that_adds_text_has_failed(name, make_method, testcard, monkeypatch):
    collect = ffmpeg.collect_coded
    monkeypatch.setattr(ffmpeg, "collect_coded", lambda *given: b"Configuration warning\n" + collect(*given))
    with pytest.raises(CodecError, match=f"{name} could not code 'card0'"):
        make_method(name).encode(testcard)


def test_an_encoders_last_words_are_in_the_error(make_method, testcard):
    with pytest.raises(CodecError, match=r"h264 could not code 'card0'.*mediun"):
        make_method("h264", preset="mediun").encode(testcard)


class Breaking(Source):
    """Gives one block, and then cannot be read on."""

    def frames(self):
        yield np.zeros((2, 64, 64, 3), np.uint8)
        raise VideoError("clip.mp4: damaged")

    def fingerprint(self):
        return "breaking"


def test_a_clip_that_breaks_off_is_not_coded(name, make_method):
    with pytest.raises(VideoError, match=r"clip\.mp4: damaged"):
        make_method(name).encode(Clip("broken", Breaking(), 64, 64, Fraction(25)))
