"""Somebody else's codec: its bytes as written, its decoder sealed, its failures told in one line."""

from __future__ import annotations

import shlex
import subprocess
import sys
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from talkbench.benchmarks.sealed import SealedDecoder
from talkbench.core import bitstream
from talkbench.core.bitstream import Kind
from talkbench.core.errors import CodecError, StreamError, UnsetError, UsageError
from talkbench.core.points import Point
from talkbench.methods.uncompressed import write

PYTHON = shlex.quote(sys.executable)


@pytest.fixture
def tool(tmp_path):
    """Writes a Python program and gives the words that run it."""

    def make(source, name="tool"):
        file = tmp_path / f"{name}.py"
        file.write_text(source)
        return f"{PYTHON} -S {file}"

    return make


COPY = "import shutil, sys\nshutil.copy(sys.argv[1], sys.argv[2])\n"


@pytest.fixture
def copying(tool, make_method):
    """A codec that sends its input as it is."""
    copy = tool(COPY, "copy")

    def build(**settings):
        commands = {"encode": f"{copy} {{input}} {{stream}}", "decode": f"{copy} {{stream}} {{output}}"}
        return make_method("external", **{**commands, "quality": None, "syntax": None, **settings})

    return build


@pytest.mark.parametrize("form", ["y4m", "yuv420p", "yuv420p10le", "rgb24"])
def test_pictures_go_and_come_as_the_block_codecs_do(form, copying, make_method, make_testcard, whole):
    clip = make_testcard(size=64, frames=5, fps="30000/1001")
    method = copying(input=form, output=form)
    method.check()
    stream = method.encode(clip)
    decoded = whole(method.decode(stream))
    if form == "rgb24":
        assert np.array_equal(decoded, whole(clip.frames()))
        return
    lossless = make_method("h264", crf=[0], preset="ultrafast")
    expected = whole(lossless.decode(lossless.encode(clip)))
    assert np.abs(decoded.astype(int) - expected).max() <= (2 if "10" in form else 0)


def test_any_video_can_come_back(tool, make_method, make_testcard, whole):
    """Lossless RGB in a Matroska file, which ffmpeg writes and the codec's decoder hands over."""
    ffmpeg_tool = make_method("external").encode_text.partition(" -i ")[0]
    raw = "-f rawvideo -pix_fmt rgb24 -s {width}x{height} -r {fps} -i {input}"
    settings = {
        "encode": f"{ffmpeg_tool} {raw} -c:v ffv1 -pix_fmt gbrp -f matroska {{stream}}",
        "decode": f"{tool(COPY)} {{stream}} {{output}}",
        "input": "rgb24",
        "output": "mkv",
        "quality": None,
        "syntax": None,
    }
    clip = make_testcard(width=65, height=33, frames=3, fps="30000/1001")
    method = make_method("external", **settings)
    method.check()
    stream = method.encode(clip)
    assert np.array_equal(whole(method.decode(stream)), whole(clip.frames()))
    parsed = bitstream.unpack(stream)
    larger = bitstream.pack(replace(parsed.header, width=66), list(parsed.chunks))
    with pytest.raises(CodecError, match="pictures of 65x33, the stream is of 66x33"):
        list(method.decode(larger))
    noise = bitstream.pack(parsed.header, [(Kind.MOTION, bytes(999))])
    with pytest.raises(CodecError, match=r"cannot decode its stream: the decoder's output\.mkv: no video"):
        list(method.decode(noise))


def test_y4m_states_rate_size_and_colours(copying, make_testcard):
    clip = make_testcard(width=96, height=64, frames=2, fps="30000/1001")
    stream = bitstream.unpack(copying().encode(clip))
    first = stream.payload(Kind.MOTION).split(b"\n")[0].decode().split()
    assert {"YUV4MPEG2", "W96", "H64", "F30000:1001", "C420mpeg2", "XCOLORRANGE=LIMITED"} <= set(first)


