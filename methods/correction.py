"""Corrections: in mid-stream a frame is mended, and becomes the source picture of the frames after it.

Source: Wang, Mallya, Liu, CVPR 2021, appendix C.3. A correction's chunk is the number of its frame (varint)
and a coded picture (Kind.REFRESH) or the residual code (Kind.RESIDUAL). Motion does not depend on them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from ..core.bitstream import Kind, read_varint, varint
from ..core.errors import StreamError, TalkbenchError, UsageError, unknown
from ..core.picture import PictureCodec
from ..core.signature import code
from ..core.video import Frame
from .residual.codec import ResidualCodec

MODES = {"none": None, "picture": Kind.REFRESH, "residual": Kind.RESIDUAL}
"""Settings of `refresh`, and the chunks that the encoder then sends."""
GAP = 8
"""Frames after a correction, or after the first picture, in which only an urgent one is sent."""
URGENT = 6.0
"""What is urgent: so many dB below the threshold, twice the error."""

Mend = Callable[[int, Frame], "Frame | None"]
"""Given the number of each frame after the first, and the frame as it was painted: what to show instead."""


def psnr(original: Frame, shown: Frame) -> float:
    """Peak signal-to-noise ratio in dB of one frame, over all channels."""
    error = float(np.square(original.astype(np.float32) - shown).mean())
    return float(10 * np.log10(255**2 / error)) if error else float("inf")


@dataclass(frozen=True)
class Corrector:
    """Sends and receives corrections.

    A frame whose PSNR is less than `below` is corrected, if that brings it nearer to the original; less than
    GAP frames after a correction only if its PSNR is URGENT dB less than `below`.

    Attributes:
        mode: ``none``, ``picture`` (a fresh source picture) or ``residual`` (the binary code of what lacks).
        below: in dB.
        picture, residual: code what is sent.
    """

    mode: str
    below: float
    picture: PictureCodec
    residual: ResidualCodec

    def check(self, key: str) -> None:
        """Look for what this needs.

        Args:
            key: of the settings in the configuration, for messages: ``methods.ours``.

        Raises:
            UsageError: a setting is out of range, or the weights are missing.
        """
        if str(self.mode) not in MODES:
            raise unknown(f"{key}.refresh", str(self.mode), MODES)
        number = isinstance(self.below, (int, float)) and not isinstance(self.below, bool)
        if not number or not 0 <= self.below <= 100:
            raise UsageError(f"{key}.refresh_below={self.below} is out of range; give dB from 0 to 100")
        if self.mode == "residual":
            try:
                self.residual.fingerprint()
            except TalkbenchError as error:
                raise UsageError(str(error)) from None

    def send(self, originals: Iterable[Frame]) -> Sender:
        """What corrects while a clip is encoded.

        Args:
            originals: the frames after the first.
        """
        return Sender(self, iter(originals))

    def receive(self, chunks: Iterable[tuple[Kind, bytes]], frames: int) -> Mend:
        """What corrects while a stream is decoded, whatever mode and threshold it was made with.

        Args:
            chunks: of the corrections, in order.
            frames: of the stream.

        Raises:
            StreamError: a chunk is of another kind, or for a frame that does not come or came before.
        """
        waiting: dict[int, tuple[Kind, bytes]] = {}
        last = 0
        for kind, payload in chunks:
            number, at = read_varint(payload, 0)
            if kind not in MODES.values() or not last < number < frames:
                raise StreamError(
                    f"corrupt stream: a {kind.name.lower()} chunk for frame {number} of {frames} after one "
                    f"for frame {last}; encode the clip again"
                )
            waiting[number] = kind, payload[at:]
            last = number

        def mend(number: int, shown: Frame) -> Frame | None:
            sent = waiting.pop(number, None)
            return None if sent is None else self.corrected(*sent, shown)

        return mend

    def correction(self, original: Frame, shown: Frame) -> bytes:
        """What mends a frame, coded in the mode that is set."""
        if self.mode == "picture":
            return self.picture.encode(original)
        return self.residual.encode(original, shown)

    def corrected(self, kind: Kind, data: bytes, shown: Frame) -> Frame:
        """The frame after its correction.

        Raises:
            StreamError, CodecError: the data is damaged.
        """
        if kind is Kind.REFRESH:
            height, width = shown.shape[:2]
            return self.picture.decode(data, width, height)
        return self.residual.decode(data, shown)

    def describe(self) -> Mapping[str, str]:
        """All that determines the result."""
        if self.mode == "none":
            return {"refresh": "none"}
        return {
            "refresh": self.mode,
            "refresh_below": f"{self.below:g} dB",
            "refresh_code": code(Corrector),
            **(self.residual.describe() if self.mode == "residual" else {}),
        }


class Sender:
    """Corrects frames that are too far from their originals, and keeps what that takes.

    Attributes:
        chunks: kinds and payloads of the corrections so far.
    """

    def __init__(self, corrector: Corrector, originals: Iterator[Frame]) -> None:
        self.chunks: list[tuple[Kind, bytes]] = []
        self._corrector, self._originals = corrector, originals
        self._last = 0

    def __call__(self, number: int, shown: Frame) -> Frame | None:
        original = next(self._originals)
        below, kind = self._corrector.below, MODES[self._corrector.mode]
        quality = psnr(original, shown)
        urgent = quality < below - URGENT
        if kind is None or quality >= below or (number - self._last < GAP and not urgent):
            return None
        data = self._corrector.correction(original, shown)
        corrected = self._corrector.corrected(kind, data, shown)
        if psnr(original, corrected) <= quality:
            return None
        self.chunks.append((kind, varint(number) + data))
        self._last = number
        return corrected
