"""The contract of a recipe: which clips are coded at which operating points."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from typing import ClassVar

from ..core.points import Point
from ..core.video import Clip


class Recipe(ABC):
    """A benchmark. Its YAML lists the metrics that it scores unless others are asked for."""

    name: ClassVar[str]

    @abstractmethod
    def pairs(self, clips: Iterable[Clip], points: Sequence[Point]) -> Iterator[tuple[Clip, Point]]:
        """What is to be coded, clip by clip, so that a clip is decoded once for all its points."""
