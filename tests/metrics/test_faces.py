"""Metrics of faces, by a detector that is told where the face is: what is counted, and as what."""

from __future__ import annotations

import math
import pickle
from typing import Any

import numpy as np
import pytest
from talkbench.core.errors import AssetError, MetricError, UsageError
from talkbench.metrics import akd, akd_fomm, csim, dlib_landmarks, fan_landmarks
from talkbench.metrics.landmark_distances import EYES, MOUTH

SIDE = 64
NAN = float("nan")
PATTERN = np.stack([np.arange(68) % 9 * 3.0, np.arange(68) // 9 * 3.0], axis=1)
"""A face: 68 points on a grid, some 24 pixels wide."""
METRICS = ("akd", "akd_fomm", "lmd", "csim", "aed")
COLUMNS = {
    "akd": ("akd", "akd_eyes", "akd_mouth", "akd_penalised", "akd_miss", "akd_unseen"),
    "akd_fomm": ("akd_fomm", "akd_fomm_miss", "akd_fomm_unseen"),
    "lmd": ("lmd", "lmd_mouth", "lmd_miss", "lmd_unseen"),
    "csim": ("csim", "csim_miss", "csim_unseen"),
    "aed": ("aed", "aed_miss", "aed_unseen"),
}


def clip(*places: tuple[int, int] | None) -> np.ndarray:
    """Frames with one white pixel each, where their face is; None for no face."""
    frames = np.zeros((len(places), SIDE, SIDE, 3), np.uint8)
    for frame, place in zip(frames, places, strict=True):
        if place is not None:
            frame[place[1], place[0]] = 255
    return frames


def faces(frames: np.ndarray) -> list[np.ndarray | None]:
    """A face at the white pixel of each frame."""
    found = []
    for frame in frames:
        y, x = np.nonzero(frame[..., 0])
        found.append(PATTERN + np.array([x[0], y[0]]) if len(x) else None)
    return found


def people(frames: np.ndarray) -> list[np.ndarray | None]:
    """An identity that turns by a degree with each column that the white pixel is further to the right."""
    found = []
    for frame in frames:
        _, x = np.nonzero(frame[..., 0])
        turn = math.radians(x[0]) if len(x) else 0
        found.append(np.array([math.cos(turn), math.sin(turn)]) if len(x) else None)
    return found


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts detectors that are told in the place of real ones."""
    monkeypatch.setattr(akd, "landmarks", faces)
    monkeypatch.setattr(dlib_landmarks, "landmarks", faces)
    monkeypatch.setattr(fan_landmarks, "landmarks", faces)
    monkeypatch.setattr("talkbench.metrics.lmd.landmarks", faces)
    monkeypatch.setattr(fan_landmarks, "check", lambda metric: None)
    monkeypatch.setattr(csim, "identities", people)
    monkeypatch.setattr("talkbench.metrics.aed.identities", people)


STILL = clip(*[(10, 10)] * 5)


@pytest.mark.usefixtures("told")
def test_a_face_moved_by_d_pixels_is_d_pixels_off(metric, score):
    moved = score(metric("akd"), STILL, clip(*[(13, 14)] * 5))
    assert moved.values == {
        "akd": 5, "akd_eyes": 5, "akd_mouth": 5, "akd_penalised": 5, "akd_miss": 0, "akd_unseen": 0,
    }  # fmt: skip
    assert moved.absent == {}
    assert score(metric("lmd"), STILL, clip(*[(13, 14)] * 5)).values["lmd"] == 5
    for finder in ("dlib", "fan"):
        fomm = score(metric("akd_fomm", landmarks=finder), STILL, clip(*[(13, 14)] * 5))
        assert fomm.values == {"akd_fomm": 3.5, "akd_fomm_miss": 0, "akd_fomm_unseen": 0}


def test_eyes_and_mouth_are_those_of_300_w(metric):
    real = PATTERN.copy()
    for part, column in ((EYES, "akd_eyes"), (MOUTH, "akd_mouth")):
        moved = real.copy()
        moved[part] += (0, 2)
        values = metric("akd").compare(real, moved)
        assert values[column] == 2
        assert values["akd"] == pytest.approx(2 * len(real[part]) / 68)
    assert len(real[EYES]) == 12
    assert len(real[MOUTH]) == 20


@pytest.mark.usefixtures("told")
def test_identities_turned_by_an_angle(metric, score):
    turned = clip(*[(70 - 10, 10)] * 5)  # 50 degrees from 10
    assert score(metric("csim"), STILL, turned).values["csim"] == pytest.approx(math.cos(math.radians(50)))
    assert score(metric("aed"), STILL, turned).values["aed"] == pytest.approx(2 * math.sin(math.radians(25)))


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", METRICS)
def test_identical_frames(metric, score, name):
    values = dict(score(metric(name), STILL, STILL).values)
    best = 1 if name == "csim" else 0
    assert values.pop(name) == pytest.approx(best)
    assert set(values.values()) == {0}


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("lost", [1, 3])
def test_a_face_removed_in_k_of_n_frames_is_missed_there_and_nowhere_else(metric, score, name, lost):
    decoded = clip(*[(12, 10)] * 2, *[None] * lost, *[(12, 10)] * (3 - lost))
    whole = score(metric(name, count_first=True), STILL, clip(*[(12, 10)] * 5))
    cut = score(metric(name, count_first=True), STILL, decoded)
    assert cut.values[f"{name}_miss"] == pytest.approx(lost / 5)
    assert cut.values[f"{name}_unseen"] == 0
    assert cut.values[name] == pytest.approx(whole.values[name])
    assert np.isnan(cut.frames[name]).tolist() == [2 <= at < 2 + lost for at in range(5)]
    assert cut.frames[f"{name}_miss"].tolist() == [2 <= at < 2 + lost for at in range(5)]


@pytest.mark.usefixtures("told")
def test_a_missed_frame_is_penalised_as_a_face_shrunk_to_a_point(metric, score):
    decoded = clip((10, 10), None, (13, 14), (13, 14), (13, 14))
    centre = PATTERN.mean(axis=0)
    penalty = np.hypot(*(PATTERN - centre).T).mean()
    scores = score(metric("akd"), STILL, decoded)
    assert scores.values["akd"] == 5
    assert scores.values["akd_penalised"] == pytest.approx((penalty + 15) / 4)
    shrunk = metric("akd").compare(PATTERN, np.broadcast_to(centre, PATTERN.shape))
    assert shrunk["akd"] == pytest.approx(penalty)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", METRICS)
def test_frames_whose_reference_has_no_face_are_counted_apart(metric, score, name):
    reference = clip((10, 10), None, (10, 10), None, (10, 10))
    scores = score(metric(name), reference, clip(*[(12, 10)] * 4, None))
    assert scores.values[f"{name}_unseen"] == 2 / 4
    assert scores.values[f"{name}_miss"] == 1 / 2  # of the two that count and whose reference has a face
    assert np.isnan(scores.frames[name]).tolist() == [False, True, False, True, True]
    assert scores.frames[f"{name}_miss"] == pytest.approx([0, NAN, 0, NAN, 1], nan_ok=True)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", METRICS)
def test_no_face_at_all_gives_no_value_but_a_reason(metric, score, name):
    built, nobody = metric(name), clip(*[None] * 5)
    scores = score(built, nobody, STILL)
    assert scores.values == {f"{name}_unseen": 1}
    assert set(scores.absent) == set(built.columns) - {f"{name}_unseen"}
    assert set(scores.absent.values()) == {
        f"{built.detector} finds no face in any of the 4 reference frames that count"
    }
    scores = score(built, STILL, nobody)
    assert scores.values[f"{name}_miss"] == 1
    assert scores.values[f"{name}_unseen"] == 0
    assert scores.absent[name] == (
        f"{built.detector} finds no face in any of the 4 decoded frames whose reference has one"
    )
    assert not set(scores.values) & set(scores.absent)
    assert set(scores.values) | set(scores.absent) == set(built.columns)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", METRICS)
def test_frame_0_is_kept_but_counts_only_if_asked(metric, score, name):
    decoded = clip((25, 10), *[(12, 10)] * 4)
    without, counted = (score(metric(name, count_first=first), STILL, decoded) for first in (False, True))
    assert without.frames[name] == pytest.approx(counted.frames[name])
    assert without.values[name] == pytest.approx(without.frames[name][1:].mean())
    assert counted.values[name] == pytest.approx(without.frames[name].mean())


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", METRICS)
def test_borders_of_blocks_do_not_matter(metric, score, name):
    decoded = clip((10, 10), None, (13, 14), (11, 10), (10, 12))
    whole = score(metric(name), STILL, decoded, blocks=(5,))
    for blocks in ((1,), (4,), (1, 3, 2)):
        cut = score(metric(name), STILL, decoded, blocks=blocks)
        assert cut.values == pytest.approx(whole.values)


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", METRICS)
def test_one_frame_has_no_value_unless_frame_0_counts(metric, score, name):
    with pytest.raises(MetricError, match=r"1 frames were scored .* run\.count_first"):
        score(metric(name), STILL[:1], STILL[:1])
    assert name in score(metric(name, count_first=True), STILL[:1], STILL[:1]).values
    with pytest.raises(MetricError, match="0 frames were scored"):
        score(metric(name, count_first=True), STILL[:0], STILL[:0])


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", METRICS)
def test_frames_of_another_size_or_number_are_refused(metric, score, name):
    with pytest.raises(
        MetricError, match=r"decoded frames are uint8 \(4, 62, 64, 3\), expected uint8 \(t, 64"
    ):
        score(metric(name), STILL, STILL[:, :-2])
    with pytest.raises(MetricError, match="1 frames were decoded, 4 expected"):
        score(metric(name), STILL, STILL[:1])


@pytest.mark.parametrize("name", METRICS)
def test_columns_say_what_they_are(metric, name):
    built = metric(name)
    assert built.columns == COLUMNS[name]
    for column in built.columns:
        counts = column.endswith(("_miss", "_unseen"))
        about = built.column(column)
        assert (about.unit, about.direction) == (
            ("share", "lower") if counts else (built.unit, built.direction)
        )


@pytest.mark.parametrize("name", METRICS)
def test_signatures_name_detector_network_and_alignment(metric, name):
    signature = metric(name).signature
    assert "|detector:" in signature
    assert "|face:largest|" in signature
    if name in ("csim", "aed"):
        assert "|alignment:" in signature
        assert "|network:" in signature
    else:
        assert "|landmarks:" in signature
    assert pickle.loads(pickle.dumps(metric(name))).signature == signature


def test_fomms_definition_takes_either_finder(metric):
    dlib, fan = (metric("akd_fomm", landmarks=name) for name in ("dlib", "fan"))
    assert dlib.signature != fan.signature
    assert dlib.needs() == akd_fomm.AkdFomm.assets
    assert fan.needs() == ()
    with pytest.raises(UsageError, match=r"unknown metrics\.akd_fomm\.landmarks 'dlbi'; did you mean dlib"):
        metric("akd_fomm", landmarks="dlbi")


@pytest.mark.parametrize(
    ("name", "file"), [("akd", "shape_predictor"), ("csim", "scrfd"), ("aed", "dlib_face")]
)
def test_missing_weights_are_named_with_their_source_and_place(
    monkeypatch, tmp_path, metric, score, name, file
):
    from talkbench.metrics import arcface, dlib_identities

    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path))
    caches = (dlib_landmarks._detector, dlib_identities._network, arcface._networks)
    for cache in caches:
        cache.cache_clear()
    with pytest.raises(AssetError, match=rf"{file}.* is missing; run `bench assets fetch {file}\S*`, or put"):
        score(metric(name), STILL, STILL)


def test_weights_for_research_only_are_said_to_be_so():
    from talkbench.core.listing import asset_rows

    rows: dict[str, Any] = {row["name"]: row for row in asset_rows([])}
    for name in ("w600k_mbf.onnx", "scrfd_500m_bnkps.onnx"):
        assert "non-commercial research only" in rows[name]["licence"]
    for name in ("shape_predictor_68_face_landmarks.dat", "dlib_face_recognition_resnet_model_v1.dat"):
        assert "training pictures" in rows[name]["licence"]
