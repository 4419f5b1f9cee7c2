"""AV1 by SVT-AV1."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..core.bitstream import read_varint
from ..core.errors import CodecError, StreamError
from .block_codec import BlockCodec, params

TEMPORAL_DELIMITER, FRAME_HEADER, FRAME = 2, 3, 6


@dataclass(frozen=True, kw_only=True)
class AV1(BlockCodec):
    """AOMedia AV1 at a constant rate factor, as open bitstream units in the low-overhead format (its sec. 5).

    Attributes:
        crf: 0 to 63.
    """

    name = "av1"
    encoder = "libsvtav1"
    codec = "av1"
    muxer = demuxer = "obu"
    quality = ("crf", 0, 63)
    presets = tuple(str(number) for number in range(14))
    least = 16

    crf: int

    def options(self) -> dict[str, Any]:
        library = {
            "pred-struct": 1,  # low delay
            "keyint": self.gop or -1,
            "lookahead": 0,
            "scd": 0,
            "enable-tf": 0,  # temporal filtering would mix later pictures into this one
            "lp": self.threads,
        }
        return {"preset": self.preset, "crf": self.crf, "svtav1-params": params(library)}

    def split(self, data: bytes) -> list[bytes]:
        pictures: list[bytes] = []
        at = 0
        frames = 0
        while at < len(data):
            kind, extended, sized = data[at] >> 3 & 15, data[at] & 4, data[at] & 2
            if not sized:
                raise CodecError(
                    "an open bitstream unit carries no size, which the low-overhead format needs"
                )
            try:
                length, end = read_varint(data, at + (2 if extended else 1))
            except StreamError as error:
                raise CodecError(f"an open bitstream unit cannot be read: {error}") from None
            end += length
            if kind == TEMPORAL_DELIMITER:
                pictures.append(b"")
            elif not pictures:
                raise CodecError(f"the stream begins with a unit of type {kind}, not a temporal delimiter")
            frames += kind in (FRAME_HEADER, FRAME)
            pictures[-1] += data[at:end]
            at = end
        if frames != len(pictures):
            raise CodecError(
                f"{frames} coded frames for {len(pictures)} shown: low delay allows no hidden ones"
            )
        return pictures
