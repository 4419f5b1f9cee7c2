"""VP9 by libvpx."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any, ClassVar

from ..core.bitstream import read_varint, varint
from ..core.errors import CodecError, StreamError
from .block_codec import BlockCodec

FILE_HEADER, FRAME_HEADER = 32, 12
"""Bytes of IVF's two headers."""


@dataclass(frozen=True, kw_only=True)
class VP9(BlockCodec):
    """VP9 at a constant quality.

    The format defines no byte stream, so a frame's length must be sent along: as a LEB128 integer here,
    one or two bytes, where IVF would take twelve.

    Attributes:
        crf: 0 to 63.
        deadline: libvpx's mode: ``good``, ``best`` or ``realtime``; `preset` is its `cpu-used`.
        tune: one of libvpx's, or None.
    """

    name = "vp9"
    encoder = "libvpx-vp9"
    codec = "vp9"
    muxer = demuxer = "ivf"
    quality = ("crf", 0, 63)
    presets = tuple(str(number) for number in range(9))
    least = 16
    DEADLINES: ClassVar = ("good", "best", "realtime")
    TUNES: ClassVar = ("psnr", "ssim")

    crf: int
    deadline: str
    tune: str | None

    def check(self) -> None:
        self.check_choice("deadline", self.DEADLINES)
        if self.tune is not None:
            self.check_choice("tune", self.TUNES)
        super().check()

    def options(self) -> dict[str, Any]:
        tune = {} if self.tune is None else {"tune": self.tune}
        return {
            "deadline": self.deadline,
            "cpu-used": self.preset,
            **tune,
            "crf": self.crf,
            "b:v": 0,  # constant quality: without it, crf is only a bound on a target bit rate
            "lag-in-frames": 0,
            "auto-alt-ref": 0,
            "g": self.gop or 1 << 20,
        }

    def split(self, data: bytes) -> list[bytes]:
        if data and (data[:4] != b"DKIF" or len(data) < FILE_HEADER):
            raise CodecError(f"an IVF stream begins with b'DKIF', this one with {data[:4]!r}")
        pictures = []
        at = FILE_HEADER
        while at < len(data):
            end = at + FRAME_HEADER + int.from_bytes(data[at : at + 4], "little")
            frame = data[at + FRAME_HEADER : end]
            if end > len(data) or not frame:
                raise CodecError("an IVF frame is empty or cut off")
            if frame[-1] >> 5 == 0b110:  # a superframe's marker (VP9 specification, Annex B)
                raise CodecError("a superframe hides a frame: low delay allows no hidden ones")
            pictures.append(varint(len(frame)) + frame)
            at = end
        return pictures

    def join(self, payload: bytes) -> bytes:
        out = [struct.pack("<4sHH4sHHIIII", b"DKIF", 0, FILE_HEADER, b"VP90", 0, 0, 1, 1, 0, 0)]
        at = 0
        while at < len(payload):
            length, start = read_varint(payload, at)
            at = start + length
            if at > len(payload):
                raise StreamError("truncated vp9 stream: a frame is cut off")
            out.append(struct.pack("<IQ", length, len(out) - 1) + payload[start:at])
        return b"".join(out)
