"""The clips of a folder, and who is seen in them."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ...core.errors import UsageError
from ...core.reading import VIDEOS

MANIFEST = "MANIFEST.csv"
Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels."""


@dataclass(frozen=True)
class Footage:
    """One video.

    Attributes:
        path: the file.
        identity: who is seen; one and the same person in all clips of that identity.
        box: the face box united over its frames, or None where it is to be found.
    """

    path: Path
    identity: str
    box: Box | None = None


def footage(data: Path) -> list[Footage]:
    """The training clips of a folder, in a fixed order.

    Where the folder holds a MANIFEST.csv, its rows count: `file` (relative to the folder) and, if there are
    such columns, `identity` (by default the file is a person of its own), `split` (rows of others than
    `train` are left out) and `face_box_union` ("left top right bottom" in pixels; a split without a box
    anywhere has its boxes searched, a row without one beside others is left out, since no face was found).
    Without a table, every video in the folder and below counts: those in one subfolder show one person, and
    each that lies in the folder itself another.

    Raises:
        UsageError: no such folder, a table that cannot be read, or no clips.
    """
    if not data.is_dir():
        raise UsageError(f"--data {data} is no folder; give one of videos")
    table = data / MANIFEST
    found = _listed(table) if table.is_file() else list(_lying(data))
    if not found:
        raise UsageError(f"no training clips in {data}; give a folder of videos, or rows of split train")
    return found


def _listed(table: Path) -> list[Footage]:
    try:
        with table.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeError, csv.Error) as error:
        raise UsageError(f"{table} cannot be read ({error}); give a CSV in UTF-8") from None
    if rows and "file" not in rows[0]:
        raise UsageError(f"{table} has no column file; its columns are {', '.join(rows[0])}")
    rows = [row for row in rows if row.get("split", "train") == "train"]
    boxed = any(row.get("face_box_union") for row in rows)
    found = []
    for row in rows:
        box = _box(row.get("face_box_union") or "", table)
        path = table.parent / row["file"]
        if not path.is_file():
            raise UsageError(f"{table} names {row['file']}, which is not there; mend the row or take it out")
        if box is not None or not boxed:
            found.append(Footage(path, row.get("identity") or path.stem, box))
    return found


def _box(text: str, table: Path) -> Box | None:
    if not text.strip():
        return None
    try:
        left, top, right, bottom = map(int, text.split())
    except ValueError:
        raise UsageError(
            f"{table} has a face_box_union '{text}'; write left, top, right and bottom, with spaces between"
        ) from None
    return left, top, right, bottom


def _lying(data: Path) -> Iterator[Footage]:
    for path in sorted(data.rglob("*")):
        below = path.relative_to(data)
        hidden = any(part.startswith(".") for part in below.parts)
        if path.suffix.lower() in VIDEOS and path.is_file() and not hidden:
            yield Footage(path, path.stem if path.parent == data else below.parent.as_posix())


def held_out(identities: Sequence[str], named: Sequence[str]) -> list[str]:
    """Who is not trained on: those named, or a tenth of all, at least one, by lot but always the same.

    Raises:
        UsageError: a name that is not there, or nobody left to train on.
    """
    everybody = sorted(set(identities))
    strange = sorted(set(named) - set(everybody))
    if strange:
        raise UsageError(
            f"held_out names {', '.join(strange)}, of whom there are no clips; there are "
            f"{', '.join(everybody[:20])}{' …' if len(everybody) > 20 else ''}"
        )
    if len(everybody) < 2 or set(named) == set(everybody):
        raise UsageError(
            f"{len(everybody)} person found and {len(set(named))} held out; training needs clips of two "
            "people at least, one of them to be held out (a subfolder for each, or a MANIFEST.csv)"
        )
    count = max(1, len(everybody) // 10)
    return sorted(set(named)) or sorted(random.Random(0).sample(everybody, count))
