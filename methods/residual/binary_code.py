"""Coding of the residual's signs by adaptive binary models, whose contexts are neighbouring signs.

All of it is integers, so that encoder and decoder agree on any machine.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ...core.range_coder import RangeReader, RangeWriter, frequencies

Bits = NDArray[np.uint8]
"""(C, h, w), each 0 or 1."""
Counts = NDArray[np.int64]
"""(C, CONTEXTS, 2): how often 0 and 1 came in each context of each channel."""

CONTEXTS = 32
"""Four neighbours, of even and of odd columns: even ones come first, so odd ones know both sides."""
INCREMENT = 2
"""What a bit that occurred adds to its count, beside a sum of BEFORE to begin with."""
BEFORE = 64
MOST = 1 << 11
"""Where a context's counts are halved; it also keeps the likelier bit above 2**-12 of information."""


def no_counts(channels: int) -> Counts:
    """Counts of a coder that knows nothing."""
    return np.full((channels, CONTEXTS, 2), BEFORE // 2, np.int64)


def _parts(bits: Bits) -> Iterator[tuple[int, slice, NDArray[np.int64]]]:
    """Row, columns and contexts (C, n) of what is coded together; `bits` then has all that came before."""
    channels, height, width = bits.shape
    # One more column on either side and two more rows above, all 0.
    known = np.zeros((channels, height + 2, width + 2), np.int64)
    for row in range(height):
        for odd in range(min(2, width)):
            here = slice(odd, width, 2)
            left, middle, right = (slice(odd + shift, width + shift, 2) for shift in range(3))
            above, beyond = known[:, row + 1], known[:, row]
            sides = known[:, row + 2] if odd else above
            number = sides[:, left] + 2 * sides[:, right] + 4 * above[:, middle] + 8 * beyond[:, middle]
            yield row, here, number + 16 * odd
            known[:, row + 2, odd + 1 : width + 1 : 2] = bits[:, row, here]


class _Models:
    """The counts as they grow."""

    def __init__(self, before: Counts) -> None:
        self._counts = before.astype(np.int64)
        self._channels = np.arange(len(before))[:, None]

    def rows(self, contexts: NDArray[np.int64]) -> NDArray[np.float64]:
        """Frequencies (C n, 2) for the range coder."""
        return frequencies(self._counts[self._channels, contexts].reshape(-1, 2))

    def update(self, contexts: NDArray[np.int64], bits: Bits) -> None:
        np.add.at(self._counts, (self._channels, contexts, bits), INCREMENT)
        full = self._counts.sum(-1) > MOST
        self._counts[full] = (self._counts[full] + 1) // 2


def write(bits: Bits, before: Counts) -> bytes:
    """Code signs.

    Args:
        bits: (C, h, w).
        before: (C, CONTEXTS, 2), none of them zero: what the decoder has too.
    """
    writer, models = RangeWriter(), _Models(before)
    for row, columns, contexts in _parts(bits):
        part = bits[:, row, columns]
        writer.put(part.reshape(-1).astype(np.int64), models.rows(contexts))
        models.update(contexts, part)
    return writer.finish()


def read(data: bytes, shape: tuple[int, int, int], before: Counts) -> Bits:
    """Decode signs.

    Args:
        data: what `write` returned.
        shape: C, h, w.
        before: as of `write`.

    Raises:
        StreamError: the data is damaged, or of another shape.
    """
    reader, models = RangeReader(data), _Models(before)
    bits = np.zeros(shape, np.uint8)
    for row, columns, contexts in _parts(bits):
        part = reader.get(models.rows(contexts)).astype(np.uint8).reshape(contexts.shape)
        bits[:, row, columns] = part
        models.update(contexts, part)
    reader.finish()
    return bits


def observed(codes: list[Bits]) -> Counts:
    """Counts to begin with, in the proportions that codes show, each context's adding up to BEFORE."""
    channels = len(codes[0])
    counts = np.ones((channels, CONTEXTS, 2))
    index = np.arange(channels)[:, None]
    for bits in codes:
        for row, columns, contexts in _parts(bits):
            np.add.at(counts, (index, contexts, bits[:, row, columns]), 1)
    ones = np.rint(counts[..., 1] / counts.sum(-1) * BEFORE).clip(1, BEFORE - 1)
    return np.stack([BEFORE - ones, ones], -1).astype(np.int64)
