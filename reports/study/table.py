"""Tables of an analysis: a row a thing for machines, and the same for reading."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...core.statistics import Interval
from ...core.store import write_rows

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for a formula if a cell begins with it."""


@dataclass(frozen=True)
class Table:
    """A table.

    Attributes:
        name: of its file, without ending.
        rows: all with the same columns, for the file.
        title, note, heads: for reading.
        cells: for reading; the first of a row names it.
    """

    name: str
    rows: Sequence[Mapping[str, Any]]
    title: str = ""
    note: str = ""
    heads: Sequence[str] = ()
    cells: Sequence[Sequence[str]] = ()


def write_csv(folder: Path, table: Table) -> None:
    """Write a table's rows, at least one, as ``NAME.csv``.

    A text that a spreadsheet would compute gets an apostrophe in front: clips and workers are named by
    others. An empty cell says that there is none.

    Raises:
        StoreError: the folder cannot be written.
    """
    rows = [{name: _harmless(value) for name, value in row.items()} for row in table.rows]
    write_rows(folder / f"{table.name}.csv", list(table.rows[0]), rows)


def _harmless(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(FORMULA) else value


def columns(name: str, found: Interval | None) -> dict[str, Any]:
    """A statistic as three columns: NAME, NAME_low and NAME_high."""
    mean, low, high = (None, None, None) if found is None else (known(found.mean), found.low, found.high)
    return {name: mean, f"{name}_low": low, f"{name}_high": high}


def known(number: float) -> float | None:
    """The number, or None for NaN."""
    return None if math.isnan(number) else number


def percent(share: float) -> str:
    """A share in percent, without the sign."""
    return f"{100 * share:.0f}"


def decimal(number: float) -> str:
    """Two places after the point."""
    return f"{number:.2f}".replace("-", "−")
