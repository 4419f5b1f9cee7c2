"""The contract of a data set."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any, ClassVar

from .assets import Asset
from .errors import UsageError
from .signature import digest
from .video import Clip


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
