"""The contract of a codec."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import ClassVar

from .assets import Asset
from .video import Clip, Frames


class Method(ABC):
    """One codec at one operating point; a CRF sweep is several of them.

    A subclass takes its settings as keyword arguments, by the names of its YAML. It is made anew in
    the decoding process, so all that the decoder needs is in the stream or in these settings.
    """

    name: ClassVar[str]
    """The method's name: its module's, its YAML's, and the one that its streams carry."""

    assets: ClassVar[tuple[Asset, ...]] = ()
    """Files that must be there before a run starts."""

    def check(self) -> None:  # noqa: B027  (most methods need nothing)
        """Look for what this method needs on this machine.

        Raises:
            UsageError: a setting is out of range, or a tool is missing; asked before a run starts.
        """

    @abstractmethod
    def encode(self, clip: Clip) -> bytes:
        """Code a clip.

        Args:
            clip: frames are (H, W, 3) uint8 RGB.

        Returns:
            a `.tkb` stream (core.bitstream).

        Raises:
            CodecError: the encoder failed or cannot code such a clip.
        """

    @abstractmethod
    def decode(self, stream: bytes) -> Iterator[Frames]:
        """Decode a stream; as many frames as its header says.

        Args:
            stream: what `encode` returned, in another process.

        Yields:
            blocks (t, H, W, 3) uint8 RGB.

        Raises:
            StreamError: the stream is damaged or for another decoder.
            CodecError: the decoder failed.
        """

    @abstractmethod
    def describe(self) -> Mapping[str, str]:
        """All that determines the result: settings, builds, hashes of weights."""
