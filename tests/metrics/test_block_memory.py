"""What metrics share of a block."""

from __future__ import annotations

import numpy as np
from talkbench.metrics.block_memory import KEPT, once_a_block


def test_a_block_is_worked_on_once_and_another_one_anew() -> None:
    seen: list[float] = []

    @once_a_block
    def mean(block: np.ndarray) -> float:
        seen.append(float(block.mean()))
        return seen[-1]

    first, equal = np.zeros((2, 4, 4, 3), np.uint8), np.zeros((2, 4, 4, 3), np.uint8)
    assert [mean(first), mean(equal), mean(first), mean(equal)] == [0.0] * 4
    assert len(seen) == 2


def test_no_more_than_the_last_blocks_are_held() -> None:
    seen: list[int] = []

    @once_a_block
    def count(block: np.ndarray) -> int:
        seen.append(len(block))
        return len(block)

    blocks = [np.zeros((n, 4, 4, 3), np.uint8) for n in range(1, KEPT + 2)]
    for block in blocks:
        count(block)
    assert count(blocks[-1]) == KEPT + 1
    assert len(seen) == KEPT + 1
    assert count(blocks[0]) == 1
    assert len(seen) == KEPT + 2
