"""Bits a pixel."""

from __future__ import annotations

from ..core.metric import StreamFacts
from .frame_bytes import FrameBytes


class Bpp(FrameBytes):
    """Bits of the stream a pixel of the decoded clip, under the three accountings.

    bpp = 8 bytes / (width height frames), pixels counted once and not a channel. bpp_motion leaves out
    the source picture and the container, bpp_total counts the whole file, bpp_amortised spreads source
    picture and container over a call of call_seconds (60 s) in place of the clip. All frames divide,
    frame 0 included, whatever run.count_first says. The aggregate over clips is the mean of clips'
    values, not total bits over total pixels.
    Source: Wang et al., CVPR 2021, sec. 5 (motion); core.rates.
    """

    name = "bpp"
    unit = "bit/px"

    def scale(self, facts: StreamFacts) -> float:
        return 8 / (facts.shape.width * facts.shape.height)
