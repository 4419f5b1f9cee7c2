"""Adaptive models of small integers in integer arithmetic, the same in encoder and decoder."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .range_coder import frequencies

Integers = NDArray[np.int64]

LARGEST = 15
"""Integers from -LARGEST to LARGEST have symbols of their own; ESCAPE stands for all others."""
ESCAPE = 2 * LARGEST + 1
ONE = 256
"""The unit of mean magnitudes."""
EDGES = np.array([math.isqrt(1 << power) for power in range(6, 26)])
"""Mean magnitudes at which the contexts part, half an octave each: 1/32, 1/22, … 22 times ONE."""
START = 4 * ONE
"""Mean magnitude that a channel begins with."""
MEMORY = 16
"""Frames over which the mean magnitude is taken."""
PRIOR = 1 << 12
INCREMENT = 1 << 5
MOST = 1 << 16
"""What a context's counts add up to at first, what a symbol adds, and where they are halved."""


def _geometric(mean: int) -> list[int]:
    """Counts of all symbols for a two-sided geometric distribution of a mean magnitude (unit: ONE)."""
    root = math.isqrt(mean * mean + ONE * ONE << 16)
    ratio = (root - (ONE << 8) << 16) // (mean << 8)  # of neighbours, unit 2**-16
    half = [1 << 40]
    for _ in range(LARGEST):
        half.append(half[-1] * ratio >> 16)
    escape = 2 * half[-1] * ratio // ((1 << 16) - ratio)
    counts = [*half[:0:-1], *half, escape]
    total = sum(counts)
    return [max(count * PRIOR // total, 1) for count in counts]


def _first_counts() -> Integers:
    bounds = [int(EDGES[0]) // 2, *map(int, EDGES), 2 * int(EDGES[-1])]
    return np.array([_geometric(math.isqrt(low * high)) for low, high in itertools.pairwise(bounds)])


class AdaptiveCounts:
    """Models for the next integer of each of n channels.

    A channel's context is the mean magnitude of its latest integers. Each context counts the symbols
    that occurred in it, in whatever channel, on top of a geometric distribution that it begins with.
    """

    def __init__(self, channels: int) -> None:
        self._means = np.full(channels, START, np.int64)
        self._counts = _first_counts()
        self._seen = 0

    def rows(self) -> NDArray[np.float64]:
        """(n, ESCAPE + 1) frequencies for the range coder."""
        self._contexts = np.searchsorted(EDGES, self._means, side="right")
        return frequencies(self._counts[self._contexts])

    def update(self, values: Integers) -> None:
        """Learn the integers (n,) that were coded with the latest rows."""
        np.add.at(self._counts, (self._contexts, symbols(values)), INCREMENT)
        full = self._counts.sum(1) > MOST
        self._counts[full] = (self._counts[full] + 1) // 2
        self._seen += 1
        magnitudes = np.minimum(np.abs(values), 4 * LARGEST) * ONE
        self._means += (magnitudes - self._means) // min(self._seen, MEMORY)


def symbols(values: NDArray[np.integer[Any]]) -> Integers:
    """The symbols of integers: 0 to ESCAPE."""
    return np.where(np.abs(values) <= LARGEST, values + LARGEST, ESCAPE)
