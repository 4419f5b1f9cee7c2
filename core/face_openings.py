"""How far eyes and mouth are open, read off MediaPipe's face mesh (478 points)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

RIGHT_EYE = (33, 133, ((160, 144), (159, 145), (158, 153)))
LEFT_EYE = (263, 362, ((387, 373), (386, 374), (385, 380)))
INNER_LIPS = (13, 14)
MOUTH_CORNERS = (61, 291)
FOREHEAD, CHIN = 10, 152

OPENINGS = ("right_eye", "left_eye", "mouth", "mouth_width")


def distance(points: Array, a: int, b: int) -> Array:
    """Distance of two points of (..., 478, 2) landmarks, in their unit."""
    between: Array = np.linalg.norm(points[..., a, :] - points[..., b, :], axis=-1)
    return between


def face_height(points: Array) -> Array:
    """Distance from forehead to chin of (..., 478, 2) landmarks, in their unit."""
    return np.maximum(distance(points, FOREHEAD, CHIN), 1e-6)


def openings(points: Array) -> Array:
    """`OPENINGS` of (..., 478, 2) landmarks: (..., 4) ratios without unit.

    Eyes: mean lid distance over corner distance. Mouth: distance of the inner lips, and of the
    corners, over the height of the face. The landmarks' unit must be the same in x and y.

    Source: of the eyes, Soukupová and Čech, Real-time eye blink detection using facial landmarks, CVWW
    2016 (their eye aspect ratio, with three pairs of points of the lids in place of two).
    """
    values = []
    for outer, inner, lids in (RIGHT_EYE, LEFT_EYE):
        lid = sum(distance(points, a, b) for a, b in lids) / len(lids)
        values.append(lid / np.maximum(distance(points, outer, inner), 1e-6))
    height = face_height(points)
    values.append(distance(points, *INNER_LIPS) / height)
    values.append(distance(points, *MOUTH_CORNERS) / height)
    return np.stack(values, -1)
