"""The networks of few-shot vid2vid, and what they are given."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.face_landmarks import FaceLandmarks
from talkbench.methods.few_shot_vid2vid.landmarks import CONTOURS, LANDMARKS, MIRROR


def test_the_landmarks_are_126_points_of_the_mesh() -> None:
    assert len(LANDMARKS) == len(set(LANDMARKS)) == 126
    assert all(0 <= point < 478 for point in LANDMARKS)


def test_mirroring_twice_changes_nothing_and_keeps_lines_whole() -> None:
    assert [MIRROR[one] for one in MIRROR] == list(range(126))
    assert MIRROR[LANDMARKS.index(33)] == LANDMARKS.index(263)
    assert MIRROR[LANDMARKS.index(61)] == LANDMARKS.index(291)
    assert MIRROR[LANDMARKS.index(67)] == LANDMARKS.index(297)
    for middle in (0, 17, 13, 14, 10, 152, 1, 2):
        assert MIRROR[LANDMARKS.index(middle)] == LANDMARKS.index(middle)
    lines = {frozenset(contour.points) for contour in CONTOURS.values()}
    for contour in CONTOURS.values():
        image = [LANDMARKS[MIRROR[LANDMARKS.index(point)]] for point in contour.points]
        assert frozenset(image) in lines


@pytest.mark.network
@pytest.mark.slow
def test_a_mirrored_face_has_the_mirrored_landmarks(face):
    order = list(LANDMARKS)
    with FaceLandmarks() as landmarks:
        points, mirrored = landmarks(face)[order], landmarks(face[:, ::-1])[order]
    image = points[list(MIRROR)] * (-1, 1) + (face.shape[1], 0)
    assert np.abs(mirrored - image).mean() < 1.5
    assert np.abs(mirrored - points).mean() > 10
