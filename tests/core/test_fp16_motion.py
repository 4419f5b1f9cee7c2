"""Motion as fp16 numbers with static tables, all of them or as many as the encoder chooses."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.errors import StreamError
from talkbench.core.fp16_motion import SIGNIFICANT_BITS, AdaptiveFp16Motion, Fp16Motion, arriving, as_bytes

NUMBERS = 12


def test_two_bytes_a_number(statistics):
    assert as_bytes(np.float32([[1, -2]])).tolist() == [[0x00, 0x3C, 0x00, 0xC0]]
    assert Fp16Motion(statistics.byte_counts).raw_bytes == 2 * NUMBERS


def test_numbers_arrive_rounded_to_their_leading_bits():
    sent = arriving(np.float32([1, -2, 0, 1 / 3, -1000.4, 130.6]))
    assert sent.tolist() == [1, -2, 0, 85 / 256, -1000, 130]
    numbers = np.random.default_rng(2).normal(size=(100, 8)).astype(np.float32)
    sent = arriving(numbers)
    assert (np.abs(sent - numbers) <= np.abs(numbers) / 2**SIGNIFICANT_BITS + 2**-25).all()
    assert np.array_equal(arriving(sent), sent)
    assert np.array_equal(sent.astype(np.float16), sent)
    assert not (as_bytes(numbers)[:, ::2] & 0b1111).any()


@pytest.mark.parametrize(("keypoints", "raw"), [(20, 132), (15, 102), (10, 72)])
def test_raw_bytes_are_those_of_the_paper(keypoints, raw):
    assert Fp16Motion(np.ones((6 * keypoints + 12, 256), np.uint16)).raw_bytes == raw


def test_the_coder_is_within_a_percent_of_its_tables_entropy(statistics, make_track):
    coding = Fp16Motion(statistics.byte_counts)
    track = make_track(500, seed=50)
    entropy = coding.bits(track).sum() / 8
    assert entropy <= len(coding.encode([track])) <= 1.001 * entropy + 8


def test_tables_pay(statistics, make_track):
    track = make_track(200, seed=50)
    flat = Fp16Motion(np.ones((2 * NUMBERS, 256), np.uint16))
    assert abs(len(flat.encode([track])) - track.size * 2) < 10
    assert len(Fp16Motion(statistics.byte_counts).encode([track])) < 0.9 * track.size * 2


def test_an_upper_byte_counts_for_its_neighbours_of_the_same_sign():
    counts = np.ones((2, 256), np.uint16)
    counts[1, 0x3C] = 1 << 14  # numbers from 1 to just below 1.25 alone
    bits = Fp16Motion(counts).bits(np.float32([[1], [1.25], [1.5], [3.5], [2048], [-1.25]]))
    assert np.allclose(np.diff(bits)[:2], 1, atol=0.1)  # half as likely a step further
    assert bits[2] < bits[3] < bits[4]
    assert bits[5] == pytest.approx(bits[4], abs=0.1)  # unseen ones are equal, whatever their sign


def counted(track, counts):
    """A track whose frames say how many groups of two they have after a head of four, and its sent part."""
    sent = track.copy()
    sent[np.arange(NUMBERS) >= 4 + 2 * np.asarray(counts)[:, None]] = 0
    return tuple(np.insert(one, 0, counts, axis=1) for one in (track, sent))


def test_only_the_groups_that_are_counted_are_sent(statistics, make_track, decoded):
    coding = AdaptiveFp16Motion(statistics.byte_counts, head=4, group=2)
    counts = np.random.default_rng(1).integers(0, 5, 100)
    track, sent = counted(make_track(100), counts)
    data = coding.encode([track[:30], track[30:]])
    assert np.array_equal(decoded(coding, data, 100), arriving(sent))


def test_a_steady_count_costs_next_to_nothing(statistics, make_track):
    track = make_track(200)
    plain = Fp16Motion(statistics.byte_counts).encode([track])
    coding = AdaptiveFp16Motion(statistics.byte_counts, head=4, group=2)
    assert len(coding.encode([counted(track, [4] * 200)[0]])) < len(plain) + 20
    assert coding.fingerprint() != Fp16Motion(statistics.byte_counts).fingerprint()


def test_damaged_counts_end_in_an_error_or_a_track(statistics, make_track, no_hang, decoded):
    coding = AdaptiveFp16Motion(statistics.byte_counts, head=4, group=2)
    data = coding.encode([counted(make_track(12), np.arange(12) % 5)[0]])
    dice = np.random.default_rng(6)
    no_hang(100)
    errors = 0
    for _ in range(1000):
        damaged = bytearray(data)
        damaged[dice.integers(len(data))] ^= 1 << int(dice.integers(8))
        try:
            assert decoded(coding, bytes(damaged), 12).shape == (12, NUMBERS + 1)
        except StreamError:
            errors += 1
    assert errors > 800
