"""The byte stream format of the H.26x recommendations (their Annex B), cut into access units."""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

from ..core.errors import CodecError
from .block_codec import BlockCodec

_START = re.compile(rb"\x00?\x00\x00\x01")


def units(data: bytes) -> list[bytes]:
    """Cut a byte stream into NAL units, each with its start code.

    Raises:
        CodecError: it does not begin with a start code.
    """
    starts = [found.start() for found in _START.finditer(data)]
    if not data:
        return []
    if not starts or starts[0] != 0:
        raise CodecError(f"an Annex B stream begins with a start code, this one with {data[:4].hex()}")
    return [data[a:b] for a, b in zip(starts, [*starts[1:], len(data)], strict=True)]


@dataclass(frozen=True, kw_only=True)
class AnnexB(BlockCodec):
    """A codec of the H.26x family.

    Supplemental enhancement information is left out of the stream: a decoder's pictures do not depend on
    it, and the encoders sign their work there with hundreds of bytes (x264's banner lists its options).
    """

    sei: ClassVar[tuple[int, ...]]
    """NAL unit types of supplemental enhancement information."""

    @staticmethod
    @abstractmethod
    def unit_type(payload: bytes) -> int:
        """The type of a NAL unit, given without its start code."""

    @staticmethod
    @abstractmethod
    def begins(kind: int, payload: bytes) -> bool:
        """Whether a NAL unit is a picture's first slice."""

    @staticmethod
    @abstractmethod
    def trails(kind: int) -> bool:
        """Whether a NAL unit of this type that is no first slice belongs to the picture before it."""

    def strip(self) -> dict[str, Any]:
        """ffmpeg's option that leaves supplemental enhancement information out."""
        return {"bsf:v": f"filter_units=remove_types={'|'.join(map(str, self.sei))}"}

    def split(self, data: bytes) -> list[bytes]:
        pictures: list[bytes] = []
        ahead = b""  # parameter sets, which belong to the picture after them
        for unit in units(data):
            payload = unit.lstrip(b"\x00")[1:]
            if len(payload) < 3:
                raise CodecError(f"a NAL unit of {len(payload)} bytes is too short to be one")
            kind = self.unit_type(payload)
            if self.begins(kind, payload):
                pictures.append(ahead + unit)
                ahead = b""
            elif self.trails(kind) and pictures and not ahead:
                pictures[-1] += unit
            else:
                ahead += unit
        if ahead:
            raise CodecError("the stream ends with parameter sets that no picture follows")
        return pictures
