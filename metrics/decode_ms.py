"""Decoding time."""

from __future__ import annotations

from collections.abc import Mapping

from ..core.metric import StreamFacts
from .encode_ms import EncodeMs, milliseconds


class DecodeMs(EncodeMs):
    """Wall time of decoding, in milliseconds a frame.

    decode_ms = 1000 (seconds inside Method.decode) / frames, frame 0 included: from the stream's bytes
    to its last 8-bit RGB frame, in the sealed decoding process, whose start is not counted. It depends
    on the machine and on what else runs on it: compare figures of one run only, with one worker where
    they matter.
    Source: wall clock (time.perf_counter).
    """

    name = "decode_ms"

    def measure(self, facts: StreamFacts) -> Mapping[str, float]:
        return {self.name: milliseconds(facts.decode_seconds, facts.frames)}
