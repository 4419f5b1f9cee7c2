"""Peak signal-to-noise ratio of the error pooled over frames."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.metric import Values
from ..core.video import Frames
from .psnr import Psnr


class PsnrMse(Psnr):
    """PSNR of the mean squared error over all counted frames of RGB, in dB.

    PSNR = 10 log10(255^2 / MSE), MSE over all pixels, channels and frames of 8-bit RGB, frame 0 left
    out unless run.count_first is set. At most psnr of the same frames, and lower the more quality varies.
    Per-frame values are those of psnr. Capped (cap: 100 dB) where all frames are identical.
    Source: the usual definition; the closing average of ffmpeg's psnr filter pools so.
    """

    name = "psnr_mse"

    def settings(self) -> Mapping[str, Any]:
        return {**super().settings(), "pool": "mse-mean"}

    def compare(self, reference: Frames, decoded: Frames) -> Values:
        return self.mse(reference, decoded)

    def pool(self, values: Values) -> float:
        return float(self.decibels(values.mean()))

    def shown(self, values: Values) -> Values:
        return self.decibels(values)
