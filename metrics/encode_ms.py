"""Encoding time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..core.errors import MetricError
from ..core.metric import RateMetric, StreamFacts


class EncodeMs(RateMetric):
    """Wall time of encoding, in milliseconds a frame.

    encode_ms = 1000 (seconds inside Method.encode) / frames, frame 0 included: from the first pixel
    asked for to the whole stream, starting an external encoder counted, imports and loading weights
    counted where the method does them on its first call. It depends on the machine and on what else
    runs on it: compare figures of one run only, with one worker where they matter.
    Source: wall clock (time.perf_counter).
    """

    name = "encode_ms"
    direction = "lower"
    unit = "ms/frame"
    source = "wall clock"

    def settings(self) -> Mapping[str, Any]:
        return {"clock": "wall", "frames": "all"}

    def measure(self, facts: StreamFacts) -> Mapping[str, float]:
        return {self.name: milliseconds(facts.encode_seconds, facts.frames)}


def milliseconds(seconds: float | None, frames: int) -> float:
    """A frame's share of a time, in ms.

    Raises:
        MetricError: nothing was timed.
    """
    if seconds is None:
        raise MetricError("coded and decoded elsewhere: nothing was timed")
    return 1000 * seconds / frames
