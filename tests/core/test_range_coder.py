"""The range coder: exact probabilities, near the entropy, and damage that shows."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.errors import StreamError
from talkbench.core.range_coder import MOST_IDLE, TOTAL, RangeReader, RangeWriter, frequencies


@pytest.mark.parametrize(
    "counts", [[1, 1], [0, 5, 0], [1, (1 << 38) - 1], list(range(256)), [7] * 4096], ids=len
)
def test_frequencies_are_whole_and_add_up_exactly(counts):
    rows = frequencies(np.array([counts, counts[::-1]]))
    assert (rows == np.rint(rows)).all()
    assert (rows >= 0).all()
    assert (rows.sum(1) == TOTAL - len(counts)).all()
    expected = np.array(counts) / sum(counts) * TOTAL
    assert np.abs(rows[0] - expected).max() <= 2 * len(counts)


def test_an_impossible_count_still_has_the_least_probability():
    rows = frequencies(np.array([[0, 9]]))
    writer = RangeWriter()
    for _ in range(40):
        writer.put(np.array([0]), rows)
    data = writer.finish()
    assert abs(len(data) - 40 * 24 / 8) <= 8
    reader = RangeReader(data)
    assert [int(reader.get(rows)[0]) for _ in range(40)] == [0] * 40
    reader.finish()


def test_the_length_is_what_the_probabilities_say():
    dice = np.random.default_rng(1)
    rows = frequencies(dice.integers(1, 1000, (50, 40)) ** 2)
    writer, bits = RangeWriter(), 0.0
    for _ in range(200):
        symbols = (dice.random((50, 1)) > (rows.cumsum(1) / rows.sum(1, keepdims=True))).sum(1)
        writer.put(symbols, rows)
        bits -= np.log2((rows[np.arange(50), symbols] + 1) / TOTAL).sum()
    assert bits / 8 <= len(writer.finish()) <= bits / 8 * 1.0001 + 8


def test_bytes_do_not_depend_on_the_machine():
    """Frozen: another version of the library, or another processor, must write the same."""
    dice = np.random.PCG64(7).random_raw(400) >> np.uint64(40)
    rows = frequencies(dice[:330].astype(np.int64).reshape(10, 33))
    writer = RangeWriter()
    writer.put((dice[330:340] % 33).astype(np.int64), rows)
    writer.put_uniform(12345, 1 << 20)
    writer.put((dice[340:350] % 33).astype(np.int64), rows)
    assert writer.finish().hex() == "61055131657e3fdd0bde8f28e380f7389882064b"


def mixed(writer: RangeWriter, rows: np.ndarray) -> bytes:
    for step in range(30):
        writer.put(np.arange(4) * step % 9, rows)
        writer.put_uniform(step, 31)
    return writer.finish()


def read_mixed(data: bytes, rows: np.ndarray) -> list[int]:
    reader, values = RangeReader(data), []
    for _ in range(30):
        values += [*reader.get(rows).tolist(), reader.get_uniform(31)]
    reader.finish()
    return values


def test_damage_cuts_and_additions_are_noticed():
    rows = frequencies(np.arange(1, 37).reshape(4, 9))
    data = mixed(RangeWriter(), rows)
    expected = read_mixed(data, rows)
    dice = np.random.default_rng(3)
    unnoticed = 0
    for _ in range(2000):
        damaged = bytearray(data)
        damaged[dice.integers(len(data))] ^= 1 << int(dice.integers(8))
        try:
            # the last bits may be free: then nothing that was coded has changed
            assert read_mixed(bytes(damaged), rows) == expected
            unnoticed += 1
        except StreamError:
            pass
    assert unnoticed < 100
    for other in (b"", data[: len(data) // 2], data[:-3], data + b"12345678"):
        with pytest.raises(StreamError, match="corrupt motion data"):
            read_mixed(other, rows)


def test_reading_on_after_the_end_stops():
    rows = frequencies(np.tile([(1 << 20), 1], (1000, 1)))
    reader = RangeReader(b"")
    few, many = MOST_IDLE // 1000, 2
    assert not any(reader.get(rows).any() for _ in range(few))
    with pytest.raises(StreamError):
        [reader.get(rows) for _ in range(many)]
