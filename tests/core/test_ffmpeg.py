"""Running ffmpeg: nothing blocks, no failure is silent."""

from __future__ import annotations

import io
import os
import stat
import subprocess
import sys
import threading

import ffmpeg as graph
import numpy as np
import pytest
from talkbench.core import ffmpeg
from talkbench.core.errors import CodecError, UsageError, VideoError


def copying(width, height):
    """A command that writes the raw frames which it reads."""
    raw = ffmpeg.rawvideo(width, height)
    return ffmpeg.command(graph.input("pipe:", **raw).output("pipe:", **raw))


def ask(expression, **environment):
    """What a fresh interpreter answers, since the binary in use is remembered."""
    code = f"from talkbench.core import ffmpeg; print({expression})"
    return subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True
    )


@pytest.fixture
def make_program(tmp_path):
    """Writes a shell script and returns its path."""

    def write(text):
        path = tmp_path / "program"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return write


def test_it_knows_itself():
    assert {"libx264", "libx265", "png"} <= ffmpeg.encoders()
    assert {"h264", "hevc", "av1", "vp9", "png"} <= ffmpeg.decoders()
    assert "libx264" not in ffmpeg.decoders()
    assert {"zscale", "format", "crop"} <= ffmpeg.filters()
    assert ffmpeg.build().startswith(f"{ffmpeg.version()}/")
    assert len(ffmpeg.build()) == len(ffmpeg.version()) + 13


def test_codecs_of_a_decoder_that_is_named_otherwise(monkeypatch):
    table = " V..... = Video\n V....D libdav1d             dav1d AV1 decoder (codec av1)\n A....D aac   AAC\n"
    monkeypatch.setattr(ffmpeg, "_ask", lambda *_: table)
    ffmpeg.decoders.cache_clear()
    try:
        assert {"libdav1d", "av1"} <= ffmpeg.decoders()
        assert "aac" not in ffmpeg.decoders()
    finally:
        ffmpeg.decoders.cache_clear()


def test_another_binary_can_be_named(make_program):
    fake = make_program('echo "ffmpeg version 3.2.1-toy Copyright"')
    assert ask("ffmpeg.binary(), ffmpeg.version()", TALKBENCH_FFMPEG=fake).stdout == f"{fake} 3.2.1-toy\n"


def test_a_binary_that_is_none_is_refused(make_program):
    missing = ask("ffmpeg.binary()", TALKBENCH_FFMPEG="/nowhere/ffmpeg")
    assert "UsageError: TALKBENCH_FFMPEG=/nowhere/ffmpeg is not an executable" in missing.stderr
    foreign = ask("ffmpeg.version()", TALKBENCH_FFMPEG=make_program("echo hello"))
    assert "does not answer `-version` as an ffmpeg would" in foreign.stderr


@pytest.mark.parametrize("missing", ["encoder", "decoder", "filter"])
def test_a_missing_part_is_named(missing, monkeypatch):
    ffmpeg.require("methods.toy", encoder="libx264", decoder="h264")
    monkeypatch.setattr(ffmpeg, f"{missing}s", frozenset)
    with pytest.raises(UsageError, match=rf"methods\.toy needs an ffmpeg with the {missing} \w+"):
        ffmpeg.require("methods.toy", encoder="libx264", decoder="h264")


def test_frames_pass_through_in_blocks_of_bounded_size():
    frames = np.random.default_rng(0).integers(0, 256, (40, 200, 300, 3), np.uint8)
    blocks = list(ffmpeg.read_frames(copying(300, 200), 300, 200, iter(frames)))
    assert np.array_equal(np.concatenate(blocks), frames)
    assert max(block.nbytes for block in blocks) <= ffmpeg.BLOCK_BYTES
    assert [len(block) for block in blocks] == [17, 17, 6]