def test_the_stream_s_header_and_the_sizes_fill_the_gaps(tool, make_method, make_testcard):
    echo = tool("import sys\nopen(sys.argv[1], 'w').write(repr(sys.argv[2:]))\n")
    quality = "5; rm -rf $HOME 'x"
    gaps = "{width}x{height} {fps} {fps_num}/{fps_den} '{frames} frames' q={quality} {root}/a {} {a.b}"
    gaps += " 'it''s {quality}'"
    encode = f"{echo} {{stream}} {gaps} {{input}}"
    method = make_method("external", encode=encode, quality=[quality], root="/some where", syntax=None)
    data = bitstream.unpack(method.encode(make_testcard(width=64, height=32, frames=3, fps="30000/1001")))
    *words, pixels = eval(data.payload(Kind.MOTION))
    assert words == [
        "64x32", "30000/1001", "30000/1001", "3 frames", f"q={quality}", "/some where/a", "{}", "{a.b}",
        f"its {quality}",
    ]  # fmt: skip
    assert Path(pixels).name == "input.y4m"
    assert not Path(pixels).parent.exists()


def test_bytes_are_those_that_the_encoder_wrote(make_method, testcard, tmp_path):
    method = make_method("external")
    stream = bitstream.unpack(method.encode(testcard))
    pixels, out = tmp_path / "a.y4m", tmp_path / "a.h264"
    write(testcard, "y4m", pixels)
    filled = method.encode_text.format(input=pixels, stream=out, quality=26)
    subprocess.run(shlex.split(filled), check=True)
    assert b"".join(payload for _, payload in stream.chunks) == out.read_bytes()
    assert [kind for kind, _ in stream.chunks] == [Kind.SOURCE, Kind.MOTION]


def test_without_its_syntax_nothing_is_taken_off_motion(make_method, testcard):
    told, opaque = make_method("external"), make_method("external", syntax=None)
    sizes, other = (bitstream.sizes(method.encode(testcard)) for method in (told, opaque))
    assert other["motion"] == sizes["source"] + sizes["motion"]
    assert other["source"] == 0
    assert "source and motion are one" in opaque.describe()["counted apart"]
    assert "first picture" in told.describe()["counted apart"]


def test_a_syntax_that_is_not_the_stream_s_is_refused(make_method, testcard):
    for syntax in ("obu", "ivf"):
        with pytest.raises(CodecError, match=f"is not what syntax: {syntax} says"):
            make_method("external", syntax=syntax).encode(testcard)


def test_ivf_is_cut_after_its_first_frame():
    from talkbench.methods.external import SYNTAXES

    frame = lambda size: size.to_bytes(4, "little") + bytes(8) + b"x" * size  # noqa: E731
    data = b"DKIF" + bytes(28) + frame(7) + frame(3) + frame(4)
    first, rest = SYNTAXES["ivf"](data)
    assert (len(first), first + rest) == (32 + 12 + 7, data)
    for short in (data[:40], data[:50], b"nothing of it"):
        with pytest.raises(CodecError, match="an IVF file begins"):
            SYNTAXES["ivf"](short)


ODD_DECODERS = {
    "nothing": ("pass", "reported no error and wrote no {output}"),
    "empty": ("open(out, 'w')", "wrote an empty {output}"),
    "fails": ("print('far too late'); sys.exit('no such table')", "ended with code 1: .*no such table"),
    "dies": ("os.kill(os.getpid(), 11)", "was ended by signal 11"),
    "few": ("frames = frames[:-1]; save()", "wrote 11 frames, the stream is of 12"),
    "many": ("frames = frames + frames[:1]; save()", "wrote 13 or more frames, the stream is of 12"),
    "size": ("head = head.replace(b'W64', b'W32'); save()", "pictures of 32x64, the stream is of 64x64"),
    "noise": ("open(out, 'wb').write(bytes(range(256)) * 9)", "is no y4m"),
    "cut": ("frames[-1] = frames[-1][:900]; save()", "wrote 11 frames|cut off|Invalid data|partial"),
}


