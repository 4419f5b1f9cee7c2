"""Distances between two faces' 68 landmarks, in the layout of 300-W (Sagonas et al., 2013)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Landmarks = NDArray[np.float64]
"""68 points of a face: (68, 2), x and y in pixels of a picture whose longer side is SIDE."""

SIDE = 256
"""Longer side, in pixels, of the picture that distances are measured in: 256x256 for a square one."""

EYES = slice(36, 48)
MOUTH = slice(48, 68)


def euclidean(reference: Landmarks, decoded: Landmarks) -> float:
    """Mean distance of corresponding points."""
    return float(np.linalg.norm(reference - decoded, axis=1).mean())


def per_coordinate(reference: Landmarks, decoded: Landmarks) -> float:
    """Mean absolute difference of corresponding coordinates."""
    return float(np.abs(reference - decoded).mean())


def spread(landmarks: Landmarks, distance: Callable[[Landmarks, Landmarks], float]) -> float:
    """Distance of a face's points from their centre: that of a face shrunk to a point at its place."""
    return distance(landmarks, np.broadcast_to(landmarks.mean(axis=0), landmarks.shape))
