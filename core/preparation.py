"""Data sets whose clips are made on the user's machine: downloaded, cut, checked."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .config import compose
from .dataset import Dataset
from .errors import UsageError
from .registry import load, plugins

Say = Callable[[str], None]
"""Told a line of what is going on."""


@dataclass(frozen=True)
class Preparation:
    """How clips are made.

    Attributes:
        videos: a folder of videos that stands in for the download, or None.
        as_published: cut and code as the published scripts do, with their loss.
        at_key_frames: begin where the published scripts do, without loss.
        workers: videos that are downloaded or cut at once.
        cookies: a file of cookies for the downloader, or None.
        browser: a browser whose cookies the downloader takes, or ''.
        again: ask once more for videos that were found to be gone.
    """

    videos: Path | None = None
    as_published: bool = False
    at_key_frames: bool = False
    workers: int = 2
    cookies: Path | None = None
    browser: str = ""
    again: bool = False


class Preparable(Dataset):
    """A data set that `bench data prepare` makes."""

    @abstractmethod
    def prepare(self, how: Preparation, say: Say) -> bool:
        """Make what is not there yet; the same call goes on where an interrupted one was.

        Returns:
            whether nothing is missing.

        Raises:
            TalkbenchError: nothing can be made at all.
        """


def prepare(name: str, overrides: Sequence[str], how: Preparation, say: Say) -> bool:
    """Prepare a data set by name; returns whether nothing is missing.

    Raises:
        UsageError: an unknown name or setting, or nothing in that data set is to be prepared.
        TalkbenchError: nothing can be made at all.
    """
    if how.workers < 1:
        raise UsageError(f"--workers {how.workers} is out of range; give a whole number of at least 1")
    config = compose([], name, "compression", [], overrides)
    cls = load("datasets", name)
    if not issubclass(cls, Preparable):
        others = [other for other in plugins("datasets") if issubclass(load("datasets", other), Preparable)]
        raise UsageError(f"{name} needs no preparation; data sets that do: {', '.join(others)}")
    for given, what in ((how.videos, "--videos"), (how.cookies, "--cookies")):
        if given is not None and not given.exists():
            raise UsageError(f"{what} {given}: nothing is there; check the path")
    dataset: Preparable = cls(**config["data"])
    return dataset.prepare(how, say)
