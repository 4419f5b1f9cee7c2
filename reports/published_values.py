"""Values that the literature has published, as data: `published/*.yaml`, a table a file, an entry a cell."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..core.errors import StoreError
from ..core.statistics import Interval

FOLDER = Path(__file__).parent / "published"
ORIGINS = ("printed", "recomputed", "inferred", "unavailable")
"""How a value is known: it stands there; it follows from numbers that stand there; the text is damaged and it
is the likeliest reading; or it is not known at all."""


@dataclass(frozen=True)
class Column:
    """A column of a published table.

    Attributes:
        name: as printed, after the data set's where the table has several.
        metric: our column that measures the same thing by another experiment, or None.
        unit: of the published value; '' for none.
        scale: times our value gives one in that unit.
    """

    name: str
    metric: str | None
    unit: str
    scale: float


@dataclass(frozen=True)
class Cell:
    """One published value, or None where it is unavailable; `origin` is one of ORIGINS."""

    method: str
    column: str
    value: float | None
    origin: str


@dataclass(frozen=True)
class PublishedTable:
    """A table of a paper.

    Attributes:
        document, table: where it stands.
        shows, data: what was measured, on which clips.
        benchmarks: of ours, that repeat it.
        differs: why ours is not the same experiment.
        remark: on the values themselves, or ''.
        columns: in printed order.
        cells: one for each method and column.
    """

    document: str
    table: str
    shows: str
    data: str
    benchmarks: Sequence[str]
    differs: str
    remark: str
    columns: Sequence[Column]
    cells: Sequence[Cell]

    @property
    def rows(self) -> Mapping[str, Sequence[Cell]]:
        """Cells by method, in the order of the columns."""
        by_place = {(cell.method, cell.column): cell for cell in self.cells}
        methods = dict.fromkeys(cell.method for cell in self.cells)
        return {method: [by_place[method, column.name] for column in self.columns] for method in methods}


def published_tables(benchmark: str) -> list[PublishedTable]:
    """The published tables that a benchmark repeats."""
    tables = [read_table(path) for path in sorted(FOLDER.glob("*.yaml"))]
    return [table for table in tables if benchmark in table.benchmarks]


def read_table(path: Path) -> PublishedTable:
    """One file of published values.

    Raises:
        StoreError: a key is missing or unknown, or a cell is not as declared.
    """
    import yaml

    try:
        given: dict[str, Any] = yaml.safe_load(path.read_text("utf-8"))
        columns = [Column(**column) for column in given.pop("columns")]
        cells = [Cell(**cell) for cell in given.pop("cells")]
        table = PublishedTable(**{"remark": "", **given}, columns=columns, cells=cells)
    except (OSError, yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise StoreError(f"{path} holds no published table ({error}); see reports/published") from None
    _check(path, table)
    return table


def _check(path: Path, table: PublishedTable) -> None:
    names = [column.name for column in table.columns]
    methods = dict.fromkeys(cell.method for cell in table.cells)
    places = [(cell.method, cell.column) for cell in table.cells]
    if sorted(places) != sorted((method, name) for method in methods for name in names):
        raise StoreError(f"{path}: one cell for each method and column is expected; mend the file")
    for cell in table.cells:
        number = isinstance(cell.value, int | float) and math.isfinite(cell.value)
        if cell.origin not in ORIGINS or (cell.origin == "unavailable") == number:
            raise StoreError(
                f"{path}: {cell.method}, {cell.column}: {cell.value} is {cell.origin}; a number that is "
                f"{', '.join(ORIGINS[:-1])}, or null and unavailable, is expected; mend the file"
            )


def measured_cell(column: Column, found: Interval | None) -> float | None:
    """Our mean in a published column's unit, or None where there is none."""
    if found is None or not math.isfinite(found.mean):
        return None
    return found.mean * column.scale
