"""Motion as half-precision numbers, each byte coded with a static table of its own.

Source: Wang, Mallya, Liu, CVPR 2021, appendix C.1: every number is an fp16, two bytes, and each byte
position of a frame has its own frequency table, learnt from validation clips.
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


def as_bytes(track: Parameters) -> NDArray[np.uint8]:
    """Numbers (t, n) as the bytes of their fp16: (t, 2n), each number's low byte first.

    Raises:
        CodecError: a number is not finite in fp16: beyond ±65504, or none at all.
    """
    with np.errstate(over="ignore"):
        half = track.astype("<f2")
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
        self.byte_counts = byte_counts
        self._rows = frequencies(byte_counts)

    @property
    def raw_bytes(self) -> int:
        """Bytes a frame before coding."""
        return len(self._rows)

    def bits(self, track: Parameters) -> NDArray[np.float64]:
        """Information in bits (t,) that frames (t, n) carry under the tables."""
        values = as_bytes(track)
        counts = self.byte_counts.astype(np.float64)
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
            if not np.isfinite(track).all():
                raise StreamError("corrupt motion data: a number is not finite; encode the clip again")
            yield track

    def fingerprint(self) -> str:
        return hashlib.sha256(b"fp16" + self.byte_counts.astype("<u2").tobytes()).hexdigest()

    def describe(self) -> Mapping[str, str]:
        return {"motion": f"fp16, {self.raw_bytes} bytes a frame", "motion_tables": self.fingerprint()}
