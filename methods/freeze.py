"""The first picture and nothing else: the floor that any coding of motion must beat."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from ..core.bitstream import Header, Kind, pack, unpack_for
from ..core.errors import CodecError, StreamError
from ..core.method import Method
from ..core.picture import PictureCodec
from ..core.signature import code
from ..core.version import __version__
from ..core.video import Clip, Frames, block_length, first_frame


class Freeze(Method):
    """Sends a clip's first picture and shows it for the whole clip. Any size from 16x16 on.

    Args:
        codec: of the picture: ``h265`` or ``h266`` (intra), or ``png`` (lossless).
        qp: of H.265, 0 to 51, or of H.266, 0 to 63.
    """

    name = "freeze"

    def __init__(self, *, codec: str, qp: int) -> None:
        self.picture = PictureCodec(codec, qp)

    def check(self) -> None:
        self.picture.check("methods.freeze")

    def encode(self, clip: Clip) -> bytes:
        try:
            data = self.picture.encode(first_frame(clip))
        except CodecError as error:
            size = f"{clip.width}x{clip.height}"
            raise CodecError(f"freeze could not code '{clip.name}' ({size}): {error}") from None
        frames = sum(len(block) for block in clip.frames())
        header = Header(self.name, clip.width, clip.height, clip.fps, frames)
        return pack(header, [(Kind.SOURCE, data)])

    def decode(self, stream: bytes) -> Iterator[Frames]:
        parsed = unpack_for(stream, self.name)
        header = parsed.header
        if [kind for kind, _ in parsed.chunks] != [Kind.SOURCE]:
            raise StreamError("corrupt freeze stream: one source picture is expected; encode the clip again")
        frame = self.picture.decode(parsed.payload(Kind.SOURCE), header.width, header.height)
        step = block_length(header.width, header.height)
        for start in range(0, header.frames, step):
            yield np.repeat(frame[None], min(step, header.frames - start), axis=0)

    def describe(self) -> Mapping[str, str]:
        return {
            "codec": self.picture.codec,
            "qp": str(self.picture.qp),
            **self.picture.describe(),
            "code": code(Freeze),
            "version": __version__,
        }
