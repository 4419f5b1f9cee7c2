"""What is read off a frame's labels: targets of expression, regions, mirrored points and blendshapes.

Indices are those of MediaPipe's face mesh (478 points) and of its 52 blendshapes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...core.face_openings import distance, face_height, openings

Array = NDArray[Any]

ANCHORS = (13, 14, 159, 386, 61, 291, 468, 473, 105, 334, 0, 17, 152, 145, 374, 1, 10, 234, 454, 168)
"""Points of the face mesh that the ordered keypoints are drawn to, what acts most first: lips, lids, corners
of the mouth, irises, brows; then chin, lower lids, nose, forehead, cheeks: these move with the head."""

# Of the mesh's 468 points, 28 lie on the midline; the other 220 of the first 248 are the right half's, in the
# order in which their counterparts follow. Each iris has five more.
_MIDLINE = (0, 1, 2, 4, 5, 6, *range(8, 20), 94, 151, 152, 164, 168, 175, 195, 197, 199, 200)
_RIGHT = [point for point in range(248) if point not in _MIDLINE]
MESH_MIRROR = np.arange(478)
"""Which point of the mesh stands where each stood, once the picture is mirrored."""
MESH_MIRROR[_RIGHT], MESH_MIRROR[248:468] = range(248, 468), _RIGHT
MESH_MIRROR[468:473], MESH_MIRROR[473:] = range(473, 478), range(468, 473)

# Left and right of a blendshape stand side by side, but for four of them.
_MIRROR_PAIRS = [(i, i + 1) for i in (1, 4, 7, 9, 11, 13, 15, 17, 19, 21, 28, 30, 34, 36, 44, 46, 48, 50)] + [
    (24, 26),
    (33, 39),
]
BLENDSHAPE_MIRROR = np.arange(52)
for _a, _b in _MIRROR_PAIRS:
    BLENDSHAPE_MIRROR[[_a, _b]] = _b, _a


def expression_targets(points: Array, blendshapes: Array) -> Array:
    """(..., 55): the four openings and the 51 blendshapes that are not 'neutral'."""
    return np.concatenate([openings(points), blendshapes[..., 1:]], -1).astype(np.float32)


def mirror_targets(targets: Array) -> Array:
    """The targets of the mirrored picture."""
    shapes = targets[..., 4:][..., BLENDSHAPE_MIRROR[1:] - 1]
    return np.concatenate([targets[..., [1, 0, 2, 3]], shapes], -1)


def regions(points: Array) -> Array:
    """Boxes of both eyes and of the mouth: (..., 2, 4) as centre x, y and half width, half height.

    In the unit of the landmarks. The size follows the larger of the distance of the outer eye
    corners and half the face's height, so that a turned head keeps its boxes.
    """
    unit = np.maximum(distance(points, 33, 263), 0.5 * face_height(points))
    eyes = points[..., [33, 133, 263, 362], :].mean(-2)
    mouth = points[..., [61, 291, 0, 17], :].mean(-2)
    size = unit[..., None]
    return np.stack(
        [
            np.concatenate([eyes, 0.70 * size, 0.30 * size], -1),
            np.concatenate([mouth, 0.50 * size, 0.40 * size], -1),
        ],
        -2,
    )
