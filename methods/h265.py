"""H.265 / HEVC by x265."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from .annex_b import AnnexB
from .block_codec import params
from .h264 import PRESETS


@dataclass(frozen=True, kw_only=True)
class H265(AnnexB):
    """ITU-T H.265 at a constant rate factor.

    Attributes:
        crf: 0 to 51.
        tune: one of x265's, or None.
    """

    name = "h265"
    encoder = "libx265"
    codec = "hevc"
    muxer = demuxer = "hevc"
    quality = ("crf", 0, 51)
    presets = PRESETS
    least = 16
    sei = (39, 40)
    TUNES: ClassVar = ("psnr", "ssim", "grain", "fastdecode", "zerolatency", "animation")

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
            "keyint": self.gop or -1,
            "scenecut": 0,
            "frame-threads": 1,
            "pools": "none" if self.threads == 1 else self.threads,
            "wpp": int(self.threads > 1),
            "log-level": "error",
        }
        tune = {} if self.tune is None else {"tune": self.tune}
        return {
            "preset": self.preset, **tune, "crf": self.crf, "x265-params": params(library), **self.strip(),
        }  # fmt: skip

    @staticmethod
    def unit_type(payload: bytes) -> int:
        return payload[0] >> 1 & 63

    @staticmethod
    def begins(kind: int, payload: bytes) -> bool:
        return kind < 32 and payload[2] >= 0x80  # first_slice_segment_in_pic_flag

    @staticmethod
    def trails(kind: int) -> bool:
        return kind < 32