def test_a_frame_that_is_not_whole_is_an_error():
    node = graph.input("pipe:", **ffmpeg.rawvideo(16, 16)).output("pipe:", format="rawvideo", pix_fmt="gray")
    arguments = ffmpeg.command(node)
    with pytest.raises(CodecError, match="last frame is cut off: 256 of 768 bytes"):
        list(ffmpeg.read_frames(arguments, 16, 16, [bytes(768)]))


@pytest.mark.parametrize("run", [ffmpeg.collect, ffmpeg.collect_coded])
def test_a_failure_is_told_in_ffmpegs_words(run):
    node = graph.input("pipe:", **ffmpeg.rawvideo(16, 16)).output(
        "pipe:", format="h264", **{"c:v": "nocodec"}
    )
    with pytest.raises(CodecError, match=r"ended with code \d+: .*Unknown encoder 'nocodec'"):
        run(ffmpeg.command(node), [bytes(768)])


def test_a_failure_while_it_is_still_fed_does_not_hang():
    """It stops reading at once; the feed would go on for ever."""
    node = graph.input("pipe:", **ffmpeg.rawvideo(16, 16)).output("pipe:", format="nothing")
    with pytest.raises(CodecError, match="nothing"):
        ffmpeg.collect(ffmpeg.command(node), iter(lambda: bytes(768), b""))


@pytest.mark.parametrize("run", [ffmpeg.collect, ffmpeg.collect_coded])
def test_an_error_of_the_feed_is_the_one_that_is_raised(run):
    def feed():
        yield bytes(768)
        raise VideoError("the clip is damaged")

    with pytest.raises(VideoError, match="the clip is damaged"):
        run(copying(16, 16), feed())


def test_closing_early_ends_it_and_its_feed():
    before = threading.active_count()
    blocks = ffmpeg.read_frames(copying(256, 256), 256, 256, iter(lambda: bytes(256 * 256 * 3), b""))
    assert len(next(blocks))
    blocks.close()
    assert threading.active_count() == before


def test_what_an_encoder_prints_stays_out_of_its_stream(make_program):
    """As libvvenc does: a line on stdout beside the stream."""
    fake = make_program('cat >/dev/null; echo warning; for o; do :; done; printf coded >"/dev/fd/${o#pipe:}"')
    assert ffmpeg.collect_coded([fake, "-i", "pipe:", "pipe:"], [b"frames"]) == b"coded"
    failing = make_program("cat >/dev/null; echo the cause; exit 3")
    with pytest.raises(CodecError, match="ended with code 3: the cause"):
        ffmpeg.collect_coded([failing, "pipe:"])


def test_long_streams_do_not_block():
    data = bytes(5_000_000)
    raw = ffmpeg.rawvideo(1000, 1000, "gray")
    arguments = ffmpeg.command(graph.input("pipe:", **raw).output("pipe:", **raw))
    assert ffmpeg.collect_coded(arguments, [data]) == data
    assert ffmpeg.collect(arguments, [data]) == data


def test_no_descriptor_is_left_open():
    def count():
        return len(os.listdir("/proc/self/fd"))

    before = count()
    for _ in range(3):
        ffmpeg.collect_coded(copying(16, 16), [bytes(768)])
        with pytest.raises(CodecError):
            ffmpeg.collect_coded([*copying(16, 16)[:-1], "-c:v", "nocodec", "pipe:"], [bytes(768)])
    assert count() == before


def test_last_words_are_causes_on_one_line():
    log = io.BytesIO(
        b"Svt[info]: all is well\n\n[libx265 @ 0x55d0] Image size is too small (8x8).\n"
        b"[vost#0:0/libx265 @ 0x55d1] Task finished with error code: -22 (Invalid argument)\n"
        b"[out#0/hevc @ 0x55d2] Nothing was written into output file\n"
    )
    assert ffmpeg.last_words(log) == "[libx265] Image size is too small (8x8)."
    assert ffmpeg.last_words(io.BytesIO(b"Conversion failed!\n")) == "Conversion failed!"
    assert ffmpeg.last_words(io.BytesIO(b"\n")) == "it printed nothing"
    assert len(ffmpeg.last_words(io.BytesIO(b"x" * 5000))) == 300
