"""Metrics of faces by the real detectors: pictures of real people, and the libraries called naively."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from talkbench.core.assets import fetch, locate
from talkbench.metrics import arcface, dlib_landmarks
from talkbench.metrics.aed import Aed
from talkbench.metrics.arcface import identities
from talkbench.metrics.csim import Csim
from talkbench.metrics.dlib_identities import DLIB_RECOGNITION
from talkbench.metrics.dlib_landmarks import DLIB_LANDMARKS, landmarks

pytestmark = pytest.mark.network


@pytest.fixture(scope="module")
def people(lpips_weights: None) -> dict[str, np.ndarray]:
    """Frames 0 and 12 of each clip of the data set `sample`, (2, 256, 256, 3), by clip."""
    from talkbench.datasets.sample import Sample

    sample = Sample()
    fetch(*Aed.assets, *Csim.assets, *sample.needs())
    return {clip.name: np.concatenate(list(clip.first(13).frames()))[::12].copy() for clip in sample.clips()}


@pytest.fixture(scope="module")
def spoilt(people: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Two frames of one person, and a coarse copy of them."""
    frames = people["vlog"]
    coarse = frames[:, ::4, ::4].repeat(4, 1).repeat(4, 2)
    return frames, coarse


def test_pictures_moved_by_d_pixels_are_some_d_pixels_off(metric, score, people):
    for frames in people.values():
        for d in (3, 8):
            values = score(metric("akd"), frames, np.roll(frames, d, axis=2)).values
            assert values["akd"] == pytest.approx(d, abs=1)
            assert values["akd_miss"] == 0
        fomm = score(metric("akd_fomm"), frames, np.roll(frames, (6, 8), axis=(1, 2))).values
        assert fomm["akd_fomm"] == pytest.approx(7, abs=1)


def test_one_person_is_alike_and_two_are_not(people):
    first = {name: identities(frames) for name, frames in people.items()}
    for name, (one, later) in first.items():
        assert np.dot(one, later) > 0.6
        for other, (stranger, _) in first.items():
            if other != name:
                assert np.dot(one, stranger) < 0.3


def test_people_swapped(metric, score, people):
    one, other = people["mall"], people["vlog"]
    assert score(metric("csim"), one, other).values["csim"] < 0.3
    assert score(metric("aed"), one, other).values["aed"] > 0.7
    assert score(metric("csim", count_first=True), one, one[::-1]).values["csim"] > 0.6
    assert score(metric("aed", count_first=True), one, one[::-1]).values["aed"] < 0.6


def _naive_landmarks(frame: np.ndarray) -> np.ndarray:
    import dlib

    (box,) = dlib.get_frontal_face_detector()(frame)
    shape = dlib.shape_predictor(str(locate(DLIB_LANDMARKS)))(frame, box)
    return np.array([(point.x, point.y) for point in shape.parts()])


def test_akd_is_dlib_called_naively(metric, score, spoilt):
    pairs = [[_naive_landmarks(frame) for frame in frames] for frames in zip(*spoilt, strict=True)]
    naive = [np.hypot(*(x - y).T).mean() for x, y in pairs]
    assert naive[1] > 0
    assert score(metric("akd"), *spoilt).frames["akd"] == pytest.approx(naive)
    fomm = [np.mean(np.abs(x - y)) for x, y in pairs]
    assert score(metric("akd_fomm"), *spoilt).frames["akd_fomm"] == pytest.approx(fomm)


def test_aed_is_dlib_called_naively(metric, score, spoilt):
    import dlib

    network = dlib.face_recognition_model_v1(str(locate(DLIB_RECOGNITION)))
    predictor = dlib.shape_predictor(str(locate(DLIB_LANDMARKS)))

    def described(frame: np.ndarray) -> np.ndarray:
        (box,) = dlib.get_frontal_face_detector()(frame)
        return np.array(network.compute_face_descriptor(frame, predictor(frame, box)))

    naive = [np.linalg.norm(described(x) - described(y)) for x, y in zip(*spoilt, strict=True)]
    assert naive[1] > 0.05
    assert score(metric("aed"), *spoilt).frames["aed"] == pytest.approx(naive, abs=1e-6)


