"""The worked examples of codecs that have a command line, with their real programs where there are any."""

from __future__ import annotations

import os
import shutil
import sys

import numpy as np
import pytest
from talkbench.benchmarks.sealed import SealedDecoder
from talkbench.core import bitstream, ffmpeg
from talkbench.core.config import compose
from talkbench.core.errors import CodecError
from talkbench.core.points import points
from talkbench.core.registry import find
from talkbench.datasets.testcard import read_number

EXAMPLES = find("methods", "external").yaml.parent / "examples"


def _example(name):
    ((method, config),) = compose([str(EXAMPLES / f"{name}.yaml")], "testcard", "compression", [])[
        "methods"
    ].items()
    return points(method, config)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_examples_are_read_and_complete(path, monkeypatch):
    monkeypatch.setattr("talkbench.methods.command.Command.program", lambda self, values: self.words[0])
    monkeypatch.setattr("talkbench.methods.external.answer", lambda words, seconds: "1.0")
    expanded = _example(path.stem)
    assert expanded[0].method.startswith(path.stem)
    for point in expanded:
        point.build().check()


REAL = [
    ("ffmpeg_x264", ("ffmpeg",)),
    ("svt_av1", ("SvtAv1EncApp", "SvtAv1DecApp")),
    ("vvenc", ("vvencapp", "vvdecapp")),
]


@pytest.mark.parametrize(("name", "programs"), REAL, ids=[name for name, _ in REAL])
def test_examples_with_the_real_programs(name, programs, make_testcard, tmp_path, monkeypatch, psnr, whole):
    """Through the sealed process, as in a run. ffmpeg is always there: the one in use, under its own name."""
    if programs == ("ffmpeg",):
        (tmp_path / "ffmpeg").symlink_to(ffmpeg.binary())
        monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    missing = [program for program in programs if shutil.which(program) is None]
    if missing:
        pytest.skip(f"{name.upper()} IS NOT TRIED: {', '.join(missing)} not on the PATH")
    clip = make_testcard(size=128, frames=14, fps="30000/1001")
    original, sizes, qualities = whole(clip.frames()), [], []
    expanded = _example(name)
    with SealedDecoder() as decoder:
        for point in expanded[:3]:
            point.build().check()
            stream = point.build().encode(clip)
            pixels = tmp_path / "pixels.rgb"
            with pixels.open("wb") as file:
                decoded = decoder.decode(point, stream, file)
            frames = np.fromfile(pixels, np.uint8).reshape(14, 128, 128, 3)
            assert [read_number(frame) for frame in frames] == list(range(14))
            assert decoded.frames == 14
            parts = bitstream.sizes(stream)
            assert parts["source"] > parts["motion"] / 14 > 0
            sizes.append(len(stream))
            qualities.append(psnr(frames, original))
    assert sizes == sorted(sizes, reverse=True)
    assert qualities == sorted(qualities, reverse=True)
    assert qualities[0] > 30


GFVC_ENCODER = """
import argparse, json, pathlib, zlib
words = argparse.ArgumentParser()
keys = "original_seq encoding_frames quantization_factor iframe_qp iframe_format gop_size"
for key in keys.split():
    words.add_argument("--" + key)
told = words.parse_args()
frames, size = int(told.encoding_frames), 256 * 256 * 3
name = pathlib.Path(told.original_seq).stem + "_qp" + told.iframe_qp
made = pathlib.Path("../experiment/FOMM/Iframe_" + told.iframe_format)
pixels = pathlib.Path(told.original_seq).read_bytes()
assert len(pixels) == frames * size
for folder in ("enc", "kp"):
    (made / folder / name).mkdir(parents=True)
(made / "enc" / name / "frame0000.bin").write_bytes(zlib.compress(pixels[:size]))
(made / "kp" / name / "metadata.bin").write_bytes(b"0")
for at in range(1, frames):
    part = zlib.compress(pixels[at * size : (at + 1) * size])
    (made / "kp" / name / f"frame{at:04d}.bin").write_bytes(part)
    (made / "kp" / name / f"frame{at}.txt").write_text("not needed " * 10**6)
"""


GFVC_DECODER = (
    GFVC_ENCODER.partition("pixels =")[0]
    + """
files = sorted((made / "enc" / name).iterdir()) + sorted((made / "kp" / name).glob("frame*.bin"))
assert not list(made.rglob("*.txt"))
(made / "dec").mkdir()
(made / "dec" / (name + ".rgb")).write_bytes(b"".join(zlib.decompress(file.read_bytes()) for file in files))
"""
)


def test_software_that_codes_into_folders_through_a_wrapper(tmp_path, monkeypatch, make_testcard, whole):
    """A stand-in with the folders and options of GFVC_Software_v2, which is not at hand; and losslessly."""
    source = tmp_path / "GFVC_Software_v2" / "source"
    source.mkdir(parents=True)
    (source / "FOMM_encoder.py").write_text(GFVC_ENCODER)
    (source / "FOMM_decoder.py").write_text(GFVC_DECODER)
    for name in ("gfvc.py", "gfvc.yaml"):
        shutil.copy(EXAMPLES / name, tmp_path)
    (tmp_path / "python").symlink_to(sys.executable)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(f"{__name__}.EXAMPLES", tmp_path)
    method = _example("gfvc")[0].build()
    method.check()
    assert "gfvc.py" in method.describe()["files"]
    clip = make_testcard(size=256, frames=3)
    stream = method.encode(clip)
    assert len(stream) < 10**6
    assert np.array_equal(whole(method.decode(stream)), whole(clip.frames()))
    with pytest.raises(CodecError, match="frames of 256x256 are"):
        method.encode(make_testcard(size=64, frames=3))
