"""The contract of a recipe: what is made of which clips, and what it is compared with."""

from __future__ import annotations

from abc import ABC
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

from ..core.method import Method
from ..core.metric import Metric, Scores
from ..core.points import Point
from ..core.video import Clip, Frames


class Recipe(ABC):
    """A benchmark. Its YAML lists the metrics that it scores unless others are asked for (`metrics`), those
    of them that are n/a, and no failure, where they do not apply to a clip's size or want files that have
    to be put by hand (`optional`), the settings that it changes unless the command gives them (`presets`),
    and its own settings.

    A recipe whose frames come out of a stream (`coded`) needs nothing but a name: every clip is encoded at
    every operating point, and decoded in a sealed process. One whose frames do not says how they are made.
    """

    name: ClassVar[str]
    coded: ClassVar[bool] = True
    """Whether methods are asked for streams. Otherwise frames are made in the worker by `make`, nothing is
    sealed, and there are no rates: the units' records say so."""
    pictured: ClassVar[bool] = True
    """Whether units have frames, coded or made. Otherwise `measure` gives their values, by itself."""
    against: ClassVar[Mapping[str, str]] = {}
    """By metric, which of `references` it gets; those that are not named get the clip itself."""

    def clips(self, clips: Sequence[Clip], seed: int) -> Sequence[Clip]:
        """What units are of, in order: the data set's clips, or clips made of them.

        Args:
            clips: of the data set, readable ones.
            seed: of the run, for whatever is drawn.

        Raises:
            UsageError: the recipe needs other clips.
        """
        return clips

    def points(self, points: Sequence[Point]) -> Sequence[Point]:
        """The operating points, or what is made at each of them."""
        return points

    def lacks(self, method: Method) -> str:
        """What a method would need to take part, said as a reason for n/a; '' if it can."""
        return ""

    def make(self, method: Method, point: Point, clip: Clip) -> Iterator[Frames]:
        """The frames of a unit that are not coded: as many as the clip's, and of its size.

        Args:
            method: at the point; `lacks` nothing.
            point: one of `points`.
            clip: one of `clips`.

        Yields:
            blocks (t, H, W, 3) uint8 RGB.
        """
        raise NotImplementedError(f"{self.name} makes no frames of its own")

    def measure(self, method: Method, clip: Clip, metrics: Mapping[str, Metric]) -> Mapping[str, Scores]:
        """The values of a unit that has no frames, by the name of the metric.

        Args:
            method: at the point; `lacks` nothing.
            clip: one of `clips`.
            metrics: that are wanted; those that are not in the answer do not apply.
        """
        raise NotImplementedError(f"{self.name} measures nothing by itself")

    def references(self, clip: Clip) -> Mapping[str, Clip]:
        """Clips beside the unit's own that metrics are given as their reference, by the names in `against`.

        Each has the clip's size and number of frames, and its last frames are repeated or cut where it has
        not.
        """
        return {}

    def about(self, clip: Clip) -> Mapping[str, Any]:
        """What the manifest says of one of `clips` beside its name, size and hash."""
        return {}
