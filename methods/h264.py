"""H.264 / AVC by x264."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .annex_b import AnnexB
from .block_codec import params

PRESETS = (
    "ultrafast", "superfast", "veryfast", "faster", "fast", "medium", "slow", "slower", "veryslow", "placebo",
)  # fmt: skip
"""x264's, and x265's, from fastest to slowest."""


@dataclass(frozen=True, kw_only=True)
class H264(AnnexB):
    """ITU-T H.264 at a constant rate factor.

    Attributes:
        crf: 0 (lossless) to 51.
        tune: one of x264's, or None.
    """

    name = "h264"
    encoder = "libx264"
    codec = "h264"
    muxer = demuxer = "h264"
    quality = ("crf", 0, 51)
    presets = PRESETS
    least = 16
    sei = (6,)
    TUNES: ClassVar = (
        "film",
        "animation",
        "grain",
        "stillimage",
        "psnr",
        "ssim",
        "fastdecode",
        "zerolatency",
    )

    crf: int
    tune: str | None

    def check(self) -> None:
        if self.tune is not None:
            self.check_choice("tune", self.TUNES)
        super().check()

    def options(self) -> dict[str, Any]:
        library = {
            "bframes": 0,
            "rc-lookahead": 0,
            "sync-lookahead": 0,
            "mbtree": 0,
            "keyint": self.gop or "infinite",
            "scenecut": 0,
        }
        tune = {} if self.tune is None else {"tune": self.tune}
        return {
            "preset": self.preset, **tune, "crf": self.crf, "x264-params": params(library), **self.strip(),
        }  # fmt: skip

    @staticmethod
    def unit_type(payload: bytes) -> int:
        return payload[0] & 31

    @staticmethod
    def begins(kind: int, payload: bytes) -> bool:
        return kind in (1, 5) and payload[1] >= 0x80  # first_mb_in_slice = 0, as ue(v)

    @staticmethod
    def trails(kind: int) -> bool:
        return kind in (1, 5)
