"""Clips of a published list: which video each is in, and where."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from .cutting import Cut, Raw

EXACT, KEY_FRAMES, AS_PUBLISHED = "exact", "key frames", "as published"


@dataclass(frozen=True)
class Piece(ABC):
    """A clip of a list.

    Attributes:
        name: of the clip, and the stem of its file.
        video: its id on YouTube.
        stem: what the downloaded file is called.
        identity: who is seen, as far as the list tells.
        wrong: why it can never be cut, or ''.
        remark: what is to be known of it, or ''.
    """

    name: str
    video: str
    stem: str
    identity: str
    wrong: str = ""
    remark: str = ""

    @property
    def stems(self) -> tuple[str, ...]:
        """What a user's own file of the video may be called."""
        return tuple(dict.fromkeys((self.stem, self.video)))

    @abstractmethod
    def locate(self, raw: Raw, manner: str) -> Cut:
        """Where it lies in its video.

        Raises:
            VideoError: it does not.
        """

    def chunk(self, raw: Raw) -> Cut:
        """Where it lies in the published script's intermediate file, where there is one (`Listed.chunks`).

        Raises:
            VideoError: it does not.
        """
        return self.locate(raw, KEY_FRAMES)

    @property
    def chunk_stem(self) -> str:
        """What that file is called."""
        return self.name