@pytest.mark.parametrize("way", ODD_DECODERS)
def test_odd_decoders(way, copying, tool, testcard):
    does, words = ODD_DECODERS[way]
    decoder = tool(f"""
import os, sys
_, stream, out = sys.argv
head, *frames = open(stream, 'rb').read().split(b'FRAME\\n')
def save():
    open(out, 'wb').write(b'FRAME\\n'.join([head, *frames]))
{does}
""")
    method = copying(decode=f"{decoder} {{stream}} {{output}}")
    stream = method.encode(testcard)
    with pytest.raises(CodecError, match=f"external cannot decode its stream: .*({words})") as caught:
        list(method.decode(stream))
    assert "\n" not in str(caught.value)


def test_raw_output_of_another_length_is_refused(copying, tool, testcard):
    decoder = tool("import sys\nopen(sys.argv[2], 'wb').write(bytes(100))\n")
    method = copying(decode=f"{decoder} {{stream}} {{output}}", output="yuv420p")
    with pytest.raises(CodecError, match="wrote 100 bytes, 12 frames of 64x64 in yuv420p are 73728"):
        list(method.decode(method.encode(testcard)))


@pytest.mark.parametrize(
    ("does", "words"),
    [
        ("pass", r"wrote no {stream}; check methods.external.encode"),
        ("open(sys.argv[1], 'w')", "wrote an empty {stream}"),
        ("sys.stderr.write('x' * 10**6 + ' bad preset'); sys.exit(3)", "ended with code 3: x+ bad preset"),
    ],
)
def test_odd_encoders(does, words, copying, tool, testcard):
    encoder = tool(f"import sys\n{does}\n")
    with pytest.raises(CodecError, match=words) as caught:
        copying(encode=f"{encoder} {{stream}} {{input}}").encode(testcard)
    assert "external could not code 'card0': " in str(caught.value)
    assert len(str(caught.value)) < 500


def test_a_slow_tool_is_stopped_with_all_that_it_started(copying, tool, testcard, tmp_path):
    mark = tmp_path / "alive"
    child = f"import time, pathlib\\ntime.sleep(4)\\npathlib.Path({str(mark)!r}).touch()"
    slow = tool(f"""
import subprocess, sys, time
subprocess.Popen([sys.executable, '-S', '-c', "{child}"])
print('thinking', flush=True)
time.sleep(100)
""")
    with pytest.raises(CodecError, match=r"was stopped after 1 s: thinking"):
        copying(encode=f"{slow} {{input}} {{stream}}", timeout=1).encode(testcard)
    time.sleep(4)
    assert not mark.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="asks the Linux kernel for it")
def test_a_decoder_does_not_outlive_the_process_that_ran_it(copying, tool, testcard, monkeypatch, tmp_path):
    from talkbench.benchmarks import sealed

    mark = tmp_path / "pid"
    slow = tool(f"import os, time\nopen({str(mark)!r}, 'w').write(str(os.getpid()))\ntime.sleep(100)\n")
    method = copying(decode=f"{slow} {{stream}} {{output}}")
    monkeypatch.setattr(sealed, "SILENCE_SECONDS", 3.0)
    settings = {
        "encode": method.encode_text, "decode": method.decode_text, "version": None, "quality": None,
        "input": "y4m", "output": "y4m", "stream": None, "syntax": None, "timeout": 60, "root": None,
    }  # fmt: skip
    with SealedDecoder() as decoder, pytest.raises(CodecError, match="sent nothing for 3 s"):
        decoder.decode(Point("external", "x", settings), method.encode(testcard))
    process = Path("/proc") / mark.read_text()
    deadline = time.monotonic() + 20
    while process.exists() and "Z" not in (process / "stat").read_text() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not process.exists() or ") Z " in (process / "stat").read_text()


