"""What is learnt of tracks, and the files that keep it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from talkbench.core.errors import AssetError, CodecError
from talkbench.core.motion_statistics import MotionStatistics, emphasised

NUMBERS = 12


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


def test_an_emphasis_survives_a_file_and_has_a_part_for_fewer_numbers(statistics, tmp_path):
    matrix = np.random.default_rng(0).normal(size=(NUMBERS, NUMBERS)).astype(np.float32)
    emphatic = replace(statistics, emphasis=matrix)
    again = MotionStatistics.load(emphatic.save(tmp_path))
    assert np.array_equal(again.emphasis, matrix)
    assert again.fingerprint() == emphatic.fingerprint() != statistics.fingerprint()
    assert np.array_equal(again.first(5).emphasis, matrix[:5, :5])
    assert statistics.first(5).emphasis.shape == (0, 0)
    broken = replace(statistics, emphasis=matrix * np.nan)
    with pytest.raises(AssetError, match="holds no motion statistics"):
        MotionStatistics.load(broken.save(tmp_path))


def test_emphasis_multiplies_the_difference_from_the_source():
    numbers = np.array([[1, 1], [2, 3]], np.float32)
    found = emphasised(numbers, numbers[:1], np.array([[2, 0], [1, 1]], np.float32))
    assert found.tolist() == [[1, 1], [3, 4]]


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
