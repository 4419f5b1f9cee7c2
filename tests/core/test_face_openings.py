"""Openings of eyes and mouth."""

from __future__ import annotations

import numpy as np
import pytest
from talkbench.core.face_openings import (
    CHIN,
    FOREHEAD,
    INNER_LIPS,
    LEFT_EYE,
    MOUTH_CORNERS,
    OPENINGS,
    RIGHT_EYE,
    openings,
)


def _face(right: float, left: float, mouth: float, width: float) -> np.ndarray:
    """A mesh of a face 100 high whose openings are known."""
    points = np.zeros((478, 2))
    points[[FOREHEAD, CHIN]] = (0, 0), (0, 100)
    points[list(INNER_LIPS)] = (0, 70), (0, 70 + 100 * mouth)
    points[list(MOUTH_CORNERS)] = (-50 * width, 70), (50 * width, 70)
    for (outer, inner, lids), x, opening in ((RIGHT_EYE, -30, right), (LEFT_EYE, 30, left)):
        points[[outer, inner]] = (x - 10, 30), (x + 10, 30)
        for at, (upper, lower) in zip((-5, 0, 5), lids, strict=True):
            points[[upper, lower]] = (x + at, 30 - 10 * opening), (x + at, 30 + 10 * opening)
    return points


def test_openings_are_what_they_are():
    assert OPENINGS == ("right_eye", "left_eye", "mouth", "mouth_width")
    assert openings(_face(0.3, 0.1, 0.05, 0.4)) == pytest.approx([0.3, 0.1, 0.05, 0.4])
    assert openings(_face(0, 0, 0, 0.4)) == pytest.approx([0, 0, 0, 0.4])


def test_place_size_and_turning_in_the_plane_do_not_matter():
    face = _face(0.3, 0.2, 0.1, 0.5)
    turn = np.array([[np.cos(0.4), -np.sin(0.4)], [np.sin(0.4), np.cos(0.4)]])
    moved = np.stack([face * 3 + 17, face @ turn.T])
    assert openings(moved) == pytest.approx(np.stack([openings(face)] * 2))


def test_a_face_without_size_is_no_division_by_zero():
    assert (openings(np.zeros((478, 2))) == 0).all()
