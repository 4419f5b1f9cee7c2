"""The `.tkb` stream: what a decoder needs and nothing more.

Layout (all integers are LEB128 varints unless said otherwise)::

    "TKB" 0x01                                  magic and version
    chunk*                                      kind (1 byte), length, payload,
                                                CRC-32 of kind and payload (4 bytes, LE)
    0x00                                        end: a stream cut at a chunk's border is noticed

The first chunk is the header: method name, width, height, frame rate (two integers), frames.
The kinds are what rates are accounted by, so a codec puts the picture that a receiver animates
or predicts from into SOURCE, and what every further frame costs into MOTION.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from enum import IntEnum
from fractions import Fraction

from .errors import StreamError

MAGIC = b"TKB\x01"
MAX_SIDE = 16384
MAX_FRAMES = 1 << 24


class Kind(IntEnum):
    """What a chunk's bytes are for."""

    HEADER = 1
    SOURCE = 2  # the picture that is sent first: animated by neural codecs, predicted from by classical ones
    MOTION = 3  # what the frames after it cost
    RESIDUAL = 4  # what a frame in mid-stream lacks; mended with it, it is the new source picture
    REFRESH = 5  # a new source picture in mid-stream


@dataclass(frozen=True)
class Header:
    """What any decoder must know before the first chunk.

    Attributes:
        method: name of the method that made the stream.
        width, height: of the decoded frames, in pixels.
        fps: frames per second.
        frames: how many frames the stream decodes to.
    """

    method: str
    width: int
    height: int
    fps: Fraction
    frames: int


@dataclass(frozen=True)
class Stream:
    """A parsed stream: its header and its chunks in order."""

    header: Header
    chunks: tuple[tuple[Kind, bytes], ...] = field(repr=False)

    def payload(self, kind: Kind) -> bytes:
        """The payloads of one kind, joined in order."""
        return b"".join(data for k, data in self.chunks if k is kind)


def varint(value: int) -> bytes:
    """Encode a non-negative integer as LEB128."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Decode a LEB128 integer below 2**63; returns it and the next position.

    Raises:
        StreamError: the integer is cut off or too long.
    """
    value = 0
    for shift in range(0, 63, 7):
        if at >= len(data):
            raise StreamError("truncated stream: it ends inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise StreamError("corrupt stream: a number is longer than nine bytes")


def _checksum(kind: int, payload: bytes) -> bytes:
    return zlib.crc32(payload, zlib.crc32(bytes([kind]))).to_bytes(4, "little")


def _chunk(kind: Kind, payload: bytes) -> bytes:
    return bytes([kind]) + varint(len(payload)) + payload + _checksum(kind, payload)


def pack(header: Header, chunks: list[tuple[Kind, bytes]]) -> bytes:
    """Write a stream.

    Args:
        header: written as the first chunk.
        chunks: (kind, payload) in the order in which the decoder wants them; empty ones are left out.
    """
    name = header.method.encode()
    head = varint(len(name)) + name
    numbers = (header.width, header.height, *header.fps.as_integer_ratio(), header.frames)
    head += b"".join(varint(number) for number in numbers)
    body = b"".join(_chunk(kind, payload) for kind, payload in chunks if payload)
    return MAGIC + _chunk(Kind.HEADER, head) + body + b"\x00"


def _chunks(data: bytes) -> list[tuple[Kind, bytes]]:
    if data[:3] != MAGIC[:3]:
        raise StreamError(
            f"not a .tkb stream: it begins with {data[:4]!r}, expected {MAGIC!r}; "
            "only files written by `bench encode` or `bench run` can be decoded"
        )
    if data[:4] != MAGIC:
        raise StreamError(
            f"stream version {data[3:4].hex() or 'missing'} found, version {MAGIC[3]} expected; "
            "decode it with the talkbench version that wrote it"
        )
    at, chunks = len(MAGIC), []
    while True:
        if at >= len(data):
            raise StreamError("truncated stream: its end mark is missing")
        kind = data[at]
        at += 1
        if kind == 0:
            break
        if kind not in set(Kind):
            raise StreamError(f"corrupt stream: unknown chunk kind {kind} at byte {at - 1}")
        length, at = read_varint(data, at)
        payload, check = data[at : at + length], data[at + length : at + length + 4]
        if len(payload) < length or len(check) < 4:
            raise StreamError(f"truncated stream: a {Kind(kind).name.lower()} chunk is cut off")
        if _checksum(kind, payload) != check:
            raise StreamError(f"corrupt stream: checksum of a {Kind(kind).name.lower()} chunk differs")
        chunks.append((Kind(kind), payload))
        at += length + 4
    if at != len(data):
        raise StreamError(f"corrupt stream: {len(data) - at} bytes after the end mark")
    return chunks


def _header(payload: bytes) -> Header:
    length, at = read_varint(payload, 0)
    name = payload[at : at + length]
    at += length
    numbers = []
    for _ in range(5):
        number, at = read_varint(payload, at)
        numbers.append(number)
    width, height, numerator, denominator, frames = numbers
    sane = 0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and 0 < frames <= MAX_FRAMES
    if not (sane and numerator > 0 and denominator > 0 and at == len(payload) and name.isascii()):
        raise StreamError("corrupt stream: its header holds impossible values")
    return Header(name.decode(), width, height, Fraction(numerator, denominator), frames)


def unpack(data: bytes) -> Stream:
    """Parse and check a stream.

    Raises:
        StreamError: not a stream, another version, truncated, or a checksum differs.
    """
    chunks = _chunks(data)
    if not chunks or chunks[0][0] is not Kind.HEADER or any(k is Kind.HEADER for k, _ in chunks[1:]):
        raise StreamError("corrupt stream: exactly one header chunk is expected, and first")
    return Stream(_header(chunks[0][1]), tuple(chunks[1:]))


def unpack_for(data: bytes, method: str) -> Stream:
    """Parse and check a stream that this method is to decode.

    Raises:
        StreamError: as `unpack`, or another method made it.
    """
    stream = unpack(data)
    if stream.header.method != method:
        raise StreamError(f"a stream of method '{stream.header.method}' found, one of '{method}' expected")
    return stream


def sizes(data: bytes) -> dict[str, int]:
    """Bytes of a stream by kind of chunk; they add up to the stream's length.

    The container's own bytes (magic, kinds, lengths, checksums, end mark) count as `header`.
    """
    stream = unpack(data)
    by_kind = {kind.name.lower(): 0 for kind in Kind}
    for kind, payload in stream.chunks:
        by_kind[kind.name.lower()] += len(payload)
    by_kind["header"] = len(data) - sum(by_kind.values())
    return by_kind
