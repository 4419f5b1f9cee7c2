"""Bytes a frame that the neural codecs' motion takes, as Table 3 of the appendix of Wang et al. lists them.

    python tests/perf/motion_bytes.py [RUN ...] [--frames N]

Of every neural codec of finished runs, over all frames of all clips; without a run, of every one that is
registered and has its weights, on a real clip (`sample`, vlog, 256x256). `raw` are the numbers that are sent,
as fp16 and before coding. A stream does not say where a frame ends, so a frame counts as what its symbols
weigh under the coder's probabilities, and `excess` is what the streams hold beyond the sum: coder, checksum,
locks. Prints tables; asserts nothing.
"""

from __future__ import annotations

import argparse
import math
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from talkbench.core import fp16_motion, predictive_motion
from talkbench.core.bitstream import Kind, sizes, unpack
from talkbench.core.config import compose
from talkbench.core.errors import TalkbenchError
from talkbench.core.fp16_motion import AdaptiveFp16Motion
from talkbench.core.motion_coding import MotionCoding, Parameters, unlock
from talkbench.core.points import Point, points
from talkbench.core.range_coder import TOTAL, Integers, RangeWriter
from talkbench.core.registry import load, plugins
from talkbench.core.store import read_manifest, read_units
from talkbench.methods.neural_codec import NeuralCodec

CLIP = "vlog"
ORDER = ("ours adaptive", "ours k20", "fomm fp16", "fs_vid2vid fp16")
"""From the paper's Table 3 (appendix): fewer bytes before more."""

Stream = tuple[str, NeuralCodec, bytes]
"""Method and point, the codec that it is of, its bytes."""


def fresh(frames: int) -> Iterator[Stream]:
    """The first frames of the clip, by each operating point of each neural codec, as its YAML says."""
    clip = load("datasets", "sample")(size=256, names=[CLIP]).clips()[0].first(frames)
    names = [name for name in plugins("methods") if issubclass(load("methods", name), NeuralCodec)]
    config = compose(names, "sample", "compression", [])
    for name in names:
        try:
            for point in points(name, config["methods"][name]):
                codec = point.build()
                assert isinstance(codec, NeuralCodec)
                codec.check()
                yield f"{name} {point.name}", codec, codec.encode(clip)
        except TalkbenchError as error:
            print(f"left out, {name}: {error}")


def stored(run: Path) -> Iterator[Stream]:
    """The neural codecs' streams of a run."""
    methods = read_manifest(run)["methods"]
    codecs = {
        (name, at): Point(name, at, one["settings"]).build()
        for name, found in methods.items()
        for at, one in found.items()
    }
    for unit in read_units(run):
        name, at = unit["method"], unit["point"]
        codec = codecs[name, at]
        if isinstance(codec, NeuralCodec) and unit["stream"]:
            yield f"{name} {at}", codec, (run / unit["stream"]["path"]).read_bytes()


def sent(codec: NeuralCodec, stream: bytes) -> Parameters:
    """The numbers (t, n) in a stream, as its decoder has them."""
    parsed = unpack(stream)
    motion = unlock(parsed.payload(Kind.MOTION), codec._keys())
    frames = parsed.header.frames - (not codec.sends_source)
    return np.concatenate(list(codec.coding.decode(motion, frames)))


def weights(coding: MotionCoding, track: Parameters) -> NDArray[np.float64]:
    """Bytes (t,) that the symbols of each frame weigh."""
    bits: list[float] = []

    class Scales(RangeWriter):
        def put(self, symbols: Integers, rows: NDArray[np.float64]) -> None:
            shares = (rows[np.arange(len(symbols)), symbols] + 1) / TOTAL
            bits[-1] -= float(np.log2(shares).sum())

        def put_uniform(self, value: int, size: int) -> None:
            bits[-1] += math.log2(size)

    def frames() -> Iterator[Parameters]:
        for frame in track:
            bits.append(0.0)
            yield frame[None]

    with (
        patch.object(fp16_motion, "RangeWriter", Scales),
        patch.object(predictive_motion, "RangeWriter", Scales),
    ):
        coding.encode(frames())
    return np.array(bits) / 8


def before(coding: MotionCoding, track: Parameters) -> NDArray[np.float64]:
    """Bytes (t,) of each frame as fp16 numbers."""
    if isinstance(coding, AdaptiveFp16Motion):
        return 2 * (coding.head + coding.group * track[:, 0].astype(np.float64))
    return np.full(len(track), 2.0 * track.shape[1])


def table(title: str, streams: Iterator[Stream]) -> Table:
    """A row for each point."""
    raw, coded = defaultdict(list), defaultdict(list)
    held: dict[str, int] = defaultdict(int)
    for name, codec, stream in streams:
        track = sent(codec, stream)
        raw[name].append(before(codec.coding, track))
        coded[name].append(weights(codec.coding, track))
        held[name] += sizes(stream)["motion"]
    out = Table(title=f"bytes a frame: {title}")
    for heading in ("codec", "clips", "frames", "raw", "mean", "least", "most", "median", "excess"):
        out.add_column(heading, justify="left" if heading == "codec" else "right")
    means = {}
    for name, clips in coded.items():
        frames, numbers = np.concatenate(clips), np.concatenate(raw[name])
        means[name] = frames.mean()
        figures = [numbers.mean(), means[name], frames.min(), frames.max(), np.median(frames)]
        excess = held[name] / frames.sum() - 1
        out.add_row(
            name, str(len(clips)), str(len(frames)), *(f"{one:.1f}" for one in figures), f"{excess:+.1%}"
        )
    have = [name for name in ORDER if name in means]
    right = [means[name] for name in have] == sorted(means[name] for name in have)
    if len(have) > 1:
        out.caption = f"{' < '.join(have)}: {'holds' if right else 'does NOT hold'}"
    return out


def main() -> None:
    """Count and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", nargs="*", type=Path, metavar="RUN")
    parser.add_argument("--frames", type=int, default=120, help="of the clip, without a run")
    args = parser.parse_args()
    console = Console(width=110)
    for run in args.runs:
        console.print(table(str(run), stored(run)))
    if not args.runs:
        console.print(table(f"{CLIP}, 256x256, {args.frames} frames", fresh(args.frames)))


if __name__ == "__main__":
    main()
