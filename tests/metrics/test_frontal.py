"""Faces turned to the front: what counts as good, by known identities and rotations, and on real pictures."""

from fractions import Fraction

import numpy as np
import pytest
from talkbench.core.errors import UsageError
from talkbench.core.metric import Scores, Shape
from talkbench.metrics import frontal
from talkbench.metrics.frontal import Frontal

SHAPE = Shape(8, 8, Fraction(25))


def turned(degrees: float) -> np.ndarray:
    """A rotation about the vertical."""
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


def person(distance: float) -> np.ndarray:
    """A unit vector at such a cosine distance from person(0)."""
    cosine = 1 - distance
    return np.array([cosine, np.sqrt(1 - cosine**2)])


def blocks(frames: int) -> tuple[np.ndarray, np.ndarray]:
    return np.zeros((frames, 8, 8, 3), np.uint8), np.ones((frames, 8, 8, 3), np.uint8)


def scored(monkeypatch, people, degrees, **settings) -> Scores:
    """Scores of decoded frames with such identities and yaws; a None is a frame without a face."""
    reference, decoded = blocks(len(people))
    monkeypatch.setattr(
        frontal,
        "identities",
        lambda block: (
            [None if one is None else person(one) for one in people]
            if block is decoded
            else [person(0)] * len(block)
        ),
    )
    monkeypatch.setattr(
        frontal,
        "rotations",
        lambda block: (
            [None if one is None else turned(one) for one in degrees]
            if block is decoded
            else [turned(40)] * len(block)
        ),
    )
    metric = Frontal(count_first=True, **settings)
    scorer = metric.start(SHAPE)
    scorer.update(metric.prepare(reference), decoded)
    return scorer.finish()


def test_faces_that_look_straight_ahead_are_all_good_by_angle(monkeypatch):
    values = scored(monkeypatch, [0.1, 0.9, 0.4], [0, 0, 0]).values
    assert values["frontal_angle"] == 0
    assert values["frontal_good_angle"] == values["frontal_good_angle_5"] == 1
    assert values["frontal_good_identity"] == pytest.approx(2 / 3)
    assert values["frontal_good_both"] == pytest.approx(2 / 3)
    assert values["frontal_distance"] == pytest.approx((0.1 + 0.9 + 0.4) / 3)


def test_a_picture_is_good_by_both_only_when_it_is_by_each(monkeypatch):
    values = scored(monkeypatch, [0.1, 0.1, 0.9, 0.9], [10, 20, -10, -20]).values
    assert values["frontal_good_identity"] == 0.5
    assert values["frontal_good_angle"] == 0.5
    assert values["frontal_good_both"] == 0.25
    assert values["frontal_angle"] == pytest.approx(15)


def test_thresholds_are_swept_and_never_fall(monkeypatch):
    values = scored(monkeypatch, [0.02, 0.15, 0.3, 0.6, 1.0], [2, 7, 12, 25, 80]).values
    by_distance = [values[f"frontal_good_identity_{at}"] for at in ("0.05", "0.2", "0.35", "0.65")]
    assert by_distance == pytest.approx([0.2, 0.4, 0.6, 0.8])
    by_angle = [values[f"frontal_good_angle_{at}"] for at in ("5", "10", "30")]
    assert by_angle == pytest.approx([0.2, 0.4, 0.8])


def test_a_lost_face_is_not_good_and_is_counted(monkeypatch):
    values = scored(monkeypatch, [0.1, None, 0.1, 0.1], [0, 0, None, 0]).values
    assert values["frontal_good_both"] == values["frontal_good_angle_30"] == 0.5
    assert values["frontal_miss"] == 0.5
    assert values["frontal_angle"] == 0


@pytest.mark.parametrize(
    "settings", [{"identity": 0}, {"angle": 181}, {"angles": [0]}, {"identities": ["x"]}]
)
def test_thresholds_out_of_range_are_refused(settings):
    with pytest.raises(UsageError, match="thresholds"):
        Frontal(**settings)


@pytest.mark.network
def test_a_real_face_is_as_far_from_straight_ahead_as_pose_error_sees_it():
    from talkbench.core.assets import fetch
    from talkbench.core.video import first_frame
    from talkbench.datasets.sample import Sample
    from talkbench.metrics import head_pose

    data = Sample(size=256)
    fetch(*data.needs(), *Frontal.assets)
    block = np.stack([first_frame(clip) for clip in data.clips()[:2]])
    metric = Frontal(count_first=True)
    scorer = metric.start(Shape(256, 256, Fraction(25)))
    scorer.update(metric.prepare(block), block)
    values = scorer.finish().values
    angles = [head_pose.angle(turn, np.eye(3)) for turn in head_pose.rotations(block) if turn is not None]
    assert values["frontal_angle"] == pytest.approx(np.mean(angles))
    assert values["frontal_distance"] == pytest.approx(0, abs=1e-6)
    assert values["frontal_good_identity_0.05"] == 1
