"""Tables that grow while a training runs, and go on after a kill."""

from __future__ import annotations

import csv
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...core.store import writing


def append(path: Path, row: Mapping[str, Any]) -> None:
    """Append a row to a CSV; a file with other columns is set aside first."""
    if path.exists():
        with path.open(newline="", encoding="utf-8") as file:
            if next(csv.reader(file), []) != list(row):
                path.rename(path.with_suffix(f".{int(time.time())}.csv"))
    new = not path.exists()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)


def rows(path: Path) -> list[dict[str, str]]:
    """All rows of a CSV; none where there is no file."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def forget_after(path: Path, step: int) -> None:
    """Take out the rows of steps that were lost with a kill and are now taken anew."""
    found = rows(path)
    # The last line may be torn.
    kept = [row for row in found if (row.get("step") or "").isdecimal() and int(row["step"]) <= step]
    if len(kept) == len(found):
        return
    with writing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(found[0]), extrasaction="ignore")
        writer.writeheader()
        writer.writerows(kept)
