"""Range coding by `constriction` with models whose every probability is a known integer over 2**24.

Encoder and decoder must agree on each probability to the last bit, on any machine. `constriction` takes
probabilities as floating-point numbers p, scales them by (2**24 - n) / sum(p) and adds one to each, so
that no symbol is impossible. The frequencies that are given to it here are whole numbers which already add
up to 2**24 - n: the scale is exactly one, every sum is exact, and nothing is left to be rounded.
"""

from __future__ import annotations

import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .errors import StreamError

Integers = NDArray[np.integer[Any]]

TOTAL = 1 << 24
"""The library's precision: probabilities are multiples of 1 / TOTAL."""
CHECK = 1 << 16
"""Values of the checksum that ends the data."""
MOST_IDLE = 1 << 18
"""Symbols that can still follow once all data is taken up: the coder holds 64 bits, and a symbol costs
more than 2**-12 of one, for no model of this package leaves the other symbols less than 2**-12 together."""


def frequencies(counts: Integers) -> NDArray[np.float64]:
    """Whole frequencies in proportion to counts, as the coder takes them.

    Args:
        counts: (..., n) non-negative integers below 2**38; at least one of each row is not zero.

    Returns:
        (..., n) whole numbers that add up to TOTAL - n along the last axis; symbol i then has the
        probability (frequency i + 1) / TOTAL.
    """
    wide = counts.astype(np.int64)
    free = TOTAL - wide.shape[-1]
    share = wide * free // wide.sum(-1, keepdims=True)
    rest = free - share.sum(-1, keepdims=True)
    largest = share.argmax(-1, keepdims=True)
    np.put_along_axis(share, largest, np.take_along_axis(share, largest, -1) + rest, -1)
    whole: NDArray[np.float64] = share.astype(np.float64)
    return whole


class RangeWriter:
    """Codes integers; `finish` gives the bytes."""

    def __init__(self) -> None:
        import constriction

        self._model = constriction.stream.model
        self._family = self._model.Categorical(perfect=False)
        self._coder = constriction.stream.queue.RangeEncoder()
        self._check = 0

    def put(self, symbols: Integers, rows: NDArray[np.float64]) -> None:
        """Code symbols with a model each.

        Args:
            symbols: (m,) from 0 to n - 1.
            rows: (m, n) from `frequencies`.
        """
        plain = symbols.astype("<i4")
        self._check = zlib.crc32(plain.tobytes(), self._check)
        self._coder.encode(plain.astype(np.int32), self._family, rows)

    def put_uniform(self, value: int, size: int) -> None:
        """Code an integer of which each from 0 to size - 1 (at most TOTAL - 1) is equally likely."""
        self._check = zlib.crc32(value.to_bytes(4, "little"), self._check)
        self._coder.encode(value, self._model.Uniform(size))

    def finish(self) -> bytes:
        """All that was coded, with a checksum of two bytes."""
        self._coder.encode(self._check % CHECK, self._model.Uniform(CHECK))
        words: NDArray[np.uint32] = self._coder.get_compressed()
        # The reader takes what is missing for zeros.
        return words.astype(">u4").tobytes().rstrip(b"\0")


class RangeReader:
    """Reads what a `RangeWriter` wrote, given the same models in the same order."""

    def __init__(self, data: bytes) -> None:
        import constriction

        words = np.frombuffer(data + bytes(-len(data) % 4), ">u4").astype(np.uint32)
        self._model = constriction.stream.model
        self._family = self._model.Categorical(perfect=False)
        self._coder = constriction.stream.queue.RangeDecoder(words)
        self._check = 0
        self._idle = 0

    def _decode(self, *model: Any) -> Any:
        try:
            return self._coder.decode(*model)
        except AssertionError:  # how the library answers data that no encoder writes
            raise _corrupt() from None

    def get(self, rows: NDArray[np.float64]) -> NDArray[np.int32]:
        """The next symbols (m,), one for each row of `rows` (m, n).

        Raises:
            StreamError: the data is damaged in a way that shows, or has long ended.
        """
        if self._coder.maybe_exhausted():
            self._idle += len(rows)
            if self._idle > MOST_IDLE:
                raise _corrupt()
        symbols: NDArray[np.int32] = self._decode(self._family, rows)
        self._check = zlib.crc32(symbols.astype("<i4").tobytes(), self._check)
        return symbols

    def get_uniform(self, size: int) -> int:
        """The next integer, from 0 to size - 1.

        Raises:
            StreamError: the data is damaged in a way that shows.
        """
        value = int(self._decode(self._model.Uniform(size)))
        self._check = zlib.crc32(value.to_bytes(4, "little"), self._check)
        return value

    def finish(self) -> None:
        """Check that all that was read is what was written, and nothing follows.

        Raises:
            StreamError: the checksum differs, or data is left over.
        """
        expected = self._check % CHECK
        if self._decode(self._model.Uniform(CHECK)) != expected or not self._coder.maybe_exhausted():
            raise _corrupt()


def _corrupt() -> StreamError:
    return StreamError(
        "corrupt motion data: it does not decode to what its checksum says; it is damaged, or another "
        "number of frames was coded; encode the clip again"
    )
