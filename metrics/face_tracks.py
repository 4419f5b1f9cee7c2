"""Steady crops around a face that moves, as SyncNet wants them.

Source: Chung and Zisserman, Out of time: automated lip sync in the wild, ACCV workshops 2016, and the
pipeline that its authors published: the box's middle and half side, smoothed in time; the crop reaches
further below the face than above it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..core.face_landmarks import Points
from ..core.video import Frame

SIDE = 224
"""Of a crop, in pixels."""
LONGEST_GAP = 25
"""Frames from one in which the face is found to the next; further apart, they are of two tracks."""
SMOOTHED = 13
"""Frames of the median filter."""
MARGIN = 0.4
"""Of the half side, around the box; twice as much below it, and nothing above."""
OUTSIDE = 110
"""Grey level beyond the picture."""

SETTINGS = f"box1-{1 + MARGIN:g}mesh,median{SMOOTHED},gap{LONGEST_GAP},{SIDE}px"
"""What stands in a signature."""

Box = NDArray[np.float64]
"""Middle x, middle y and half the longer side of a face, (3,), in pixels."""


def box(points: Points) -> Box:
    """The box of a face's points (n, 2)."""
    low, high = points.min(0), points.max(0)
    return np.array([*(low + high) / 2, (high - low).max() / 2], np.float64)


def crop(frame: Frame, box: Box) -> Frame:
    """A square around a face, (224, 224, 3) uint8."""
    import cv2

    x, y, half = box
    left, right = (int(np.floor(x + sign * half * (1 + MARGIN))) for sign in (-1, 1))
    top, bottom = int(np.floor(y - half)), int(np.floor(y + half * (1 + 2 * MARGIN)))
    square = np.full((max(1, bottom - top), max(1, right - left), 3), OUTSIDE, np.uint8)
    inside = frame[max(0, top) : max(0, bottom), max(0, left) : max(0, right)]
    above, before = max(0, -top), max(0, -left)
    square[above : above + inside.shape[0], before : before + inside.shape[1]] = inside
    return np.asarray(cv2.resize(square, (SIDE, SIDE), interpolation=cv2.INTER_LINEAR), np.uint8)


class FaceTracks:
    """Crops a video's frames one by one, some frames late: it holds no more than the next box needs.

    Where the face is missed for less than a second of 25 frames its box is interpolated; else a track ends.
    Before, between and after tracks there are no crops.
    """

    def __init__(self) -> None:
        self._waiting: deque[Frame] = deque()
        self._track: list[Box] = []
        self._cropped = 0  # of the track

    def take(self, frame: Frame, box: Box | None) -> Iterator[Frame | None]:
        """Take the next frame, and give the crops, or None, of those whose turn it is."""
        self._waiting.append(frame)
        if box is not None:
            last = self._track[-1] if self._track else box
            self._track += list(np.linspace(last, box, self._without + 1)[1:])
            yield from self._crops(len(self._track) - SMOOTHED // 2)
        elif not self._track or self._without >= LONGEST_GAP:
            yield from self.end()

    @property
    def _without(self) -> int:
        """Frames that wait and have no box yet."""
        return len(self._waiting) - (len(self._track) - self._cropped)

    def end(self) -> Iterator[Frame | None]:
        """The crops of the frames that still wait."""
        yield from self._crops(len(self._track))
        yield from (None for _ in range(len(self._waiting)))
        self._waiting.clear()
        self._track, self._cropped = [], 0

    def _crops(self, until: int) -> Iterator[Frame]:
        while self._cropped < until:
            first = max(0, self._cropped - SMOOTHED // 2)
            around = self._track[first : self._cropped + SMOOTHED // 2 + 1]
            yield crop(self._waiting.popleft(), np.median(around, axis=0))
            self._cropped += 1
