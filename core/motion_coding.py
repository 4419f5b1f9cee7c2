"""The contract of coding motion: a few numbers a frame, the same for every neural codec."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from .errors import StreamError

Parameters = NDArray[np.float32]
"""Motion parameters of consecutive frames: (t, n) float32."""

BLOCK = 64
"""Frames that are decoded at a time."""
KEY_BYTES = 4
"""So much of a sha256 stands in a stream for each thing that the decoder must have."""


class MotionCoding(ABC):
    """Codes tracks of n numbers a frame; a frame's bytes depend on it and on earlier frames only."""

    @abstractmethod
    def encode(self, blocks: Iterable[Parameters]) -> bytes:
        """Code a track.

        Args:
            blocks: (t, n) float32, finite, in order; taken one after another.

        Returns:
            the coded track; nothing for a track without frames.

        Raises:
            CodecError: a number is not finite, or out of range.
        """

    @abstractmethod
    def decode(self, data: bytes, frames: int) -> Iterator[Parameters]:
        """Decode a track.

        Args:
            data: what `encode` returned.
            frames: how many frames it was given.

        Yields:
            blocks (t, n) float32, finite.

        Raises:
            StreamError: the data is damaged, or of another number of frames; at the last block at latest.
        """

    @abstractmethod
    def fingerprint(self) -> str:
        """sha256 of what encoder and decoder must share."""

    @abstractmethod
    def describe(self) -> Mapping[str, str]:
        """All that determines the result."""


def lock(data: bytes, *fingerprints: str) -> bytes:
    """Put the beginnings of fingerprints (sha256 in hexadecimal) before data; nothing before none."""
    return b"".join(bytes.fromhex(one)[:KEY_BYTES] for one in fingerprints) + data if data else b""


def unlock(data: bytes, fingerprints: Mapping[str, str]) -> bytes:
    """The data behind the fingerprints that `lock` put there.

    Args:
        data: what `lock` returned.
        fingerprints: what the decoder has, by what it is, in the order of `lock`.

    Raises:
        StreamError: the stream was made with something else, or is too short.
    """
    if len(data) <= KEY_BYTES * len(fingerprints):
        raise StreamError("truncated stream: its motion data is missing; encode the clip again")
    for number, (what, fingerprint) in enumerate(fingerprints.items()):
        found = data[number * KEY_BYTES : (number + 1) * KEY_BYTES].hex()
        here = fingerprint[: 2 * KEY_BYTES]
        if found != here:
            raise StreamError(
                f"the stream was made with {what} {found}…, this decoder has {here}…; "
                f"decode it with the {what} that it was made with"
            )
    return data[KEY_BYTES * len(fingerprints) :]
