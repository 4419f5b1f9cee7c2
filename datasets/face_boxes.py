"""One steady box around the face of a video, for a table that its owner can edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from ..core.reading import Crop
from ..core.video import Clip, Frame

Points = NDArray[np.float32]
Detector = Callable[[Frame], Points | None]

SIDE = 1.8
"""Least side of the box, in heights of the face (hairline to chin): the head, and some of the shoulders."""
MARGIN = 1.25
"""Least side of the box, in units of all that the face moves over."""
NEAR = 1.5
"""Faces whose centre is further than so many of their heights from the usual place are somebody else's."""
ABOVE = 0.08
"""How far the box's centre lies above the face's, in its heights: the mesh ends at the hairline."""
STRAY = 2.0
"""Percent of the faces at each edge that may reach over it."""


def seen_faces(clip: Clip, detector: Detector) -> list[Points]:
    """The points of the largest face in a picture a second, where one is found, frame 0 included."""
    every, number, found = max(1, round(clip.fps)), 0, []
    for block in clip.frames():
        for frame in block:
            points = detector(frame) if number % every == 0 else None
            if points is not None:
                found.append(points)
            number += 1
    return found


def steady_box(
    faces: Iterable[Points], width: int, height: int, aspect: Fraction = Fraction(1)
) -> Crop | None:
    """The box that holds a face throughout: square as shown, inside the picture; None without faces.

    Args:
        faces: points (n, 2) of a face in several pictures, x and y in stored pixels.
        width, height: of the picture, in stored pixels.
        aspect: width of a pixel over its height.

    Returns:
        x, y, width, height in stored pixels.
    """
    boxes = np.array([[*points.min(0), *points.max(0)] for points in faces], np.float64)
    if not len(boxes):
        return None
    boxes[:, [0, 2]] *= float(aspect)  # from here on in pixels as they are shown
    centres = (boxes[:, :2] + boxes[:, 2:]) / 2
    tall = float(np.median(boxes[:, 3] - boxes[:, 1]))
    boxes = boxes[np.abs(centres - np.median(centres, axis=0)).max(1) <= NEAR * tall]
    left, top = np.percentile(boxes[:, :2], STRAY, axis=0)
    right, bottom = np.percentile(boxes[:, 2:], 100 - STRAY, axis=0)
    shown = float(width * aspect)
    side = min(max(SIDE * tall, MARGIN * (right - left), MARGIN * (bottom - top)), shown, float(height))
    x = _inside((left + right) / 2, side, shown)
    y = _inside((top + bottom) / 2 - ABOVE * tall, side, float(height))
    wide, high = min(width, max(1, round(side / float(aspect)))), max(1, round(side))
    return min(round(x / float(aspect)), width - wide), min(round(y), height - high), wide, high


def _inside(centre: float, side: float, length: float) -> float:
    """Where a side of this length begins, so that it stays inside."""
    return float(min(max(centre - side / 2, 0.0), length - side))


def as_row(file: str, box: Crop | None) -> dict[str, str | int]:
    """A line of the table of the data set `folder`; without a box its cells are empty."""
    cells: Sequence[str | int] = box or ("", "", "", "")
    return {"file": file, **dict(zip(("x", "y", "width", "height"), cells, strict=True)), "identity": ""}
