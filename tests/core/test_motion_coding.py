"""What every coding of motion owes, and what each promises."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys

import numpy as np
import pytest
from talkbench.core.errors import CodecError, StreamError
from talkbench.core.fp16_motion import Fp16Motion, arriving
from talkbench.core.motion_coding import lock, unlock
from talkbench.core.predictive_motion import HOLD, PredictiveMotion
from talkbench.core.transform_motion import TransformMotion

NUMBERS = 12


@pytest.fixture(params=["fp16", "predictive", "transform"])
def coding(request, statistics, together, steps):
    return {
        "fp16": lambda: Fp16Motion(statistics.byte_counts),
        "predictive": lambda: PredictiveMotion(steps, statistics.cross),
        "transform": lambda: TransformMotion(steps, together.basis),
    }[request.param]()


@pytest.mark.parametrize("frames", [1, 2, 64, 65, 150])
def test_what_comes_out_is_within_the_promise(coding, frames, make_track, steps, decoded):
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


def test_a_frame_depends_on_no_later_one(coding, make_track, decoded):
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
def test_another_number_of_frames_is_noticed(coding, frames, make_track, decoded):
    data = coding.encode([make_track(50)])
    with pytest.raises(StreamError, match="corrupt motion data"):
        decoded(coding, data, frames)


def test_thousands_of_flipped_bits_end_in_an_error_or_a_track(coding, make_track, no_hang, decoded):
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


def test_noise_and_cuts_are_refused(coding, make_track, no_hang, decoded):
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


def test_another_process_decodes_the_same(coding, statistics, together, steps, make_track, tmp_path, decoded):
    data = coding.encode([make_track(100)])
    here = hashlib.sha256(decoded(coding, data, 100).tobytes()).hexdigest()
    file = (together if isinstance(coding, TransformMotion) else statistics).save(tmp_path)
    arguments = [type(coding).__name__, str(file), json.dumps(steps.tolist()), "100"]
    answer = subprocess.run(
        [sys.executable, "-c", DECODE, *arguments], input=data, capture_output=True, check=True, cwd="/"
    )
    assert answer.stdout.decode().split() == [coding.fingerprint(), here]


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
