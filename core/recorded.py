"""The contract of what is no codec here: frames that somebody else has decoded."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from .errors import UsageError
from .method import Method
from .video import Clip, Frames

UNSEALED = "unsealed"
"""How the points of such a method are called, so that no table and no plot shows them as anything else."""


@dataclass(frozen=True)
class Stated:
    """What somebody says of a clip's stream.

    Attributes:
        sizes: bytes by kind of chunk, as `bitstream.sizes` gives them.
        origin: where that is said, for the record.
    """

    sizes: Mapping[str, int]
    origin: str


class Recorded(Method):
    """Frames that were decoded elsewhere: nothing is coded, nothing is sealed, and no time is taken.

    Runs score them beside real codecs, and say in records, manifest, tables and report what they are.
    """

    @abstractmethod
    def frames(self, clip: Clip) -> Iterator[Frames]:
        """The decoded frames of a clip.

        Args:
            clip: known by its name.

        Yields:
            blocks (t, H, W, 3) uint8 RGB, of the clip's size and as many frames.

        Raises:
            CodecError: there are none, or they are not of the clip.
        """

    @abstractmethod
    def stated(self, clip: Clip) -> Stated | None:
        """How many bytes the clip's stream is said to have, or None where nobody says it.

        Raises:
            CodecError: it should be known, and is not.
        """

    def encode(self, clip: Clip) -> bytes:
        raise self._no_codec()

    def decode(self, stream: bytes) -> Iterator[Frames]:
        raise self._no_codec()

    def _no_codec(self) -> UsageError:
        return UsageError(f"{self.name} codes nothing, it is for `bench run`; see `bench list methods`")
