"""Mean absolute error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from ..core.metric import FrameMetric, Values
from ..core.video import Frames


class L1(FrameMetric):
    """Mean absolute difference of pixels, on the scale 0-255.

    L1 = mean |x - y| over all pixels and the three channels of 8-bit RGB; exact in integers.
    A clip's value is the mean over its frames, frame 0 left out unless run.count_first is set.
    Papers also print it on 0-1: divide by 255.
    Source: as in Wang et al., CVPR 2021, appendix, Table 2, whose 10.67 is on 0-255.
    """

    name = "l1"
    direction = "lower"
    unit = "0-255"
    source = "mean absolute error"

    def settings(self) -> Mapping[str, Any]:
        return {"space": "rgb", "range": "0-255", "pool": "mean"}

    def compare(self, reference: Frames, decoded: Frames) -> Values:
        errors = [
            # Unsigned bytes would wrap below zero: larger minus smaller stays inside them.
            (np.maximum(x, y) - np.minimum(x, y)).sum(dtype=np.uint64) / x.size
            for x, y in zip(reference, decoded, strict=True)
        ]
        return np.array(errors, np.float64)
