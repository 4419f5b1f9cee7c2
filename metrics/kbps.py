"""Kilobits a second."""

from __future__ import annotations

from ..core.metric import StreamFacts
from .frame_bytes import FrameBytes


class Kbps(FrameBytes):
    """Kilobits (1000 bits) of the stream a second of the clip, under the three accountings.

    kbps = 8 bytes fps / (1000 frames). kbps_motion leaves out the source picture and the container,
    kbps_total counts the whole file, kbps_amortised spreads source picture and container over a call of
    call_seconds (60 s) in place of the clip. All frames divide, frame 0 included, whatever
    run.count_first says. The aggregate over clips is the mean of clips' values.
    Source: Wang et al., CVPR 2021, sec. 5 (motion); core.rates.
    """

    name = "kbps"
    unit = "kbit/s"

    def scale(self, facts: StreamFacts) -> float:
        return 8 * float(facts.shape.fps) / 1000
