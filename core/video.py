"""Clips: what every method encodes and every metric takes as the truth."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .errors import VideoError
from .ffmpeg import Frames, block_length
from .signature import digest

__all__ = [
    "SOUND_RATE",
    "Clip",
    "Frame",
    "Frames",
    "RawFile",
    "Sound",
    "Source",
    "Unreadable",
    "block_length",
    "first_frame",
    "reblock",
]

Frame = NDArray[np.uint8]
"""One frame: (H, W, 3), uint8, RGB."""

SOUND_RATE = 16_000
"""Samples of sound per second."""

Sound = NDArray[np.int16]
"""What is heard, all channels as one: (n,), int16, `SOUND_RATE` samples per second."""


class Source(ABC):
    """Where a clip's pixels come from. Instances are small, picklable and comparable."""

    @abstractmethod
    def frames(self) -> Iterator[Frames]:
        """Decode from the first frame on, in blocks (t, H, W, 3) uint8 RGB; restartable.

        Raises:
            VideoError: the source is unreadable or damaged.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """Hash of everything that determines the pixels."""

    def stored(self) -> tuple[int, int] | None:
        """Width and height before scaling, or None where nothing is scaled."""
        return None

    def sound(self) -> Sound | None:
        """What is heard from the moment on at which frame 0 is shown, or None where there is no sound.

        Raises:
            VideoError: there is sound, and it is damaged.
        """
        return None


@dataclass(frozen=True)
class Clip:
    """A video to be coded: a name, a shape, and a source of frames.

    Attributes:
        name: unique within its data set; also the stem of the files made from it.
        source: where the frames come from, already cropped and scaled to (height, width).
        width, height: in pixels.
        fps: frames per second, constant.
        identity: who is seen, or ''.
        limit: use this many frames at most, or None for all.
    """

    name: str
    source: Source
    width: int
    height: int
    fps: Fraction
    identity: str = ""
    limit: int | None = None

    def frames(self) -> Iterator[Frames]:
        """Decode in blocks (t, H, W, 3) uint8 RGB of about 3 MiB; restartable, constant memory."""
        left = self.limit
        source = self.source.frames()
        try:
            for block in source:
                if left is not None:
                    block = block[:left]
                    left -= len(block)
                if len(block):
                    yield block
                if left == 0:
                    break
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()

    def sound(self) -> Sound | None:
        """What is heard while the frames are shown, or None where there is no sound; it may end before them.

        Raises:
            VideoError: there is sound, and it is damaged.
        """
        sound = self.source.sound()
        if sound is None or self.limit is None:
            return sound
        return sound[: round(self.limit * SOUND_RATE / self.fps)]

    def first(self, frames: int | None) -> Clip:
        """The same clip, cut to its first frames."""
        if frames is None or (self.limit is not None and self.limit <= frames):
            return self
        return replace(self, limit=frames)

    @property
    def sha256(self) -> str:
        """Hash of what determines the pixels and their timing, not of name or identity."""
        return digest([self.source.fingerprint(), self.width, self.height, str(self.fps), self.limit])


@dataclass(frozen=True)
class RawFile(Source):
    """Frames already decoded: rgb24, nothing else, in one file that does not change."""

    path: Path
    width: int
    height: int
    sha256: str

    def frames(self) -> Iterator[Frames]:
        length = block_length(self.width, self.height)
        size = self.width * self.height * 3
        with self.path.open("rb") as file:
            while True:
                block = np.fromfile(file, np.uint8, length * size)
                if len(block):
                    yield block.reshape(-1, self.height, self.width, 3)
                if len(block) < length * size:
                    break

    def fingerprint(self) -> str:
        return self.sha256


@dataclass(frozen=True)
class Unreadable(Source):
    """A video that could not be opened, kept in the list so that its failure is recorded, not passed over.

    Attributes:
        reason: the message of every error.
    """

    reason: str

    def frames(self) -> Iterator[Frames]:
        raise VideoError(self.reason)

    def fingerprint(self) -> str:
        raise VideoError(self.reason)


def first_frame(clip: Clip) -> Frame:
    """A clip's frame 0, decoding no more than its first block."""
    for block in clip.first(1).frames():
        first: Frame = block[0]
        return first
    raise VideoError(f"clip '{clip.name}' has no frames; leave it out or check its source")


def reblock(frames: Iterable[Frames], lengths: Iterable[int]) -> Iterator[Frames]:
    """Cut a stream of blocks anew, to the given lengths; stops early where the frames end."""
    blocks = iter(frames)
    have: list[Frames] = []
    for length in lengths:
        while sum(map(len, have)) < length:
            block = next(blocks, None)
            if block is None:
                break
            have.append(block)
        if not have:
            return
        joined = have[0] if len(have) == 1 else np.concatenate(have)
        if len(joined) < length:
            yield joined
            return
        yield joined[:length]
        have = [joined[length:]] if len(joined) > length else []
