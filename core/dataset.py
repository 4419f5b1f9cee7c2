"""The contract of a data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from .assets import Asset
from .signature import digest
from .video import Clip


class Dataset(ABC):
    """Clips in a fixed order. A subclass takes its settings as keyword arguments, named as in its YAML."""

    name: ClassVar[str]

    def needs(self) -> tuple[Asset, ...]:
        """Files that must be there before `clips` is called; fetched by the command, not by `clips`."""
        return ()

    @abstractmethod
    def clips(self) -> Sequence[Clip]:
        """The clips, names unique, order fixed; fetches nothing by itself.

        Raises:
            UsageError: the settings lead to no clip, or two clips share a name.
            VideoError: a file is no readable video.
        """

    def fingerprint(self) -> str:
        """sha256 over the clips' own hashes."""
        return digest([clip.sha256 for clip in self.clips()])
