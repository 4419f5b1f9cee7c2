"""The contract of a data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, ClassVar

from .assets import Asset
from .errors import UsageError
from .signature import digest
from .video import Clip


@dataclass(frozen=True)
class Coverage:
    """How much of a published data set is at hand: links die, and a number on a part is not one on the whole.

    Attributes:
        of: what is covered, such as ``talkinghead1kh val``.
        listed: clips that the published list names; None where the list is not at hand.
        here: clips of it that are at hand.
        missing: reason by clip name.
        notes: what else is to be known of the clips, a sentence each.
    """

    of: str
    listed: int | None
    here: int
    missing: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def line(self) -> str:
        """It all in one sentence."""
        if self.listed is None:
            return f"{self.here} clips of {self.of}; its list is not at hand, so nobody knows of how many"
        gone = f", {len(self.missing)} missing" if self.missing else ", all of them"
        return f"{self.here} of the {self.listed} clips of {self.of} are here{gone}"

    def record(self) -> dict[str, Any]:
        """For a run's manifest."""
        return {
            "line": self.line(),
            "of": self.of,
            "listed": self.listed,
            "here": self.here,
            "missing": dict(self.missing),
            "notes": list(self.notes),
        }


class Dataset(ABC):
    """Clips in a fixed order. A subclass takes its settings as keyword arguments, named as in its YAML."""

    name: ClassVar[str]

    assets: ClassVar[tuple[Asset, ...]] = ()
    """Every file that some setting may need."""

    def needs(self) -> tuple[Asset, ...]:
        """Files that must be there before `clips` is called; fetched by the command, not by `clips`."""
        return self.assets

    def left_out(self) -> Mapping[str, str]:
        """Clips that the data set has and these settings exclude: name to reason, for the manifest."""
        return {}

    def coverage(self) -> Coverage | None:
        """What is here of a published list; None for a data set that is its own measure."""
        return None

    @abstractmethod
    def clips(self) -> Sequence[Clip]:
        """The clips, names unique, order fixed; fetches nothing by itself.

        Raises:
            UsageError: the settings lead to no clip, or two clips share a name.
            AssetError: a file that `needs` declares is not there.
        """

    def fingerprint(self) -> str:
        """sha256 over the clips' own hashes.

        Raises:
            VideoError: a clip cannot be read.
        """
        return digest([clip.sha256 for clip in self.clips()])


def whole(key: str, value: Any, least: int, most: int | None = None) -> int:
    """A setting that is a whole number.

    Raises:
        UsageError: it is not, or not from `least` to `most`.
    """
    if isinstance(value, int) and not isinstance(value, bool) and least <= value <= (most or value):
        return value
    span = f"from {least} to {most}" if most else f"of at least {least}"
    raise UsageError(f"{key}={value} found; give a whole number {span}")


def rate(key: str, value: Any) -> Fraction:
    """A setting that is a number of frames per second: 25, 29.97 or '30000/1001'.

    Raises:
        UsageError: it is not, or not above 0 and at most 1000.
    """
    try:
        fps = Fraction(str(value))
    except (ValueError, ZeroDivisionError):
        fps = Fraction(0)
    if not 0 < fps <= 1000:
        raise UsageError(f"{key}={value} found; give frames per second, such as 25 or 30000/1001")
    return fps
