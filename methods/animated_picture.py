"""What neural codecs share: one picture is sent, then a few numbers a frame that animate it."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from ..core.bitstream import Header, Kind, pack, unpack_for
from ..core.errors import CodecError, StreamError
from ..core.method import Method
from ..core.motion_coding import MotionCoding, Parameters, lock, unlock
from ..core.picture import PictureCodec
from ..core.video import Clip, Frame, Frames


class AnimatedPicture(Method):
    """Sends a clip's first picture, which is shown as frame 0, and motion parameters for every later frame.

    Motion begins with four bytes each of the hashes of weights and of motion coding; a decoder that has
    others refuses the stream.

    Args:
        picture: codes the first picture.
    """

    sends_source: ClassVar[bool] = False
    """Whether motion begins with the source picture's own parameters, which the decoder cannot find out."""

    def __init__(self, picture: PictureCodec) -> None:
        self.picture = picture

    @property
    @abstractmethod
    def coding(self) -> MotionCoding:
        """How motion parameters are coded.

        Raises:
            AssetError: what it needs is missing.
        """

    @abstractmethod
    def weights_fingerprint(self) -> str:
        """sha256 of the networks' weights.

        Raises:
            AssetError: they are missing.
        """

    @abstractmethod
    def estimate(self, source: Frame, frames: Iterable[Frames]) -> Iterator[Parameters]:
        """The sender's part.

        Args:
            source: (H, W, 3) uint8 RGB: the first picture as the decoder will have it.
            frames: the later frames, in blocks (t, H, W, 3) uint8 RGB, some of them empty; before them the
                source itself, if it is sent.

        Yields:
            motion parameters (t, n) float32 of each block.
        """

    @abstractmethod
    def render(self, source: Frame, motion: Iterable[Parameters]) -> Iterator[Frames]:
        """The receiver's part.

        Args:
            source: (H, W, 3) uint8 RGB.
            motion: blocks of decoded parameters (t, n) float32, any finite values; the source's own in the
                first row of the first block, if they are sent.

        Yields:
            blocks (t, H, W, 3) uint8 RGB of the later frames.
        """

    def _keys(self) -> dict[str, str]:
        """What the decoder must have, and its fingerprints."""
        return {"weights": self.weights_fingerprint(), "motion coding": self.coding.fingerprint()}

    def encode(self, clip: Clip) -> bytes:
        blocks = clip.frames()
        first = next(blocks, None)
        if first is None:
            raise CodecError(f"clip '{clip.name}' has no frames; leave it out or check its source")
        frames = 1

        def later() -> Iterator[Frames]:
            nonlocal frames
            for block in itertools.chain([first[1:]], blocks):
                frames += len(block)
                yield block

        try:
            data = self.picture.encode(first[0])
            source = self.picture.decode(data, clip.width, clip.height)
            own = [source[None]] if self.sends_source else []
            motion = self.coding.encode(self.estimate(source, itertools.chain(own, later())))
        except CodecError as error:
            size = f"{clip.width}x{clip.height}"
            raise CodecError(f"{self.name} could not code '{clip.name}' ({size}): {error}") from None
        motion = motion if frames > 1 else b""
        header = Header(self.name, clip.width, clip.height, clip.fps, frames)
        return pack(header, [(Kind.SOURCE, data), (Kind.MOTION, lock(motion, *self._keys().values()))])

    def decode(self, stream: bytes) -> Iterator[Frames]:
        parsed = unpack_for(stream, self.name)
        header = parsed.header
        expected = [Kind.SOURCE] if header.frames == 1 else [Kind.SOURCE, Kind.MOTION]
        if [kind for kind, _ in parsed.chunks] != expected:
            raise StreamError(
                f"corrupt {self.name} stream: one source picture and, for more than one frame, its motion "
                "are expected; encode the clip again"
            )
        if header.frames > 1:
            motion = unlock(parsed.payload(Kind.MOTION), self._keys())
        source = self.picture.decode(parsed.payload(Kind.SOURCE), header.width, header.height)
        yield source[None]
        if header.frames > 1:
            rows = header.frames if self.sends_source else header.frames - 1
            yield from self.render(source, self.coding.decode(motion, rows))

    def describe(self) -> Mapping[str, str]:
        return {
            "weights": self.weights_fingerprint(),
            **self.coding.describe(),
            "codec": self.picture.codec,
            "qp": str(self.picture.qp),
            **self.picture.describe(),
        }


def square(frames: Any, multiple: int) -> Any:
    """Frames (..., H, W, 3), their last rows and columns repeated until they are square.

    Args:
        multiple: the side becomes a multiple of this.
    """
    height, width = frames.shape[-3:-1]
    side = -(-max(height, width) // multiple) * multiple
    margins = [(0, 0)] * (frames.ndim - 3) + [(0, side - height), (0, side - width), (0, 0)]
    return np.pad(frames, margins, mode="edge") if side > min(height, width) else frames
