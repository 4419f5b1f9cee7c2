"""What `bench list`, `bench data` and `bench assets` print, as rows."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Iterator, Sequence
from typing import Any

from .assets import declared, fetch, path, present
from .config import compose
from .dataset import Dataset
from .errors import TalkbenchError, unknown
from .registry import find, load, plugins
from .selection import Selection
from .video import Clip


def _definition(cls: type) -> list[str]:
    """A docstring's paragraphs, each on one line."""
    text = inspect.cleandoc(cls.__doc__ or "")
    return [" ".join(part.split()) for part in text.split("\n\n")]


def shelf_rows(shelf: str, whole: bool) -> list[dict[str, str]]:
    """A row a plugin.

    Args:
        shelf: such as ``metrics``.
        whole: all that there is to know of each, or its first line only.
    """
    rows = []
    for name in sorted(plugins(shelf)):
        cls = load(shelf, name)
        paragraphs = _definition(cls)
        row = {"name": name}
        if shelf == "metrics":
            row |= {"unit": cls.unit, "better": cls.direction}
        row["what"] = " ".join(paragraphs) if whole and shelf == "metrics" else paragraphs[0]
        if shelf == "metrics" and whole:
            row["source"] = cls.source
            by_hand = (f"{address} (by hand)" for address in cls.by_hand)
            row["weights"] = ", ".join((*(asset.name for asset in cls.assets), *by_hand))
        if whole:
            row["settings"] = str(find(shelf, name).yaml)
        rows.append(row)
    return rows


def _decoded(clip: Clip) -> dict[str, Any]:
    frames, digest = 0, hashlib.sha256()
    for block in clip.frames():
        frames += len(block)
        digest.update(block.data)
    return {"frames": frames, "pixels": digest.hexdigest()}


def clip_rows(name: str, overrides: Sequence[str], decode: bool) -> tuple[list[dict[str, Any]], Dataset]:
    """A row a clip of a data set, whose files are fetched first, and the data set.

    Args:
        name: of the data set.
        overrides: ``data.…`` settings.
        decode: read every frame, and give their number and sha256.

    Raises:
        UsageError: unknown name or setting, or no clips.
    """
    config = compose([], name, "compression", [], overrides)
    dataset: Dataset = load("datasets", name)(**config["data"])
    selection = Selection.of(config)
    fetch(*dataset.needs(), *selection.needs())
    rows = []
    for clip, unfit in selection.choose(dataset.clips()):
        row: dict[str, Any] = {
            "clip": clip.name,
            "identity": clip.identity,
            "size": f"{clip.width}x{clip.height}",
            "fps": f"{float(clip.fps):g}",
        }
        if selection != Selection():
            row["left out"] = unfit
        try:
            row["sha256"] = clip.sha256
            if decode:
                row |= _decoded(clip)
            row["wrong"] = ""
        except TalkbenchError as error:
            row |= {"sha256": "", **({"frames": 0, "pixels": ""} if decode else {}), "wrong": str(error)}
        rows.append(row)
    return rows, dataset


def left_lines(dataset: Dataset) -> Iterator[str]:
    """What a data set lacks, a line each: clips that its settings exclude, what is not here of a list."""
    for name, reason in dataset.left_out().items():
        yield f"left out: {name}: {reason}"
    coverage = dataset.coverage()
    if coverage is not None:
        yield coverage.line()
        yield from (f"note: {note}" for note in coverage.notes)
        yield from (f"missing: {name}: {reason}" for name, reason in coverage.missing.items())


def asset_rows(names: Sequence[str], fetch_them: bool = False, where: bool = False) -> list[dict[str, str]]:
    """A row an asset.

    Args:
        names: which; all of them if empty.
        fetch_them: bring the missing ones first.
        where: give paths instead of descriptions.

    Raises:
        UsageError: an unknown name.
        AssetError: a file cannot be had.
    """
    known = declared()
    for name in names:
        if name not in known:
            raise unknown("asset", name, known)
    chosen = [known[name] for name in names or sorted(known)]
    if fetch_them:
        fetch(*chosen)
    rows = []
    for asset in chosen:
        row = {"name": asset.name, "there": "yes" if present(asset) else "no"}
        if where:
            row["path"] = str(path(asset))
        else:
            row |= {
                "MB": f"{asset.bytes / 1e6:.1f}",
                "what": asset.what,
                "from": asset.origin,
                "licence": asset.licence,
            }
        rows.append(row)
    return rows
