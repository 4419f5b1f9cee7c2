"""What every coding of motion owes, and what each promises."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
from talkbench.core.adaptive_counts import LARGEST
from talkbench.core.errors import AssetError, CodecError, StreamError
from talkbench.core.fp16_motion import SIGNIFICANT_BITS, AdaptiveFp16Motion, Fp16Motion, arriving, as_bytes
from talkbench.core.motion_coding import lock, unlock
from talkbench.core.motion_statistics import MotionStatistics
from talkbench.core.predictive_motion import HOLD, LARGEST_LEVEL, PredictiveMotion
from talkbench.core.transform_motion import TransformMotion

NUMBERS = 12


@pytest.fixture(scope="module")
def statistics(make_track, steps):
    return MotionStatistics.learn([make_track(300, seed) for seed in range(100, 110)], steps)


@pytest.fixture(scope="module")
def together(make_track, steps):
    return MotionStatistics.learn([make_track(300, seed) for seed in range(100, 110)], steps, together=True)


@pytest.fixture(params=["fp16", "predictive", "transform"])
def coding(request, statistics, together, steps):
    return {
        "fp16": lambda: Fp16Motion(statistics.byte_counts),
        "predictive": lambda: PredictiveMotion(steps, statistics.cross),
        "transform": lambda: TransformMotion(steps, together.basis),
    }[request.param]()


def decoded(coding, data, frames):
    return np.concatenate(list(coding.decode(data, frames)))


@pytest.mark.parametrize("frames", [1, 2, 64, 65, 150])
def test_what_comes_out_is_within_the_promise(coding, frames, make_track, steps):
    track = make_track(frames)
    result = decoded(coding, coding.encode([track]), frames)
    assert result.dtype == np.float32
    assert result.shape == track.shape
    if isinstance(coding, Fp16Motion):
        assert np.array_equal(result, arriving(track))
    elif isinstance(coding, TransformMotion):  # which keeps lengths, not single numbers
        assert (np.linalg.norm((result - track) / steps, axis=1) <= (HOLD + 1e-3) * NUMBERS**0.5).all()
    else:
        assert (np.abs(result - track) <= (HOLD + 1e-4) * steps).all()
        assert (np.abs(result[0] - track[0]) <= 0.5001 * steps).all()


def test_blocks_do_not_matter(coding, make_track):
    track = make_track(90)
    whole = coding.encode([track])
    assert coding.encode(iter([track[:1], track[1:50], track[50:50], track[50:]])) == whole
    blocks = list(coding.decode(whole, 90))
    assert [len(block) for block in blocks] == [64, 26]


def test_a_frame_depends_on_no_later_one(coding, make_track):
    long, short = make_track(80), make_track(80)[:40]
    other = np.concatenate([short, make_track(40, seed=9)])
    assert np.array_equal(
        decoded(coding, coding.encode([long]), 80)[:40], decoded(coding, coding.encode([other]), 80)[:40]
    )


def test_no_frames_are_no_bytes(coding):
    assert coding.encode([]) == b""
    assert coding.encode([np.empty((0, NUMBERS), np.float32)]) == b""


@pytest.mark.parametrize("number", [np.nan, np.inf, -1e6])
def test_numbers_that_cannot_be_sent_are_refused(coding, number, make_track):
    track = make_track(5)
    track[3, 10] = number
    with pytest.raises(CodecError, match="a motion parameter is"):
        coding.encode([track])


@pytest.mark.parametrize("frames", [49, 51])
def test_another_number_of_frames_is_noticed(coding, frames, make_track):
    data = coding.encode([make_track(50)])
    with pytest.raises(StreamError, match="corrupt motion data"):
        decoded(coding, data, frames)


def test_thousands_of_flipped_bits_end_in_an_error_or_a_track(coding, make_track, no_hang):
    data = coding.encode([make_track(6)])
    dice = np.random.default_rng(4)
    no_hang(200)
    errors = 0
    for _ in range(2500):
        damaged = bytearray(data)
        for _ in range(dice.choice((1, 1, 3, 10))):
            damaged[dice.integers(len(data))] ^= 1 << int(dice.integers(8))
        try:
            result = decoded(coding, bytes(damaged), 6)
        except StreamError:
            errors += 1
        else:
            assert result.shape == (6, NUMBERS)
            assert np.isfinite(result).all()
    assert errors > 2000


def test_noise_and_cuts_are_refused(coding, make_track, no_hang):
    no_hang(60)
    data = coding.encode([make_track(40)])
    dice = np.random.default_rng(5)
    for other in (b"", bytes(500), b"\xff" * 500, dice.bytes(500), data[:20], data[:-4], data + data):
        with pytest.raises(StreamError):
            decoded(coding, other, 40)


def test_a_clip_that_is_promised_to_be_endless_is_given_up(coding, make_track, no_hang):
    no_hang(120)
    data = coding.encode([make_track(3)])
    some = itertools.islice(coding.decode(data, 1 << 24), 1 << 10)
    with pytest.raises(StreamError):
        list(some)


DECODE = """
import hashlib, sys
import numpy as np
from talkbench.core.motion_statistics import MotionStatistics
from talkbench.core.fp16_motion import Fp16Motion
from talkbench.core.predictive_motion import PredictiveMotion
from talkbench.core.transform_motion import TransformMotion
from pathlib import Path
import json
kind, file, steps, frames = sys.argv[1:]
statistics = MotionStatistics.load(Path(file))
coding = {
    "Fp16Motion": lambda: Fp16Motion(statistics.byte_counts),
    "PredictiveMotion": lambda: PredictiveMotion(json.loads(steps), statistics.cross),
    "TransformMotion": lambda: TransformMotion(json.loads(steps), statistics.basis),
}[kind]()
track = np.concatenate(list(coding.decode(sys.stdin.buffer.read(), int(frames))))
print(coding.fingerprint(), hashlib.sha256(track.tobytes()).hexdigest())
"""


def test_another_process_decodes_the_same(coding, statistics, together, steps, make_track, tmp_path):
    data = coding.encode([make_track(100)])
    here = hashlib.sha256(decoded(coding, data, 100).tobytes()).hexdigest()
    file = (together if isinstance(coding, TransformMotion) else statistics).save(tmp_path)
    arguments = [type(coding).__name__, str(file), json.dumps(steps.tolist()), "100"]
    answer = subprocess.run(
        [sys.executable, "-c", DECODE, *arguments], input=data, capture_output=True, check=True, cwd="/"
    )
    assert answer.stdout.decode().split() == [coding.fingerprint(), here]


def test_bytes_do_not_depend_on_the_machine():
    """Frozen: integers reach the coder, so every machine must write these bytes."""
    raw = (np.random.PCG64(11).random_raw(240) >> np.uint64(52)).astype(np.int64).reshape(40, 6)
    track = (np.cumsum(raw % 7 - 3, axis=0) / 8).astype(np.float32)
    track[20] += 64
    cross = np.tril(np.arange(36).reshape(6, 6) * 5 - 60, -1).astype(np.int16)
    data = PredictiveMotion([0.125, 0.25, 0.125, 0.5, 0.125, 0.25], cross).encode([track])
    assert hashlib.sha256(data).hexdigest()[:16] == "700d2bf1d9019d92"


# fp16


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


# adaptive


def counted(track, counts):
    """A track whose frames say how many groups of two they have after a head of four, and its sent part."""
    sent = track.copy()
    sent[np.arange(NUMBERS) >= 4 + 2 * np.asarray(counts)[:, None]] = 0
    return tuple(np.insert(one, 0, counts, axis=1) for one in (track, sent))


def test_only_the_groups_that_are_counted_are_sent(statistics, make_track):
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


def test_damaged_counts_end_in_an_error_or_a_track(statistics, make_track, no_hang):
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


# predictive


def test_a_still_head_costs_next_to_nothing(make_track, steps):
    track = np.repeat(make_track(1), 500, axis=0)
    coding = PredictiveMotion(steps)
    data = coding.encode([track])
    assert len(data) < len(coding.encode([track[:1]])) + 40


def test_trembling_within_the_hold_is_not_followed(steps):
    coding = PredictiveMotion(steps)
    still = np.zeros((60, NUMBERS))
    tremble = np.random.default_rng(0).uniform(-0.7, 0.7, still.shape) * steps
    tremble[0] = 0
    data = coding.encode([tremble.astype(np.float32)])
    assert not decoded(coding, data, 60).any()


def test_coarser_steps_cost_less(make_track, steps, statistics):
    track = make_track(200, seed=50)
    sizes = [
        len(PredictiveMotion(factor * steps, statistics.cross).encode([track])) for factor in (0.5, 1, 2, 4)
    ]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 1.5 * sizes[2]


def test_prediction_pays(make_track, steps, statistics):
    track = make_track(300, seed=50)
    plain, crossed = (
        len(PredictiveMotion(steps, cross).encode([track])) for cross in (None, statistics.cross)
    )
    assert crossed < 0.95 * plain
    assert crossed < 0.5 * len(Fp16Motion(statistics.byte_counts).encode([track]))


@pytest.mark.parametrize("change", [LARGEST, LARGEST + 1, LARGEST + 2, 1000, 2 * (LARGEST_LEVEL - 1)])
def test_jumps_of_any_size_survive(change):
    levels = np.zeros((6, 3), np.float32)
    levels[1::2, 0] = change // 2
    levels[::2, 0] = change // 2 - change
    levels[:, 2] = -levels[:, 0]
    wild = np.tril(np.full((3, 3), np.iinfo(np.int16).max), -1).astype(np.int16)
    for cross in (None, wild, -wild):
        coding = PredictiveMotion([1.0] * 3, cross)
        assert np.array_equal(decoded(coding, coding.encode([levels]), 6), levels)


def test_a_level_too_large_is_refused():
    with pytest.raises(CodecError, match="too large"):
        PredictiveMotion([1.0]).encode([np.float32([[LARGEST_LEVEL]])])


# statistics


def test_statistics_survive_a_file_named_by_their_hash(statistics, tmp_path):
    file = statistics.save(tmp_path)
    assert file.stem == statistics.fingerprint()[:16]
    again = MotionStatistics.load(file)
    assert again.fingerprint() == statistics.fingerprint()
    assert np.array_equal(again.byte_counts, statistics.byte_counts)
    assert np.array_equal(again.cross, statistics.cross)
    before = file.read_bytes()
    assert statistics.save(tmp_path).read_bytes() == before


def test_a_basis_survives_a_file_too(together, tmp_path):
    again = MotionStatistics.load(together.save(tmp_path))
    assert again.fingerprint() == together.fingerprint()
    assert np.array_equal(again.basis, together.basis)
    assert again.first(NUMBERS).basis.shape == (NUMBERS, NUMBERS)
    assert again.first(NUMBERS - 3).basis.shape == (0, 0)


def test_a_basis_turns_numbers_and_keeps_lengths(together):
    basis = together.basis / 2**14
    np.testing.assert_allclose(basis @ basis.T, np.eye(NUMBERS), atol=1e-3)


def test_numbers_that_move_together_cost_as_much_as_one():
    dice = np.random.default_rng(2)
    walk = np.cumsum(dice.integers(-3, 4, (400, 1)), axis=0)
    track = (walk + dice.normal(scale=0.2, size=(400, 24))).astype(np.float32)
    learnt = MotionStatistics.learn([track[:200]], [1] * 24, together=True)
    apart, turned = (
        len(coding.encode([track[200:]]))
        for coding in (PredictiveMotion([1.0] * 24), TransformMotion([1.0] * 24, learnt.basis))
    )
    assert turned < 0.2 * apart


def test_every_byte_stays_possible(statistics):
    assert statistics.byte_counts.min() >= 1


def test_changes_that_go_together_are_found():
    dice = np.random.default_rng(2)
    walk = np.cumsum(dice.integers(-3, 4, 2000))
    track = np.stack([walk, 2 * walk, dice.integers(-3, 4, 2000)], axis=1).astype(np.float32)
    cross = MotionStatistics.learn([track], [1, 1, 1]).cross / 256
    assert cross[1, 0] == pytest.approx(2, abs=0.05)
    assert np.abs(cross[2]).max() < 0.1


def test_the_first_parameters_have_statistics_of_their_own(statistics):
    part = statistics.first(6)
    assert part.byte_counts.shape == (12, 256)
    assert part.cross.shape == (6, 6)
    assert part.fingerprint() != statistics.fingerprint()
    with pytest.raises(AssetError, match="12 numbers a frame found, 13 are needed"):
        statistics.first(13)


def test_nothing_to_learn_from_is_refused(steps):
    with pytest.raises(CodecError, match="no frames to learn"):
        MotionStatistics.learn([], steps)


def test_files_that_hold_no_statistics_are_refused(statistics, tmp_path):
    with pytest.raises(AssetError, match="cannot be read"):
        MotionStatistics.load(tmp_path / "none.npz")
    file = tmp_path / "other.npz"
    good = {"byte_counts": statistics.byte_counts, "cross": statistics.cross}
    others = [
        {},
        {"cross": good["cross"]},
        {**good, "cross": good["cross"][:3]},
        {**good, "cross": good["cross"] + np.int16(1)},
        {**good, "byte_counts": 0 * good["byte_counts"]},
        {**good, "byte_counts": good["byte_counts"].astype(np.float64)},
        {**good, "cross": np.array([print], dtype=object)},
        {**good, "basis": np.eye(3, dtype=np.int16)},
        {**good, "basis": np.eye(NUMBERS)},
    ]
    for arrays in others:
        np.savez(file, **arrays)
        with pytest.raises(AssetError, match="holds no motion statistics"):
            MotionStatistics.load(file)
    for content in (b"", b"PK\x03\x04 no archive", file.read_bytes()[:100]):
        file.write_bytes(content)
        with pytest.raises(AssetError, match="holds no motion statistics"):
            MotionStatistics.load(file)


# what stands before the data


def test_other_weights_are_refused_by_name():
    have = {"weights": "ab" * 32, "motion coding": "cd" * 32}
    data = lock(b"motion", *have.values())
    assert len(data) == 8 + 6
    assert unlock(data, have) == b"motion"
    with pytest.raises(StreamError, match="made with weights abababab…, this decoder has 12121212…"):
        unlock(data, {**have, "weights": "12" * 32})
    with pytest.raises(StreamError, match="made with motion coding cdcdcdcd…"):
        unlock(data, {**have, "motion coding": "12" * 32})
    with pytest.raises(StreamError, match="motion data is missing"):
        unlock(data[:8], have)
    assert lock(b"", *have.values()) == b""
