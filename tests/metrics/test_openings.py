"""mouth_corr, eye_corr and blink_recall: closed forms, faces that are made up, real ones."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.errors import AssetError, MetricError
from talkbench.core.face_landmarks import Face
from talkbench.core.face_openings import CHIN, FOREHEAD, INNER_LIPS, LEFT_EYE, RIGHT_EYE
from talkbench.metrics.blink_recall import blinks, fall, matched
from talkbench.metrics.mesh_faces import faces
from talkbench.metrics.openings import alike, correlation

FRAMES = 40
TALK = 0.1 + 0.08 * np.sin(np.arange(FRAMES) / 2)
OPEN = 0.3 + 0.02 * np.sin(np.arange(FRAMES) / 3)
SINGLE = ("mouth_corr", "eye_corr", "blink_recall")


def blinking(*at: int, length: int = 3) -> np.ndarray:
    """Eyes (40,) that are open but for some frames from each of the given ones on."""
    eyes = OPEN.copy()
    for start in at:
        eyes[start : start + length] = 0.05
    return eyes


def clip(mouth=TALK, eyes=OPEN, faceless=()) -> np.ndarray:
    """Frames whose first bytes say how far mouth and eyes are open, and whether there is a face."""
    frames = np.zeros((FRAMES, 16, 16, 3), np.uint8)
    frames[:, 0, 0, 0], frames[:, 0, 0, 1] = (
        np.round(np.multiply(250, mouth)),
        np.round(np.multiply(250, eyes)),
    )
    frames[:, 0, 0, 2] = 255
    frames[list(faceless), 0, 0, 2] = 0
    return frames


def read(block: np.ndarray) -> list[Face | None]:
    """The faces that `clip` describes."""
    found = []
    for mouth, eyes, there in block[:, 0, 0].astype(np.float64) / 250:
        points = np.zeros((478, 2), np.float32)
        points[[FOREHEAD, CHIN]] = (0, 0), (0, 100)
        points[list(INNER_LIPS)] = (0, 70), (0, 70 + 100 * mouth)
        for outer, inner, lids in (RIGHT_EYE, LEFT_EYE):
            points[[outer, inner]] = (-10, 30), (10, 30)
            for upper, lower in lids:
                points[[upper, lower]] = (0, 30), (0, 30 + 20 * eyes)
        found.append(Face(points, np.zeros(52, np.float32)) if there else None)
    return found


@pytest.fixture
def told(monkeypatch) -> None:
    """Faces are read off the first bytes of a frame."""
    monkeypatch.setattr("talkbench.metrics.openings.faces", read)


def test_correlation_is_pearsons():
    from scipy.stats import pearsonr

    a, b = np.random.default_rng(0).normal(size=(2, 50))
    assert correlation(a, b) == pytest.approx(pearsonr(a, b).statistic)
    assert correlation(a, 3 * a + 1) == pytest.approx(1)
    assert correlation(a, -a) == pytest.approx(-1)


def test_a_constant_series_has_correlation_0():
    assert correlation(TALK, np.full(FRAMES, 0.1)) == 0
    assert correlation(TALK, np.float32(0.1) + np.zeros(FRAMES)) == 0


def test_ranges_are_alike_either_way():
    assert alike(2, 2) == 1
    assert alike(2, 0.4) == alike(0.4, 2) == pytest.approx(0.2)
    assert alike(2, 0) == 0


@pytest.mark.usefixtures("told")
def test_what_moves_alike_scores_1_and_what_stands_still_0(metric, score):
    original = clip(eyes=blinking(8, 25))
    frozen = np.repeat(original[:1], FRAMES, 0)
    for name in ("mouth_corr", "eye_corr"):
        same = score(metric(name), original, original)
        assert same.values == {
            name: pytest.approx(1), f"{name}_range": 1, f"{name}_miss": 0, f"{name}_unseen": 0,
        }  # fmt: skip
        still = score(metric(name), original, frozen).values
        assert (still[name], still[f"{name}_range"]) == (0, pytest.approx(0, abs=1e-6))
    assert score(metric("blink_recall"), original, original).values["blink_recall_f1"] == 1
    still = score(metric("blink_recall"), original, frozen).values
    assert (still["blink_recall"], still["blink_recall_depth"]) == (0, 0)


@pytest.mark.usefixtures("told")
def test_a_mask_that_moves_a_fifth_as_far_shows_in_the_range(metric, score):
    values = score(metric("mouth_corr"), clip(), clip(0.1 + (TALK - 0.1) / 5)).values
    assert values["mouth_corr"] > 0.98
    assert values["mouth_corr_range"] == pytest.approx(0.2, abs=0.02)


@pytest.mark.usefixtures("told")
def test_what_comes_late_or_the_other_way_scores_less(metric, score):
    late, worse, against = (
        score(metric("mouth_corr"), clip(), clip(mouth)).values["mouth_corr"]
        for mouth in (np.roll(TALK, 1), np.roll(TALK, 3), 0.2 - TALK)
    )
    assert 1 > late > worse > against == pytest.approx(-1, abs=1e-3)


@pytest.mark.usefixtures("told")
def test_an_original_that_does_not_move_gives_no_value(metric, score):
    found = score(metric("mouth_corr"), clip(np.full(FRAMES, 0.1)), clip())
    assert found.values == {"mouth_corr_miss": 0, "mouth_corr_unseen": 0}
    reason = "the original's mouth hardly moves: the standard deviation of its opening is 0.0000, below 0.005"
    assert found.absent == {"mouth_corr": reason, "mouth_corr_range": reason}
    assert "the original's eye hardly moves" in score(metric("eye_corr"), clip(), clip()).absent["eye_corr"]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", SINGLE)
def test_missing_faces_are_counted_and_left_out(metric, score, name):
    reference = clip(eyes=blinking(8, 25), faceless=[30])
    decoded = clip(eyes=blinking(8, 25), faceless=[1, 2, 3, 30, 31])
    found = score(metric(name), reference, decoded)
    assert found.values[name] == pytest.approx(1)
    assert found.values[f"{name}_miss"] == pytest.approx(4 / 38)
    assert found.values[f"{name}_unseen"] == pytest.approx(1 / 39)
    part = "mouth" if name == "mouth_corr" else "eye"
    assert np.flatnonzero(np.isnan(found.frames[f"{part}_opening"])).tolist() == [1, 2, 3, 30, 31]
    assert found.frames[f"{name}_miss"][[0, 1, 31]].tolist() == [0, 1, 1]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", SINGLE)
def test_no_faces_are_a_reason_and_never_a_score(metric, score, name):
    nobody, somebody = clip(faceless=range(FRAMES)), clip(eyes=blinking(8))
    lost, unseen = score(metric(name), somebody, nobody), score(metric(name), nobody, somebody)
    assert lost.values == {f"{name}_miss": 1, f"{name}_unseen": 0}
    assert (
        lost.absent[name] == "MediaPipe finds no face in any of the 39 decoded frames whose reference has one"
    )
    assert unseen.values == {f"{name}_unseen": 1}
    assert unseen.absent[name] == "MediaPipe finds no face in any of the 39 reference frames that count"
    few = score(metric(name), somebody, clip(faceless=range(2, FRAMES)))
    assert few.absent[name]
    assert "\n" not in few.absent[name]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", SINGLE)
def test_frame_0_counts_only_if_asked(metric, score, name):
    reference, decoded = clip(eyes=blinking(8)), clip(eyes=blinking(8))
    decoded[0, 0, 0] = 0, 0, 255
    left_out, counts = metric(name), metric(name, count_first=True)
    assert score(left_out, reference, decoded).values[name] == pytest.approx(1)
    if name != "blink_recall":
        assert score(counts, reference, decoded).values[name] < 1
    assert "|frame0:left-out|" in left_out.signature
    with pytest.raises(MetricError, match=r"1 frames were scored .* run\.count_first"):
        score(left_out, reference[:1], decoded[:1])
    assert score(counts, reference[:1], decoded[:1]).absent[name]


@pytest.mark.usefixtures("told")
@pytest.mark.parametrize("name", SINGLE)
def test_borders_of_blocks_do_not_matter(metric, score, name):
    pair = clip(eyes=blinking(8, 25)), clip(np.roll(TALK, 2), blinking(9, 33))
    whole = score(metric(name), *pair, blocks=(FRAMES,))
    for blocks in ((1,), (7,), (1, 30, 3)):
        assert score(metric(name), *pair, blocks=blocks).values == whole.values


def test_blinks_are_short_and_whole():
    assert blinks(blinking(8, 25), 12) == [(8, 10), (25, 27)]
    assert blinks(blinking(8, length=12), 12) == [(8, 19)]
    assert blinks(blinking(8, length=13), 12) == []
    # Cut by either end, or by a frame without a face: nobody saw it whole.
    assert blinks(blinking(0, 37), 12) == []
    gap = blinking(8, 25)
    gap[11] = np.nan
    assert blinks(gap, 12) == [(25, 27)]
    assert blinks(OPEN, 12) == []
    assert blinks(blinking(8) / 3, 12) == []  # mostly shut


def test_a_blink_is_shown_within_two_frames_and_once():
    assert matched([(10, 12)], [(14, 16)]) == 1
    assert matched([(10, 12)], [(15, 16)]) == 0
    assert matched([(10, 12)], [(6, 8)]) == 1
    assert matched([(10, 12)], [(6, 7)]) == 0
    assert matched([(10, 12), (14, 15)], [(12, 14)]) == 1
    assert matched([(10, 12), (20, 21)], [(1, 2), (11, 11), (30, 31)]) == 1
    assert matched([], [(1, 2)]) == matched([(1, 2)], []) == 0


@pytest.mark.usefixtures("told")
def test_blinks_that_are_lost_or_made_up_cost(metric, score):
    original = clip(eyes=blinking(8, 20, 30))
    lost = score(metric("blink_recall"), original, clip(eyes=blinking(9, 31))).values
    assert (lost["blink_recall"], lost["blink_recall_f1"]) == pytest.approx((2 / 3, 4 / 5))
    made_up = score(metric("blink_recall"), original, clip(eyes=blinking(3, 8, 14, 20, 30))).values
    assert (made_up["blink_recall"], made_up["blink_recall_f1"]) == pytest.approx((1, 6 / 8))
    narrowed = np.where(blinking(8, 20, 30) < 0.1, 0.2, OPEN)
    values = score(metric("blink_recall"), original, clip(eyes=narrowed)).values
    assert values["blink_recall"] == 0
    depth = (1 - 0.2 / np.median(narrowed[1:])) / (1 - 0.05 / np.median(blinking(8, 20, 30)[1:]))
    assert values["blink_recall_depth"] == pytest.approx(depth, abs=0.01)
    assert (lost["blink_recall_depth"], made_up["blink_recall_depth"]) == pytest.approx((2 / 3, 1), abs=0.05)


def test_a_blink_falls_from_the_median_to_its_least():
    eyes = blinking(8)
    assert fall(eyes, (8, 10)) == pytest.approx(1 - 0.05 / np.median(eyes))
    assert fall(eyes, (12, 13)) == fall(eyes, (8, 10))
    assert fall(np.full(FRAMES, 0.3), (8, 10)) == 0
    assert fall(eyes, (0, 1)) < 0.1


@pytest.mark.usefixtures("told")
def test_an_original_without_blinks_gives_no_value(metric, score):
    found = score(metric("blink_recall"), clip(), clip(eyes=blinking(8)))
    assert set(found.absent.values()) == {"the original shows no blink in 39 frames"}
    shut = score(metric("blink_recall"), clip(eyes=blinking(8) / 3), clip())
    assert "eyes are mostly shut: their median opening is 0.1" in shut.absent["blink_recall"]


def test_columns_say_what_they_are(metric):
    for name in SINGLE:
        built = metric(name)
        assert built.column(name).direction == "higher"
        assert built.column(f"{name}_miss").direction == "lower"
        assert len(set(built.columns)) == (5 if name == "blink_recall" else 4)


def test_a_missing_model_is_named(metric, monkeypatch, tmp_path):
    from talkbench.metrics import mesh_faces

    monkeypatch.setenv("TALKBENCH_CACHE", str(tmp_path))
    monkeypatch.setattr(mesh_faces, "_landmarks", mesh_faces.FaceLandmarks)
    with pytest.raises(AssetError, match=r"bench assets fetch face_landmarker\.task"):
        metric("mouth_corr").prepare(np.zeros((1, 16, 16, 3), np.uint8))


@pytest.mark.network
@pytest.mark.slow
def test_real_faces(metric, score, acting, frozen, monkeypatch):
    """The original scores 1, one that comes late or is coarse less, a frozen one nothing."""
    found: dict[bytes, Face | None] = {}

    def looked_at_once(block):
        for frame in block:
            if frame.tobytes() not in found:
                (found[frame.tobytes()],) = faces(frame[None])
        return [found[frame.tobytes()] for frame in block]

    monkeypatch.setattr("talkbench.metrics.openings.faces", looked_at_once)
    late = np.concatenate([acting[:3], acting[:-3]])
    coarse = acting // 24 * 24 + 12
    frozen_clip = np.repeat(acting[:1], len(acting), 0)
    scores = {
        (name, kind): score(metric(name), acting, decoded, blocks=(16,)).values[name]
        for name in SINGLE
        for kind, decoded in (("same", acting), ("late", late), ("coarse", coarse), ("still", frozen_clip))
    }
    for name in SINGLE:
        assert scores[name, "same"] == pytest.approx(1)
        assert scores[name, "still"] == 0
        frozen(name, scores[name, "coarse"], 0.02)
    for name in ("mouth_corr", "eye_corr"):
        assert scores[name, "late"] < scores[name, "coarse"] < 1
    reference = score(metric("eye_corr"), acting, acting).frames["eye_opening_reference"]
    assert len(blinks(reference, 12)) == 2


@pytest.mark.network
def test_a_face_that_is_taken_away_is_a_miss(metric, score, acting):
    few = acting[:6]
    decoded = few.copy()
    decoded[[2, 4]] = 128
    found = score(metric("mouth_corr"), few, decoded)
    assert found.values["mouth_corr_miss"] == 2 / 5
