"""Flicker: changes from frame to frame that are not the reference's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.video import Frames
from .neighbours import NeighbourMetric

Plane = NDArray[np.int32]
"""(H, W) luma in units of 1/10000 of a gray level, so that sums and differences are exact."""

_WEIGHTS = (2126, 7152, 722)


def luma(frames: Frames) -> list[Plane]:
    """Luma of bt709, full range, of (t, H, W, 3) RGB."""
    planes = []
    for frame in frames:
        plane = frame[..., 0] * np.int32(_WEIGHTS[0])
        plane += frame[..., 1] * np.int32(_WEIGHTS[1])
        plane += frame[..., 2] * np.int32(_WEIGHTS[2])
        planes.append(plane)
    return planes


class Flicker(NeighbourMetric):
    """Mean absolute difference between the decoded clip's change from frame to frame and the reference's.

    flicker = mean |(d_t - d_t-1) - (r_t - r_t-1)| over all pixels, of luma (bt709 weights, full range, on
    0-255). It counts motion that was lost as well as motion that was made up. flicker_added counts only
    the latter: mean max(0, |d_t - d_t-1| - |r_t - r_t-1|), how much more the decoded pixel changes than
    the reference's; a frozen clip has none. A gray level that alternates by +k and -k over a reference
    that stands still has 2k of both. Frame 0 has no value; a clip's is the mean over all other frames,
    whatever run.count_first says.
    Source: the L1 form of dtSSD (Erofeev et al., BMVC 2015); added: Yang, Boyce and Stein, ICIP 2008,
    without their motion compensation and visibility threshold.
    """

    name = "flicker"
    direction = "lower"
    unit = "0-255"
    source = "after dtSSD, Erofeev et al., BMVC 2015; added: Yang et al., ICIP 2008"

    @property
    def columns(self) -> tuple[str, ...]:
        return ("flicker", "flicker_added")

    def settings(self) -> Mapping[str, Any]:
        return {"space": "y-bt709", "range": "0-255", "norm": "l1", "pool": "mean"}

    def prepare(self, reference: Frames) -> list[Plane]:
        return luma(reference)

    def look(self, decoded: Frames) -> list[Plane]:
        return luma(decoded)

    def change(self, reference: tuple[Plane, Plane], decoded: tuple[Plane, Plane]) -> Sequence[float]:
        theirs, ours = reference[1] - reference[0], decoded[1] - decoded[0]
        scale = sum(_WEIGHTS) * theirs.size
        total = np.abs(ours - theirs).sum(dtype=np.int64)
        added = np.maximum(np.abs(ours) - np.abs(theirs), 0).sum(dtype=np.int64)
        return float(total / scale), float(added / scale)
