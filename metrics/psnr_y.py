"""Peak signal-to-noise ratio of luma."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..core.video import Frames
from .psnr import Psnr

# (KR, KG, KB) of bt709 times 219/255, in units of 2^-24.
_WEIGHTS = tuple(round(weight * 219 / 255 * 2**24) for weight in (0.2126, 0.7152, 0.0722))


def luma(frames: Frames) -> NDArray[np.uint8]:
    """Y of bt709, limited range, rounded to 8 bits: (t, H, W, 3) RGB to (t, H, W)."""
    planes = np.empty(frames.shape[:3], np.uint8)
    for frame, plane in zip(frames, planes, strict=True):
        y = frame[..., 0] * np.uint32(_WEIGHTS[0])
        y += frame[..., 1] * np.uint32(_WEIGHTS[1])
        y += frame[..., 2] * np.uint32(_WEIGHTS[2])
        y += np.uint32((16 << 24) + (1 << 23))
        plane[:] = y >> 24
    return planes


class PsnrY(Psnr):
    """Mean over frames of the PSNR of luma, in dB: the figure that video codec papers report.

    Y is bt709, limited range (16-235), rounded to 8 bits; the peak is 255 all the same, as in ffmpeg's
    psnr filter and in the codec community's reports, so it stands some 1.3 dB above a full-range Y.
    Y is made from the 8-bit RGB that is scored, by core.colour's formula: equal to ffmpeg's zscale but
    for exact ties of rounding (150 of all 2^24 colours, by one step). Pooling, frame 0 and cap: as psnr.
    Source: ITU-R BT.709-6, sec. 3 and 4; ffmpeg's psnr filter.
    """

    name = "psnr_y"
    source = "ITU-R BT.709-6"

    def settings(self) -> Mapping[str, Any]:
        return {**super().settings(), "space": "y-bt709", "range": "limited-8bit,peak-255"}

    def prepare(self, reference: Frames) -> NDArray[np.uint8]:
        return luma(reference)

    def compare(self, reference: NDArray[np.uint8], decoded: Frames) -> Any:
        return self.decibels(self.mse(reference, luma(decoded)))
