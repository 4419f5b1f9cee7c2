"""Decoding gives the same wherever it is done: integers exactly, frames within a stated tolerance."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from talkbench.core import bitstream
from talkbench.core.motion_coding import KEY_BYTES
from talkbench.core.range_coder import TOTAL, RangeReader, RangeWriter
from talkbench.core.registry import load, plugins
from talkbench.methods.neural_codec import NeuralCodec

NEURAL = [name for name in sorted(plugins("methods")) if issubclass(load("methods", name), NeuralCodec)]
TOLERANCE = {"none": 2, "picture": 2, "residual": 10}
"""Most that a value of a decoded pixel, of 0 to 255, may differ between processes, threads and batches, by
setting of `refresh`. A residual mends the picture that is there: what that one differs by, the next source
keeps and the networks pass on, and here up to eleven follow each other."""

ELSEWHERE = """
import json, sys
import numpy as np
from talkbench.core.points import Point
from talkbench.core.range_coder import RangeReader

read, integers = RangeReader.get, []
RangeReader.get = lambda self, rows: integers.append(read(self, rows)) or integers[-1]
for method, settings, stream, out in json.load(open(sys.argv[1])):
    integers.clear()
    blocks = Point(method, "", {**settings, "threads": 3}).build().decode(open(stream, "rb").read())
    np.savez(out, frames=np.concatenate(list(blocks)), integers=np.concatenate(integers))
"""


@pytest.fixture(params=NEURAL)
def name(request):
    return request.param


def motion_of(method, stream):
    """The motion parameters that the decoder gets."""
    parsed = bitstream.unpack(stream)
    rows = parsed.header.frames - (not method.sends_source)
    return np.concatenate(
        list(method.coding.decode(parsed.payload(bitstream.Kind.MOTION)[2 * KEY_BYTES :], rows))
    )


def test_another_process_with_other_threads_decodes_the_same(name, sweep, testcard, tmp_path, monkeypatch):
    corrected = [sweep(name, refresh=mode, refresh_below=60)[1] for mode in ("picture", "residual")]
    jobs, here = [], []
    read, integers = RangeReader.get, []
    monkeypatch.setattr(
        RangeReader, "get", lambda self, rows: integers.append(read(self, rows)) or integers[-1]
    )
    for number, point in enumerate([*sweep(name), *corrected]):
        stream, out = tmp_path / f"{number}.tkb", tmp_path / f"{number}.npz"
        method = point.build()
        stream.write_bytes(method.encode(testcard))
        integers.clear()
        frames = np.concatenate(list(method.decode(stream.read_bytes())))
        here.append((frames, np.concatenate(integers)))
        jobs.append((name, dict(point.settings), str(stream), str(out)))
    (tmp_path / "jobs.json").write_text(json.dumps(jobs))
    subprocess.run([sys.executable, "-c", ELSEWHERE, str(tmp_path / "jobs.json")], check=True, cwd="/")
    for (frames, decoded), (_, settings, _, out) in zip(here, jobs, strict=True):
        there = np.load(out)
        assert np.issubdtype(there["integers"].dtype, np.integer)
        assert np.array_equal(decoded, there["integers"])
        assert np.abs(frames.astype(int) - there["frames"]).max() <= TOLERANCE[settings["refresh"]]


def test_batches_do_not_matter(name, make_method, testcard, whole):
    one, many = make_method(name, batch=1), make_method(name, batch=7)
    stream = many.encode(testcard)
    apart, together = whole(one.decode(stream)), whole(many.decode(stream))
    assert np.abs(apart.astype(int) - together).max() <= TOLERANCE["none"]


@pytest.mark.parametrize("refresh", ["none", "residual"])
def test_what_reaches_the_entropy_coder_is_integers(name, refresh, sweep, testcard, monkeypatch):
    put, put_uniform = RangeWriter.put, RangeWriter.put_uniform
    seen = []

    def watched(self, symbols, rows):
        seen.append(len(symbols))
        assert np.issubdtype(symbols.dtype, np.integer)
        assert (rows == np.rint(rows)).all()
        assert (rows.sum(-1) == TOTAL - rows.shape[-1]).all()
        put(self, symbols, rows)

    def watched_uniform(self, value, size):
        assert type(value) is int
        assert type(size) is int
        put_uniform(self, value, size)

    monkeypatch.setattr(RangeWriter, "put", watched)
    monkeypatch.setattr(RangeWriter, "put_uniform", watched_uniform)
    for point in sweep(name, refresh=refresh, refresh_below=60):
        seen.clear()
        point.build().encode(testcard)
        assert sum(seen) > 0


def test_what_is_painted_is_what_arrives(name, make_method, testcard, monkeypatch):
    """The encoder paints with parameters as the decoder has them, never with those it estimated."""
    method = make_method(name, refresh="picture", refresh_below=0)
    painted = []
    paint = method.paint
    monkeypatch.setattr(
        method, "paint", lambda source, numbers: painted.append(numbers) or paint(source, numbers)
    )
    stream = method.encode(testcard)
    arrived = motion_of(method, stream)[int(method.sends_source) :]
    assert np.array_equal(np.concatenate(painted), arrived)
