"""Peak signal-to-noise ratio of RGB, averaged over frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.metric import FrameMetric, Values, positive
from ..core.video import Frames


class Psnr(FrameMetric):
    """Mean over frames of the peak signal-to-noise ratio of RGB, in dB.

    PSNR = 10 log10(255^2 / MSE), MSE over all pixels and the three channels of 8-bit RGB of one frame;
    exact in integers up to the logarithm. A clip's value is the mean of its frames' PSNR, frame 0 left
    out unless run.count_first is set. Identical frames would be infinite: each frame is capped (cap:
    100 dB), and the cap is in the signature. psnr_mse pools the error instead, psnr_y takes luma.
    Source: the usual definition; ffmpeg's psnr filter logs the same for each frame of RGB.
    """

    name = "psnr"
    direction = "higher"
    unit = "dB"
    source = "10 log10(peak^2 / MSE)"

    def __init__(self, *, cap: float = 100, count_first: bool = False) -> None:
        super().__init__(count_first=count_first)
        self.cap = positive(f"metrics.{self.name}.cap", cap, "100 (dB)")

    def settings(self) -> Mapping[str, Any]:
        return {"space": "rgb", "range": "0-255", "pool": "frame-mean", "cap": f"{self.cap:g}"}

    def decibels(self, mse: Values) -> Values:
        """PSNR of mean squared errors of any shape, capped."""
        with np.errstate(divide="ignore"):
            capped: Values = np.minimum(10 * np.log10(255**2 / np.asarray(mse, np.float64)), self.cap)
        return capped

    @staticmethod
    def mse(reference: Frames, decoded: Frames) -> Values:
        """Mean squared error of each frame, (t,), of any uint8 arrays (t, ...)."""
        errors = []
        for x, y in zip(reference, decoded, strict=True):
            square = (np.maximum(x, y) - np.minimum(x, y)).astype(np.uint16)
            square *= square  # 255^2 still fits
            errors.append(square.sum(dtype=np.uint64) / x.size)
        return np.array(errors, np.float64)

    def compare(self, reference: Frames, decoded: Frames) -> Values:
        return self.decibels(self.mse(reference, decoded))
