"""H.266 / VVC by vvenc, decoded by ffmpeg's own decoder."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.errors import UsageError
from .annex_b import AnnexB
from .block_codec import params

GOP_SIZE = 8
"""Pictures in vvenc's repeating pattern of quantisers and references; coded in display order all the same."""


@dataclass(frozen=True, kw_only=True)
class H266(AnnexB):
    """ITU-T H.266 at a constant quantiser (vvenc has no rate factor).

    vvenc works in ten bits. Its inter pictures are B slices whose references all lie in the past.

    Attributes:
        qp: 0 to 63.
        qpa: whether the quantiser adapts to what is seen (vvenc's own default), block by block.
    """

    name = "h266"
    encoder = "libvvenc"
    codec = "vvc"
    muxer = demuxer = "vvc"
    pix_fmt = "yuv420p10le"
    quality = ("qp", 0, 63)
    presets = ("faster", "fast", "medium", "slow", "slower")
    least = 16
    sei = (23, 24)

    qp: int
    qpa: bool

    def check(self) -> None:
        if not isinstance(self.qpa, bool):
            raise UsageError(f"methods.h266.qpa={self.qpa} is neither true nor false; give one of them")
        super().check()
        if self.gop % GOP_SIZE:
            raise UsageError(
                f"methods.h266.gop={self.gop} does not fit vvenc's pattern; give a multiple of {GOP_SIZE}"
            )

    def options(self) -> dict[str, Any]:
        library = {
            "picreordering": 0,
            "gopsize": GOP_SIZE,
            "intraperiod": self.gop or -1,
            "decodingrefreshtype": "none",
            "mctfFutureReference": 0,  # its temporal filter would mix later pictures into the first ones
            "accessunitdelimiter": 0,  # seven bytes a picture that say nothing
        }
        return {
            "preset": self.preset, "qp": self.qp, "qpa": int(self.qpa), "vvenc-params": params(library),
            **self.strip(),
        }  # fmt: skip

    @staticmethod
    def unit_type(payload: bytes) -> int:
        return payload[1] >> 3

    @staticmethod
    def begins(kind: int, payload: bytes) -> bool:
        return kind < 12 and payload[2] >= 0x80  # sh_picture_header_in_slice_header_flag: one slice a picture

    @staticmethod
    def trails(kind: int) -> bool:
        return kind < 12 or kind == 18  # slices, adaptation parameter sets in suffix position