def test_csim_is_insightface_called_naively(metric, score, spoilt, tmp_path: Path):
    from insightface.app import FaceAnalysis

    folder = tmp_path / "models" / "small"
    folder.mkdir(parents=True)
    for asset in Csim.assets:
        (folder / asset.name).symlink_to(locate(asset))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        app = FaceAnalysis(
            "small", str(tmp_path), ["detection", "recognition"], providers=["CPUExecutionProvider"]
        )
        app.prepare(ctx_id=-1, det_size=(256, 256))
        naive = []
        for x, y in zip(*spoilt, strict=True):
            (real,), (found,) = app.get(x[..., ::-1].copy()), app.get(y[..., ::-1].copy())
            naive.append(np.dot(real.normed_embedding, found.normed_embedding))
    assert naive[1] < 0.999
    assert score(metric("csim"), *spoilt).frames["csim"] == pytest.approx(naive, abs=1e-4)


@pytest.mark.parametrize(
    ("name", "tolerance"), [("akd", 0.3), ("akd_fomm", 0.3), ("csim", 0.01), ("aed", 0.01)]
)
def test_frozen(metric, score, frozen, spoilt, name, tolerance):
    frozen(name, score(metric(name), *spoilt).values[name], tolerance)


def test_larger_and_smaller_pictures_are_measured_at_256(metric, score, people):
    frames = people["expressions"]
    moved = np.roll(frames, 8, axis=2)
    for size in (2, 0.5):
        if size == 2:
            pair = [pictures.repeat(2, 1).repeat(2, 2) for pictures in (frames, moved)]
        else:
            pair = [pictures[:, ::2, ::2].copy() for pictures in (frames, moved)]
        assert score(metric("akd"), *pair).values["akd"] == pytest.approx(8, abs=1.5)


def test_of_two_faces_the_larger_counts(people):
    small, large = people["vlog"][0], people["expressions"][0]
    scene = np.concatenate([small, large], axis=1)[:, 60:]
    for turned in (1, -1):
        picture = np.ascontiguousarray(scene[:, ::turned])
        detector, _ = dlib_landmarks._detector()
        half = dlib_landmarks._scaled(picture, 256 / picture.shape[1])
        assert len(detector(half, 0)) == 2
        (found,) = landmarks(picture[None])
        assert turned * (found[:, 0].mean() - 128) > 0
        (who,) = identities(picture[None])
        (one,), (other,) = (identities(np.ascontiguousarray(x[None, :, ::turned])) for x in (large, small))
        assert np.dot(who, one) > 0.9
        assert np.dot(who, other) < 0.3


@pytest.mark.parametrize("name", ["akd", "akd_fomm", "csim", "aed"])
def test_a_head_turned_beyond_the_detector_is_counted(metric, score, people, name):
    """Half a face, as little as a profile shows: the other half is painted over."""
    frames = people["vlog"]
    half = frames.copy()
    half[:, :, 128:] = half[:, :, 127:128]
    seen, unseen = score(metric(name), frames, half), score(metric(name), half, frames)
    assert (seen.values[f"{name}_miss"], seen.values[f"{name}_unseen"]) == (1, 0)
    assert "finds no face in any of the 1 decoded frames whose reference has one" in seen.absent[name]
    assert unseen.values == {f"{name}_unseen": 1}
    assert "finds no face in any of the 1 reference frames that count" in unseen.absent[name]


def test_faces_are_looked_for_once(metric, score, people, monkeypatch):
    looked: dict[str, int] = {"dlib": 0, "SCRFD": 0}

    def counting(name, function):
        def counted(frame):
            looked[name] += 1
            return function(frame)

        return counted

    monkeypatch.setattr(dlib_landmarks, "_shape", counting("dlib", dlib_landmarks._shape))
    monkeypatch.setattr(arcface, "_aligned", counting("SCRFD", arcface._aligned))
    frames = people["mall"].copy()
    for name in ("akd", "akd_fomm", "aed", "csim"):
        built = metric(name)
        built.find(frames)
        built.find(frames)
    assert looked == {"dlib": 2, "SCRFD": 2}


def test_the_libraries_say_nothing_and_use_one_thread():
    code = (
        "import numpy as np\n"
        "from talkbench.core.registry import load\n"
        "frames = np.zeros((1, 64, 64, 3), np.uint8)\n"
        "for name in ('akd', 'csim', 'aed'): load('metrics', name)().find(frames)\n"
        "from talkbench.metrics.arcface import _networks\n"
        "for network in _networks():\n"
        "    options = network.session.get_session_options()\n"
        "    assert (options.intra_op_num_threads, options.inter_op_num_threads) == (1, 1)\n"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
