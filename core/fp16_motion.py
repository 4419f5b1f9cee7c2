"""Motion as half-precision numbers, each byte coded with a static table of its own.

Source: Wang, Mallya, Liu, CVPR 2021, appendix C.1: every number is an fp16, two bytes, and each byte
position of a frame has its own frequency table, learnt from validation clips.

Not of the source: the sender rounds each number to SIGNIFICANT_BITS of fp16's eleven. What the others say
is the estimate's own noise, and noise costs its full length. And a frequency learnt for a number's upper
byte (sign, exponent, two bits of the fraction) counts for those next to it too: strangers move a little
further than the validation clips' people.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import CodecError, StreamError
from .motion_coding import BLOCK, MotionCoding, Parameters
from .range_coder import RangeReader, RangeWriter, frequencies

COUNT_INCREMENT = 8
"""What a count that occurred weighs, beside one of each to begin with."""


SIGNIFICANT_BITS = 7
"""Of a number that is sent, its leading one included: a part in 128 is the largest change."""
REACH = 8
"""How many values of an upper byte on each side share in a frequency, each half as much as the one before."""


def arriving(track: Parameters) -> Parameters:
    """The fp16 numbers that arrive of numbers (t, n), as float32; beyond ±65504 they are infinite."""
    share, exponent = np.frexp(track)
    scale = np.float32(1 << SIGNIFICANT_BITS)
    with np.errstate(over="ignore"):
        rounded = np.ldexp(np.rint(share * scale) / scale, exponent)
        sent: NDArray[np.float32] = rounded.astype(np.float16).astype(np.float32)
    return sent


def as_bytes(track: Parameters) -> NDArray[np.uint8]:
    """Numbers (t, n) as the bytes of the fp16 that arrive: (t, 2n), each number's low byte first.

    Raises:
        CodecError: a number is not finite in fp16: beyond ±65504, or none at all.
    """
    half = arriving(track).astype("<f2")
    if not np.isfinite(half).all():
        raise CodecError(
            "a motion parameter is no finite fp16 number; the weights that gave it are unfit for this clip"
        )
    return np.ascontiguousarray(half).view(np.uint8)


class Fp16Motion(MotionCoding):
    """A fixed number of fp16 numbers a frame, two bytes each before coding: 6K + 12 for the paper's model.

    Args:
        byte_counts: (2n, 256) uint16, none of them zero, as `MotionStatistics` has them.
    """

    def __init__(self, byte_counts: NDArray[np.uint16]) -> None:
        self._counts = _shared(byte_counts)
        self._rows = frequencies(self._counts)

    @property
    def raw_bytes(self) -> int:
        """Bytes a frame before coding."""
        return len(self._rows)

    def bits(self, track: Parameters) -> NDArray[np.float64]:
        """Information in bits (t,) that frames (t, n) carry under the tables."""
        values = as_bytes(track)
        counts = self._counts.astype(np.float64)
        shares = counts[np.arange(self.raw_bytes), values] / counts.sum(1)
        information: NDArray[np.float64] = -np.log2(shares).sum(1)
        return information

    def encode(self, blocks: Iterable[Parameters]) -> bytes:
        writer, frames = RangeWriter(), 0
        for block in blocks:
            for values in as_bytes(block):
                writer.put(values, self._rows)
            frames += len(block)
        return writer.finish() if frames else b""

    def decode(self, data: bytes, frames: int) -> Iterator[Parameters]:
        reader = RangeReader(data)
        for start in range(0, frames, BLOCK):
            count = min(BLOCK, frames - start)
            values = np.stack([reader.get(self._rows) for _ in range(count)]).astype(np.uint8)
            track: NDArray[Any] = values.view("<f2").astype(np.float32)
            if start + count == frames:
                reader.finish()
            yield _finite(track)

    def fingerprint(self) -> str:
        return hashlib.sha256(b"fp16" + self._counts.astype("<i8").tobytes()).hexdigest()

    def describe(self) -> Mapping[str, str]:
        kept = f"{SIGNIFICANT_BITS} significant bits"
        return {
            "motion": f"fp16, {kept}, {self.raw_bytes} bytes a frame",
            "motion_tables": self.fingerprint(),
        }


class AdaptiveFp16Motion(Fp16Motion):
    """As many numbers a frame as the encoder chooses: appendix C.2, where fewer deformations are sent.

    The first number of a frame says how many groups are sent. It is coded by how often each count came
    before in the clip; the numbers of later groups are not coded, and arrive as zeros.

    Args:
        byte_counts: as of `Fp16Motion`, for all numbers but the first.
        head: numbers after the first that are always sent.
        group: numbers of a group.
    """

    def __init__(self, byte_counts: NDArray[np.uint16], head: int, group: int) -> None:
        super().__init__(byte_counts)
        self.head, self.group = head, group
        self.groups = (self.raw_bytes // 2 - head) // group

    def _length(self, count: int) -> int:
        """Bytes of a frame's numbers before coding."""
        return 2 * (self.head + self.group * count)

    def encode(self, blocks: Iterable[Parameters]) -> bytes:
        writer, frames = RangeWriter(), 0
        seen = np.ones((1, self.groups + 1), np.int64)
        for block in blocks:
            for count, values in zip(block[:, 0].astype(int).tolist(), as_bytes(block[:, 1:]), strict=True):
                writer.put(np.array([count]), frequencies(seen))
                seen[0, count] += COUNT_INCREMENT
                length = self._length(count)
                writer.put(values[:length], self._rows[:length])
            frames += len(block)
        return writer.finish() if frames else b""

    def decode(self, data: bytes, frames: int) -> Iterator[Parameters]:
        reader = RangeReader(data)
        seen = np.ones((1, self.groups + 1), np.int64)
        for start in range(0, frames, BLOCK):
            counts = np.zeros((min(BLOCK, frames - start), 1), np.float32)
            values = np.zeros((len(counts), self.raw_bytes), np.uint8)
            for at in range(len(counts)):
                count = int(reader.get(frequencies(seen))[0])
                seen[0, count] += COUNT_INCREMENT
                counts[at] = count
                length = self._length(count)
                values[at, :length] = reader.get(self._rows[:length])
            track: NDArray[Any] = values.view("<f2").astype(np.float32)
            if start + len(counts) == frames:
                reader.finish()
            yield _finite(np.concatenate([counts, track], axis=1))

    def fingerprint(self) -> str:
        return hashlib.sha256(f"adaptive {self.head} {super().fingerprint()}".encode()).hexdigest()

    def describe(self) -> Mapping[str, str]:
        sizes = f"{self._length(0)} and {2 * self.group} a group"
        return {
            **super().describe(),
            "motion": f"fp16, {SIGNIFICANT_BITS} significant bits, adaptive, bytes a frame: {sizes}",
        }


def _shared(byte_counts: NDArray[np.uint16]) -> NDArray[np.int64]:
    """Counts (2n, 256) of which those of upper bytes are shared with their neighbours of the same sign."""
    values = np.arange(256)
    apart = np.abs(values[:, None] - values)
    near = (apart <= REACH) & (values[:, None] >> 7 == values >> 7)
    counts = byte_counts.astype(np.int64)
    counts[1::2] = counts[1::2] @ np.where(near, 1 << REACH >> np.minimum(apart, REACH), 0)
    return counts


def _finite(track: Parameters) -> Parameters:
    if not np.isfinite(track).all():
        raise StreamError("corrupt motion data: a number is not finite; encode the clip again")
    return track
