"""Lossless coding without ffmpeg: the pipeline's self-test. What comes out must be what went in."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Iterator, Mapping

import numpy as np

from ..core.bitstream import Header, Kind, pack, unpack_for
from ..core.errors import CodecError, StreamError, UsageError
from ..core.method import Method
from ..core.signature import code
from ..core.version import __version__
from ..core.video import Clip, Frame, Frames, block_length


def _deflate(into: io.BytesIO, level: int) -> gzip.GzipFile:
    return gzip.GzipFile(fileobj=into, mode="wb", compresslevel=level, mtime=0)


def _inflate(file: gzip.GzipFile, size: int) -> bytes:
    try:
        return file.read(size)
    except (OSError, EOFError, zlib.error) as error:
        raise StreamError(f"corrupt raw stream: {error}; encode the clip again") from None


def _pixels(file: gzip.GzipFile, frames: int, height: int, width: int) -> Frames:
    size = frames * height * width * 3
    data = _inflate(file, size)
    if len(data) != size:
        raise StreamError("truncated raw stream: it holds fewer frames than its header says")
    return np.frombuffer(data, np.uint8).reshape(frames, height, width, 3)


class Raw(Method):
    """8-bit RGB, exactly: frame 0, then each frame's difference from the one before, modulo 256, deflated.

    Any size. Its rate means nothing; it is there to show that pixels, order and counts survive.

    Args:
        level: of deflate, 1 (fast) to 9.
    """

    name = "raw"

    def __init__(self, *, level: int) -> None:
        self.level = level

    def check(self) -> None:
        if isinstance(self.level, bool) or not isinstance(self.level, int) or not 1 <= self.level <= 9:
            raise UsageError(f"methods.raw.level={self.level} is out of range; give an integer from 1 to 9")

    def encode(self, clip: Clip) -> bytes:
        source, motion = io.BytesIO(), io.BytesIO()
        last: Frame | None = None
        frames = 0
        with _deflate(source, self.level) as first, _deflate(motion, self.level) as rest:
            for block in clip.frames():
                following = block
                if last is None:
                    first.write(block[0].tobytes())
                    last, following = block[0], block[1:]
                # unsigned differences wrap around, and so do the sums that undo them
                rest.write(np.diff(following, axis=0, prepend=last[None]).tobytes())
                last = block[-1]
                frames += len(block)
        if not frames:
            raise CodecError(f"clip '{clip.name}' has no frames; leave it out or check its source")
        chunks = [(Kind.SOURCE, source.getvalue())]
        if frames > 1:
            chunks.append((Kind.MOTION, motion.getvalue()))
        return pack(Header(self.name, clip.width, clip.height, clip.fps, frames), chunks)

    def decode(self, stream: bytes) -> Iterator[Frames]:
        parsed = unpack_for(stream, self.name)
        header = parsed.header
        size = (header.height, header.width)
        source, motion = (
            gzip.GzipFile(fileobj=io.BytesIO(parsed.payload(kind))) for kind in (Kind.SOURCE, Kind.MOTION)
        )
        last = _pixels(source, 1, *size)
        yield last
        step = block_length(header.width, header.height)
        for start in range(1, header.frames, step):
            changes = _pixels(motion, min(step, header.frames - start), *size)
            block = last + np.cumsum(changes, axis=0, dtype=np.uint8)
            yield block
            last = block[-1:]
        if _inflate(motion, 1):
            raise StreamError("corrupt raw stream: it holds more frames than its header says")

    def describe(self) -> Mapping[str, str]:
        return {
            "level": str(self.level),
            "zlib": zlib.ZLIB_RUNTIME_VERSION,
            "code": code(Raw),
            "version": __version__,
        }
