"""Work on a block of frames that several metrics share."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import wraps
from typing import TypeVar

from ..core.video import Frames

T = TypeVar("T")

KEPT = 2
"""Blocks whose results are kept: the reference's and the decoded one's."""


def once_a_block(function: Callable[[Frames], T]) -> Callable[[Frames], T]:
    """A function of a block, computed once for all who ask about the very same array.

    Metrics are handed the same arrays in turn, so what one has found the next need not search again. An
    array is known by its identity and is held as long as its result is, so that no other can take its place;
    it must not be written to in between.
    """
    kept: OrderedDict[int, tuple[Frames, T]] = OrderedDict()

    @wraps(function)
    def remembered(block: Frames) -> T:
        if id(block) not in kept:
            kept[id(block)] = block, function(block)
            while len(kept) > KEPT:
                kept.popitem(last=False)
        kept.move_to_end(id(block))
        return kept[id(block)][1]

    return remembered
