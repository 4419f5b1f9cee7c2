"""A source picture animated by landmarks: what is sent, and what is not sent without a face."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from talkbench.core import bitstream
from talkbench.core.assets import fetch
from talkbench.core.errors import CodecError
from talkbench.core.face_landmarks import FaceLandmarks
from talkbench.core.fp16_motion import Fp16Motion
from talkbench.core.shared_assets import FACE_LANDMARKER
from talkbench.datasets.sample import Sample
from talkbench.methods.few_shot_vid2vid.landmarks import LANDMARKS
from talkbench.methods.fs_vid2vid import FsVid2vid

POINTS = list(FsVid2vid.points)
ELSEWHERE = """
import json, sys
import numpy as np
from talkbench.core import bitstream
from talkbench.core.motion_coding import unlock
from talkbench.core.points import Point
settings, stream, out = sys.argv[1:]
method = Point("fs_vid2vid", "", json.loads(settings)).build()
data = open(stream, "rb").read()
parsed = bitstream.unpack(data)
motion = unlock(parsed.payload(bitstream.Kind.MOTION), method._keys())
numbers = np.concatenate(list(method.coding.decode(motion, parsed.header.frames)))
np.savez(out, numbers=numbers, frames=np.concatenate(list(method.decode(data))))
assert "mediapipe" not in sys.modules
"""


@pytest.fixture
def settings(sweep):
    """Gives all settings of a point."""
    return lambda point, **others: {
        **next(p for p in sweep("fs_vid2vid", **others) if p.name == point).settings
    }


@pytest.fixture
def codec(make_method):
    return lambda point, **others: make_method("fs_vid2vid", point=point, **others)


def numbers_in(method, stream):
    """The landmarks that the decoder gets."""
    parsed = bitstream.unpack(stream)
    coded = parsed.payload(bitstream.Kind.MOTION)[8:]
    return np.concatenate(list(method.coding.decode(coded, parsed.header.frames)))


def test_raw_bytes_a_frame_are_the_paper_s(codec):
    assert codec("fp16").coding.raw_bytes == 504


@pytest.mark.parametrize("point", POINTS)
def test_the_source_s_own_landmarks_are_sent_first_and_all_arrive(point, codec, testcard, whole):
    method = codec(point)
    stream = method.encode(testcard)
    arrived = numbers_in(method, stream)
    source = next(iter(method.decode(stream)))[0]
    frames = [source[None], whole(testcard.frames())[1:]]
    sent = np.concatenate(list(method.estimate(source, frames)))
    assert arrived.shape == sent.shape == (12, 252)
    assert np.ptp(sent, axis=0).min() > 0.001
    scale = FsVid2vid.points[point].scale
    if scale is None:
        near = np.abs(sent) <= 0.5  # of whose numbers the significant bits reach down to the grid's
        assert np.array_equal(arrived[near], sent[near])
        assert np.abs(arrived - sent).max() <= 1 / 256
        tracked = np.concatenate(list(method.track(frames)))
        assert 0 < np.abs(arrived - tracked).max() <= 1 / 512 + 1 / 256
    else:
        error = (arrived - sent) / (scale * np.array(FsVid2vid.steps(126)))
        assert (np.linalg.norm(error, axis=1) <= 0.76 * np.sqrt(252)).all()  # turning keeps lengths


def test_rounded_landmarks_cost_fewer_bytes_as_fp16():
    walk = np.cumsum(np.random.default_rng(0).normal(scale=0.003, size=(400, 252)), 0).astype(np.float32)
    learnt = FsVid2vid.learn([walk], 126)
    fine, rounded = walk, (np.rint(walk * 256) / 256).astype(np.float32)
    assert learnt.basis.shape == (252, 252)
    bits = Fp16Motion(learnt.byte_counts).bits
    assert bits(rounded).mean() < 0.7 * bits(fine).mean()


def test_landmarks_are_in_halves_of_the_longer_side(codec, supposed_face):
    frames = np.random.default_rng(0).integers(0, 256, (2, 48, 80, 3), np.uint8)
    square = np.pad(frames, [(0, 0), (0, 32), (0, 0), (0, 0)], mode="edge")
    numbers = np.concatenate(list(codec("fp16").track([frames])))
    with supposed_face() as detect:
        expected = np.stack([detect(one)[list(LANDMARKS)] / 40 - 1 for one in square])
    np.testing.assert_allclose(numbers, expected.reshape(2, 252), atol=1e-6)


@pytest.fixture
def faces(monkeypatch, supposed_face):
    """Gives the detector a list of whether it sees the face in each picture that comes."""

    def see(*seen):
        left = iter(seen)

        class Sometimes(supposed_face):
            def __call__(self, frame):
                return super().__call__(frame) if next(left) else None

        monkeypatch.setattr("talkbench.methods.fs_vid2vid.FaceLandmarks", Sometimes)

    return see


def test_landmarks_stay_while_no_face_is_found(faces, codec, testcard):
    faces(True, True, False, False, True)
    method = codec("fp16", batch=2)
    numbers = numbers_in(method, method.encode(testcard.first(5)))
    assert np.array_equal(numbers[1], numbers[2])
    assert np.array_equal(numbers[1], numbers[3])
    assert not np.array_equal(numbers[0], numbers[1])
    assert not np.array_equal(numbers[3], numbers[4])


def test_a_source_without_a_face_is_refused(faces, codec, testcard):
    faces(False, True)
    with pytest.raises(CodecError, match=r"fs_vid2vid could not code 'card0' \(64x64\): no face is found"):
        codec("predictive").encode(testcard)
    faces(False)
    with pytest.raises(CodecError, match="no face is found"):
        list(codec("predictive").animate(next(testcard.frames())[0], testcard))


@pytest.mark.parametrize("point", ["predictive", "fp16"])
def test_another_process_decodes_the_same_motion_and_nearly_the_same_frames(
    point, codec, settings, testcard, whole, tmp_path
):
    method = codec(point)
    stream = method.encode(testcard)
    file, out = tmp_path / "stream.tkb", tmp_path / "out.npz"
    file.write_bytes(stream)
    other = json.dumps({**settings(point), "threads": 2, "batch": 3})
    subprocess.run([sys.executable, "-c", ELSEWHERE, other, str(file), str(out)], check=True, cwd="/")
    with np.load(out) as elsewhere:
        assert np.array_equal(elsewhere["numbers"], numbers_in(method, stream))
        frames = whole(method.decode(stream))
        assert np.abs(elsewhere["frames"].astype(int) - frames).max() <= 1
        assert np.ptp(frames.astype(int), axis=0).max() > 8


def test_relative_motion_is_turned_and_scaled_to_the_source_s_face(codec):
    dice = np.random.default_rng(0)
    first, change = dice.normal(size=(126, 2)), dice.normal(scale=0.1, size=(3, 126, 2))
    turn = 1.7 * np.array([[0.8, -0.6], [0.6, 0.8]])
    source = first @ turn.T + (0.3, -0.2)
    moved = codec("fp16").relative(
        *(x.reshape(-1, 252).astype(np.float32) for x in (source, first + change, first))
    )
    expected = (first + change) @ turn.T + (0.3, -0.2)
    np.testing.assert_allclose(moved, expected.reshape(3, 252), atol=1e-5)


@pytest.mark.network
@pytest.mark.slow
def test_a_real_face_is_followed(codec, whole):
    """From the real detector to the decoded frames, with nothing learnt: warping alone follows."""
    clips = Sample(names=["expressions"])
    fetch(FACE_LANDMARKER, *clips.needs())
    clip = clips.clips()[0].first(49)
    method = codec("predictive", batch=8)
    stream = method.encode(clip)
    decoded, original = whole(method.decode(stream)), whole(clip.frames())
    assert decoded.shape == original.shape
    with FaceLandmarks() as detect:
        wanted, shown, still = (
            detect(one)[list(LANDMARKS)] for one in (original[48], decoded[48], original[0])
        )
    assert np.abs(wanted - still).mean() > 2
    assert np.abs(wanted - shown).mean() < 0.5 * np.abs(wanted - still).mean()


@pytest.mark.network
@pytest.mark.slow
def test_the_shipped_weights_make_a_face_act():
    """What ships fits together, decodes in another process, and costs what its points promise."""
    from talkbench.benchmarks.sealed import SealedDecoder
    from talkbench.core.config import compose
    from talkbench.core.points import points

    clips = Sample(names=["expressions"])
    fetch(FACE_LANDMARKER, *clips.needs())
    clip = clips.clips()[0].first(25)
    config = compose(["fs_vid2vid"], "testcard", "compression", [])
    spent = {}
    with SealedDecoder() as decoder:
        for point in points("fs_vid2vid", config["methods"]["fs_vid2vid"]):
            if point.name in ("predictive", "fp16"):
                stream = point.build().encode(clip)
                assert decoder.decode(point, stream).frames == 25
                spent[point.name] = bitstream.sizes(stream)["motion"] / 25
    assert spent["predictive"] < 30
    assert spent["fp16"] < 504
