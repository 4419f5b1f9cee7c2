"""What neural codecs share: one picture is sent, and a few numbers a frame that animate it."""

from __future__ import annotations

import itertools
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

import numpy as np

from ..core.bitstream import Header, Kind, pack, read_varint, unpack_for, varint
from ..core.errors import CodecError, StreamError
from ..core.method import Method
from ..core.motion_coding import MotionCoding, Parameters, lock, unlock
from ..core.video import Clip, Frame, Frames
from .correction import Corrector, Mend

LARGEST_SIDE = 2048
"""Of the pictures: networks take kilobytes of memory a pixel, and a hostile header may claim any size."""


class AnimatedPicture(Method):
    """Sends one frame of a clip as a picture, most often the first, and motion parameters for all others.

    The picture's chunk is the number of its frame (varint) and the coded picture. Motion begins with four
    bytes each of the hashes of weights and of motion coding; a decoder that has others refuses the stream.
    After motion come the corrections, if the encoder sends any: it then runs the decoder's part on the motion
    as coded, and both show and animate the same pictures.

    Args:
        corrector: sends and receives corrections; its picture codec codes the source picture too.
    """

    sends_source: ClassVar[bool] = False
    """Whether motion begins with the source picture's own parameters, which the decoder cannot find out."""

    def __init__(self, corrector: Corrector) -> None:
        self.corrector = corrector
        self.picture = corrector.picture

    @property
    @abstractmethod
    def coding(self) -> MotionCoding:
        """How motion parameters are coded.

        Raises:
            AssetError: what it needs is missing.
        """

    def source_number(self, clip: Clip) -> int:
        """Which frame is sent as the picture; any but the first is known only once the clip is over."""
        return 0

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
            source: (H, W, 3) uint8 RGB: the picture as the decoder will have it.
            frames: the other frames, in blocks (t, H, W, 3) uint8 RGB, some of them empty; before them the
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
            blocks (t, H, W, 3) uint8 RGB of the other frames.
        """

    def _keys(self) -> dict[str, str]:
        """What the decoder must have, and its fingerprints."""
        return {"weights": self.weights_fingerprint(), "motion coding": self.coding.fingerprint()}

    def encode(self, clip: Clip) -> bytes:
        if max(clip.width, clip.height) > LARGEST_SIDE:
            raise CodecError(
                f"clip '{clip.name}' is {clip.width}x{clip.height}, {self.name} codes sides of up to "
                f"{LARGEST_SIDE} pixels; scale it with --size"
            )
        frames, number = 0, self.source_number(clip)
        picture, blocks = _looked_up(clip, number)
        if picture is None:
            raise CodecError(f"clip '{clip.name}' has no frames; leave it out or check its source")

        def others() -> Iterator[Frames]:
            nonlocal frames
            for block in blocks:
                at = number - frames
                frames += len(block)
                yield from (block[:at], block[at + 1 :]) if 0 <= at < len(block) else (block,)

        try:
            data = self.picture.encode(picture)
            source = self.picture.decode(data, clip.width, clip.height)
            own = [source[None]] if self.sends_source else []
            motion = self.coding.encode(self.estimate(source, itertools.chain(own, others())))
            motion = motion if frames > 1 else b""
            corrections = self._corrections(clip, source, motion, frames)
        except CodecError as error:
            size = f"{clip.width}x{clip.height}"
            raise CodecError(f"{self.name} could not code '{clip.name}' ({size}): {error}") from None
        header = Header(self.name, clip.width, clip.height, clip.fps, frames)
        locked = lock(motion, *self._keys().values())
        return pack(header, [(Kind.SOURCE, varint(number) + data), (Kind.MOTION, locked), *corrections])

    def _corrections(self, clip: Clip, source: Frame, motion: bytes, frames: int) -> list[tuple[Kind, bytes]]:
        """What the corrector sends of a clip whose motion is coded; the clip is read a second time."""
        if frames == 1 or self.corrector.mode == "none":
            return []
        originals = single(clip)
        next(originals)
        sender = self.corrector.send(originals)
        for _ in self._others(source, motion, frames, sender):
            pass
        return sender.chunks

    def decode(self, stream: bytes) -> Iterator[Frames]:
        parsed = unpack_for(stream, self.name)
        header = parsed.header
        expected = [Kind.SOURCE] if header.frames == 1 else [Kind.SOURCE, Kind.MOTION]
        corrections = parsed.chunks[len(expected) :]
        if [kind for kind, _ in parsed.chunks[: len(expected)]] != expected:
            raise StreamError(
                f"corrupt {self.name} stream: one source picture and, for more than one frame, its motion "
                "are expected; encode the clip again"
            )
        if max(header.width, header.height) > LARGEST_SIDE:
            raise StreamError(
                f"corrupt {self.name} stream: pictures of {header.width}x{header.height} found, sides of up "
                f"to {LARGEST_SIDE} pixels expected; encode the clip again"
            )
        number, at = read_varint(parsed.payload(Kind.SOURCE), 0)
        if number >= header.frames or (number and corrections):
            raise StreamError(
                f"corrupt {self.name} stream: its picture is frame {number} of {header.frames}, with "
                f"{len(corrections)} corrections; encode the clip again"
            )
        mend = self.corrector.receive(corrections, header.frames)
        if header.frames > 1:
            motion = unlock(parsed.payload(Kind.MOTION), self._keys())
        source = self.picture.decode(parsed.payload(Kind.SOURCE)[at:], header.width, header.height)
        others = self._others(source, motion, header.frames, mend) if header.frames > 1 else iter(())
        yield from _inserted(source, number, others)

    def _others(self, first: Frame, motion: bytes, frames: int, mend: Mend) -> Iterator[Frames]:
        """All frames but the source picture; one that is mended becomes the source of those after it.

        Encoder and decoder both come here, so that even the batches that go through the networks are alike.
        """
        ahead = _Ahead(self.coding.decode(motion, frames if self.sends_source else frames - 1))
        number = 1
        fresh: Frame | None = first
        while fresh is not None and number < frames:
            source, fresh = fresh, None
            for block in self.render(source, ahead):
                count = 0
                while count < len(block) and fresh is None:
                    fresh = mend(number + count, block[count])
                    count += 1
                shown = block if fresh is None else np.concatenate([block[: count - 1], fresh[None]])
                ahead.drop(count)
                number += count
                yield shown
                if fresh is not None:
                    break

    def describe(self) -> Mapping[str, str]:
        return {
            "weights": self.weights_fingerprint(),
            **self.coding.describe(),
            "codec": self.picture.codec,
            "qp": str(self.picture.qp),
            **self.picture.describe(),
            **self.corrector.describe(),
        }


def single(clip: Clip) -> Iterator[Frame]:
    """Frames (H, W, 3) one by one."""
    return (frame for block in clip.frames() for frame in block)


def _looked_up(clip: Clip, number: int) -> tuple[Frame | None, Iterator[Frames]]:
    """A frame by its number, None if there is none, and the blocks of the whole clip."""
    blocks = clip.frames()
    if number > 0:
        return next(itertools.islice(single(clip), number, None), None), blocks
    first = next(blocks, None)
    return (None, blocks) if first is None else (first[0], itertools.chain([first], blocks))


def _inserted(frame: Frame, number: int, others: Iterator[Frames]) -> Iterator[Frames]:
    """Blocks of all frames, from those of the others and the one (H, W, 3) that has this number."""
    at = 0
    while at < number:
        block = next(others)
        before, rest = block[: number - at], block[number - at :]
        yield before
        at += len(before)
        if len(rest):
            others = itertools.chain([rest], others)
    yield frame[None]
    yield from others


class _Ahead:
    """Blocks of motion that are kept until their frames have been shown, to be handed out again.

    Where the source's own parameters are sent, what is kept begins with those of the last frame shown.
    """

    def __init__(self, blocks: Iterator[Parameters]) -> None:
        self._blocks = blocks
        self._kept: list[Parameters] = []

    def __iter__(self) -> Iterator[Parameters]:
        yield from tuple(self._kept)
        for block in self._blocks:
            self._kept.append(block)
            yield block

    def drop(self, rows: int) -> None:
        """Give up the first so many rows: their frames have been shown, or took the place of the source."""
        while rows:
            first = self._kept[0]
            rest = first[rows:]
            self._kept[:1] = [rest] if len(rest) else []
            rows -= len(first) - len(rest)


def square(frames: Any, multiple: int) -> Any:
    """Frames (..., H, W, 3), their last rows and columns repeated until they are square.

    Args:
        multiple: the side becomes a multiple of this.
    """
    height, width = frames.shape[-3:-1]
    side = -(-max(height, width) // multiple) * multiple
    margins = [(0, 0)] * (frames.ndim - 3) + [(0, side - height), (0, side - width), (0, 0)]
    return np.pad(frames, margins, mode="edge") if side > min(height, width) else frames