def test_the_decoder_finds_the_stream_and_nothing_else(copying, tool, testcard):
    leaves = tool(
        "import shutil, sys\nopen('side', 'w').write('all')\nshutil.copy(*sys.argv[1:])\n", "leaves"
    )
    looks = tool(f"import os\nassert os.listdir() == ['stream']\n{COPY}", "looks")
    method = copying(encode=f"{leaves} {{input}} {{stream}}", decode=f"{looks} {{stream}} {{output}}")
    assert sum(len(block) for block in method.decode(method.encode(testcard))) == 12


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"encode": "enc {input} {stream} {qualty}"}, r"external.encode '{qualty}'; did you mean {quality}"),
        ({"decode": "dec {stream} {input} {output}"}, r"placeholder in methods.external.decode '{input}'"),
        ({"encode": "no-such-encoder {input} {stream}", "quality": None}, "'no-such-encoder', which is no"),
        ({"encode": "./enc {input} {stream}", "quality": None}, "its full path"),
        ({"encode": "enc {input}"}, r"has no {stream}"),
        ({"decode": "dec {stream}"}, r"has no {output}"),
        ({"encode": "enc '{input} {stream}"}, "no closing quotation; close the quotes"),
        ({"encode": "  "}, "is no command line"),
        ({"encode": ["a", "b"]}, "is no command line"),
        ({"quality": None}, "do not fit"),
        ({"encode": "enc {input} {stream}"}, "do not fit"),
        ({"input": "y4n"}, "did you mean y4m"),
        ({"output": "exr"}, "unknown methods.external.output 'exr'"),
        ({"syntax": "h263"}, "did you mean h26"),
        ({"timeout": 0}, "timeout=0 is out of range"),
        ({"timeout": "soon"}, "timeout=soon is out of range"),
        ({"stream": "../x"}, "is no ending"),
        ({"root": "here"}, "is relative"),
        ({"version": "no-such-tool --version"}, "no program"),
        ({"version": "true"}, "prints no version"),
        ({"version": "sh -c {stream}"}, "placeholder in methods.external.version"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_before_a_run(settings, words, make_method):
    with pytest.raises(UsageError, match=words) as caught:
        make_method("external", **settings).check()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["encode", "decode"])
def test_what_is_not_set_up_is_said_to_be_so(key, make_method):
    with pytest.raises(UnsetError, match=f"methods.external.{key} is not set"):
        make_method("external", **{key: None}).check()


def test_odd_sizes_are_for_rgb(copying, make_testcard, whole):
    clip = make_testcard(width=65, height=33, frames=2)
    with pytest.raises(CodecError, match=r"even sides; .* or give the codec rgb24"):
        copying().encode(clip)
    method = copying(input="rgb24", output="rgb24")
    assert np.array_equal(whole(method.decode(method.encode(clip))), whole(clip.frames()))


@pytest.mark.parametrize("chunks", [[], [(Kind.REFRESH, b"x")], [(Kind.MOTION, b"x"), (Kind.RESIDUAL, b"y")]])
def test_a_stream_without_its_own_is_refused(chunks, copying):
    header = bitstream.Header("external", 64, 64, Fraction(25), 12)
    with pytest.raises(StreamError, match="one stream of its own is expected"):
        list(copying().decode(bitstream.pack(header, chunks)))


def test_the_description_follows_the_tool(copying, tool, tmp_path):
    copy = tool(COPY, "copy")
    table = tmp_path / "table.cfg"
    table.write_text("1")
    encode = f"{copy} {{input}} {{stream}} --config={table} {{root}}/table.cfg"
    settings = {"encode": encode, "root": str(tmp_path), "version": f"{PYTHON} --version"}
    before = copying(**settings).describe()
    assert before["tool"] == f"Python {sys.version.split()[0]}"
    assert all(name in before["files"] for name in ("copy.py", "table.cfg", Path(sys.executable).name))
    assert str(tmp_path) not in before["decode"].replace(copy, "")
    table.write_text("two")
    assert copying(**settings).describe()["files"] != before["files"]
