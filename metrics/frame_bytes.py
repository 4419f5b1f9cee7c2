"""Bytes a frame."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.metric import RateMetric, StreamFacts, positive
from ..core.rates import ACCOUNTINGS, bytes_per_frame


class FrameBytes(RateMetric):
    """Mean bytes of the stream a frame, under the three accountings.

    frame_bytes_motion leaves out the source picture and the container, frame_bytes_total counts the
    whole file, frame_bytes_amortised spreads source picture and container over a call of call_seconds
    (60 s) in place of the clip. All frames divide, frame 0 included, whatever run.count_first says.
    The aggregate over clips is the mean of clips' values, not total bytes over total frames.
    Source: Wang et al., CVPR 2021, sec. 5 (motion); core.rates.
    """

    name = "frame_bytes"
    direction = "lower"
    unit = "B/frame"
    source = "core.rates; motion: Wang et al., CVPR 2021, sec. 5"

    def __init__(self, *, call_seconds: float = 60) -> None:
        self.call_seconds = positive(f"metrics.{self.name}.call_seconds", call_seconds, "60 (s)")

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(f"{self.name}_{accounting}" for accounting in ACCOUNTINGS)

    def settings(self) -> Mapping[str, Any]:
        return {"accounting": ",".join(ACCOUNTINGS), "call_seconds": f"{self.call_seconds:g}"}

    def scale(self, facts: StreamFacts) -> float:
        """What a byte a frame is in this metric's unit."""
        return 1.0

    def measure(self, facts: StreamFacts) -> Mapping[str, float]:
        rates = bytes_per_frame(facts.sizes, facts.frames, facts.shape.fps, self.call_seconds)
        return {f"{self.name}_{key}": rates[key] * self.scale(facts) for key in ACCOUNTINGS}
