"""Warping error: whether a decoded clip stays the same along the reference's motion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import pairwise
from typing import Any
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from ..core.metric import Scorer, Shape, check_sides
from ..core.video import Frame, Frames
from .neighbours import NeighbourMetric

Floats = NDArray[np.float32]

SMALLEST = 16
"""Side in pixels: the flow compares patches of 8."""


@dataclass(frozen=True)
class Motion:
    """Where the pixels of a reference frame were in the frame before.

    Attributes:
        columns, rows: (H, W) float32, coordinates in the frame before.
        sure: (H, W), whether the pixel is seen in both frames, and moves as its neighbours do.
        own: the reference's own warping error.
    """

    columns: Floats
    rows: Floats
    sure: NDArray[np.bool_]
    own: float

    def error(self, before: Floats, frame: Floats) -> float:
        """Mean squared difference of two frames (H, W, 3) along the motion; NaN where none is sure."""
        import cv2

        warped = cv2.remap(before, self.columns, self.rows, cv2.INTER_LINEAR)
        squares = np.square(warped - frame)[self.sure]
        return float(squares.mean(dtype=np.float64)) if squares.size else float("nan")


@dataclass(frozen=True)
class Still:
    """A reference frame, and its motion once that was asked for."""

    frame: Frame
    # Weak, or each frame would keep the one before it, and so the whole clip.
    known: list[tuple[ref[Still], Motion]] = field(default_factory=list)

    def since(self, before: Still) -> Motion:
        """The motion from the frame before; found once for all decoded clips."""
        if not self.known or self.known[0][0]() is not before:
            self.known[:] = [(ref(before), motion(before.frame, self.frame))]
        return self.known[0][1]


def motion(before: Frame, frame: Frame) -> Motion:
    """Motion between two frames (H, W, 3).

    Flow by dense inverse search, both ways. A pixel is not sure where the two do not lead back to it, at
    borders of motion, and where it comes from outside the picture: the conditions and constants of
    Ruder, Dosovitskiy and Brox, GCPR 2016, sec. 3, which Lai et al. use.
    """
    import cv2

    height, width = frame.shape[:2]
    grays = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in (before, frame)]
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    forward, backward = search.calc(*grays, None), search.calc(*grays[::-1], None)  # type: ignore[call-overload]
    columns = backward[..., 0] + np.arange(width, dtype=np.float32)
    rows = backward[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    back = np.square(backward).sum(-1)
    there = cv2.remap(forward, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    apart, length = np.square(there + backward).sum(-1), np.square(there).sum(-1) + back
    slopes = sum(np.square(slope).sum(-1) for slope in np.gradient(backward, axis=(0, 1)))
    inside = (columns >= 0) & (columns <= width - 1) & (rows >= 0) & (rows <= height - 1)
    sure = inside & (apart <= 0.01 * length + 0.5) & (slopes <= 0.01 * back + 0.002)
    found = Motion(columns, rows, sure, 0.0)
    own = found.error(before.astype(np.float32), frame.astype(np.float32))
    return Motion(columns, rows, sure, own)


class WarpingError(NeighbourMetric):
    """How much a decoded clip changes along the reference's motion, in thousandths.

    Optical flow is estimated on the reference (OpenCV's dense inverse search, preset medium, on gray);
    the decoded frame before is warped along it and compared with the decoded frame:
    1000 mean (d_t - warp(d_t-1))^2, RGB on 0-1, over the pixels whose motion is sure (flows of both
    directions agree, no border of motion, inside the picture). warping_error_reference is the
    reference's own value of the same frames: what noise, light and the flow's faults leave; a decoded
    clip well below it is smoother than the truth, and one above it flickers or moves otherwise. Lai et
    al. use FlowNet 2 for the flow, so figures of papers are of another scale. Frame 0 has no value; a
    clip's is the mean over all other frames, whatever run.count_first says.
    Source: Lai et al., Learning blind video temporal consistency, ECCV 2018, sec. 4; flow: Kroeger et
    al., ECCV 2016; mask: Ruder et al., GCPR 2016.
    """

    name = "warping_error"
    direction = "lower"
    unit = "1e-3"
    without = "no pixel's motion is sure in any frame of the reference"
    source = "Lai et al., ECCV 2018; flow: Kroeger et al., ECCV 2016"

    @property
    def columns(self) -> tuple[str, ...]:
        return ("warping_error", "warping_error_reference")

    def settings(self) -> Mapping[str, Any]:
        return {
            "flow": "dis-medium", "opencv": version("opencv-python"), "mask": "ruder2016",
            "space": "rgb", "range": "0-1", "pool": "mean",
        }  # fmt: skip

    def start(self, shape: Shape) -> Scorer:
        check_sides(self.name, shape.width, shape.height, SMALLEST)
        return super().start(shape)

    def prepare(self, reference: Frames) -> list[Still]:
        stills = [Still(frame) for frame in reference]
        for before, still in pairwise(stills):
            still.since(before)
        return stills

    def look(self, decoded: Frames) -> list[Floats]:
        return [frame.astype(np.float32) for frame in decoded]

    def change(self, reference: tuple[Still, Still], decoded: tuple[Floats, Floats]) -> Sequence[float]:
        found = reference[1].since(reference[0])
        scale = 1000 / 255**2
        return scale * found.error(*decoded), scale * found.own
